"""A footprint declares what its operation touches: no key less, no key more."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

import pytest

from batchsim.batch import faults, operations
from batchsim.batch.client import CallResult, Result
from batchsim.batch.fault_injection import ConnectionDrops, MessageIsRedelivered
from batchsim.batch.history import PUSHED, SPURIOUS_RETRY
from batchsim.batch.operations import OPERATIONS, TOMBSTONE
from batchsim.batch.operations.limits import REFUSED, RESET
from batchsim.batch.operations.phase_1 import MADE
from batchsim.batch.stores import (
    BATCH_ROW,
    COMPLETION_JOB,
    EXPIRY_JOB,
    FAILURES,
    GRANT,
    LIMITED,
    LIMITER,
    META,
    PROCESSED,
    QUEUE,
    REDIS_KEYS,
    RUNS,
    STREAMED,
    WAITPOINT,
    WORKER_LIST,
    Answer,
    BatchRow,
    Claim,
    Creation,
    IdempotencyKey,
    Message,
    Status,
    Waitpoint,
    Waits,
    answer_key,
    claims_key,
    creation_answer_key,
    edge_key,
    holders_key,
    in_flight_key,
    of_second_batch,
    of_try,
    request_key,
    run_key,
    run_waitpoint_key,
    slot_key,
)
from batchsim.batch.world import World
from batchsim.model import operation as base
from batchsim.model.cells import Cells, GuardedCells, Key, UndeclaredKeyError
from batchsim.model.exposure import exposed, fault_key
from batchsim.model.operation import Footprint, Operation, touches

T = TypeVar("T")
World_ = dict[Key, Any]
ABORTED = {BATCH_ROW: BatchRow(Status.ABORTED)}
"""A row that every unconditional update of the status overwrites, which is a regression."""

RETURNED = {STREAMED: CallResult(Result.OK, 200, 1), WAITPOINT: Waitpoint.COMPLETED}
TAKEN = {in_flight_key(0): Message(0)}
MADE_BY_TRY = {of_try(key, 1): 1 for key in MADE}

EXAMPLES: tuple[tuple[Operation[Any], World_], ...] = (
    (operations.Deliver(1, 2), {answer_key(1): Answer(500), PUSHED: {0, 1}}),
    (operations.Backoff(1), {}),
    (operations.FindBatch(), {BATCH_ROW: BatchRow()}),
    (operations.Upload(0), {}),
    (operations.GetMeta(0), {META: 2}),
    (operations.MarkEnqueued(0), {}),
    (operations.PushMessage(0), {}),
    (operations.EnqueueItem(0), {META: 1}),
    (operations.EnqueuedCount(), {}),
    (operations.Seal(), {BATCH_ROW: BatchRow()}),
    (operations.TakeMessage(), {QUEUE: [Message(0)]}),
    (operations.ClaimMessages(2), {QUEUE: [Message(0), Message(1)]}),
    (operations.ClaimMessages(2, slots=1), {QUEUE: [Message(0), Message(1)]}),
    (operations.ClaimMessages(2, slots=1), {QUEUE: [Message(1)]}),
    (operations.ClaimMessages(1, is_held=True), {QUEUE: [Message(0)], holders_key(0): (1,)}),
    (operations.ClaimMessages(1, has_tokens=True, is_numbered=True), {QUEUE: [Message(0)], claims_key(0): 2}),
    (operations.OfferMessage(0), {}),
    (operations.OfferMessage(0, takes_slot=True), {}),
    (operations.OfferMessage(0, is_held=True), {holders_key(0): (0, 0)}),
    (operations.TakeKey(2), {WORKER_LIST: deque([Claim(0), Claim(1)])}),
    (operations.TakeKey(1, is_held=True), {WORKER_LIST: deque([Claim(0)])}),
    (operations.ReadMessage(0), TAKEN),
    (operations.ReadMessage(0, starts_heartbeat=True, delivery=2), TAKEN),
    (operations.Heartbeat(0), {holders_key(0): (0,)}),
    (operations.CompleteMessage(0), {**TAKEN, slot_key(0): True}),
    (operations.CompleteMessage(0, delivery=1), TAKEN),
    (operations.RetryMessage(0, 1), {}),
    (operations.RetryMessage(0, 1, is_in_flight=True), TAKEN),
    (operations.Redeliver(0, can_be_left=True), TAKEN),
    (exposed(operations.Redeliver(0), (MessageIsRedelivered(0, faults.Redeliver()),)), {**TAKEN, fault_key(0): 1}),
    (operations.CreateRun(0, final=False), {}),
    (operations.CreateRun(0, final=False, rejected=True), {}),
    (operations.CreateRun(0, final=False, copies=2), {}),
    (operations.CreateRun(0, final=False, copies=2), {run_key(0): True}),
    (operations.CreateRun(0, final=False, copies=2, once=True), {BATCH_ROW: BatchRow()}),
    (operations.CreateRun(0, final=True, waits=Waits.BY_STEPS), {}),
    (operations.CreateRun(0, final=False, waits=Waits.WITH_IT), {}),
    (operations.CreateRun(0, final=True, waits=Waits.WITH_IT), {}),
    (operations.BlockParent(0, 1), {}),
    (operations.PublishRun(0, 2), {}),
    (operations.Record(0, success=True), {}),
    (operations.Record(0, success=False), {}),
    (operations.Record(0, success=True, needs_meta=True), {META: 1}),
    (operations.Record(0, success=False, needs_meta=True), {META: 1}),
    (operations.ReadRuns(), {RUNS: {0: 0}}),
    (operations.ReadFailures(), {FAILURES: [0]}),
    (operations.CompletionUpdate(Status.PENDING, 1, 0, seals=False), ABORTED),
    (operations.ScheduleCompletion(), {}),
    (operations.Cleanup(), dict.fromkeys(REDIS_KEYS, 1)),
    (operations.CleanupWithTombstone(), dict.fromkeys(REDIS_KEYS, 1)),
    (operations.ExpireTombstone(), {TOMBSTONE: True}),
    (operations.FinishRun(0, wakes_parent=True), {run_key(0): False}),
    (operations.FinishRun(0, 2, wakes_parent=True, keeps_waitpoint=True), {run_key(0, 2): False}),
    (operations.ExpireRun(0, wakes_parent=True), {run_key(0): False}),
    (operations.CompleteRunWaitpoint(0), {run_key(0): True}),
    (operations.TakeCompletion(), {COMPLETION_JOB: True}),
    (operations.FindRuns(2), {run_key(0): True}),
    (operations.FindRuns(1, copies=2), {run_key(0): True}),
    (operations.SetCompleted(guarded=False), ABORTED),
    (operations.FindWaitpoint(), {WAITPOINT: Waitpoint.PENDING}),
    (operations.CompleteWaitpoint(Waitpoint.COMPLETED), {WAITPOINT: Waitpoint.PENDING}),
    (operations.TakeExpiry(), {EXPIRY_JOB: True}),
    (operations.Abort(), {BATCH_ROW: BatchRow()}),
    (operations.Abort(2), {BATCH_ROW: BatchRow()}),
    (operations.Resume(2, 2), {**RETURNED, run_key(0): True, run_key(0, 2): True}),
    (operations.Resume(1, 1, Waits.BY_STEPS), {**RETURNED, edge_key(0): True, run_waitpoint_key(0): True}),
    (operations.CallAgain(2, waits=True, is_reaped=True), {SPURIOUS_RETRY: True}),
    (operations.CallAgain(2, waits=True, is_reaped=True, key=IdempotencyKey.WORKING), {SPURIOUS_RETRY: True}),
    (operations.TakeFromEither(), {QUEUE: [Message(0)]}),
    (operations.TakeFromEither(), {of_second_batch(QUEUE): [Message(0)]}),
    (operations.Admit(1, 1), {}),
    (operations.Admit(1, 1), {LIMITER: 1}),
    (operations.Admit(1, 1), {GRANT: 1}),
    (operations.ResetLimit(), {LIMITER: 1, LIMITED: REFUSED}),
    (operations.EndGrant(), {GRANT: 1}),
    (operations.EndLaterGrant(), {GRANT: 1}),
    (operations.AwaitReset(1), {LIMITED: RESET}),
    (operations.ReadItem(0, 1), {}),
    (operations.TimeOutRequest(1, 1), {request_key(1): True}),
    (operations.DeliverInTime(1, 1), {answer_key(1): Answer(500), PUSHED: {0}}),
    (operations.DeliverCreation(1), {**MADE_BY_TRY, creation_answer_key(1): Creation(202, 1)}),
    (operations.BackoffCreation(1), {}),
    (operations.FindIdempotencyKey(), {}),
    (operations.CreateBatch(1, has_key=True), {}),
    (operations.SaveIdempotencyKey(1), {}),
    (operations.ScheduleExpiry(1), {}),
    (operations.CreateWaitpoint(1), {}),
    (operations.BlockOnBatch(1), {}),
    (operations.SetMeta(1, 2), {}),
    (exposed(operations.Drop(1), (ConnectionDrops(0, faults.Disconnect(attempt=1)),)), {fault_key(0): 1}),
)
"""Every operation in a world where it has something to do."""


NEVER_ISSUED = {operations.RetryJob, operations.ReturnJob, operations.KeptInFlight}
"""Names of delays."""


def concrete_operations() -> Iterator[type[Operation[Any]]]:
    for value in vars(operations).values():
        if isinstance(value, type) and issubclass(value, Operation) and hasattr(value, "name"):
            yield value


def test_every_operation_has_an_example_and_its_name_is_known() -> None:
    found = set(concrete_operations())
    assert {type(operation.bare) for operation, _ in EXAMPLES} == found - NEVER_ISSUED
    assert {operation.name for operation in found} == set(OPERATIONS)


class WatchedCells(Cells):
    """Cells that note which keys are read and which are written."""

    def __init__(self, cells: World_) -> None:
        super().__init__(cells)
        self.reads: set[Key] = set()
        self.writes: set[Key] = set()

    def read(self, key: Key) -> object:
        self.reads.add(key)
        return super().read(key)

    def modify(self, key: Key, empty: Callable[[], T]) -> T:
        self.writes.add(key)
        return super().modify(key, empty)

    def write(self, key: Key, value: Hashable) -> None:
        self.writes.add(key)
        super().write(key, value)

    def delete(self, key: Key) -> bool:
        self.writes.add(key)
        return super().delete(key)


def fresh(cells: World_) -> World_:
    return {key: value.copy() if hasattr(value, "copy") else value for key, value in cells.items()}


def perform(operation: Operation[Any], cells: Cells, place: int = 0) -> int:
    """Take one of its ways; how many there are."""
    world = World(cells)
    ways = operation.alternatives(world)
    operation.apply_alternative(world, ways[place])
    return len(ways)


def touched(operation: Operation[Any], cells: World_) -> Footprint:
    watched = WatchedCells(fresh(cells))
    perform(operation, watched)
    return touches(reads=tuple(watched.reads - watched.writes), writes=tuple(watched.writes))


def perform_declaring(operation: Operation[Any], cells: World_, declared: Footprint) -> None:
    """Take each of its ways."""
    place, ways = 0, 1
    while place < ways:
        guarded = GuardedCells(fresh(cells))
        guarded.admit(operation.name, *declared)
        ways = perform(operation, guarded, place)
        place += 1


@pytest.mark.parametrize(("operation", "cells"), EXAMPLES, ids=lambda each: getattr(each, "name", ""))
def test_leaving_out_any_one_key_is_detected(operation: Operation[Any], cells: World_) -> None:
    reads, writes = touched(operation, cells)
    perform_declaring(operation, cells, operation.footprint())
    for key in reads:
        with pytest.raises(UndeclaredKeyError, match=f"{operation.name} reads {key}"):
            perform_declaring(operation, cells, Footprint(reads - {key}, writes))
    for key in writes:
        with pytest.raises(UndeclaredKeyError, match=f"{operation.name} .* {key}"):
            perform_declaring(operation, cells, Footprint(reads, writes - {key}))
        with pytest.raises(UndeclaredKeyError):
            perform_declaring(operation, cells, Footprint(reads | {key}, writes - {key}))


@pytest.mark.parametrize(
    ("name", "declared"),
    {(each.name, each.footprint()): None for each, _ in EXAMPLES},
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_footprint_declares_nothing_that_is_never_touched(name: str, declared: Footprint) -> None:
    """Neither where an operation touches more in some settings, nor where it does not."""
    alike = [(each, cells) for each, cells in EXAMPLES if (each.name, each.footprint()) == (name, declared)]
    reads, writes = (
        frozenset[Key]().union(*keys)
        for keys in zip(*(touched(operation, cells) for operation, cells in alike), strict=True)
    )
    assert declared == Footprint(reads - writes, writes)


def test_footprints_conflict_where_one_writes_what_the_other_touches() -> None:
    reader, other_reader = touches(reads=(META,)), touches(reads=(META, RUNS))
    writer = touches(reads=(PROCESSED,), writes=(META,))
    assert not reader.conflicts_with(other_reader)
    assert reader.conflicts_with(writer)
    assert writer.conflicts_with(reader)
    assert writer.conflicts_with(writer)
    assert not writer.conflicts_with(touches(reads=(PROCESSED,), writes=(RUNS,)))


@pytest.mark.parametrize(("operation", "cells"), EXAMPLES, ids=lambda each: getattr(each, "name", ""))
def test_what_wakes_others_is_marked_and_is_written(operation: Operation[Any], cells: World_) -> None:
    alike = [each for each, _ in EXAMPLES if type(each) is type(operation)]
    # Taking a message lets others go on that only time holds back: those that were claimed with it.
    is_of_time = isinstance(operation, operations.TakeMessage | operations.TakeFromEither)
    assert operation.may_unblock == (is_of_time or any(each.unblocks() for each in alike))
    woken = set(operation.unblocks()) - operation.footprint().writes
    waiting = WAKES_AT_A_CELL_OF_OTHERS.get(operation.name)
    if waiting is not None and woken:
        assert woken == {waiting.waits_for()}
        assert waiting.footprint().conflicts_with(operation.footprint()) or operation.is_wait
    else:
        assert not woken
    if operation.timer() is not None:
        assert operation.may_unblock


WAKES_AT_A_CELL_OF_OTHERS: dict[str, base.BlockingOperation[Any]] = {
    "http.time_out": operations.DeliverInTime(1, 1),
    "network.drop": operations.Deliver(1, 2),
    "queue.read": operations.Redeliver(0),
    "queue.heartbeat": operations.Redeliver(0),
    "queue.complete": operations.ClaimMessages(2, slots=1),
    "run.finish": operations.Resume(1, 2, Waits.WITH_IT),
    "run.expire": operations.Resume(1),
    "postgres.complete_run_waitpoint": operations.Resume(1, 1, Waits.BY_STEPS),
}
"""Who is woken by a step that does not write the cell that he waits for, but another one that he looks at, or a
timer."""


def test_only_blocking_operations_can_be_blocked() -> None:
    for operation, _ in EXAMPLES:
        blocked = not operation.alternatives(World(Cells()))
        assert blocked == isinstance(operation, base.BlockingOperation)
        if isinstance(operation, base.BlockingOperation):
            footprint = operation.footprint()
            assert operation.waits_for() in footprint.reads | footprint.writes
