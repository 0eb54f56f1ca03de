"""A footprint declares what its operation touches: no key less, no key more."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeVar

import pytest

from batchsim.batch import operations
from batchsim.batch.fault_injection import ConnectionDrops
from batchsim.batch.faults import Disconnect
from batchsim.batch.history import PUSHED
from batchsim.batch.operations import OPERATIONS, TOMBSTONE
from batchsim.batch.stores import (
    BATCH_ROW,
    COMPLETION_JOB,
    EXPIRY_JOB,
    FAILURES,
    META,
    PROCESSED,
    QUEUE,
    REDIS_KEYS,
    RUNS,
    WAITPOINT,
    Answer,
    BatchRow,
    InFlight,
    Message,
    Status,
    Waitpoint,
    answer_key,
    in_flight_key,
    run_key,
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
    (operations.ClaimMessage(1), {QUEUE: [Message(0)]}),
    (operations.ReadMessage(0), {in_flight_key(0): InFlight(Message(0))}),
    (operations.CompleteMessage(0), {in_flight_key(0): InFlight(Message(0))}),
    (operations.RetryMessage(0, 1), {}),
    (operations.Redeliver(0), {in_flight_key(0): InFlight(Message(0), is_abandoned=True)}),
    (operations.CreateRun(0, final=False), {}),
    (operations.Record(0, success=True), {}),
    (operations.Record(0, success=False), {}),
    (operations.ReadRuns(), {RUNS: {0: 0}}),
    (operations.ReadFailures(), {FAILURES: [0]}),
    (operations.CompletionUpdate(Status.PENDING, 1, 0, seals=False), ABORTED),
    (operations.ScheduleCompletion(), {}),
    (operations.Cleanup(), dict.fromkeys(REDIS_KEYS, 1)),
    (operations.CleanupWithTombstone(), dict.fromkeys(REDIS_KEYS, 1)),
    (operations.ExpireTombstone(), {TOMBSTONE: True}),
    (operations.FinishRun(0), {run_key(0): False}),
    (operations.TakeCompletion(), {COMPLETION_JOB: True}),
    (operations.FindRuns(2), {run_key(0): True}),
    (operations.SetCompleted(guarded=False), ABORTED),
    (operations.FindWaitpoint(), {WAITPOINT: Waitpoint.PENDING}),
    (operations.CompleteWaitpoint(Waitpoint.COMPLETED), {WAITPOINT: Waitpoint.PENDING}),
    (operations.TakeExpiry(), {EXPIRY_JOB: True}),
    (operations.Abort(), {BATCH_ROW: BatchRow()}),
    (exposed(operations.Drop(1), (ConnectionDrops(0, Disconnect(attempt=1)),)), {fault_key(0): 1}),
)
"""Every operation in a world where it has something to do."""


LOOKING = ("queue.take", "queue.complete", "queue.redeliver", "network.drop")


def concrete_operations() -> Iterator[type[Operation[Any]]]:
    for value in vars(operations).values():
        if isinstance(value, type) and issubclass(value, Operation) and hasattr(value, "name"):
            yield value


def test_every_operation_has_an_example_and_its_name_is_known() -> None:
    found = set(concrete_operations())
    assert {type(operation.bare) for operation, _ in EXAMPLES} == found
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


def perform(operation: Operation[Any], cells: Cells) -> None:
    world = World(cells)
    (way,) = operation.alternatives(world)
    operation.apply_alternative(world, way)


def touched(operation: Operation[Any], cells: World_) -> Footprint:
    watched = WatchedCells(fresh(cells))
    perform(operation, watched)
    return touches(reads=tuple(watched.reads - watched.writes), writes=tuple(watched.writes))


def perform_declaring(operation: Operation[Any], cells: World_, declared: Footprint) -> None:
    guarded = GuardedCells(fresh(cells))
    guarded.admit(operation.name, *declared)
    perform(operation, guarded)


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
        if operation.name not in LOOKING:  # looks at the queue before it takes
            with pytest.raises(UndeclaredKeyError):
                perform_declaring(operation, cells, Footprint(reads | {key}, writes - {key}))


@pytest.mark.parametrize("kind", {type(each): None for each, _ in EXAMPLES})
def test_a_footprint_declares_nothing_that_is_never_touched(kind: type[Operation[Any]]) -> None:
    of_kind = [(operation, cells) for operation, cells in EXAMPLES if type(operation) is kind]
    reads, writes = (
        frozenset[Key]().union(*keys)
        for keys in zip(*(touched(operation, cells) for operation, cells in of_kind), strict=True)
    )
    assert all(operation.footprint() == Footprint(reads, writes) for operation, _ in of_kind)


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
    assert operation.may_unblock == bool(operation.unblocks())
    footprint = operation.footprint()
    assert set(operation.unblocks()) <= (
        footprint.reads | footprint.writes if operation.name == "network.drop" else footprint.writes
    )
    if operation.timer() is not None:
        assert operation.may_unblock


def test_only_blocking_operations_can_be_blocked() -> None:
    for operation, _ in EXAMPLES:
        blocked = not operation.alternatives(World(Cells()))
        assert blocked == isinstance(operation, base.BlockingOperation)
        if isinstance(operation, base.BlockingOperation):
            footprint = operation.footprint()
            assert operation.waits_for() in footprint.reads | footprint.writes
