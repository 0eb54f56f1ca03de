"""What protocol.md says of the stores, checked after every step; no faults."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from batchsim.batch.actors import world_after_phase_1
from batchsim.batch.history import COMPLETION_UPDATES
from batchsim.batch.operations import (
    Abort,
    Cleanup,
    CleanupWithTombstone,
    CompletionUpdate,
    CreateRun,
    EndOfRun,
    ExpireTombstone,
    Record,
    Resume,
    Seal,
    SetCompleted,
)
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.stores import (
    BATCH_ROW,
    ENQUEUED_ITEMS,
    FAILURES,
    META,
    PROCESSED,
    PROCESSED_ITEMS,
    QUEUE,
    REDIS_KEYS,
    RUNS,
    STREAMED,
    WAITPOINT,
    BatchRow,
    Status,
    Waitpoint,
    run_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Cells, freeze
from batchsim.model.operation import Operation

Snapshot = dict[str, Hashable]
NO_ITEMS: frozenset[int] = frozenset()


def snapshot_of(world: World) -> Snapshot:
    """All cells but what handlers and the SDK return, which appears when they end, between two steps."""
    cells = world.cells.items()
    return {key: freeze(value) for key, value in cells if not key.startswith(("http:answer:", STREAMED))}


class Moment:
    """One step, with the stores before and after it."""

    def __init__(self, setting: Setting, operation: Operation[Any], before: Snapshot, after: Snapshot) -> None:
        self.setting = setting
        self.operation = operation
        self.before = before
        self.after = after

    def size(self, key: str) -> int:
        value: Any = self.after.get(key, ())
        return len(value)

    @property
    def rows(self) -> tuple[BatchRow, BatchRow]:
        before, after = self.before[BATCH_ROW], self.after[BATCH_ROW]
        assert isinstance(before, BatchRow)
        assert isinstance(after, BatchRow)
        return before, after

    def run(self, index: int) -> tuple[Hashable, Hashable]:
        return self.before.get(run_key(index)), self.after.get(run_key(index))


def only_declared_keys_change(moment: Moment) -> None:
    before, after = moment.before, moment.after
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed <= moment.operation.footprint().writes


def processed_counts_the_recorded_items(moment: Moment) -> None:
    processed = moment.after.get(PROCESSED, 0)
    assert processed == moment.size(PROCESSED_ITEMS)
    assert processed == moment.size(RUNS) + moment.size(FAILURES)
    assert moment.size(PROCESSED_ITEMS) <= moment.setting.run_count


def items_are_enqueued_before_they_are_processed(moment: Moment) -> None:
    processed: Any = moment.after.get(PROCESSED_ITEMS, NO_ITEMS)
    assert processed <= moment.after.get(ENQUEUED_ITEMS, NO_ITEMS)


def a_message_is_in_the_queue_once(moment: Moment) -> None:
    queue: Any = moment.after.get(QUEUE, ())
    items = [message.item for message in queue]
    assert len(items) == len(set(items))
    failed_attempts = [moment.setting.items[message.item].failed_attempts for message in queue]
    assert all(message.attempt <= failed + 1 for message, failed in zip(queue, failed_attempts, strict=True))


def meta_is_there_until_cleanup_and_never_again(moment: Moment) -> None:
    is_cleanup = isinstance(moment.operation, Cleanup | CleanupWithTombstone)
    had, has = META in moment.before, META in moment.after
    assert has == (had and not is_cleanup)
    assert not has or moment.after[META] == moment.setting.run_count


def cleanup_follows_the_completion_update(moment: Moment) -> None:
    if isinstance(moment.operation, Cleanup | CleanupWithTombstone):
        assert moment.before[COMPLETION_UPDATES] == 1
        assert moment.before[PROCESSED] == moment.setting.run_count
        left = {key for key in REDIS_KEYS if key in moment.after}
        assert left == ({ENQUEUED_ITEMS} if isinstance(moment.operation, CleanupWithTombstone) else set())


def enqueued_items_only_grow_until_they_are_deleted(moment: Moment) -> None:
    if not isinstance(moment.operation, Cleanup | ExpireTombstone):
        before: Any = moment.before.get(ENQUEUED_ITEMS, NO_ITEMS)
        assert before <= moment.after.get(ENQUEUED_ITEMS, NO_ITEMS)


def the_completion_update_is_made_once_when_all_is_processed(moment: Moment) -> None:
    if isinstance(moment.operation, CompletionUpdate):
        assert COMPLETION_UPDATES not in moment.before
        assert moment.before[PROCESSED] == moment.setting.run_count
        assert moment.rows[1].counted == moment.setting.run_count
        assert moment.rows[1].processing_completed


def a_seal_and_the_completion_time_stay(moment: Moment) -> None:
    before, after = moment.rows
    assert after.sealed >= before.sealed
    assert after.processing_completed >= before.processing_completed
    if after.sealed > before.sealed:
        assert isinstance(moment.operation, Seal | CompletionUpdate)


def the_status_moves_along_its_edges(moment: Moment) -> None:
    before, after = moment.rows
    if before.status is after.status:
        return
    match moment.operation:
        case Seal():
            assert (before.status, after.status) == (Status.PENDING, Status.PROCESSING)
        case Abort():
            assert (before.status, after.status) == (Status.PENDING, Status.ABORTED)
            assert not before.sealed
        case CompletionUpdate():
            assert before.status in (Status.PENDING, Status.PROCESSING, Status.ABORTED)
            assert after.status in (Status.PENDING, Status.PARTIAL_FAILED, Status.ABORTED)
        case SetCompleted():
            assert before.status in (Status.PENDING, Status.PROCESSING, Status.PARTIAL_FAILED)
            assert after.status is Status.COMPLETED
        case other:
            raise AssertionError(f"{other} changed the status")


def a_completed_batch_has_final_runs_only(moment: Moment) -> None:
    if moment.rows[1].status is Status.COMPLETED:
        assert False not in [moment.after.get(run_key(i)) for i in range(moment.setting.run_count)]


def a_run_begins_once_and_stays_final(moment: Moment) -> None:
    for index in range(moment.setting.run_count):
        before, after = moment.run(index)
        if before == after:
            continue
        assert (before, after) in ((None, False), (None, True), (False, True))
        assert isinstance(moment.operation, CreateRun if before is None else EndOfRun)


def an_item_is_recorded_after_its_run_was_created(moment: Moment) -> None:
    match moment.operation:
        case Record(index=index, success=success):
            assert (moment.run(index)[0] is not None) == success


def the_parent_goes_on_once_all_that_it_waits_for_is_complete(moment: Moment) -> None:
    if isinstance(moment.operation, Resume):
        runs = [moment.before.get(run_key(index)) for index in range(moment.setting.run_count)]
        assert False not in runs
        assert moment.before[WAITPOINT] in (Waitpoint.COMPLETED, Waitpoint.FAILED)


FACTS: tuple[Callable[[Moment], None], ...] = (
    only_declared_keys_change,
    processed_counts_the_recorded_items,
    items_are_enqueued_before_they_are_processed,
    a_message_is_in_the_queue_once,
    meta_is_there_until_cleanup_and_never_again,
    cleanup_follows_the_completion_update,
    enqueued_items_only_grow_until_they_are_deleted,
    the_completion_update_is_made_once_when_all_is_processed,
    a_seal_and_the_completion_time_stay,
    the_status_moves_along_its_edges,
    a_completed_batch_has_final_runs_only,
    a_run_begins_once_and_stays_final,
    an_item_is_recorded_after_its_run_was_created,
    the_parent_goes_on_once_all_that_it_waits_for_is_complete,
)


class Facts:
    """Checks all facts of a run, step by step."""

    def __init__(self, setting: Setting, policy: Policy) -> None:
        self._setting = setting
        self._before = snapshot_of(world_after_phase_1(setting, policy, Cells()))

    def check(self, world: World, operation: Operation[Any]) -> None:
        after = snapshot_of(world)
        moment = Moment(self._setting, operation, self._before, after)
        for fact in FACTS:
            fact(moment)
        self._before = after
