"""What consumers do, and the queue that they take messages from (protocol.md 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.batch.history import COMPLETION_UPDATES, REGRESSION
from batchsim.batch.operations.completion import TakeCompletion
from batchsim.batch.operations.rows import TOMBSTONE, update_status
from batchsim.batch.steps import FinalizeOperation, MessageOperation
from batchsim.batch.stores import (
    BATCH_ROW,
    COMPLETION_JOB,
    ENQUEUED_ITEMS,
    FAILURES,
    META,
    PROCESSED,
    PROCESSED_ITEMS,
    QUEUE,
    REDIS_KEYS,
    RUNS,
    BatchRow,
    Claim,
    Message,
    Status,
    in_flight_key,
    run_key,
    run_keys,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Timer, touches


@dataclass(frozen=True, slots=True)
class TakeMessage(BlockingOperation[Message]):
    """Take the first message of the queue."""

    name: ClassVar[str] = "queue.take"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(QUEUE,))

    def waits_for(self) -> Key:
        return QUEUE

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return tuple([message_alternative(message) for message in world.queue.visible()])

    def message_taken(self, alternative: Alternative) -> Message | None:
        message: Message = alternative.choice
        return message

    def apply_alternative(self, world: World, alternative: Alternative) -> Message:
        message: Message = alternative.choice
        world.queue.take(message)
        return message

    def describe(self, answer: Any) -> str:
        again = f", attempt {answer.attempt}" if answer.attempt > 1 else ""
        return f"item {answer.item}{again}"


@dataclass(frozen=True, slots=True)
class ClaimMessage(BlockingOperation[Claim]):
    """Move the first message of the queue, and its data, to an in-flight record."""

    name: ClassVar[str] = "queue.take"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_of_faults: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    run_count: int

    def waits_for(self) -> Key:
        return QUEUE

    def footprint(self) -> Footprint:
        return touches(writes=(QUEUE, *self.unblocks()))

    def timer_after(self, answer: Any) -> Timer | None:
        return Timer(visibility_timer(answer.item), Redeliver.name, wakes_at_once=True, item=answer.item)

    def unblocks(self) -> tuple[Key, ...]:
        return tuple(in_flight_key(index) for index in range(self.run_count))

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return (in_flight_key(answer.item),)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return tuple([message_alternative(message) for message in world.queue.visible()])

    @property
    def leaves_message(self) -> bool:
        return True

    def message_taken(self, alternative: Alternative) -> Message | None:
        message: Message = alternative.choice
        return message

    def apply_alternative(self, world: World, alternative: Alternative) -> Claim:
        message: Message = alternative.choice
        world.queue.take(message)
        world.queue.put_in_flight(message)
        return Claim(message.item, message.delivery)

    def describe(self, answer: Any) -> str:
        return f"item {answer.item}{_again(answer.delivery)}"


def visibility_timer(index: int) -> Key:
    """The timer of the visibility timeout of the message of an item."""
    return f"visibility:{index}"


def message_alternative(message: Message) -> Alternative:
    """The way in which a message is taken."""
    timer = message.timer
    return Alternative(None if timer is None else f"item {message.item}", timer, message)


def _again(delivery: int) -> str:
    return f", delivery {delivery}" if delivery > 1 else ""


@dataclass(frozen=True, slots=True)
class ReadMessage(MessageOperation[int | None]):
    """Read the data of a message in flight: its attempt, or `None` where the record is gone."""

    name: ClassVar[str] = "queue.read"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_of_faults: ClassVar[bool] = True

    @property
    def leaves_message(self) -> bool:
        return True

    def footprint(self) -> Footprint:
        return touches(reads=(in_flight_key(self.index),))

    def apply(self, world: World) -> int | None:
        record = world.queue.in_flight(self.index)
        return None if record is None else record.message.attempt

    def describe(self, answer: Any) -> str:
        return f"item {self.index}{' is gone' if answer is None else ''}"


@dataclass(frozen=True, slots=True)
class CompleteMessage(MessageOperation[bool]):
    """Delete the in-flight record of a message, whoever took it last; whether there was one."""

    name: ClassVar[str] = "queue.complete"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_of_faults: ClassVar[bool] = True
    has_token: bool = False
    """Whether a token says whose claim it is, so that only its own record is deleted."""

    @property
    def leaves_message(self) -> bool:
        return True

    def footprint(self) -> Footprint:
        return touches(writes=(in_flight_key(self.index),))

    def apply(self, world: World) -> bool:
        record = world.queue.in_flight(self.index)
        if self.has_token and record is not None and record.message.delivery != self.delivery:
            return False
        return world.queue.complete(self.index)

    def describe(self, answer: Any) -> str:
        return f"item {self.index}{'' if answer else ' was not in flight'}"


@dataclass(frozen=True, slots=True)
class RetryMessage(MessageOperation[bool]):
    """Put a message back after a failed attempt, to show itself after a backoff; whether it could be."""

    name: ClassVar[str] = "queue.retry"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_wait: ClassVar[bool] = True
    backs_off: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True
    attempt: int
    """The attempt that failed."""
    is_in_flight: bool = False
    """Whether the message has an in-flight record, without which it cannot be put back."""

    @property
    def leaves_message(self) -> bool:
        return True

    def footprint(self) -> Footprint:
        return touches(writes=(QUEUE, in_flight_key(self.index)) if self.is_in_flight else (QUEUE,))

    def timer(self) -> Timer | None:
        key = self._message(self.delivery).timer
        assert key is not None
        return Timer(key, self.name, wakes_at_once=True)

    def timer_after(self, answer: Any) -> Timer | None:
        return self.timer() if answer else None

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def apply(self, world: World) -> bool:
        delivery = self.delivery
        if self.is_in_flight:
            record = world.queue.in_flight(self.index)
            if record is None:
                return False
            world.queue.complete(self.index)
            delivery = record.message.delivery + 1
        world.queue.push(self._message(delivery))
        return True

    def _message(self, delivery: int) -> Message:
        return Message(self.index, self.attempt + 1, delivery)

    def describe(self, answer: Any) -> str:
        gone = "" if answer else ", and its message is gone"
        return f"item {self.index} failed attempt {self.attempt}{gone}"


@dataclass(frozen=True, slots=True)
class Redeliver(BlockingOperation[None]):
    """The visibility timeout of a message has passed: it goes back from its in-flight record to the queue."""

    name: ClassVar[str] = "queue.redeliver"
    done_by: ClassVar[tuple[str, ...]] = ("queue",)
    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    index: int

    @property
    def item(self) -> int | None:
        return self.index

    def waits_for(self) -> Key:
        return in_flight_key(self.index)

    def footprint(self) -> Footprint:
        return touches(writes=(QUEUE, in_flight_key(self.index)))

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        record = world.queue.in_flight(self.index)
        if record is None or not record.is_abandoned:
            return ()
        return (Alternative(timer=visibility_timer(self.index)),)

    def apply(self, world: World) -> None:
        world.queue.redeliver(self.index)

    def describe(self, answer: Any) -> str:
        return f"item {self.index}"


IS_ABORTED, IS_THERE = 0, -1
"""What `CreateRun` answers where it inserts no run: the batch is ABORTED, or the item has a run already."""


@dataclass(frozen=True, slots=True)
class CreateRun(MessageOperation[int]):
    """Insert a child run of an item; which one of the item it is, or why there is no new one."""

    name: ClassVar[str] = "postgres.create_run"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    may_unblock: ClassVar[bool] = True
    final: bool
    """Whether it is a pre-failed run, final from the start."""
    copies: int = 1
    """How many child runs the item can have at most."""
    once: bool = False
    """Whether a key forbids a second one, and an ABORTED batch the first."""

    def footprint(self) -> Footprint:
        return touches(reads=(BATCH_ROW,) if self.once else (), writes=self.unblocks())

    def unblocks(self) -> tuple[Key, ...]:
        return run_keys(self.index, 1 if self.once else self.copies)

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return (run_key(self.index, answer),) if answer > 0 else ()

    def apply(self, world: World) -> int:
        if self.once:
            if world.postgres.find_batch().status is Status.ABORTED:
                return IS_ABORTED
            if world.postgres.find_runs(self.index):
                return IS_THERE
        return world.postgres.create_run(self.index, final=self.final, copies=self.copies)

    def describe(self, answer: Any) -> str:
        if answer == IS_ABORTED:
            return f"no run {self.index}: the batch is ABORTED"
        if answer == IS_THERE:
            return f"no second run {self.index}: there is one"
        again = f", number {answer} of its item" if answer > 1 else ""
        return f"run {self.index}{again}{', pre-failed' if self.final else ''}"


@dataclass(frozen=True, slots=True)
class Record(MessageOperation[int | None]):
    """Record what became of an item, once; how many items are recorded."""

    name: ClassVar[str] = "redis.record"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    success: bool
    is_last_resort: bool = False
    """Whether it records what could not be retried."""
    needs_meta: bool = False
    """Whether it records nothing where the metadata of the batch are gone; `None`: they are."""

    @property
    def leaves_message(self) -> bool:
        return self.is_last_resort

    def footprint(self) -> Footprint:
        reads = (META,) if self.needs_meta else ()
        return touches(reads=reads, writes=(PROCESSED_ITEMS, PROCESSED, RUNS, FAILURES))

    def apply(self, world: World) -> int | None:
        redis = world.redis
        if self.needs_meta and redis.get(META) is None:
            return None
        if not redis.sadd(PROCESSED_ITEMS, self.index):
            return redis.get(PROCESSED) or 0
        if self.success:
            redis.zadd(RUNS, self.index, score=self.index)
        else:
            redis.rpush(FAILURES, self.index)
        return redis.incr(PROCESSED)

    def describe(self, answer: Any) -> str:
        return f"item {self.index}, {'the batch is gone' if answer is None else f'{answer} processed'}"


@dataclass(frozen=True, slots=True)
class ReadRuns(FinalizeOperation[int]):
    """Read the recorded runs; how many."""

    name: ClassVar[str] = "redis.read_runs"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    footprint_of_class: ClassVar[Footprint] = touches(reads=(RUNS,))

    def apply(self, world: World) -> int:
        return len(world.redis.zrange(RUNS))


@dataclass(frozen=True, slots=True)
class ReadFailures(FinalizeOperation[int]):
    """Read the recorded failures; how many."""

    name: ClassVar[str] = "redis.read_failures"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    footprint_of_class: ClassVar[Footprint] = touches(reads=(FAILURES,))

    def apply(self, world: World) -> int:
        return len(world.redis.lrange(FAILURES))


@dataclass(frozen=True, slots=True)
class CompletionUpdate(FinalizeOperation[bool]):
    """Write the result of processing to the batch row; whether the row changed."""

    name: ClassVar[str] = "postgres.completion_update"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(BATCH_ROW, COMPLETION_UPDATES, REGRESSION))
    status: Status
    successful: int
    failed: int
    seals: bool
    """Whether it sets `sealed` too (policy `seal_at_finalize`)."""
    guarded: bool = False
    """Whether only where it was not made yet, and the batch has not ended; otherwise unconditionally."""

    def apply(self, world: World) -> bool:
        before = world.postgres.find_batch()
        if self.guarded and (before.processing_completed or before.status in (Status.ABORTED, Status.COMPLETED)):
            return False
        after = BatchRow(
            status=self.status,
            sealed=before.sealed or self.seals,
            processing_completed=True,
            successful_run_count=self.successful,
            failed_run_count=self.failed,
        )
        update_status(world, before, after)
        world.history.note_completion_update()
        return True

    def describe(self, answer: Any) -> str:
        if not answer:
            return "no row changed"
        return f"{self.status}{', sealed' if self.seals else ''}"


@dataclass(frozen=True, slots=True)
class ScheduleCompletion(FinalizeOperation[None]):
    """Schedule the completion job; one that waits already is moved."""

    name: ClassVar[str] = "jobs.schedule_completion"
    done_by: ClassVar[tuple[str, ...]] = ("consumer", "run")
    footprint_of_class: ClassVar[Footprint] = touches(writes=(COMPLETION_JOB,))
    may_unblock: ClassVar[bool] = True

    def timer(self) -> Timer | None:
        return Timer(COMPLETION_JOB, TakeCompletion.name)

    def unblocks(self) -> tuple[Key, ...]:
        return (COMPLETION_JOB,)

    def apply(self, world: World) -> None:
        world.jobs.schedule(COMPLETION_JOB)


@dataclass(frozen=True, slots=True)
class Cleanup(FinalizeOperation[int]):
    """Delete the keys of the batch; how many there were."""

    name: ClassVar[str] = "redis.cleanup"
    done_by: ClassVar[tuple[str, ...]] = ("consumer", "reaper")
    footprint_of_class: ClassVar[Footprint] = touches(writes=REDIS_KEYS)

    def apply(self, world: World) -> int:
        return world.redis.delete(*REDIS_KEYS)

    def describe(self, answer: Any) -> str:
        return f"{answer} keys deleted"


_ALL_BUT_ENQUEUED_ITEMS = tuple(key for key in REDIS_KEYS if key != ENQUEUED_ITEMS)


@dataclass(frozen=True, slots=True)
class CleanupWithTombstone(FinalizeOperation[int]):
    """Delete the keys of the batch but `enqueued_items`, which expires after a grace time."""

    name: ClassVar[str] = "redis.cleanup"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(*_ALL_BUT_ENQUEUED_ITEMS, TOMBSTONE))
    may_unblock: ClassVar[bool] = True

    def timer(self) -> Timer | None:
        return Timer(TOMBSTONE, ExpireTombstone.name)

    def unblocks(self) -> tuple[Key, ...]:
        return (TOMBSTONE,)

    def apply(self, world: World) -> int:
        world.cells.write(TOMBSTONE, True)
        return world.redis.delete(*_ALL_BUT_ENQUEUED_ITEMS)

    def describe(self, answer: Any) -> str:
        return f"{answer} keys deleted, {ENQUEUED_ITEMS} not among them"


@dataclass(frozen=True, slots=True)
class ExpireTombstone(BlockingOperation[None]):
    """The grace time of the tombstone has passed: Redis drops it."""

    name: ClassVar[str] = "redis.expire"
    done_by: ClassVar[tuple[str, ...]] = ("redis",)
    is_wait: ClassVar[bool] = True
    footprint_of_class: ClassVar[Footprint] = touches(writes=(ENQUEUED_ITEMS, TOMBSTONE))
    is_instant: ClassVar[bool] = True

    def waits_for(self) -> Key:
        return TOMBSTONE

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return () if world.cells.read(TOMBSTONE) is None else (Alternative(timer=TOMBSTONE),)

    def apply(self, world: World) -> None:
        world.cells.delete(TOMBSTONE)
        world.redis.delete(ENQUEUED_ITEMS)
