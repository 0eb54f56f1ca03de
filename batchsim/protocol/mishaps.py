"""What each fault of protocol.md §6 does to the operations that it befalls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from batchsim.protocol.cells import Key
from batchsim.protocol.exposure import Exposure
from batchsim.protocol.faults import (
    PROBABLE_TIMES_MAX,
    Crash,
    Cut,
    Disconnect,
    Effect,
    Fault,
    LostResponse,
    Redeliver,
    StoreError,
    befalls,
)
from batchsim.protocol.operation import (
    Alternative,
    BodyNotRead,
    Footprint,
    Operation,
    Raised,
    Stopped,
    StoreFailure,
    World,
    touches,
)
from batchsim.protocol.operations import ClaimMessage, Deliver, Drop, GetMeta, Upload, visibility_timer
from batchsim.protocol.operations import Redeliver as RedeliverMessage
from batchsim.protocol.setting import Setting
from batchsim.protocol.stores import (
    CONNECTION_LOST,
    Answer,
    answer_key,
    connection_key,
    in_flight_key,
)

Ways = tuple[Alternative, ...]

LOST, DROPPED, CUT = "lost", "dropped", "cut"
"""How `http.deliver` turns out where the connection is lost: what its label begins with."""
IN_HANDS = "in the hands of a consumer"
"""How `queue.redeliver` turns out where the message was not left behind by a crash."""


def _admits(field: int | None, value: int | None) -> bool:
    return field is None or field == value


# -- the network -----------------------------------------------------------------------------


class ResponseIsLost(Exposure[LostResponse]):
    """`http.deliver`: the answer is there, and is lost."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, Deliver) and _admits(self.fault.attempt, operation.attempt)

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        return self.fault.is_pinned and self.timer is None

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        assert isinstance(operation, Deliver)
        answer = world.network.answer(operation.attempt)
        if not usual or answer == CONNECTION_LOST or not self.is_left(world):
            return ()
        return (self.way(LOST, timer=operation.waits_for()),)

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
        return (self.way(None),) if is_whole and not has_answer and self.is_left(world) else ()

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> None:
        self.use_up(world)
        operation.apply(world)


class DropIsSeen(Exposure[Disconnect]):
    """`http.deliver`: the connection has dropped."""

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, Deliver) and _admits(self.fault.attempt, operation.attempt)

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

    @property
    def is_open(self) -> bool:
        return super().is_open or (self.timer is None and self.fault.after_items is None)


class CutIsSeen(_Cutting):
    """`http.deliver`: the connection has dropped, or drops, before all items have arrived."""

    def __init__(self, number: int, fault: Cut, run_count: int) -> None:
        super().__init__(number, fault)
        self._run_count = run_count

    def concerns(self, operation: Operation[Any]) -> bool:
        return isinstance(operation, Deliver) and _admits(self.fault.attempt, operation.attempt)

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
            self.way(_cut_after(count), count) for count in counts if _admits(self.fault.after_items, count)
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

    def __init__(self, number: int, fault: Cut, setting: Setting, attempt: int) -> None:
        super().__init__(number, fault)
        self._setting = setting
        self._attempt = attempt

    def concerns(self, operation: Operation[Any]) -> bool:
        match operation:
            case Upload():
                return True
            case GetMeta(index=index):
                return not self._setting.items[index].offloaded
            case _:
                return False

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
        # Of items begun side by side, none beyond the cut has arrived.
        after = index if self.fault.after_items is None else self.fault.after_items
        if not connection.is_whole or not self.is_left(world):
            return ()
        return (self.way(_cut_after(after), after),) if connection.items_read <= after <= index else ()

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Raised:
        _cut(self, world, self._attempt, way)
        return Raised(BodyNotRead)

    def note(self, world: World, operation: Operation[Any]) -> None:
        assert operation.item is not None
        connection = world.network.connection(self._attempt)
        read = operation.item + 1
        if connection.is_whole and read > connection.items_read:
            world.network.change_connection(self._attempt, connection._replace(items_read=read))


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
        if self.fault.probability is not None and record.message.delivery > PROBABLE_TIMES_MAX:
            return ()
        return (self.way(IN_HANDS, timer=visibility_timer(operation.index)),)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> None:
        self.use_up(world)
        operation.apply(world)


# -- processes and stores ----------------------------------------------------------------------


class ActorCrashes(Exposure[Crash]):
    """In place of a step: the actor stops for good."""

    def __init__(self, number: int, fault: Crash, attempt: int | None) -> None:
        super().__init__(number, fault)
        self._attempt = attempt
        """Of a handler: the attempt whose connection is lost with it."""

    def concerns(self, operation: Operation[Any]) -> bool:
        fault = self.fault
        return (fault.before is None or fault.before == operation.name) and _admits(fault.item, operation.item)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        return touches(writes=(self.key, *self.unblocks(operation)))

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        if self._attempt is not None:
            return (answer_key(self._attempt),)
        return _message_of(operation)

    @property
    def is_open(self) -> bool:
        return super().is_open or (self.timer is None and self.fault.before is None)

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        return self.fault.is_pinned and self.fault.before is not None and self.timer is None

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        if not usual or not self.is_left(world) or _is_hit_too_often(self.fault, operation):
            return ()
        return (self.way("crash"),)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Raised:
        self.use_up(world)
        if self._attempt is not None:
            self._lose_connection(world, self._attempt)
        elif operation.message is not None:
            world.queue.abandon(*operation.message)
        return Raised(Stopped)

    def _lose_connection(self, world: World, attempt: int) -> None:
        """Nobody answers any more, unless the answer was given while lanes of the handler went on."""
        if world.network.answer(attempt) is None:
            world.cells.write(answer_key(attempt), CONNECTION_LOST)


class StoreFails(Exposure[StoreError]):
    """The operation raises, before or after its effect."""

    def __init__(self, number: int, fault: StoreError, *, shows_in_flight: bool) -> None:
        super().__init__(number, fault)
        self._shows_in_flight = shows_in_flight

    def concerns(self, operation: Operation[Any]) -> bool:
        fault = self.fault
        is_meant = fault.operation is None or fault.operation == operation.name
        return is_meant and _admits(fault.item, operation.item)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        return touches(writes=(self.key, *self.unblocks(operation)))

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        return _message_of(operation) if self._shows_in_flight and operation.leaves_message else ()

    @property
    def is_open(self) -> bool:
        return super().is_open or (self.timer is None and self.fault.operation is None)

    def is_certain(self, world: World, operation: Operation[Any]) -> bool:
        return self.fault.is_pinned and self.fault.operation is not None and self.timer is None

    def ways(self, world: World, operation: Operation[Any], usual: Ways) -> Ways:
        if not usual or not self.is_left(world) or _is_hit_too_often(self.fault, operation):
            return ()
        ways = []
        if self.fault.effect is not Effect.AFTER:
            before = self.way("raises before")
            ways.append(before._replace(is_optional=before.is_optional or self.fault.effect is None))
        if self.fault.effect is not Effect.BEFORE:
            ways.extend(self.way(_raises_after(each), each, each.timer) for each in usual)
        return tuple(ways)

    def apply(self, world: World, operation: Operation[Any], way: Alternative) -> Raised:
        self.use_up(world)
        turned_out: Alternative | None = way.choice
        answer = None if turned_out is None else operation.apply_alternative(world, turned_out)
        self._leave_message(world, operation, answer)
        return Raised(StoreFailure, turned_out is not None, answer)

    def _leave_message(self, world: World, operation: Operation[Any], answer: Any) -> None:
        if isinstance(operation, ClaimMessage) and answer is not None:
            world.queue.abandon(*answer)
        elif self._shows_in_flight and operation.leaves_message and operation.message is not None:
            world.queue.abandon(*operation.message)


def _raises_after(usual: Alternative) -> str:
    return "raises after" if usual.label is None else f"raises after ({usual.label})"


def _message_of(operation: Operation[Any]) -> tuple[Key, ...]:
    """The in-flight record of the message that the operation is done for, if any."""
    return () if operation.message is None else (in_flight_key(operation.message.item),)


def _is_hit_too_often(fault: Fault, operation: Operation[Any]) -> bool:
    message = operation.message
    return fault.probability is not None and message is not None and message.delivery > PROBABLE_TIMES_MAX


def exposures_of(setting: Setting, kind: str, number: int | None) -> Iterator[Exposure[Any]]:
    """The faults that can befall the operations of an actor of this kind and number."""
    for place, fault in enumerate(setting.faults):
        match kind, fault:
            case "sdk", LostResponse():
                yield ResponseIsLost(place, fault)
            case "sdk", Disconnect():
                yield DropIsSeen(place, fault)
            case "sdk", Cut():
                yield CutIsSeen(place, fault, setting.run_count)
            case "network", Disconnect() if _admits(fault.attempt, number):
                yield ConnectionDrops(place, fault)
            case "queue", Redeliver() if _admits(fault.item, number):
                yield MessageIsRedelivered(place, fault)
            case "handler", Cut() if _admits(fault.attempt, number):
                assert number is not None
                yield BodyIsCut(place, fault, setting, number)
            case (("handler" | "consumer"), Crash()) if befalls(fault.actor, kind, number):
                yield ActorCrashes(place, fault, number if kind == "handler" else None)
            case (("handler" | "consumer"), StoreError()) if befalls(fault.actor, kind, number):
                yield StoreFails(place, fault, shows_in_flight=setting.shows_in_flight)
            case _:
                pass
