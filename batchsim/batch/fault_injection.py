"""What each fault of protocol.md §6 does to the operations that it befalls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from batchsim.batch.faults import (
    BEFALLEN,
    REDELIVERIES_MAX,
    REFUSALS_MAX,
    Crash,
    Cut,
    Disconnect,
    LostResponse,
    Redeliver,
    StoreError,
)
from batchsim.batch.operations import Deliver, Drop, visibility_timer
from batchsim.batch.operations import Redeliver as RedeliverMessage
from batchsim.batch.setting import Deliveries, Setting
from batchsim.batch.steps import BodyNotRead
from batchsim.batch.stores import CONNECTION_LOST, Answer, Message, answer_key, connection_key, in_flight_key
from batchsim.batch.world import World
from batchsim.model import injection
from batchsim.model.cells import Key
from batchsim.model.exposure import WHOLE, Exposure, F
from batchsim.model.faults import Fault, Outage, admits, befalls
from batchsim.model.injection import outage_key
from batchsim.model.operation import Alternative, Footprint, Operation, Raised, touches
from batchsim.model.system import Actor

Ways = tuple[Alternative, ...]

LOST, DROPPED, CUT = "lost", "dropped", "cut"
"""How `http.deliver` turns out where the connection is lost: what its label begins with."""
IN_HANDS = "in the hands of a consumer"
"""How `queue.redeliver` turns out where the message was not left behind by a crash."""


# -- the network -----------------------------------------------------------------------------


class ResponseIsLost(Exposure[LostResponse]):
    """`http.deliver`: the answer is there, and is lost."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, Deliver) and admits(self.fault.attempt, operation.attempt)

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        return self.fault.is_pinned and self.timer is None

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        assert isinstance(operation, Deliver)
        answer = world.network.answer(operation.attempt)
        if not usual or answer == CONNECTION_LOST or not self.is_left(world):
            return ()
        opportunity = _request(operation.attempt)
        return (self.way(LOST, timer=operation.waits_for(), opportunity=opportunity),)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Answer:
        assert isinstance(operation, Deliver)
        self.use_up(world)
        world.network.receive(operation.attempt)
        return CONNECTION_LOST


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
        return touches(writes=(self.key, connection_key(self._attempt)))

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        return (answer_key(self._attempt),)

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        is_cut = world.network.connection(self._attempt).cut_after is not None
        return is_cut or (self.fault.is_pinned and self.fault.after_items is not None)

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        connection = world.network.connection(self._attempt)
        index = operation.item
        assert index is not None
        if connection.cut_after is not None:
            return (Alternative(_cut_after(connection.cut_after)),) if index >= connection.cut_after else ()
        if not connection.is_whole or not self.is_left(world):
            return ()
        return tuple(
            self.cut(self._attempt, after)
            for after in self._counts(index)
            if connection.items_read <= after <= index
        )

    def _counts(self, index: int) -> tuple[int, ...]:
        """After how many items it can be cut so that an item does not arrive, if that shows at this item first."""
        if self.fault.after_items is not None:
            return (self.fault.after_items,)
        # What is drawn may lie before this item, where items are begun side by side. Exploration need not look
        # there: in another order of the steps, an earlier item comes first.
        return (index,) if self.fault.probability is None else tuple(range(index + 1))

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Raised:
        _cut(self, world, self._attempt, way)
        return Raised(BodyNotRead)

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
    """`queue.redeliver`: the visibility timeout passes although somebody works on the message."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, RedeliverMessage)

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        assert isinstance(operation, RedeliverMessage)
        record = world.queue.in_flight(operation.index)
        if record is None or record.is_abandoned or not self.is_left(world):
            return ()
        if self.fault.probability is not None and _is_spared(record.message):
            return ()
        opportunity = f"delivery {record.message.delivery} of item {operation.index}"
        return (self.way(IN_HANDS, timer=visibility_timer(operation.index), opportunity=opportunity),)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> None:
        self.use_up(world)
        operation.apply(world)


# -- processes and stores ----------------------------------------------------------------------


class _OfAStep(Exposure[F]):
    """What can befall each step of an actor, and which messages it spares."""

    deliveries: Deliveries

    def looks_at(self, operation: Operation[Any]) -> tuple[Key, ...]:
        """The in-flight record by which it spares a message."""
        is_asked = self.deliveries.can_repeat and self.fault.probability is not None
        return _record_of(operation) if is_asked else ()

    def spares(self, world: World, operation: Operation[Any]) -> bool:
        """Whether the message that the operation is done for came back so often that it is hit no more."""
        if operation.message is None or not self.looks_at(operation):
            return False
        record = world.queue.in_flight(operation.message.item)
        return record is not None and _is_spared(record.message)


class ActorCrashes(_OfAStep[Crash], injection.ActorCrashes[Crash]):
    """In place of a step: the actor stops for good."""

    def __init__(self, number: int, fault: Crash, deliveries: Deliveries, attempt: int | None) -> None:
        super().__init__(number, fault)
        self.deliveries = deliveries
        self._attempt = attempt
        """Of a handler: the attempt whose connection is lost with it."""

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        if self._attempt is not None:
            return (answer_key(self._attempt),)
        return _record_of(operation)

    def leave(self, world: World, operation: Operation[Any]) -> None:
        if self._attempt is not None:
            self._lose_connection(world, self._attempt)
        elif operation.message is not None:
            world.queue.abandon(*operation.message)

    def _lose_connection(self, world: World, attempt: int) -> None:
        """Nobody answers any more, unless the answer was given while lanes of the handler went on."""
        if world.network.answer(attempt) is None:
            world.cells.write(answer_key(attempt), CONNECTION_LOST)


class StoreFails(_OfAStep[StoreError], injection.StoreFails[StoreError]):
    """The operation raises, before or after its effect."""

    def __init__(self, number: int, fault: StoreError, deliveries: Deliveries) -> None:
        super().__init__(number, fault)
        self.deliveries = deliveries

    def footprint(self, operation: Operation[Any]) -> Footprint:
        return touches(reads=self.looks_at(operation), writes=(self.key, *self.unblocks(operation)))

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        return _record_of(operation) if self.deliveries.can_be_left and operation.leaves_message else ()

    def spares_after(self, operation: Operation[Any], turned_out: Alternative) -> bool:
        taken = operation.message_taken(turned_out)
        return taken is not None and _is_spared(taken)

    def leave_before(self, world: World, operation: Operation[Any]) -> None:
        self._note_refusal(world, operation)
        self._leave_message(world, operation)

    def leave_after(self, world: World, operation: Operation[Any], turned_out: Alternative) -> None:
        taken = operation.message_taken(turned_out)
        if taken is not None and operation.leaves_message:
            world.queue.abandon(taken.item, taken.delivery)
        self._leave_message(world, operation)

    def _leave_message(self, world: World, operation: Operation[Any]) -> None:
        if self.deliveries.can_be_left and operation.leaves_message and operation.message is not None:
            world.queue.abandon(*operation.message)

    # -- what is refused again and again: a run must come to its end ------------------------------

    def is_refused_enough(self, world: World, operation: Operation[Any], usual: Ways) -> bool:
        if self.fault.probability is None or operation.message_taken(usual[0]) is None:
            return False
        refused: Refused | None = world.cells.read(self.key)
        return (
            refused is not None and refused[0] == operation.message_taken(usual[0]) and refused[1] >= REFUSALS_MAX
        )

    def _note_refusal(self, world: World, operation: Operation[Any]) -> None:
        if self.fault.probability is None:
            return
        first = next(iter(operation.alternatives(world)), None)
        message = None if first is None else operation.message_taken(first)
        if message is not None:
            refused: Refused | None = world.cells.read(self.key)
            times = refused[1] if refused is not None and refused[0] == message else 0
            world.cells.write(self.key, (message, times + 1))


class OutageIsMet(_OfAStep[Outage], injection.OutageIsMet):
    """While an outage lasts: the operation raises. A message that came back is spared: every run has to end."""

    def __init__(self, number: int, fault: Outage, deliveries: Deliveries) -> None:
        super().__init__(number, fault)
        self.deliveries = deliveries

    def footprint(self, operation: Operation[Any]) -> Footprint:
        record = _record_of(operation) if self.deliveries.can_repeat else ()
        return touches(reads=(outage_key(self.number), *record), writes=self.unblocks(operation))

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        return _record_of(operation) if self.deliveries.can_be_left and operation.leaves_message else ()

    def spares(self, world: World, operation: Operation[Any]) -> bool:
        if operation.message is None or not self.deliveries.can_repeat:
            return False
        record = world.queue.in_flight(operation.message.item)
        return record is not None and record.message.redeliveries > 0

    def leave_before(self, world: World, operation: Operation[Any]) -> None:
        if self.deliveries.can_be_left and operation.leaves_message and operation.message is not None:
            world.queue.abandon(*operation.message)


Refused = tuple[Message, int]
"""The message that was not taken last, and how often in a row."""


def _record_of(operation: Operation[Any]) -> tuple[Key, ...]:
    """The in-flight record of the message that the operation is done for, if any."""
    return () if operation.message is None else (in_flight_key(operation.message.item),)


def _is_spared(message: Message) -> bool:
    """Whether faults with a probability leave a message alone, having brought it back so often."""
    return message.redeliveries >= REDELIVERIES_MAX


def exposures_of(setting: Setting, deliveries: Deliveries, actor: Actor) -> Iterator[Exposure[Any]]:
    """The faults that can befall the operations of an actor."""
    kind, number = actor.kind, actor.number
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
    kind, number = actor.kind, actor.number
    is_befallen = kind in BEFALLEN and befalls(getattr(fault, "actor", None), kind, number)
    match fault:
        case Crash() if is_befallen:
            yield ActorCrashes(place, fault, deliveries, number if kind == "handler" else None)
        case StoreError() if is_befallen:
            yield StoreFails(place, fault, deliveries)
        case Outage() if is_befallen:
            yield OutageIsMet(place, fault, deliveries)
        case _:
            own = fault.exposure(place, actor)
            if own is not None:
                yield own
