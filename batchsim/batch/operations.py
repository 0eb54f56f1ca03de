"""Every operation of the protocol, in the order of protocol.md §3."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, NamedTuple

from batchsim.batch.history import COMPLETION_UPDATES, PUSHED, REGRESSION, SPURIOUS_RETRY
from batchsim.batch.steps import FinalizeOperation, ItemOperation, MessageOperation
from batchsim.batch.stores import (
    BATCH_ROW,
    COMPLETION_JOB,
    ENQUEUED_ITEMS,
    EXPIRY_JOB,
    FAILURES,
    META,
    PROCESSED,
    PROCESSED_ITEMS,
    QUEUE,
    REDIS_KEYS,
    RUNS,
    WAITPOINT,
    Answer,
    BatchRow,
    Claim,
    Message,
    Status,
    Waitpoint,
    answer_key,
    connection_key,
    in_flight_key,
    request_key,
    run_key,
    run_keys,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, Timer, touches

TOMBSTONE: Key = "redis:tombstone"
"""Present while cleanup's tombstone waits for its end (policy `tombstone`)."""


def _describe_row(row: BatchRow) -> str:
    seal = "sealed" if row.sealed else "not sealed"
    counted = ", processing completed" if row.processing_completed else ""
    return f"{row.status}, {seal}{counted}"


# -- the SDK (3.1) ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deliver(BlockingOperation[Answer]):
    """The answer to a phase-2 request reaches the SDK."""

    name: ClassVar[str] = "http.deliver"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
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
    """The attempt that failed."""

    def footprint(self) -> Footprint:
        return touches(writes=(request_key(self.attempt + 1),))

    def unblocks(self) -> tuple[Key, ...]:
        return (request_key(self.attempt + 1),)

    def apply(self, world: World) -> None:
        world.network.send(self.attempt + 1)

    def describe(self, answer: Any) -> str:
        return f"sends attempt {self.attempt + 1}"


# -- the endpoint (3.2) ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindBatch(Operation[BatchRow]):
    """Read the batch row."""

    name: ClassVar[str] = "postgres.find_batch"
    done_by: ClassVar[tuple[str, ...]] = ("handler", "job", "reaper")
    footprint_of_class: ClassVar[Footprint] = touches(reads=(BATCH_ROW,))

    def apply(self, world: World) -> BatchRow:
        return world.postgres.find_batch()

    def describe(self, answer: Any) -> str:
        return _describe_row(answer)


@dataclass(frozen=True, slots=True)
class Upload(ItemOperation[None]):
    """Upload a large payload to the object store."""

    name: ClassVar[str] = "store.upload"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    is_wait: ClassVar[bool] = True

    @property
    def reads_body(self) -> bool:
        return True

    def apply(self, world: World) -> None:
        """Nobody reads the object store."""

    def describe(self, answer: Any) -> str:
        return f"item {self.index}"


@dataclass(frozen=True, slots=True)
class GetMeta(ItemOperation[int | None]):
    """Read the metadata of the batch: its `run_count`, or `None` where cleanup was."""

    name: ClassVar[str] = "redis.get_meta"
    done_by: ClassVar[tuple[str, ...]] = ("handler", "consumer")
    footprint_of_class: ClassVar[Footprint] = touches(reads=(META,))
    delivery: int = 0
    """Of a consumer: which delivery of the message it holds."""
    is_first: bool = False
    """Of a handler: whether it does nothing for the item before."""

    @property
    def reads_body(self) -> bool:
        return self.is_first

    @property
    def message(self) -> Claim | None:
        return Claim(self.index, self.delivery) if self.delivery else None

    @property
    def leaves_message(self) -> bool:
        return self.delivery > 0

    def apply(self, world: World) -> int | None:
        meta: int | None = world.redis.get(META)
        return meta

    def describe(self, answer: Any) -> str:
        return "absent" if answer is None else "present"


@dataclass(frozen=True, slots=True)
class MarkEnqueued(ItemOperation[bool]):
    """Mark an item as enqueued; whether it was not already."""

    name: ClassVar[str] = "redis.mark_enqueued"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(ENQUEUED_ITEMS,))

    def apply(self, world: World) -> bool:
        return world.redis.sadd(ENQUEUED_ITEMS, self.index) == 1

    def describe(self, answer: Any) -> str:
        return f"item {self.index}" if answer else f"item {self.index} was already there"


@dataclass(frozen=True, slots=True)
class PushMessage(ItemOperation[None]):
    """Push the message of an item to the batch queue."""

    name: ClassVar[str] = "queue.push"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(QUEUE, PUSHED))
    may_unblock: ClassVar[bool] = True

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def apply(self, world: World) -> None:
        world.queue.push(Message(self.index))
        world.history.note_push(self.index)

    def describe(self, answer: Any) -> str:
        return f"item {self.index}"


class Enqueued(StrEnum):
    """What became of an item that was to be enqueued."""

    ACCEPTED = "accepted"
    DUPLICATE = "was already there"
    NOT_INITIALIZED = "the batch is gone"


@dataclass(frozen=True, slots=True)
class EnqueueItem(ItemOperation[Enqueued]):
    """In one script: look for the metadata, mark an item as enqueued, and push its message if it was not."""

    name: ClassVar[str] = "redis.mark_enqueued"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(reads=(META,), writes=(ENQUEUED_ITEMS, QUEUE, PUSHED))
    may_unblock: ClassVar[bool] = True
    is_first: bool = False
    """Whether the handler does nothing for the item before."""

    @property
    def reads_body(self) -> bool:
        return self.is_first

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return (QUEUE,) if answer is Enqueued.ACCEPTED else ()

    def apply(self, world: World) -> Enqueued:
        if world.redis.get(META) is None:
            return Enqueued.NOT_INITIALIZED
        if not world.redis.sadd(ENQUEUED_ITEMS, self.index):
            return Enqueued.DUPLICATE
        world.queue.push(Message(self.index))
        world.history.note_push(self.index)
        return Enqueued.ACCEPTED

    def describe(self, answer: Any) -> str:
        return f"item {self.index} {answer}"


@dataclass(frozen=True, slots=True)
class EnqueuedCount(Operation[int]):
    """Count the items that are marked as enqueued."""

    name: ClassVar[str] = "redis.enqueued_count"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(reads=(ENQUEUED_ITEMS,))

    def apply(self, world: World) -> int:
        return world.redis.scard(ENQUEUED_ITEMS)


def _is_unsealed_and_pending(row: BatchRow) -> bool:
    return not row.sealed and row.status is Status.PENDING


def _update_status(world: World, before: BatchRow, after: BatchRow) -> None:
    world.history.note_status(before.status, after.status)
    world.postgres.update_batch(lambda _: after)


@dataclass(frozen=True, slots=True)
class Seal(Operation[bool]):
    """Seal the batch, where it is PENDING and not sealed; whether the row changed."""

    name: ClassVar[str] = "postgres.seal"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(BATCH_ROW,))

    def apply(self, world: World) -> bool:
        changed = world.postgres.update_batch(
            lambda row: row._replace(sealed=True, status=Status.PROCESSING), where=_is_unsealed_and_pending
        )
        return changed == 1

    def describe(self, answer: Any) -> str:
        return "sealed" if answer else "no row changed"


# -- consumers (3.3) -------------------------------------------------------------------------


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
        _update_status(world, before, after)
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


# -- completion (3.4, 3.5) -------------------------------------------------------------------


class RunTally(NamedTuple):
    """How many child runs there are, and how many of them are final."""

    final: int
    total: int


@dataclass(frozen=True, slots=True)
class FindRuns(Operation[RunTally]):
    """Read the run rows of the batch."""

    name: ClassVar[str] = "postgres.find_runs"
    done_by: ClassVar[tuple[str, ...]] = ("job",)
    run_count: int
    copies: int = 1
    """How many child runs an item can have at most."""

    def footprint(self) -> Footprint:
        return touches(reads=tuple(key for index in range(self.run_count) for key in run_keys(index, self.copies)))

    def apply(self, world: World) -> RunTally:
        rows = [final for index in range(self.run_count) for final in world.postgres.find_runs(index, self.copies)]
        return RunTally(final=rows.count(True), total=len(rows))

    def describe(self, answer: Any) -> str:
        return f"{answer.final} of {answer.total} final"


@dataclass(frozen=True, slots=True)
class SetCompleted(Operation[bool]):
    """Set the batch COMPLETED; whether the row changed."""

    name: ClassVar[str] = "postgres.set_completed"
    done_by: ClassVar[tuple[str, ...]] = ("job",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(BATCH_ROW, REGRESSION))
    guarded: bool
    """Whether only where the status is neither ABORTED nor COMPLETED."""

    def apply(self, world: World) -> bool:
        before = world.postgres.find_batch()
        if self.guarded and before.status in (Status.ABORTED, Status.COMPLETED):
            return False
        _update_status(world, before, before._replace(status=Status.COMPLETED))
        return True

    def describe(self, answer: Any) -> str:
        return "COMPLETED" if answer else "no row changed"


@dataclass(frozen=True, slots=True)
class FindWaitpoint(Operation[Waitpoint | None]):
    """Read the waitpoint of the batch."""

    name: ClassVar[str] = "postgres.find_waitpoint"
    done_by: ClassVar[tuple[str, ...]] = ("job", "reaper")
    footprint_of_class: ClassVar[Footprint] = touches(reads=(WAITPOINT,))

    def apply(self, world: World) -> Waitpoint | None:
        return world.postgres.find_waitpoint()


@dataclass(frozen=True, slots=True)
class CompleteWaitpoint(Operation[bool]):
    """Complete the waitpoint, where nobody did before: the parent's call goes on; whether the row changed."""

    name: ClassVar[str] = "postgres.complete_waitpoint"
    done_by: ClassVar[tuple[str, ...]] = ("job", "reaper")
    footprint_of_class: ClassVar[Footprint] = touches(writes=(WAITPOINT,))
    may_unblock: ClassVar[bool] = True
    waitpoint: Waitpoint

    def unblocks(self) -> tuple[Key, ...]:
        return (WAITPOINT,)

    def apply(self, world: World) -> bool:
        return world.postgres.complete_waitpoint(self.waitpoint) == 1

    def describe(self, answer: Any) -> str:
        return str(self.waitpoint) if answer else "no row changed"


@dataclass(frozen=True, slots=True)
class FinishRun(ItemOperation[None]):
    """A child run becomes final."""

    name: ClassVar[str] = "run.finish"
    done_by: ClassVar[tuple[str, ...]] = ("run",)
    is_wait: ClassVar[bool] = True
    copy: int = 1
    """Which child run of the item."""

    def footprint(self) -> Footprint:
        return touches(writes=(run_key(self.index, self.copy),))

    def apply(self, world: World) -> None:
        world.postgres.finish_run(self.index, self.copy)

    def describe(self, answer: Any) -> str:
        which = "" if self.copy == 1 else f", number {self.copy} of its item,"
        return f"run {self.index}{which} is final"


@dataclass(frozen=True, slots=True)
class TakeJob(BlockingOperation[None]):
    """Pick up a job that waits."""

    is_instant: ClassVar[bool] = True

    def job(self) -> Key:
        """The job."""
        raise NotImplementedError

    def waits_for(self) -> Key:
        return self.job()

    def footprint(self) -> Footprint:
        return touches(writes=(self.job(),))

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return (Alternative(timer=self.job()),) if world.jobs.is_waiting(self.job()) else ()

    def apply(self, world: World) -> None:
        world.jobs.take(self.job())


@dataclass(frozen=True, slots=True)
class TakeCompletion(TakeJob):
    """Pick up the completion job."""

    name: ClassVar[str] = "jobs.take_completion"
    done_by: ClassVar[tuple[str, ...]] = ("job",)
    is_wait: ClassVar[bool] = True

    def job(self) -> Key:
        return COMPLETION_JOB


# -- the network (6) ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drop(BlockingOperation[None]):
    """The connection of a request drops while its handler works. Only a fault lets it."""

    name: ClassVar[str] = "network.drop"
    done_by: ClassVar[tuple[str, ...]] = ("network",)
    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    attempt: int

    def waits_for(self) -> Key:
        return connection_key(self.attempt)

    def footprint(self) -> Footprint:
        return touches(reads=(answer_key(self.attempt),), writes=(connection_key(self.attempt),))

    def unblocks(self) -> tuple[Key, ...]:
        return (answer_key(self.attempt),)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return ()

    def apply(self, world: World) -> None:
        connection = world.network.connection(self.attempt)
        world.network.change_connection(self.attempt, connection._replace(is_dropped=True))

    def describe(self, answer: Any) -> str:
        return f"the connection of attempt {self.attempt}"


# -- the reaper (3.6) ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TakeExpiry(TakeJob):
    """Pick up the job that reaps a batch which was never sealed."""

    name: ClassVar[str] = "jobs.take_expiry"
    done_by: ClassVar[tuple[str, ...]] = ("reaper",)
    is_wait: ClassVar[bool] = True

    def job(self) -> Key:
        return EXPIRY_JOB


@dataclass(frozen=True, slots=True)
class Abort(Operation[bool]):
    """Set the batch ABORTED, where it is PENDING and not sealed; whether the row changed."""

    name: ClassVar[str] = "postgres.abort"
    done_by: ClassVar[tuple[str, ...]] = ("reaper",)
    spares_work_of: int = 0
    """Not where processing is completed, or so many items all have a child run; 0: whatever there is."""

    def footprint(self) -> Footprint:
        runs = tuple(run_key(index) for index in range(self.spares_work_of))
        return touches(reads=runs, writes=(BATCH_ROW,))

    def apply(self, world: World) -> bool:
        have_run = [bool(world.postgres.find_runs(index)) for index in range(self.spares_work_of)]
        if have_run and (all(have_run) or world.postgres.find_batch().processing_completed):
            return False
        changed = world.postgres.update_batch(
            lambda row: row._replace(status=Status.ABORTED, processing_completed=True),
            where=_is_unsealed_and_pending,
        )
        return changed == 1

    def describe(self, answer: Any) -> str:
        return "ABORTED" if answer else "no row changed"


TYPES: tuple[type[Operation[Any]], ...] = (
    Deliver,
    Backoff,
    FindBatch,
    Upload,
    GetMeta,
    EnqueueItem,
    MarkEnqueued,
    PushMessage,
    EnqueuedCount,
    Seal,
    ClaimMessage,
    TakeMessage,
    ReadMessage,
    CompleteMessage,
    RetryMessage,
    Redeliver,
    CreateRun,
    Record,
    ReadRuns,
    ReadFailures,
    CompletionUpdate,
    ScheduleCompletion,
    CleanupWithTombstone,
    Cleanup,
    ExpireTombstone,
    FinishRun,
    TakeCompletion,
    FindRuns,
    SetCompleted,
    FindWaitpoint,
    CompleteWaitpoint,
    TakeExpiry,
    Abort,
    Drop,
)
"""Every operation."""
OPERATIONS: dict[str, type[Operation[Any]]] = {each.name: each for each in TYPES}
"""Every operation by its name; of several that have it, the last one."""


def names_done_by(*kinds: str) -> tuple[str, ...]:
    """The names of what actors of these kinds do, under one policy or another."""
    return tuple(dict.fromkeys(each.name for each in TYPES if not set(kinds).isdisjoint(each.done_by)))
