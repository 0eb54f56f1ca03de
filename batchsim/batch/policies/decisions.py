"""Decisions that several policies share (protocol.md §4)."""

from __future__ import annotations

from batchsim.batch.decision import Decision, is_done
from batchsim.batch.stores import BatchRow, Status


def reject_unless_pending_and_unsealed(row: BatchRow) -> Decision:
    """On entry, up to #3427: a retry of a batch that is sealed or no longer PENDING is an error."""
    if row.sealed or row.status is not Status.PENDING:
        return Decision.REJECT
    return Decision.PROCEED


def ok_if_sealed(row: BatchRow) -> Decision:
    """On a count mismatch: a concurrent request may have sealed the batch."""
    return Decision.OK if row.sealed else Decision.NOT_SEALED


def ok_if_sealed_or_completed(row: BatchRow) -> Decision:
    """On a count mismatch: the batch may be complete already."""
    return Decision.OK if row.sealed or row.status is Status.COMPLETED else Decision.NOT_SEALED


def ok_if_processing(row: BatchRow) -> Decision:
    """On a lost seal: a concurrent request sealed the batch."""
    return Decision.OK if row.sealed and row.status is Status.PROCESSING else Decision.REJECT


def ok_if_processing_or_completed(row: BatchRow) -> Decision:
    """On a lost seal: a concurrent request sealed the batch, or it is complete already."""
    return Decision.OK if row.status is Status.COMPLETED else ok_if_processing(row)


def ok_if_done_on_entry(row: BatchRow) -> Decision:
    """On entry, from #3766 on: a retry of a batch that is *done* succeeds."""
    if is_done(row):
        return Decision.OK
    return Decision.PROCEED if row.status is Status.PENDING else Decision.REJECT


def ok_if_done_on_count_mismatch(row: BatchRow) -> Decision:
    """On a count mismatch, from #3766 on."""
    if is_done(row):
        return Decision.OK
    return Decision.REJECT if row.status is Status.ABORTED else Decision.NOT_SEALED


def ok_if_done_on_lost_seal(row: BatchRow) -> Decision:
    """On a lost seal, from #3766 on."""
    return Decision.OK if is_done(row) else Decision.REJECT
