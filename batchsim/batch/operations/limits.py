"""What limits phase-2 requests, where a scenario asks for it: a limiter, and the server's request timeout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from batchsim.batch.operations.sdk import Deliver
from batchsim.batch.steps import ItemOperation, body_not_read_after
from batchsim.batch.stores import GRANT, LIMITED, LIMITER, Answer, answer_key, connection_key, request_key
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, Raised, Timer, touches

REQUEST_TIMEOUT = Answer(408)
"""What the server answers when a request has not arrived as a whole in time."""

# -- the limiter -------------------------------------------------------------------------------


REFUSED, RESET = "refused", "reset"
"""What has become of the request that was refused last."""


class Admission(NamedTuple):
    """What the limiter says of a request."""

    is_admitted: bool
    is_granted: bool = False
    """By the grant of the batch: the limiter was not asked."""
    begins_window: bool = False
    """Whether it is the first one of a window."""


@dataclass(frozen=True, slots=True)
class Admit(Operation[Admission]):
    """Ask the limiter for a request, unless the grant of the batch admits it."""

    name: ClassVar[str] = "redis.admit"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(LIMITER, LIMITED, GRANT))
    may_unblock: ClassVar[bool] = True
    attempt: int
    requests: int
    """How many it admits in a window."""

    def timer(self) -> Timer | None:
        return Timer(LIMITER, ResetLimit.name)

    def timer_after(self, answer: Any) -> Timer | None:
        return self.timer() if answer.begins_window else None

    def unblocks(self) -> tuple[Key, ...]:
        return (LIMITER,)

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return self.unblocks() if answer.begins_window else ()

    def apply(self, world: World) -> Admission:
        granted: int | None = world.cells.read(GRANT)
        if granted is not None:
            if granted > 1:
                world.cells.write(GRANT, granted - 1)
            else:
                world.cells.delete(GRANT)
            return Admission(is_admitted=True, is_granted=True)
        used: int | None = world.cells.read(LIMITER)
        is_admitted = (used or 0) < self.requests
        if is_admitted or used is None:
            world.cells.write(LIMITER, (used or 0) + is_admitted)
        if not is_admitted:
            world.cells.write(LIMITED, REFUSED)
        return Admission(is_admitted, begins_window=used is None)

    def describe(self, answer: Any) -> str:
        if answer.is_granted:
            return f"attempt {self.attempt}, by the grant"
        return f"attempt {self.attempt}" if answer.is_admitted else f"not attempt {self.attempt}"


@dataclass(frozen=True, slots=True)
class ResetLimit(BlockingOperation[None]):
    """The window of the limiter is over."""

    name: ClassVar[str] = "limiter.reset"
    done_by: ClassVar[tuple[str, ...]] = ("limiter",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(LIMITER, LIMITED))
    is_wait: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True

    def waits_for(self) -> Key:
        return LIMITER

    def unblocks(self) -> tuple[Key, ...]:
        return (LIMITED,)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return () if world.cells.read(LIMITER) is None else (Alternative(timer=LIMITER),)

    def apply(self, world: World) -> None:
        world.cells.delete(LIMITER)
        if world.cells.read(LIMITED) == REFUSED:
            world.cells.write(LIMITED, RESET)


@dataclass(frozen=True, slots=True)
class EndGrant(BlockingOperation[None]):
    """The grant of the batch is over."""

    name: ClassVar[str] = "limiter.end_grant"
    done_by: ClassVar[tuple[str, ...]] = ("grant",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(GRANT,))
    is_wait: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True

    def waits_for(self) -> Key:
        return GRANT

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return () if world.cells.read(GRANT) is None else (Alternative(timer=GRANT),)

    def apply(self, world: World) -> None:
        world.cells.delete(GRANT)


@dataclass(frozen=True, slots=True)
class EndLaterGrant(EndGrant):
    """The same of a batch that is made later: its time begins with whoever waits for its end."""

    is_instant: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class AwaitReset(BlockingOperation[None]):
    """The SDK has waited for the reset that a 429 told it, and sends the next attempt."""

    name: ClassVar[str] = "sdk.await_reset"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
    is_instant: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    attempt: int
    """The attempt that was refused."""

    def waits_for(self) -> Key:
        return LIMITED

    def footprint(self) -> Footprint:
        return touches(writes=(LIMITED, request_key(self.attempt + 1)))

    def unblocks(self) -> tuple[Key, ...]:
        return (request_key(self.attempt + 1),)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return (Alternative(),) if world.cells.read(LIMITED) == RESET else ()

    def apply(self, world: World) -> None:
        world.cells.delete(LIMITED)
        world.network.send(self.attempt + 1)

    def describe(self, answer: Any) -> str:
        return f"sends attempt {self.attempt + 1}"


# -- the request timeout -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadItem(ItemOperation[None]):
    """The handler reads an item from the body, which is when it arrives; raises once the request has timed out."""

    name: ClassVar[str] = "http.read_item"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    attempt: int

    @property
    def reads_body(self) -> bool:
        return True

    def footprint(self) -> Footprint:
        return touches(writes=(connection_key(self.attempt),))

    def apply(self, world: World) -> Raised | None:  # type: ignore[override]
        connection = world.network.connection(self.attempt)
        if connection.is_timed_out and self.index >= connection.items_read:
            return Raised(body_not_read_after(connection.items_read))
        read = max(connection.items_read, self.index + 1)
        world.network.change_connection(self.attempt, connection._replace(items_read=read))
        return None

    def describe(self, answer: Any) -> str:
        return f"item {self.index}"


@dataclass(frozen=True, slots=True)
class TimeOutRequest(BlockingOperation[None]):
    """A request has not arrived as a whole in time: the server answers 408, and closes its connection."""

    name: ClassVar[str] = "http.time_out"
    done_by: ClassVar[tuple[str, ...]] = ("server",)
    is_wait: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    attempt: int
    run_count: int

    def waits_for(self) -> Key:
        return connection_key(self.attempt)

    def footprint(self) -> Footprint:
        return touches(
            reads=(request_key(self.attempt), answer_key(self.attempt)), writes=(connection_key(self.attempt),)
        )

    def unblocks(self) -> tuple[Key, ...]:
        return (answer_key(self.attempt),)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        connection = world.network.connection(self.attempt)
        if world.cells.read(request_key(self.attempt)) is None:
            return ()
        has_arrived = connection.items_read == self.run_count or world.network.answer(self.attempt) is not None
        return () if has_arrived or not connection.is_whole else (Alternative(),)

    def apply(self, world: World) -> None:
        connection = world.network.connection(self.attempt)
        world.network.change_connection(self.attempt, connection._replace(is_timed_out=True))

    def describe(self, answer: Any) -> str:
        return f"attempt {self.attempt}"


@dataclass(frozen=True, slots=True)
class DeliverInTime(Deliver):
    """The answer to a phase-2 request reaches the SDK: of the handler, or, where it timed out, of the server."""

    def footprint(self) -> Footprint:
        reads, writes = super(DeliverInTime, self).footprint()
        return Footprint(reads, writes | {connection_key(self.attempt)})

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        if world.network.connection(self.attempt).is_timed_out:
            return (Alternative("timed out"),)
        return super(DeliverInTime, self).alternatives(world)

    def apply(self, world: World) -> Answer:
        connection = world.network.connection(self.attempt)
        world.network.change_connection(self.attempt, connection._replace(is_closed=True))
        if not connection.is_timed_out:
            return super(DeliverInTime, self).apply(world)
        world.network.receive(self.attempt)
        world.history.note_refusal(self.run_count)
        return REQUEST_TIMEOUT
