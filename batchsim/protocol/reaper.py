"""The reaper: ends a batch that is waited for and was never sealed (protocol.md §3.6)."""

from __future__ import annotations

from batchsim.protocol.completion import settle_waitpoint
from batchsim.protocol.operations import Abort, FindBatch, TakeExpiry
from batchsim.protocol.stores import BatchRow, Status, Waitpoint


async def reap() -> None:
    """Wait for the expiry job of the batch, and end the batch if it still is not sealed."""
    await TakeExpiry()
    if await _is_aborted():
        await settle_waitpoint(Waitpoint.FAILED)


async def _is_aborted() -> bool:
    match _status_if_expirable(await FindBatch()):
        case None:
            return False
        case Status.ABORTED:
            return True
    if await Abort():
        return True
    return _status_if_expirable(await FindBatch()) is Status.ABORTED


def _status_if_expirable(row: BatchRow) -> Status | None:
    if row.sealed or row.status not in (Status.PENDING, Status.ABORTED):
        return None
    return row.status
