"""What consumers do, and the queue that they take messages from (protocol.md 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.batch.history import COMPLETION_UPDATES, REGRESSION, rejected_key
from batchsim.batch.operations.completion import TakeCompletion
from batchsim.batch.operations.dispatcher import Redeliver, visibility_timer
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
    WORKER_LIST,
    BatchQueue,
    BatchRow,
    Claim,
    Message,
    Status,
    Waits,
    edge_key,
    holders_key,
    in_flight_key,
    of_second_batch,
    published_key,
    run_key,
    run_keys,
    run_waitpoint_key,
    slot_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Footprint,
    Operation,
    Timer,
    touches,
)


@dataclass(frozen=True, slots=True)
class TakeMessage(BlockingOperation[Message]):
    """Take the first message of the queue."""

    name: ClassVar[str] = "queue.take"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_idle: ClassVar[bool] = True
    footprint_of_class: ClassVar[Footprint] = touches(writes=(QUEUE,))
    may_unblock: ClassVar[bool] = True

    def waits_for(self) -> Key:
        return QUEUE

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return (QUEUE,) if answer.leaves_claimed else ()  # only time held it back

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return tuple([message_alternative(message) for message in world.queue.visible()])

    def message_taken(self, alternative: Alternative) -> Message | None:
        message: Message = alternative.choice
        return message

    def apply_alternative(self, world: World, alternative: Alternative) -> Message:
        return world.queue.claim_and_take(alternative.choice)

    def describe(self, answer: Any) -> str:
        again = f", attempt {answer.attempt}" if answer.attempt > 1 else ""
        return f"item {answer.item}{again}"


@dataclass(frozen=True, slots=True)
class TakeFromEither(BlockingOperation[tuple[bool, Message]]):
    """Take the first message of one of two queues: whether it is of the second batch, and the message."""

    name: ClassVar[str] = "queue.take"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(QUEUE, of_second_batch(QUEUE)))
    may_unblock: ClassVar[bool] = True

    def waits_for(self) -> Key:
        return QUEUE

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return (QUEUE,) if answer[1].leaves_claimed else ()

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return tuple(
            _of_second(way) if is_second else way._replace(choice=(False, way.choice))
            for is_second, queue in enumerate((QUEUE, of_second_batch(QUEUE)))
            for way in map(message_alternative, BatchQueue(world.cells, queue).visible())
        )

    def apply_alternative(self, world: World, alternative: Alternative) -> tuple[bool, Message]:
        is_second, message = alternative.choice
        queue = BatchQueue(world.cells, of_second_batch(QUEUE) if is_second else QUEUE)
        return is_second, queue.claim_and_take(message)

    def describe(self, answer: Any) -> str:
        is_second, message = answer
        again = f", attempt {message.attempt}" if message.attempt > 1 else ""
        return f"item {message.item}{again}{' of the second batch' if is_second else ''}"


def _of_second(way: Alternative) -> Alternative:
    label = "second batch" if way.label is None else f"second batch, {way.label}"
    timer = None if way.timer is None else of_second_batch(way.timer)
    return way._replace(label=label, timer=timer, choice=(True, way.choice))


@dataclass(frozen=True, slots=True)
class TakeKey(BlockingOperation[Claim]):
    """Pop the first key of the worker list."""

    name: ClassVar[str] = "queue.take"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_idle: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    run_count: int
    is_held: bool = False
    """Whether it matters who has a message in hand: somebody can leave one."""

    def waits_for(self) -> Key:
        return WORKER_LIST

    def footprint(self) -> Footprint:
        held = tuple(holders_key(index) for index in range(self.run_count)) if self.is_held else ()
        return touches(writes=(WORKER_LIST, *held))

    @property
    def leaves_message(self) -> bool:
        return True

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        keys = world.queue.offered()
        return (Alternative(choice=keys[0]),) if keys else ()

    def message_taken(self, alternative: Alternative) -> Claim | None:
        claim: Claim = alternative.choice
        return claim

    def apply_alternative(self, world: World, alternative: Alternative) -> Claim:
        claim = world.queue.pop()
        if self.is_held:
            world.queue.hold(claim)
        return claim

    def describe(self, answer: Any) -> str:
        return f"item {answer.item}{_again(answer.delivery)}"


def message_alternative(message: Message) -> Alternative:
    """The way in which a message is taken."""
    return Alternative(None if message.is_fresh else f"item {message.item}", message.timer, message)


def _again(delivery: int) -> str:
    return f", delivery {delivery}" if delivery > 1 else ""


@dataclass(frozen=True, slots=True)
class ReadMessage(MessageOperation[int | None]):
    """Read the data of a message in flight: its attempt, or `None` where the record is gone.

    With a token, the record of another delivery is none.
    """

    name: ClassVar[str] = "queue.read"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_of_faults: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    starts_heartbeat: bool = False
    """Whether it is kept in flight by a heartbeat from now on."""

    @property
    def leaves_message(self) -> bool:
        return True

    def footprint(self) -> Footprint:
        return touches(reads=(in_flight_key(self.index),))

    def apply(self, world: World) -> int | None:
        record = self.own_record(world)
        return None if record is None else record.attempt

    def unblocks(self) -> tuple[Key, ...]:
        return (in_flight_key(self.index),) if self.starts_heartbeat else ()

    def timer_after(self, answer: Any) -> Timer | None:
        if answer is None or not self.starts_heartbeat:
            return None
        # With time: as long as it beats, every 20 s, its visibility timeout of 60 s does not pass.
        key, about = visibility_timer(self.index), in_flight_key(self.index)
        return Timer(key, KeptInFlight.name, item=self.index, wait=KeptInFlight(), about=about)

    def describe(self, answer: Any) -> str:
        gone = " is gone, or claimed again" if self.delivery else " is gone"
        return f"item {self.index}{gone if answer is None else ''}"


BEATEN, GONE, UNBEATEN = "put off", "is gone", "was processed before"
"""What became of the last beat while an item was processed."""


@dataclass(frozen=True, slots=True)
class KeptInFlight(Operation[None]):
    """How long a message is kept in flight while its holder beats: a delay, and no step."""

    name: ClassVar[str] = "queue.kept_in_flight"
    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Heartbeat(MessageOperation[str]):
    """The last beat while an item is processed: it puts off the visibility timeout, whoever claimed last.

    Where processing was over before it, there is none; with time, there always is one.
    """

    name: ClassVar[str] = "queue.heartbeat"
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True
    has_alternatives: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True

    def footprint(self) -> Footprint:
        return touches(reads=(in_flight_key(self.index),), writes=(holders_key(self.index),))

    def timer_after(self, answer: Any) -> Timer | None:
        key, about = visibility_timer(self.index), in_flight_key(self.index)
        return None if answer == GONE else Timer(key, Redeliver.name, item=self.index, about=about)

    def unblocks(self) -> tuple[Key, ...]:
        return (in_flight_key(self.index),)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return (
            Alternative("in time", choice=True, is_optional=True),
            Alternative("processed before", choice=False),
        )

    def apply_alternative(self, world: World, alternative: Alternative) -> str:
        if not alternative.choice:
            return UNBEATEN
        if self.own_record(world) is not None:
            return BEATEN
        world.queue.let_go(self.message)  # its result is dropped, and it is never completed
        return GONE

    def describe(self, answer: Any) -> str:
        return f"item {self.index} {answer}"


@dataclass(frozen=True, slots=True)
class CompleteMessage(MessageOperation[bool]):
    """Delete the in-flight record of a message, whoever claimed it last, and free its slot; whether there was one.

    With a token, the record of another delivery is left alone.
    """

    name: ClassVar[str] = "queue.complete"
    lets_go: ClassVar[bool] = True
    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_of_faults: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True

    @property
    def leaves_message(self) -> bool:
        return True

    def footprint(self) -> Footprint:
        return touches(writes=(in_flight_key(self.index), slot_key(self.index), holders_key(self.index)))

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def apply(self, world: World) -> bool:
        is_own = self.own_record(world) is not None
        if is_own or not self.delivery:
            world.queue.complete(self.index)
            world.queue.free_slot(self.index)
        world.queue.let_go(self.message)
        return is_own

    def describe(self, answer: Any) -> str:
        gone = " was not in flight under this claim" if self.delivery else " was not in flight"
        return f"item {self.index}{'' if answer else gone}"


@dataclass(frozen=True, slots=True)
class RetryMessage(MessageOperation[bool]):
    """Put a message back after a failed attempt, to show itself after a backoff; whether it could be.

    Where the message has an in-flight record, it is the one that is there that goes back, whoever claimed it.
    Without one nothing goes back; with a token, neither does the record of another delivery.
    """

    name: ClassVar[str] = "queue.retry"
    lets_go: ClassVar[bool] = True
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
        if not self.is_in_flight:
            return touches(writes=(QUEUE,))
        index = self.index
        return touches(writes=(QUEUE, in_flight_key(index), slot_key(index), holders_key(index)))

    def timer(self) -> Timer | None:
        key = Message(self.index, self.attempt + 1).timer
        assert key is not None
        return Timer(key, self.name, wakes_at_once=True, about=QUEUE)

    def timer_after(self, answer: Any) -> Timer | None:
        return self.timer() if answer else None

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def apply(self, world: World) -> bool:
        message = Message(self.index, self.attempt + 1)
        if not self.is_in_flight:
            world.queue.push(message)
            return True
        record = self.own_record(world)
        world.queue.let_go(self.message)
        if record is None:
            if not self.delivery:
                world.queue.free_slot(self.index)
            return False
        world.queue.complete(self.index)
        world.queue.free_slot(self.index)
        world.queue.put_again(message._replace(delivery=record.delivery + 1))
        return True

    def describe(self, answer: Any) -> str:
        gone = "" if answer else ", and its message is gone"
        return f"item {self.index} failed attempt {self.attempt}{gone}"


IS_ABORTED, IS_THERE, IS_REJECTED, IS_FINAL = 0, -1, -2, -3
"""What `CreateRun` answers where it inserts no run: the batch is ABORTED; the item has a run already, which is not
final; the queue of its environment is full; or the item has a run already, which is final."""


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
    rejected: bool = False
    """Whether it is refused: the queue of the environment is full."""
    waits: Waits = Waits.NOWHERE
    """*AndWait*: where it is kept that the parent waits for the run."""
    is_published: bool = True
    """Whether the run is in the run queue with it; otherwise a step of its own publishes it."""

    def footprint(self) -> Footprint:
        if self.rejected:
            return touches(writes=(rejected_key(self.index),))
        copies = range(1, (1 if self.once else self.copies) + 1)
        edges = [edge_key(self.index, copy) for copy in copies] if self.waits is Waits.WITH_IT else []
        waitpoints = [run_waitpoint_key(self.index, copy) for copy in copies] if edges and self.final else []
        rows = run_keys(self.index, len(copies))
        return touches(reads=(BATCH_ROW,) if self.once else (), writes=(*rows, *edges, *waitpoints))

    def unblocks(self) -> tuple[Key, ...]:
        if self.rejected or not self.is_published:
            return ()
        return run_keys(self.index, 1 if self.once else self.copies)

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return (run_key(self.index, answer),) if answer > 0 and self.is_published else ()

    def apply(self, world: World) -> int:
        if self.rejected:
            world.history.note_rejection(self.index)
            return IS_REJECTED
        if self.once:
            if world.postgres.find_batch().status is Status.ABORTED:
                return IS_ABORTED
            if there := world.postgres.find_runs(self.index):
                return IS_FINAL if all(there) else IS_THERE
        copy = world.postgres.create_run(self.index, final=self.final, copies=self.copies)
        if self.waits is Waits.WITH_IT:
            world.postgres.block_parent(self.index, copy)
            if self.final:
                world.postgres.complete_run_waitpoint(self.index, copy)
        return copy

    def describe(self, answer: Any) -> str:
        if answer == IS_REJECTED:
            return f"no run {self.index}: rejected, the environment's queue is full"
        if answer == IS_ABORTED:
            return f"no run {self.index}: the batch is ABORTED"
        if answer in (IS_THERE, IS_FINAL):
            return f"no second run {self.index}: there is one{', which is final' if answer == IS_FINAL else ''}"
        return f"{told_run(self.index, answer)}{', pre-failed' if self.final else ''}"


def told_run(index: int, copy: int) -> str:
    """A child run: `run 0, number 2 of its item`."""
    return f"run {index}{f', number {copy} of its item' if copy > 1 else ''}"


@dataclass(frozen=True, slots=True)
class RunOperation(MessageOperation[None]):
    """A step of creating a child run after its row was inserted."""

    done_by: ClassVar[tuple[str, ...]] = ("consumer",)
    is_of_faults: ClassVar[bool] = True
    copy: int
    """Which child run of the item."""

    def describe(self, answer: Any) -> str:
        return told_run(self.index, self.copy)


@dataclass(frozen=True, slots=True)
class BlockParent(RunOperation):
    """*AndWait*: write the parent's block edge to the waitpoint of a child run."""

    name: ClassVar[str] = "postgres.block_parent"

    def footprint(self) -> Footprint:
        return touches(writes=(edge_key(self.index, self.copy),))

    def apply(self, world: World) -> None:
        world.postgres.block_parent(self.index, self.copy)


@dataclass(frozen=True, slots=True)
class PublishRun(RunOperation):
    """Publish a child run to the run queue: only then it executes, or expires."""

    name: ClassVar[str] = "run_queue.publish"
    may_unblock: ClassVar[bool] = True

    def footprint(self) -> Footprint:
        return touches(writes=(published_key(self.index, self.copy),))

    def unblocks(self) -> tuple[Key, ...]:
        return (published_key(self.index, self.copy),)

    def apply(self, world: World) -> None:
        world.cells.write(published_key(self.index, self.copy), True)


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
