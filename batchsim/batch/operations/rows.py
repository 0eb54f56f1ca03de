"""What operations of several actors say and do of the batch row."""

from __future__ import annotations

from batchsim.batch.stores import (
    BatchRow,
    Status,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key

TOMBSTONE: Key = "redis:tombstone"
"""Present while cleanup's tombstone waits for its end (policy `tombstone`)."""


def describe_row(row: BatchRow) -> str:
    """A row in words: `PENDING, not sealed`."""
    seal = "sealed" if row.sealed else "not sealed"
    counted = ", processing completed" if row.processing_completed else ""
    return f"{row.status}, {seal}{counted}"


def is_unsealed_and_pending(row: BatchRow) -> bool:
    """Whether a seal changes the row."""
    return not row.sealed and row.status is Status.PENDING


def update_status(world: World, before: BatchRow, after: BatchRow) -> None:
    """Write a row with another status, which history has to know of."""
    world.history.note_status(before.status, after.status)
    world.postgres.update_batch(lambda _: after)
