"""Child runs, and the job that completes the batch when all of them are final (protocol.md §3.4, §3.5)."""

from __future__ import annotations

from batchsim.batch.operations import (
    CompleteWaitpoint,
    FindBatch,
    FindRuns,
    FindWaitpoint,
    FinishRun,
    ScheduleCompletion,
    SetCompleted,
    TakeCompletion,
)
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Call, Setting
from batchsim.batch.stores import Status, Waitpoint


async def execute_run(index: int, copy: int = 1) -> None:
    """A child run: it executes for a while, and then asks for the completion job."""
    await FinishRun(index, copy)
    await ScheduleCompletion()


async def work_on_completion_jobs(setting: Setting, policy: Policy) -> None:
    """A job worker: pick up job after job."""
    while True:
        await TakeCompletion()
        await _try_complete(setting, policy)


async def _try_complete(setting: Setting, policy: Policy) -> None:
    if not await _awaits_its_runs(setting.run_count):
        return
    if not await _runs_are_final(setting):
        return
    if not await SetCompleted(policy.guards_completion):
        return
    if setting.call is Call.TRIGGER_AND_WAIT:
        await settle_waitpoint(Waitpoint.COMPLETED)


async def _awaits_its_runs(run_count: int) -> bool:
    row = await FindBatch()
    return row.status is not Status.COMPLETED and row.counted >= run_count


async def _runs_are_final(setting: Setting) -> bool:
    final, total = await FindRuns(setting.run_count, setting.run_copies_max)
    return final == total


async def settle_waitpoint(waitpoint: Waitpoint) -> None:
    """Complete the waitpoint, unless it is already."""
    if await FindWaitpoint() is Waitpoint.PENDING:
        await CompleteWaitpoint(waitpoint)
