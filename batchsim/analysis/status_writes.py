"""Who wrote the status of the batch row, and what it replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from batchsim.protocol.history import is_regression
from batchsim.protocol.operations import Abort, CompletionUpdate, Seal, SetCompleted
from batchsim.protocol.stores import Status
from batchsim.trace import Step, Trace


class StatusWrite(NamedTuple):
    """A step that wrote the status, be it to the same."""

    step: Step
    before: Status
    after: Status

    @property
    def is_regression(self) -> bool:
        """Whether it overwrote an end."""
        return is_regression(self.before, self.after)


def status_writes(trace: Trace) -> Iterator[StatusWrite]:
    """All of them, in the order of effects. Needs a trace with all steps."""
    status = Status.PENDING
    for step in trace.steps:
        after = _written(step)
        if after is not None:
            yield StatusWrite(step, status, after)
            status = after


def _written(step: Step) -> Status | None:
    if not step.took_effect:
        return None
    match step.operation:
        case Seal() if step.effect:
            return Status.PROCESSING
        case CompletionUpdate(status=status):
            return status
        case SetCompleted() if step.effect:
            return Status.COMPLETED
        case Abort() if step.effect:
            return Status.ABORTED
        case _:
            return None
