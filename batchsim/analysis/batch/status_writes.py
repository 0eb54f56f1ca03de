"""Who wrote the status of the batch row, and what it replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from batchsim.analysis.effects import Effects
from batchsim.batch.history import is_regression
from batchsim.batch.stores import BATCH_ROW, BatchRow, Status
from batchsim.batch.trace import Trace
from batchsim.model.run import Step


class StatusWrite(NamedTuple):
    """A step that wrote the batch row, be it with the same status."""

    step: Step
    row_before: BatchRow
    row_after: BatchRow

    @property
    def before(self) -> Status:
        """The status that it replaced."""
        return self.row_before.status

    @property
    def after(self) -> Status:
        """The status that it wrote."""
        return self.row_after.status

    @property
    def is_regression(self) -> bool:
        """Whether it overwrote an end."""
        return is_regression(self.before, self.after)


def status_writes(trace: Trace) -> Iterator[StatusWrite]:
    """All of them, in the order of effects. Needs a trace with all steps."""
    return status_writes_in(Effects(trace))


def status_writes_in(effects: Effects) -> Iterator[StatusWrite]:
    """All of them, in the order of effects."""
    for step, change in effects.of(BATCH_ROW):
        if change.before is not None:  # phase 1, where it has steps, makes the row
            yield StatusWrite(step, change.before, change.after)
