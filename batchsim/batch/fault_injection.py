"""What each fault of protocol.md §6 does to the operations that it befalls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from batchsim.batch.faults import (
    BEFALLEN,
    CRASHING,
    REDELIVERIES_MAX,
    REFUSALS_MAX,
    Crash,
    Cut,
    Disconnect,
    LostResponse,
    Redeliver,
    StoreError,
)
from batchsim.batch.operations import (
    BlockParent,
    ClaimMessages,
    CompleteRunWaitpoint,
    CreateRun,
    Deliver,
    DeliverCreation,
    Drop,
    EndOfRun,
    GetMeta,
    Heartbeat,
    PublishRun,
    ReadMessage,
    RetryJob,
    RetryMessage,
    ReturnJob,
    TakeJob,
    TakeKey,
    visibility_timer,
)
from batchsim.batch.operations import Redeliver as RedeliverMessage
from batchsim.batch.setting import Deliveries, Setting
from batchsim.batch.steps import Replaced, body_not_read_after
from batchsim.batch.stores import (
    COMPLETION_JOB,
    CONNECTION_LOST,
    EXPIRY_JOB,
    NOTHING_CREATED,
    Answer,
    Claim,
    Creation,
    Message,
    answer_key,
    connection_key,
    creation_answer_key,
    holders_key,
    in_flight_key,
    kind_in_either,
    tries_key,
)
from batchsim.batch.world import World
from batchsim.model import injection
from batchsim.model.cells import Key
from batchsim.model.exposure import WHOLE, Exposure, F
from batchsim.model.faults import Fault, Outage, SlowOutage, admits, befalls
from batchsim.model.injection import outage_key
from batchsim.model.operation import Alternative, Footprint, Operation, Raised, Stopped, Timer, touches
from batchsim.model.system import Actor

Ways = tuple[Alternative, ...]

LOST, DROPPED, CUT = "lost", "dropped", "cut"
"""How `http.deliver` turns out where the connection is lost: what its label begins with."""
BEATING = (GetMeta, CreateRun, BlockParent, PublishRun, CompleteRunWaitpoint, Heartbeat)
"""What a consumer does between reading its message and the end of processing its item."""
IN_HANDS = "in the hands of a consumer"
"""How `queue.redeliver` turns out where the message was not left behind by a crash."""


# -- the network -----------------------------------------------------------------------------


class ResponseIsLost(Exposure[LostResponse]):
    """`http.deliver`: the answer is there, and is lost."""

    def concerns(self, operation: Operation[Any]) -> bool:
        is_its_phase = isinstance(operation, Deliver if self.fault.phase == 2 else DeliverCreation)
        return is_its_phase and admits(self.fault.attempt, getattr(operation, "attempt", None))

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        return self.fault.is_pinned and self.timer is None

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        assert isinstance(operation, Deliver | DeliverCreation)
        answer = world.cells.read(operation.waits_for())
        if not usual or answer in (CONNECTION_LOST, NOTHING_CREATED) or not self.is_left(world):
            return ()
        opportunity = _request(operation.attempt) if self.fault.phase == 2 else f"try {operation.attempt}"
        return (self.way(LOST, timer=operation.waits_for(), opportunity=opportunity),)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Answer | Creation:
        assert isinstance(operation, Deliver | DeliverCreation)
        self.use_up(world)
        world.cells.delete(operation.waits_for())
        return CONNECTION_LOST if isinstance(operation, Deliver) else NOTHING_CREATED


class ConnectionDrops(Exposure[Disconnect]):
    """`network.drop`: it drops while the handler works."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, Drop)

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        assert isinstance(operation, Drop)
        is_whole = world.network.connection(operation.attempt).is_whole
        has_answer = world.network.answer(operation.attempt) is not None
        if not is_whole or has_answer or not self.is_left(world):
            return ()
        return (self.way(None, opportunity=_request(operation.attempt)),)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> None:
        self.use_up(world)
        operation.apply(world)


class DropIsSeen(Exposure[Disconnect]):
    """`http.deliver`: the connection has dropped."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, Deliver) and admits(self.fault.attempt, operation.attempt)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        return touches(writes=(_connection_of(operation),))

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        return True

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        assert isinstance(operation, Deliver)
        is_dropped = world.network.connection(operation.attempt).is_dropped
        return (Alternative(DROPPED),) if is_dropped else ()

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Answer:
        return CONNECTION_LOST

    def note(self, world: World, operation: Operation[Any]) -> None:
        assert isinstance(operation, Deliver)
        connection = world.network.connection(operation.attempt)
        world.network.change_connection(operation.attempt, connection._replace(is_closed=True))


def _connection_of(operation: Operation[Any]) -> Key:
    assert isinstance(operation, Deliver)
    return connection_key(operation.attempt)


class _Cutting(Exposure[Cut]):
    """The connection drops before all items have arrived."""

    def __init__(self, number: int, fault: Cut, run_count: int) -> None:
        super().__init__(number, fault)
        self._run_count = run_count

    @property
    def is_open(self) -> bool:
        return super().is_open or (self.timer is None and self.fault.after_items is None)

    def cut(self, attempt: int, after: int) -> Alternative:
        """The way in which it is cut after so many items.

        With a probability, one number says for a request whether it is, and after how many: each is as likely.
        """
        part = WHOLE if self.fault.after_items is not None else (after, self._run_count)
        return self.way(_cut_after(after), after, opportunity=_request(attempt), part=part)


class CutIsSeen(_Cutting):
    """`http.deliver`: the connection has dropped, or drops, before all items have arrived."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, Deliver) and admits(self.fault.attempt, operation.attempt)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        return touches(writes=(self.key, _connection_of(operation)))

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        assert isinstance(operation, Deliver)
        is_cut = world.network.connection(operation.attempt).cut_after is not None
        return is_cut or (self.fault.is_pinned and self.fault.after_items is not None)

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        assert isinstance(operation, Deliver)
        connection = world.network.connection(operation.attempt)
        if connection.cut_after is not None:
            return (Alternative(_cut_after(connection.cut_after)),)
        if not connection.is_whole or usual or not self.is_left(world):
            return ()
        counts = range(connection.items_read, self._run_count)
        return tuple(
            self.cut(operation.attempt, count) for count in counts if admits(self.fault.after_items, count)
        )

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Answer:
        assert isinstance(operation, Deliver)
        _cut(self, world, operation.attempt, way)
        return CONNECTION_LOST

    def note(self, world: World, operation: Operation[Any]) -> None:
        assert isinstance(operation, Deliver)
        connection = world.network.connection(operation.attempt)
        if connection.cut_after is None:
            world.network.change_connection(operation.attempt, connection._replace(is_closed=True))


class BodyIsCut(_Cutting):
    """In place of the first step for an item: the handler's read of the body fails."""

    def __init__(self, number: int, fault: Cut, run_count: int, attempt: int) -> None:
        super().__init__(number, fault, run_count)
        self._attempt = attempt

    def concerns(self, operation: Operation[Any]) -> bool:
        return operation.reads_body

    def footprint(self, operation: Operation[Any]) -> Footprint:
        reads = (answer_key(self._attempt),)
        return touches(reads=reads, writes=(self.key, connection_key(self._attempt)))

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        return (answer_key(self._attempt),)

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        is_cut = world.network.connection(self._attempt).cut_after is not None
        return is_cut or (self.fault.is_pinned and self.fault.after_items is not None)

    def holds_back(self, world: World, operation: Operation[Any]) -> bool:
        """The body ends once, at the first item that does not arrive, and only as long as the request goes on."""
        after = self._ends_after(world)
        if after is None:
            return False
        assert operation.item is not None
        return operation.item > after or (operation.item == after and self._is_over(world))

    def _ends_after(self, world: World) -> int | None:
        """After how many items the body ends for sure; `None`: that is open, or has yet to be drawn."""
        connection, after = world.network.connection(self._attempt), self.fault.after_items
        if connection.cut_after is not None or not self.fault.is_pinned or after is None:
            return connection.cut_after
        is_ahead = connection.is_whole and self.is_left(world) and connection.items_read <= after
        return after if is_ahead else None

    def _is_over(self, world: World) -> bool:
        """Whether another item has ended the request."""
        answer = world.network.answer(self._attempt)
        return answer is not None or world.network.connection(self._attempt).is_closed

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        connection = world.network.connection(self._attempt)
        index = operation.item
        assert index is not None
        if connection.cut_after is not None:
            return (Alternative(_cut_after(connection.cut_after)),) if index >= connection.cut_after else ()
        if not connection.is_whole or not self.is_left(world) or self._is_over(world):
            return ()
        # What is drawn may lie before this item, where items are begun side by side: then it waits for that one.
        counts = range(index if self.fault.probability is None else connection.items_read, index + 1)
        return tuple(
            self.cut(self._attempt, after)._replace(is_held=after < index)
            for after in counts
            if after >= connection.items_read and admits(self.fault.after_items, after)
        )

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Raised:
        _cut(self, world, self._attempt, way)
        items: int | None = world.network.connection(self._attempt).cut_after
        assert items is not None
        return Raised(body_not_read_after(items))

    def note(self, world: World, operation: Operation[Any]) -> None:
        assert operation.item is not None
        connection = world.network.connection(self._attempt)
        read = operation.item + 1
        if connection.is_whole and read > connection.items_read:
            world.network.change_connection(self._attempt, connection._replace(items_read=read))


def _request(attempt: int) -> str:
    return f"attempt {attempt}"


def _cut_after(items: int) -> str:
    return f"{CUT} after {items} item{'' if items == 1 else 's'}"


def _cut(exposure: Exposure[Cut], world: World, attempt: int, way: Alternative) -> None:
    """Whoever sees it first decides after how many items."""
    connection = world.network.connection(attempt)
    if connection.cut_after is None:
        exposure.use_up(world)
        world.network.change_connection(attempt, connection._replace(cut_after=way.choice))


# -- the queue -------------------------------------------------------------------------------


class MessageIsRedelivered(Exposure[Redeliver]):
    """`queue.redeliver`: the visibility timeout passes although somebody works on the message, or will."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, RedeliverMessage)

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        assert isinstance(operation, RedeliverMessage)
        record = world.queue.in_flight(operation.index)
        if record is None or usual or not self.is_left(world):
            return ()
        if self.fault.probability is not None and _is_spared(record):
            return ()
        opportunity = f"delivery {record.delivery} of item {operation.index}"
        return (self.way(IN_HANDS, timer=visibility_timer(operation.index), opportunity=opportunity),)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> None:
        self.use_up(world)
        operation.apply(world)


# -- processes and stores ----------------------------------------------------------------------


class InHand(NamedTuple):
    """What an actor has in hand, and what becomes of it when it crashes or raises."""

    kind: str
    number: int | None
    deliveries: Deliveries
    job: Key | None = None
    """Of a worker: its job."""

    def cells_written(self, operation: Operation[Any]) -> tuple[Key, ...]:
        """The cells in which it is kept that it leaves something."""
        if self.job is not None or self.is_handler or not self.deliveries.can_be_left:
            return self.cells_left(operation)
        return tuple(map(holders_key, _items_of(operation)))

    def cells_left(self, operation: Operation[Any]) -> tuple[Key, ...]:
        """The cells that others wait for who learn of what it leaves."""
        if self.job is not None:
            return (self.job, tries_key(self.job))
        if self.is_handler:
            return (self._answer_key(),)
        if not self.deliveries.can_be_left:
            return ()
        return tuple(map(in_flight_key, _items_of(operation)))

    def is_left_if_raising(self, operation: Operation[Any]) -> bool:
        """Whether an operation that raises leaves something: a handler answers all the same."""
        return self.job is not None or (operation.leaves_message and not self.is_handler)

    def leave(self, world: World, claims: Iterable[Claim]) -> None:
        """Whoever has messages in hand will never complete them."""
        if self.deliveries.can_be_left:
            for claim in claims:
                world.queue.let_go(claim)

    def timer_left(self, operation: Operation[Any], *, took_effect: bool = False) -> Timer | None:
        """Of a consumer that stops while its heart beats: the visibility timeout of its message, from now on."""
        # It begins when the message was read; where an attempt fails, it has beaten until the message goes back.
        beats = isinstance(operation, (*BEATING, ReadMessage if took_effect else RetryMessage))
        message = operation.message
        # Where no message can come back, none is kept in flight.
        is_kept = self.kind == "consumer" and self.deliveries.has_heartbeat and self.deliveries.can_repeat
        if not is_kept or not beats or message is None:
            return None
        key, about = visibility_timer(message.item), in_flight_key(message.item)
        return Timer(key, RedeliverMessage.name, item=message.item, about=about)

    def lose_connection(self, world: World) -> None:
        """Nobody answers any more, unless the answer was given while lanes of the handler went on."""
        if world.cells.read(self._answer_key()) is None:
            nothing = CONNECTION_LOST if self.kind == "handler" else NOTHING_CREATED
            world.cells.write(self._answer_key(), nothing)

    @property
    def is_handler(self) -> bool:
        """Whether somebody waits for its answer."""
        return self.kind in ("handler", "creator")

    def _answer_key(self) -> Key:
        assert self.number is not None
        return answer_key(self.number) if self.kind == "handler" else creation_answer_key(self.number)

    def put_back_job(self, world: World, *, has_raised: bool) -> Timer | None:
        """Its job waits again: the timer until it can be picked up; `None`: it is discarded."""
        assert self.job is not None
        tries = world.jobs.put_back(self.job, has_raised=has_raised)
        if tries is None:
            return None
        wait: Operation[Any] = RetryJob(tries) if has_raised else ReturnJob()
        return Timer(self.job, wait.name, wakes_at_once=True, wait=wait)


def _items_of(operation: Operation[Any]) -> tuple[int, ...]:
    """The items of all messages that whoever does an operation can have in hand, or take."""
    if isinstance(operation, ClaimMessages | TakeKey):
        return tuple(range(operation.run_count))
    return tuple(claim.item for claim in operation.messages)


class _OfAStep(Exposure[F]):
    """What can befall each step of an actor, and which messages it spares."""

    in_hand: InHand

    @property
    def is_probable(self) -> bool:
        return self.fault.probability is not None

    def concerns(self, operation: Operation[Any]) -> bool:
        """A child run can be befallen when it is final: nothing is in anybody's hands before."""
        return super().concerns(operation) and not isinstance(operation, EndOfRun)

    def looks_at(self, operation: Operation[Any]) -> tuple[Key, ...]:
        """The in-flight record by which it spares a message."""
        is_asked = self.in_hand.deliveries.can_repeat and self.is_probable
        return _records_of(operation) if is_asked else ()

    def spares(self, world: World, operation: Operation[Any]) -> bool:
        """Whether a message that is in hand, or is taken, came back so often that it is hit no more."""
        if not self.looks_at(operation):
            return False
        claims = operation.messages
        if isinstance(operation, TakeKey):
            claims = world.queue.offered()[:1]
        records = (world.queue.in_flight(claim.item) for claim in claims)
        return any(record is not None and _is_spared(record) for record in records)

    def leaves(self, operation: Operation[Any]) -> bool:
        """Whether something is left when it happens in place of an operation, or after it."""
        return True

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        if self.leaves(operation):
            return self.in_hand.cells_left(operation)
        # Who raises goes on, but its message comes back by a timer that begins anew.
        timers = (self.in_hand.timer_left(operation, took_effect=each) for each in (False, True))
        items = {timer.item for timer in timers if timer is not None and timer.item is not None}
        return tuple(map(in_flight_key, items))

    def writes(self, operation: Operation[Any]) -> tuple[Key, ...]:
        """The cells in which it is kept what is left."""
        return self.in_hand.cells_written(operation) if self.leaves(operation) else ()

    # -- what comes back again and again: a run must come to its end -------------------------------

    def has_come_back_enough(self, world: World) -> bool:
        """Whether, with a probability, the job came back so often that it is hit no more."""
        if not self.is_probable or self.in_hand.job is None:
            return False
        times = world.cells.read(self.key)
        return isinstance(times, int) and times >= REFUSALS_MAX

    def note_return(self, world: World) -> None:
        """A job comes back that counts no try."""
        if self.is_probable and self.in_hand.job is not None:
            times = world.cells.read(self.key)
            world.cells.write(self.key, times + 1 if isinstance(times, int) else 1)


class ActorCrashes(_OfAStep[Crash], injection.ActorCrashes[Crash]):
    """In place of a step: the actor stops for good, or is replaced."""

    def __init__(self, number: int, fault: Crash, in_hand: InHand) -> None:
        super().__init__(number, fault)
        self.in_hand = in_hand

    @property
    def is_replaced(self) -> bool:
        """Whether another one takes its place: a dispatcher, a worker."""
        return self.in_hand.kind in REPLACED

    def footprint(self, operation: Operation[Any]) -> Footprint:
        return touches(reads=self.looks_at(operation), writes=(self.key, *self.writes(operation)))

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        # Who crashes before it has taken anything, and is replaced, would do so for ever.
        is_idle = self.is_replaced and isinstance(operation, TakeJob | ClaimMessages)
        if self.is_probable and (is_idle or self.has_come_back_enough(world)):
            return ()
        return super().ways(world, operation, usual)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Raised:
        self.use_up(world)
        if self.in_hand.is_handler:
            self.in_hand.lose_connection(world)
        self.in_hand.leave(world, operation.messages)
        if not self.is_replaced:
            return Raised(Stopped, timer=self.in_hand.timer_left(operation))
        if self.in_hand.job is None or isinstance(operation, TakeJob):
            return Raised(Replaced)
        self.note_return(world)
        return Raised(Replaced, timer=self.in_hand.put_back_job(world, has_raised=False))


class StoreFails(_OfAStep[StoreError], injection.StoreFails[StoreError]):
    """The operation raises, before or after its effect."""

    def __init__(self, number: int, fault: StoreError, in_hand: InHand) -> None:
        super().__init__(number, fault)
        self.in_hand = in_hand

    def footprint(self, operation: Operation[Any]) -> Footprint:
        return touches(reads=self.looks_at(operation), writes=(self.key, *self.writes(operation)))

    def leaves(self, operation: Operation[Any]) -> bool:
        return self.in_hand.is_left_if_raising(operation)

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        if isinstance(operation, TakeJob) and self.has_come_back_enough(world):
            return ()
        ways = super().ways(world, operation, usual)
        if self.is_probable and isinstance(operation, TakeJob):
            # A worker that fails to pick a job up asks again at once, and nobody sees it.
            return tuple(way for way in ways if way.choice is not None)
        return ways

    def spares_after(self, operation: Operation[Any], turned_out: Alternative) -> bool:
        return isinstance(operation, ClaimMessages) and any(map(_is_spared, turned_out.choice))

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Raised:
        raised = super().apply(world, operation, way)
        if self.in_hand.job is None:
            return raised._replace(timer=self.in_hand.timer_left(operation, took_effect=raised.took_effect))
        if not isinstance(operation, TakeJob):
            return raised._replace(timer=self.in_hand.put_back_job(world, has_raised=True))
        if not raised.took_effect:
            return raised
        self.note_return(world)
        return raised._replace(timer=self.in_hand.put_back_job(world, has_raised=False))

    def leave_before(self, world: World, operation: Operation[Any]) -> None:
        self._note_refusal(world, operation)
        if operation.leaves_message:
            self.in_hand.leave(world, operation.messages)

    def leave_after(self, world: World, operation: Operation[Any], turned_out: Alternative) -> None:
        if operation.leaves_message:
            # What lets go of its message has done so by its effect.
            held = operation.messages[operation.lets_go :]
            self.in_hand.leave(world, (*held, *operation.messages_taken(turned_out)))

    # -- what is refused again and again: a run must come to its end ------------------------------

    def is_refused_enough(self, world: World, operation: Operation[Any], usual: Ways) -> bool:
        if not self.is_probable:
            return False
        first = operation.messages_taken(usual[0])[:1]
        refused: Refused | None = world.cells.read(self.key)
        return bool(first) and refused is not None and refused[0] == first[0] and refused[1] >= REFUSALS_MAX

    def _note_refusal(self, world: World, operation: Operation[Any]) -> None:
        if not self.is_probable:
            return
        usual = next(iter(operation.alternatives(world)), None)
        first = () if usual is None else operation.messages_taken(usual)[:1]
        if first:
            refused: Refused | None = world.cells.read(self.key)
            times = refused[1] if refused is not None and refused[0] == first[0] else 0
            world.cells.write(self.key, (first[0], times + 1))


class OutageIsMet(_OfAStep[Outage], injection.OutageIsMet):
    """While an outage lasts: the operation raises. A message that came back is spared: every run has to end."""

    def __init__(self, number: int, fault: Outage, in_hand: InHand) -> None:
        super().__init__(number, fault)
        self.in_hand = in_hand

    def footprint(self, operation: Operation[Any]) -> Footprint:
        records = _records_of(operation) if self.in_hand.deliveries.can_repeat else ()
        return touches(reads=(outage_key(self.number), *records), writes=self.writes(operation))

    def leaves(self, operation: Operation[Any]) -> bool:
        return self.in_hand.is_left_if_raising(operation)

    def spares(self, world: World, operation: Operation[Any]) -> bool:
        if not self.in_hand.deliveries.can_repeat:
            return False
        records = (world.queue.in_flight(claim.item) for claim in operation.messages)
        return any(record is not None and record.redeliveries > 0 for record in records)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Raised:
        raised = super().apply(world, operation, way)
        if self.in_hand.job is None:
            return raised._replace(timer=self.in_hand.timer_left(operation))
        if isinstance(operation, TakeJob):
            return raised
        return raised._replace(timer=self.in_hand.put_back_job(world, has_raised=True))

    def leave_before(self, world: World, operation: Operation[Any]) -> None:
        if operation.leaves_message:
            self.in_hand.leave(world, operation.messages)


Refused = tuple[Any, int]
"""The message that was not taken last, and how often in a row."""


def _records_of(operation: Operation[Any]) -> tuple[Key, ...]:
    """The in-flight records of the messages that the operation is done for."""
    return tuple(map(in_flight_key, _items_of(operation)))


def _is_spared(message: Message) -> bool:
    """Whether faults with a probability leave a message alone, having brought it back so often."""
    return message.redeliveries >= REDELIVERIES_MAX


def exposures_of(setting: Setting, deliveries: Deliveries, actor: Actor) -> Iterator[Exposure[Any]]:
    """The faults that can befall the operations of an actor."""
    kind, number = kind_in_either(actor.kind), actor.number
    for place, fault in enumerate(setting.faults):
        match kind, fault:
            case "sdk", LostResponse():
                yield ResponseIsLost(place, fault)
            case "sdk", Disconnect():
                yield DropIsSeen(place, fault)
            case "sdk", Cut():
                yield CutIsSeen(place, fault, setting.run_count)
            case "network", Disconnect() if admits(fault.attempt, number):
                yield ConnectionDrops(place, fault)
            case "queue", Redeliver() if admits(fault.item, number):
                yield MessageIsRedelivered(place, fault)
            case "handler", Cut() if admits(fault.attempt, number):
                assert number is not None
                yield BodyIsCut(place, fault, setting.run_count, number)
            case _:
                yield from _of_any_actor(place, fault, deliveries, actor)


def _of_any_actor(place: int, fault: Fault, deliveries: Deliveries, actor: Actor) -> Iterator[Exposure[Any]]:
    kind, number = kind_in_either(actor.kind), actor.number
    is_named = befalls(getattr(fault, "actor", None), kind, number)
    in_hand = InHand(kind, number, deliveries, JOB_OF.get(kind))
    match fault:
        case Crash() if is_named and kind in CRASHING:
            yield ActorCrashes(place, fault, in_hand)
        case StoreError() if is_named and kind in BEFALLEN:
            yield StoreFails(place, fault, in_hand)
        case Outage() if kind in BEFALLEN:
            yield OutageIsMet(place, fault, in_hand)
        case SlowOutage():
            yield injection.SlownessIsMet(place, fault)
        case _:
            own = fault.exposure(place, actor)
            if own is not None:
                yield own


JOB_OF = {"job": COMPLETION_JOB, "reaper": EXPIRY_JOB}
"""The job that the workers of a kind work on."""
REPLACED = ("dispatcher", *JOB_OF)
"""The kinds of actors of which another one takes the place of one that crashes."""
