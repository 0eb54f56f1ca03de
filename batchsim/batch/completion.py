"""Child runs, and the job that completes the batch when all of them are final (protocol.md §3.4, §3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from batchsim.batch.setting import Call, Setting
from batchsim.batch.stores import Status, Waitpoint

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy


async def execute_run(index: int, copy: int = 1) -> None:
    """A child run: it executes for a while, and then asks for the completion job."""
    await FinishRun(index, copy)
    await ScheduleCompletion()


async def work_on_completion_jobs(setting: Setting, policy: Policy) -> None:
    """A job worker: pick up job after job."""
    while True:
        await TakeCompletion()
        await policy.try_complete(setting, policy)


async def try_complete(setting: Setting, policy: Policy) -> None:
    """Complete the batch if all its runs are final, and the parent's waitpoint (3.4)."""
    if not await _awaits_its_runs(setting.run_count):
        return
    if not await _runs_are_final(setting):
        return
    if not await policy.set_completed():
        return
    if setting.call is Call.TRIGGER_AND_WAIT:
        await settle_waitpoint(Waitpoint.COMPLETED)


async def _awaits_its_runs(run_count: int) -> bool:
    row = await FindBatch()
    return row.status is not Status.COMPLETED and row.counted >= run_count


async def _runs_are_final(setting: Setting) -> bool:
    final, total = await FindRuns(setting.run_count, setting.run_copies_max)
    return final == total


async def set_completed() -> bool:
    """Set the batch COMPLETED, unconditionally; whether this did it."""
    return await SetCompleted(guarded=False)


async def settle_waitpoint(waitpoint: Waitpoint) -> None:
    """Complete the waitpoint, unless it is already."""
    if await FindWaitpoint() is Waitpoint.PENDING:
        await CompleteWaitpoint(waitpoint)
