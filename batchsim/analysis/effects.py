"""Who changed what: questions to the steps of a run, answered by the cells that they wrote.

What an operation is says what it can do; what it did stands in its step. Needs a trace with all steps.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

from batchsim.model.cells import Key
from batchsim.model.changes import Change
from batchsim.model.run import Step


class Write(NamedTuple):
    """A step, and what it did to one cell."""

    step: Step
    change: Change

    @property
    def before(self) -> Any:
        """The value before it, frozen; `None`: the cell was absent."""
        return self.change.before

    @property
    def after(self) -> Any:
        """The value after it, frozen; `None`: the cell is absent."""
        return self.change.after


class Effects:
    """The writes of a run, by cell."""

    def __init__(self, trace: Any) -> None:
        self.trace = trace
        self._writers: dict[Key, list[int]] = {}
        for step in trace.steps:
            for key in step.keys_written:
                self._writers.setdefault(key, []).append(step.number)

    def of(self, key: Key) -> Iterator[Write]:
        """All writes of a cell, in order."""
        return (self._write(number, key) for number in self._writers.get(key, ()))

    def writers(self, key: Key) -> Iterator[Step]:
        """Who wrote a cell, in order."""
        return (self.trace.steps[number] for number in self._writers.get(key, ()))

    def before(self, step: Step, key: Key) -> Iterator[Write]:
        """The writes of a cell before a step, latest first."""
        numbers = self._writers.get(key, [])
        return (self._write(numbers[place], key) for place in reversed(range(bisect_left(numbers, step.number))))

    def last_deletion(self, step: Step, key: Key) -> Step | None:
        """Who deleted a cell the last time before a step."""
        return next((write.step for write in self.before(step, key) if write.change.deletes), None)

    def who_deleted(self, step: Step, key: Key) -> Step | None:
        """Who deleted a cell that a step finds absent; `None`: it is there, or never was."""
        last = next(self.before(step, key), None)
        return None if last is None or not last.change.deletes else last.step

    def _write(self, number: int, key: Key) -> Write:
        step = self.trace.steps[number]
        change = step.change_of(key)
        assert change is not None
        return Write(step, change)


def reads_only(step: Step, key: Key) -> bool:
    """Whether a step is of an operation that reads a cell, and cannot write it."""
    footprint = step.operation.footprint()
    return key in footprint.reads and key not in footprint.writes


def can_write(step: Step, key: Key) -> bool:
    """Whether a step is of an operation that can write a cell."""
    return key in step.operation.footprint().writes
