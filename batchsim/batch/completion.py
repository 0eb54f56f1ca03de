"""Child runs, and the job that completes the batch when all of them are final (protocol.md §3.4, §3.5)."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from batchsim.batch.operations import (
    CompleteRunWaitpoint,
    CompleteWaitpoint,
    ExpireRun,
    FindBatch,
    FindRuns,
    FindWaitpoint,
    FinishRun,
    Resume,
    ScheduleCompletion,
    SetCompleted,
    TakeCompletion,
)
from batchsim.batch.setting import Kind, Setting
from batchsim.batch.steps import Replaced
from batchsim.batch.stores import CREATION_TRIES, Status, Waitpoint, Waits
from batchsim.model.operation import StoreFailure

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy


async def execute_run(setting: Setting, policy: Policy, index: int, copy: int = 1) -> None:
    """A child run: it executes for a while, and then asks for the completion job; one that expires does not."""
    kept = setting.waits_kept is not Waits.NOWHERE
    in_steps = setting.ends_runs_in_steps
    end = ExpireRun if setting.items[index].kind is Kind.EXPIRES else FinishRun
    try:
        await end(index, copy, wakes_parent=setting.waits and not in_steps, keeps_waitpoint=kept and not in_steps)
        await policy.after_run(setting, index, copy)
    except StoreFailure:
        pass  # it is logged; nothing repairs what was not done


async def work_on_completion_jobs(setting: Setting, policy: Policy) -> None:
    """A job worker: pick up job after job. One that raises is tried again; a worker that crashes is replaced."""
    while True:
        with suppress(StoreFailure, Replaced):
            await TakeCompletion()
            await policy.try_complete(setting, policy)


async def wait_for_runs(setting: Setting) -> tuple[int, ...]:
    """*AndWait*: the parent goes on when the batch waitpoint and those of the runs are complete (3.1).

    The items whose results it gets, by place.
    """
    tries = CREATION_TRIES if setting.is_stepwise else 0
    return await Resume(setting.run_count, setting.run_copies_max, setting.waits_kept, tries)


async def after_run(setting: Setting, index: int, copy: int) -> None:
    """The waitpoint of a run is completed; it asks for the completion job, unless it expired."""
    if setting.ends_runs_in_steps:
        await CompleteRunWaitpoint(index, copy)
    if setting.items[index].kind is not Kind.EXPIRES:
        await ScheduleCompletion()


async def try_complete(setting: Setting, policy: Policy) -> None:
    """Complete the batch if all its runs are final, and the parent's waitpoint (3.4)."""
    await try_complete_with(setting, policy)


class _Found(Enum):
    """What a try-complete makes of the batch row."""

    COMPLETED = "completed"
    NOT_COUNTED = "not all items are accounted for"
    AWAITS_ITS_RUNS = "awaits its runs"


# A coroutine of its own, so that nothing is kept of the row but what matters: two jobs are alike sooner then.
async def _found(run_count: int) -> _Found:
    row = await FindBatch()
    if row.status is Status.COMPLETED:
        return _Found.COMPLETED
    return _Found.NOT_COUNTED if row.counted < run_count else _Found.AWAITS_ITS_RUNS


async def try_complete_with(setting: Setting, policy: Policy, *, resumes: bool = False) -> None:
    """A try that goes on where one before it raised, or one that stops at a batch that is COMPLETED."""
    match await _found(setting.run_count):
        case _Found.COMPLETED if resumes and setting.waits:
            await settle_waitpoint(Waitpoint.COMPLETED)
            return
        case _Found.COMPLETED | _Found.NOT_COUNTED:
            return
    if not await _runs_are_final(setting):
        return
    if not await policy.set_completed():
        return
    if setting.waits:
        await settle_waitpoint(Waitpoint.COMPLETED)


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
