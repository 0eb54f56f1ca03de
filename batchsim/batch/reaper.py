"""The reaper: ends a batch that is waited for and was never sealed (protocol.md §3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from batchsim.batch.completion import settle_waitpoint
from batchsim.batch.operations import Abort, FindBatch, TakeExpiry
from batchsim.batch.setting import Setting
from batchsim.batch.steps import Replaced
from batchsim.batch.stores import EXPIRY_JOB, BatchRow, Status, Waitpoint
from batchsim.model.operation import StoreFailure
from batchsim.model.system import Actor

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy


def reaper(setting: Setting, policy: Policy) -> Iterator[Actor]:
    """The actor: phase 1 scheduled its job, if the batch is waited for."""
    if setting.waits:
        program = (
            partial(_reap_again, setting, policy) if setting.jobs_can_raise else partial(policy.reap, setting)
        )
        timers = ((EXPIRY_JOB, TakeExpiry.name),)
        yield Actor("reaper", None, program, first_cells=((EXPIRY_JOB, True),), timers=timers)


async def _reap_again(setting: Setting, policy: Policy) -> None:
    """A job that raised, or whose worker crashed, is picked up again."""
    while True:
        with suppress(StoreFailure, Replaced):
            await policy.reap(setting)


async def reap(setting: Setting) -> None:
    """Wait for the expiry job of the batch, and end the batch if it still is not sealed."""
    await TakeExpiry()
    if await is_aborted():
        await settle_waitpoint(Waitpoint.FAILED)


async def is_aborted(spares_work_of: int = 0) -> bool:
    """Abort the batch if it is PENDING, not sealed, and lacks one of so many child runs; whether it is aborted."""
    match _status_if_expirable(await FindBatch()):
        case None:
            return False
        case Status.ABORTED:
            return True
    if await Abort(spares_work_of):
        return True
    return _status_if_expirable(await FindBatch()) is Status.ABORTED


def _status_if_expirable(row: BatchRow) -> Status | None:
    if row.sealed or row.status not in (Status.PENDING, Status.ABORTED):
        return None
    return row.status
