"""What the SDK does (protocol.md 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.batch.history import PUSHED, SPURIOUS_RETRY
from batchsim.batch.stores import (
    BATCH_ROW,
    EXPIRY_JOB,
    GRANT,
    MAX_ATTEMPTS,
    META,
    SECOND_CALL,
    WAITPOINT,
    Answer,
    BatchRow,
    IdempotencyKey,
    Waitpoint,
    answer_key,
    of_second_batch,
    request_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, Timer, touches


@dataclass(frozen=True, slots=True)
class Deliver(BlockingOperation[Answer]):
    """The answer to a phase-2 request reaches the SDK."""

    name: ClassVar[str] = "http.deliver"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
    is_under_way: ClassVar[bool] = True
    acts_on_arrival: ClassVar[bool] = True
    attempt: int
    run_count: int

    def waits_for(self) -> Key:
        return answer_key(self.attempt)

    def footprint(self) -> Footprint:
        return touches(reads=(PUSHED,), writes=(answer_key(self.attempt), SPURIOUS_RETRY))

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return (Alternative(timer=self.waits_for()),) if world.network.answer(self.attempt) else ()

    def apply(self, world: World) -> Answer:
        answer = world.network.receive(self.attempt)
        if not answer.sealed and answer.status is not None:
            world.history.note_refusal(self.run_count)
        return answer

    def describe(self, answer: Any) -> str:
        if answer.status is None:
            return "connection lost"
        if answer.status != 200:
            return str(answer.status)
        if answer.sealed:
            return "200 sealed"
        count = answer.enqueued_count
        return "200 not sealed" if count is None else f"200 not sealed, {count} enqueued"


@dataclass(frozen=True, slots=True)
class Backoff(Operation[None]):
    """The SDK has waited, and sends the next attempt."""

    name: ClassVar[str] = "sdk.backoff"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
    is_wait: ClassVar[bool] = True
    backs_off: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    attempt: int
    """The attempt of its call that failed."""
    before: int = 0
    """How many attempts the calls before it may have had."""

    @property
    def _following(self) -> int:
        return self.before + self.attempt + 1

    def footprint(self) -> Footprint:
        return touches(writes=(request_key(self._following),))

    def unblocks(self) -> tuple[Key, ...]:
        return (request_key(self._following),)

    def apply(self, world: World) -> None:
        world.network.send(self._following)

    def describe(self, answer: Any) -> str:
        return f"sends attempt {self._following}"


@dataclass(frozen=True, slots=True)
class CallAgain(Operation[bool]):
    """The parent calls again, with the same items: phase 1 of that, as one step; whether it has a batch."""

    name: ClassVar[str] = "parent.call_again"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
    is_wait: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    run_count: int
    waits: bool
    """Whether the batch has a waitpoint."""
    is_reaped: bool
    """Whether it gets a reaper."""
    key: IdempotencyKey | None = None
    grant: int = 0
    """How many of its requests pass the limiter by."""

    @property
    def _expiry(self) -> tuple[Key, ...]:
        return (of_second_batch(EXPIRY_JOB),) if self.is_reaped else ()

    @property
    def _made(self) -> tuple[Key, ...]:
        """What it makes, if it makes a batch."""
        if self.key is not None:
            return ()
        waitpoint = (WAITPOINT,) if self.waits else ()
        grant = (GRANT,) if self.grant else ()
        return (*map(of_second_batch, (BATCH_ROW, *waitpoint, META, *grant)), *self._expiry)

    def footprint(self) -> Footprint:
        return touches(writes=(*self._made, SECOND_CALL, SPURIOUS_RETRY, request_key(MAX_ATTEMPTS + 1)))

    def timer(self) -> Timer | None:
        if self.key is not None or not self.is_reaped:
            return None
        return Timer(self._expiry[0], "jobs.take_expiry", wakes_at_once=True)

    def unblocks(self) -> tuple[Key, ...]:
        begins = (request_key(MAX_ATTEMPTS + 1), of_second_batch(GRANT))
        return (*begins[: 1 + (self.grant > 0)], *self._expiry) if self.key is None else begins[:1]

    def apply(self, world: World) -> bool:
        world.cells.write(SECOND_CALL, self.key is None)
        world.cells.delete(SPURIOUS_RETRY)  # verdicts judge the last call
        if self.key is IdempotencyKey.UPSTREAM:
            return False
        made = {BATCH_ROW: BatchRow(), WAITPOINT: Waitpoint.PENDING, META: self.run_count, EXPIRY_JOB: True}
        values = {**made, GRANT: self.grant}
        for key, value in values.items():
            if of_second_batch(key) in self._made:
                world.cells.write(of_second_batch(key), value)
        world.network.send(MAX_ATTEMPTS + 1)
        return True

    def describe(self, answer: Any) -> str:
        if not answer:
            return "422, there is a batch with its idempotency key"
        return "the same batch" if self.key is not None else "a second batch"
