"""What the endpoint decides, having read the batch row (protocol.md §4)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from batchsim.batch.stores import BatchRow, Status


class Decision(Enum):
    """What the endpoint does, having read the batch row."""

    PROCEED = "proceed"
    """On entry only: go on with the request."""
    OK = "200 sealed"
    NOT_SEALED = "200 not sealed"
    REJECT = "422"


Check = Callable[[BatchRow], Decision]


def is_done(row: BatchRow) -> bool:
    """*done* of protocol.md §4: nothing is left for a retry to do."""
    if row.status is Status.PENDING:
        return row.sealed or row.processing_completed
    return row.status is not Status.ABORTED
