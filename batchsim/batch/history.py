"""What happened, where a verdict needs it and no store keeps it.

No actor reads these cells; they exist so that the verdicts are a function of the final state
alone, for one run as for a graph of states.
"""

from __future__ import annotations

from batchsim.batch.stores import Status
from batchsim.model.cells import Cells, Key

PUSHED: Key = "history:pushed"
SPURIOUS_RETRY: Key = "history:spurious_retry"
COMPLETION_UPDATES: Key = "history:completion_updates"
REGRESSION: Key = "history:regression"
HISTORY_KEYS = (PUSHED, SPURIOUS_RETRY, COMPLETION_UPDATES, REGRESSION)
"""Those of the batch as a whole; of an item there is `rejected_key`."""


def rejected_key(index: int) -> Key:
    """That item `index` was rejected, where it is of that kind."""
    return f"history:rejected:{index}"


def is_regression(before: Status, after: Status) -> bool:
    """Whether an end of the batch is overwritten by another status."""
    return before in (Status.COMPLETED, Status.ABORTED) and after is not before


class History:
    """Facts of the past, for the verdicts."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def note_push(self, index: int) -> None:
        """The message of item `index` was pushed to the queue."""
        pushed: set[int] = self._cells.modify(PUSHED, set)
        pushed.add(index)

    def was_pushed(self, index: int) -> bool:
        """Whether the message of item `index` was pushed before."""
        return index in (self._cells.read(PUSHED) or ())

    def note_refusal(self, run_count: int) -> None:
        """The SDK was answered "not sealed" or with an error, needlessly so if all items are enqueued."""
        if len(self._cells.read(PUSHED) or ()) == run_count:
            self._cells.write(SPURIOUS_RETRY, True)

    def note_rejection(self, index: int) -> None:
        """Item `index` was rejected."""
        self._cells.write(rejected_key(index), True)

    def was_rejected(self, index: int) -> bool:
        """Whether item `index` was rejected."""
        return self._cells.read(rejected_key(index)) is not None

    def note_completion_update(self) -> None:
        """A completion update was made; more than two are as bad as two."""
        made: int = self._cells.read(COMPLETION_UPDATES) or 0
        self._cells.write(COMPLETION_UPDATES, min(made + 1, 2))

    def note_status(self, before: Status, after: Status) -> None:
        """The status of the batch row was written."""
        if is_regression(before, after):
            self._cells.write(REGRESSION, True)

    @property
    def spurious_retry(self) -> bool:
        """Whether an attempt was refused after all items had been enqueued."""
        return self._cells.read(SPURIOUS_RETRY) is not None

    @property
    def completion_updates(self) -> int:
        """How many completion updates were made: 0, 1, or 2 for more."""
        return self._cells.read(COMPLETION_UPDATES) or 0

    @property
    def status_regression(self) -> bool:
        """Whether COMPLETED or ABORTED was overwritten by another status."""
        return self._cells.read(REGRESSION) is not None
