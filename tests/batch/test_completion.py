"""Child runs, the completion job and the reaper (protocol.md §3.4 to §3.6)."""

from __future__ import annotations

import pytest

from batchsim.batch.completion import execute_run, work_on_completion_jobs
from batchsim.batch.operations import (
    Abort,
    CompleteWaitpoint,
    ExpireRun,
    FindBatch,
    FindRuns,
    FindWaitpoint,
    FinishRun,
    RunTally,
    ScheduleCompletion,
    SetCompleted,
    TakeCompletion,
    TakeExpiry,
)
from batchsim.batch.policies import POLICIES
from batchsim.batch.reaper import reap
from batchsim.batch.setting import Call, Item, Kind, Setting
from batchsim.batch.stores import BatchRow, Status, Waitpoint
from tests.batch.by_hand import ByHand

COUNTED = BatchRow(processing_completed=True, successful_run_count=1, failed_run_count=1)


def worker(call: Call = Call.TRIGGER, policy: str = "pr3766") -> ByHand:
    setting = Setting((Item(), Item()), call)
    worker = ByHand(work_on_completion_jobs(setting, POLICIES[policy]))
    worker.expect(TakeCompletion())
    return worker


def test_a_run_finishes_and_asks_for_the_completion_job() -> None:
    run = ByHand(execute_run(Setting((Item(),) * 4), POLICIES["pr4397"], 3))
    run.expect(FinishRun(3))
    run.expect(ScheduleCompletion())
    assert run.awaited is None


def test_a_run_that_expires_asks_for_nothing() -> None:
    run = ByHand(execute_run(Setting((Item(Kind.EXPIRES),)), POLICIES["pr4397"], 0))
    run.expect(ExpireRun(0))
    assert run.awaited is None


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
def test_a_counted_batch_with_final_runs_is_completed(status: Status) -> None:
    job = worker()
    job.expect(FindBatch(), COUNTED._replace(status=status))
    job.expect(FindRuns(2), RunTally(final=1, total=1))
    job.expect(SetCompleted(guarded=False), True)
    assert job.awaited == TakeCompletion()


@pytest.mark.parametrize(
    "row",
    [
        BatchRow(),
        COUNTED._replace(status=Status.COMPLETED),
        COUNTED._replace(successful_run_count=0),
        COUNTED._replace(failed_run_count=None),
    ],
)
def test_a_completed_or_uncounted_batch_is_left_alone(row: BatchRow) -> None:
    job = worker()
    job.expect(FindBatch(), row)
    assert job.awaited == TakeCompletion()


def test_a_run_that_is_not_final_stops_the_job() -> None:
    job = worker()
    job.expect(FindBatch(), COUNTED)
    job.expect(FindRuns(2), RunTally(final=1, total=2))
    assert job.awaited == TakeCompletion()


def completing(policy: str, *, changed: bool) -> ByHand:
    job = worker(Call.TRIGGER_AND_WAIT, policy)
    job.expect(FindBatch(), COUNTED)
    job.expect(FindRuns(2), RunTally(final=2, total=2))
    job.expect(SetCompleted(guarded=policy == "pr4397"), changed)
    return job


def test_a_pending_waitpoint_is_completed() -> None:
    job = completing("pr3766", changed=True)
    job.expect(FindWaitpoint(), Waitpoint.PENDING)
    job.expect(CompleteWaitpoint(Waitpoint.COMPLETED))
    assert job.awaited == TakeCompletion()


@pytest.mark.parametrize("waitpoint", [Waitpoint.COMPLETED, Waitpoint.FAILED])
def test_a_waitpoint_that_is_not_pending_is_left_alone(waitpoint: Waitpoint) -> None:
    job = completing("pr3766", changed=True)
    job.expect(FindWaitpoint(), waitpoint)
    assert job.awaited == TakeCompletion()


def test_a_guarded_completion_that_changed_no_row_stops() -> None:
    assert completing("pr4397", changed=False).awaited == TakeCompletion()


# -- the reaper --------------------------------------------------------------------------------

PENDING = BatchRow()
ABORTED = BatchRow(status=Status.ABORTED)


def reaper() -> ByHand:
    reaper = ByHand(reap(Setting((Item(),))))
    reaper.expect(TakeExpiry())
    return reaper


def test_the_reaper_aborts_a_pending_batch_and_fails_its_waitpoint() -> None:
    reaping = reaper()
    reaping.expect(FindBatch(), PENDING)
    reaping.expect(Abort(), True)
    reaping.expect(FindWaitpoint(), Waitpoint.PENDING)
    reaping.expect(CompleteWaitpoint(Waitpoint.FAILED))
    assert reaping.awaited is None


def test_the_reaper_fails_the_waitpoint_of_an_aborted_batch() -> None:
    reaping = reaper()
    reaping.expect(FindBatch(), ABORTED)
    assert reaping.awaited == FindWaitpoint()


@pytest.mark.parametrize(
    "row",
    [
        PENDING._replace(sealed=True),
        ABORTED._replace(sealed=True),
        *(BatchRow(status) for status in (Status.PROCESSING, Status.COMPLETED, Status.PARTIAL_FAILED)),
    ],
)
def test_the_reaper_leaves_a_sealed_or_finished_batch_alone(row: BatchRow) -> None:
    reaping = reaper()
    reaping.expect(FindBatch(), row)
    assert reaping.awaited is None


@pytest.mark.parametrize(
    ("row", "goes_on"),
    [
        (ABORTED, True),
        (ABORTED._replace(sealed=True), False),
        (PENDING, False),
        (BatchRow(Status.PROCESSING, sealed=True), False),
    ],
)
def test_a_reaper_that_came_too_late_reads_again(row: BatchRow, goes_on: bool) -> None:
    reaping = reaper()
    reaping.expect(FindBatch(), PENDING)
    reaping.expect(Abort(), False)
    reaping.expect(FindBatch(), row)
    assert reaping.awaited == (FindWaitpoint() if goes_on else None)
