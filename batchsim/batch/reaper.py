"""The reaper: ends a batch that is waited for and was never sealed (protocol.md §3.6)."""

from __future__ import annotations

from batchsim.batch.completion import settle_waitpoint
from batchsim.batch.operations import Abort, Cleanup, FindBatch, TakeExpiry
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.stores import BatchRow, Status, Waitpoint


async def reap(setting: Setting, policy: Policy) -> None:
    """Wait for the expiry job of the batch, and end the batch if it still is not sealed."""
    await TakeExpiry()
    spares_work_of = setting.run_count if policy.reaper_spares_work else 0
    if await _is_aborted(spares_work_of):
        await settle_waitpoint(Waitpoint.FAILED)
        if policy.reaper_spares_work:
            await Cleanup()


async def _is_aborted(spares_work_of: int) -> bool:
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
