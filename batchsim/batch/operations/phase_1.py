"""What phase 1 does, where a scenario asks for its steps (protocol.md 3.1).

Each try without an idempotency key makes a batch of its own. Its cells have the number of the try until the SDK
has the answer; those of the batch whose items it then streams become *the* cells of the batch. The others are
orphans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.batch.operations.reaper import TakeExpiry
from batchsim.batch.stores import (
    BATCH_EDGE,
    BATCH_ROW,
    CREATION_TRIES,
    EXPIRY_JOB,
    META,
    SAVED_KEY,
    STREAMED_BATCH,
    UNIQUE_KEY,
    WAITPOINT,
    BatchRow,
    Creation,
    Waitpoint,
    creation_answer_key,
    creation_request_key,
    of_try,
    request_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, Timer, touches

MADE = (BATCH_ROW, WAITPOINT, BATCH_EDGE, META)
"""What phase 1 makes that the SDK's batch and an orphan both have, beside the job of the reaper."""


@dataclass(frozen=True, slots=True)
class TryOperation(Operation[None]):
    """A step of the handler of `POST /batches`, for the batch of its try: it writes one cell."""

    done_by: ClassVar[tuple[str, ...]] = ("creator",)
    attempt: int
    """Which try it is."""

    def cell(self) -> Key:
        """The cell that it writes."""
        raise NotImplementedError

    def footprint(self) -> Footprint:
        return touches(writes=(self.cell(),))

    def describe(self, answer: Any) -> str:
        return f"batch of try {self.attempt}"


@dataclass(frozen=True, slots=True)
class FindIdempotencyKey(Operation[int | None]):
    """Look the idempotency key up: the batch that is saved under it, by the try that made it, or `None`."""

    name: ClassVar[str] = "redis.find_idempotency_key"
    done_by: ClassVar[tuple[str, ...]] = ("creator",)
    footprint_of_class: ClassVar[Footprint] = touches(reads=(SAVED_KEY,))

    def apply(self, world: World) -> int | None:
        saved: int | None = world.cells.read(SAVED_KEY)
        return saved

    def describe(self, answer: Any) -> str:
        return "no batch" if answer is None else f"batch of try {answer}"


@dataclass(frozen=True, slots=True)
class CreateBatch(Operation[bool]):
    """Insert the batch row; whether the unique index over idempotency keys allowed it."""

    name: ClassVar[str] = "postgres.create_batch"
    done_by: ClassVar[tuple[str, ...]] = ("creator",)
    attempt: int
    has_key: bool = False
    """Whether the row has an idempotency key."""

    def footprint(self) -> Footprint:
        index = (UNIQUE_KEY,) if self.has_key else ()
        return touches(writes=(of_try(BATCH_ROW, self.attempt), *index))

    def apply(self, world: World) -> bool:
        if self.has_key:
            if world.cells.read(UNIQUE_KEY) is not None:
                return False
            world.cells.write(UNIQUE_KEY, self.attempt)
        world.cells.write(of_try(BATCH_ROW, self.attempt), BatchRow())
        return True

    def describe(self, answer: Any) -> str:
        return f"batch of try {self.attempt}" if answer else "no row: there is one with this idempotency key"


@dataclass(frozen=True, slots=True)
class SaveIdempotencyKey(TryOperation):
    """Save the batch under its idempotency key."""

    name: ClassVar[str] = "redis.save_idempotency_key"

    def cell(self) -> Key:
        return SAVED_KEY

    def apply(self, world: World) -> None:
        world.cells.write(SAVED_KEY, self.attempt)


@dataclass(frozen=True, slots=True)
class ScheduleExpiry(TryOperation):
    """*AndWait*: schedule the job that reaps the batch if it is never sealed."""

    name: ClassVar[str] = "jobs.schedule_expiry"
    may_unblock: ClassVar[bool] = True

    def cell(self) -> Key:
        return of_try(EXPIRY_JOB, self.attempt)

    def timer(self) -> Timer | None:
        return Timer(self.cell(), TakeExpiry.name)

    def unblocks(self) -> tuple[Key, ...]:
        return (self.cell(),)

    def apply(self, world: World) -> None:
        world.jobs.schedule(self.cell())


@dataclass(frozen=True, slots=True)
class CreateWaitpoint(TryOperation):
    """*AndWait*: insert the waitpoint of the batch, which is pending."""

    name: ClassVar[str] = "postgres.create_waitpoint"

    def cell(self) -> Key:
        return of_try(WAITPOINT, self.attempt)

    def apply(self, world: World) -> None:
        world.cells.write(self.cell(), Waitpoint.PENDING)


@dataclass(frozen=True, slots=True)
class BlockOnBatch(TryOperation):
    """*AndWait*: write the parent's block edge to the waitpoint of the batch."""

    name: ClassVar[str] = "postgres.block_on_batch"

    def cell(self) -> Key:
        return of_try(BATCH_EDGE, self.attempt)

    def apply(self, world: World) -> None:
        world.cells.write(self.cell(), True)


@dataclass(frozen=True, slots=True)
class SetMeta(TryOperation):
    """Set the metadata of the batch in Redis."""

    name: ClassVar[str] = "redis.set_meta"
    run_count: int

    def cell(self) -> Key:
        return of_try(META, self.attempt)

    def apply(self, world: World) -> None:
        world.redis.set(self.cell(), self.run_count)


@dataclass(frozen=True, slots=True)
class DeliverCreation(BlockingOperation[Creation]):
    """The answer to a phase-1 request reaches the SDK; with a batch, it sends its items."""

    name: ClassVar[str] = "http.deliver_creation"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
    acts_on_arrival: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    attempt: int

    def waits_for(self) -> Key:
        return creation_answer_key(self.attempt)

    def footprint(self) -> Footprint:
        # With a key that works it is given the batch of an earlier try.
        tries = range(1, self.attempt + 1)
        moved = tuple(cell for each in tries for key in MADE for cell in (key, of_try(key, each)))
        return touches(writes=(self.waits_for(), *moved, STREAMED_BATCH, request_key(1)))

    def unblocks(self) -> tuple[Key, ...]:
        return (request_key(1),)

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return () if answer.batch is None else self.unblocks()

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        is_there = world.cells.read(self.waits_for()) is not None
        return (Alternative(timer=self.waits_for()),) if is_there else ()

    def apply(self, world: World) -> Creation:
        creation: Creation = world.cells.read(self.waits_for())
        world.cells.delete(self.waits_for())
        if creation.batch is not None:
            self._stream_to(world, creation.batch)
        return creation

    def _stream_to(self, world: World, batch: int) -> None:
        for key in MADE:
            value = world.cells.read(of_try(key, batch))
            if value is not None:
                world.cells.write(key, value)
                world.cells.delete(of_try(key, batch))
        world.cells.write(STREAMED_BATCH, batch)
        world.network.send(1)

    def new_names(self, world: World) -> Mapping[Key, Key]:
        batch: int | None = world.cells.read(STREAMED_BATCH)
        return {} if batch is None else {of_try(key, batch): key for key in MADE}

    def describe(self, answer: Any) -> str:
        if answer.status is None:
            return "connection lost"
        return str(answer.status) if answer.batch is None else f"{answer.status}, batch of try {answer.batch}"


@dataclass(frozen=True, slots=True)
class BackoffCreation(Operation[None]):
    """The SDK has waited, and tries phase 1 again."""

    name: ClassVar[str] = "sdk.backoff_creation"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
    is_wait: ClassVar[bool] = True
    backs_off: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    attempt: int
    """The try that failed."""

    def footprint(self) -> Footprint:
        return touches(writes=(creation_request_key(self.attempt + 1),))

    def unblocks(self) -> tuple[Key, ...]:
        return (creation_request_key(self.attempt + 1),)

    def apply(self, world: World) -> None:
        world.cells.write(creation_request_key(self.attempt + 1), True)

    def describe(self, answer: Any) -> str:
        return f"sends try {self.attempt + 1}"


def cells_of_phase_1() -> tuple[Key, ...]:
    """Every cell that the steps of phase 1 touch beside those of the batch."""
    tries = range(1, CREATION_TRIES + 1)
    return (
        STREAMED_BATCH,
        BATCH_EDGE,
        SAVED_KEY,
        UNIQUE_KEY,
        *(of_try(key, each) for key in (*MADE, EXPIRY_JOB) for each in tries),
        *(key(each) for key in (creation_request_key, creation_answer_key) for each in tries),
    )
