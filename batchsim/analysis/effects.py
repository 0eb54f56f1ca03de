"""Who changed what: questions to the steps of a run, answered by the cells that they wrote.

What an operation is says what it can do; what it did stands in its step. Needs a trace with all steps.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from batchsim.model.cells import Key
from batchsim.model.changes import Change
from batchsim.model.operation import Footprint, Operation
from batchsim.model.run import Step
from batchsim.model.steps import operation_at, steps_of, writers_of


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
        self._writers: dict[Key, Sequence[int]] = {}
        """Of the cells that were asked for: those of all items of a large batch are very many."""

    def of(self, key: Key) -> Iterator[Write]:
        """All writes of a cell, in order."""
        return (self._write(number, key) for number in self._writers_of(key))

    def writers(self, key: Key) -> Iterator[Step]:
        """Who wrote a cell, in order."""
        return (self.trace.steps[number] for number in self._writers_of(key))

    def items_of_writers(self, key: Key) -> set[int | None]:
        """The items that the operations were about that wrote a cell."""
        return {operation_at(self.trace.steps, number).item for number in self._writers_of(key)}

    def first_deletion(self, key: Key) -> Step | None:
        """Who deleted a cell that was there the first time."""
        numbers = writers_of(self.trace.steps, key, deleting=True)
        return next((write.step for number in numbers if (write := self._write(number, key)).change.deletes), None)

    def _writers_of(self, key: Key) -> Sequence[int]:
        if key not in self._writers:
            self._writers[key] = tuple(writers_of(self.trace.steps, key))
        return self._writers[key]

    def before(self, step: Step, key: Key) -> Iterator[Write]:
        """The writes of a cell before a step, latest first."""
        numbers = self._writers_of(key)
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
    return _is_only_read_by(step.operation.footprint(), key)


def can_write(step: Step, key: Key) -> bool:
    """Whether a step is of an operation that can write a cell."""
    return key in step.operation.footprint().writes


def steps_that_read_only(steps: Sequence[Step], key: Key, by: Callable[[str], bool]) -> Iterator[Step]:
    """Those of which `reads_only` is true, by actors that are meant."""
    return (step for step in steps_of(steps, may_read_only(key), by) if reads_only(step, key))


def steps_that_can_write(steps: Sequence[Step], key: Key, by: Callable[[str], bool]) -> Iterator[Step]:
    """Those of which `can_write` is true, by actors that are meant."""
    may_write = _where_known(lambda footprint: key in footprint.writes)
    return (step for step in steps_of(steps, may_write, by) if can_write(step, key))


def may_read_only(key: Key) -> Callable[[type[Operation[Any]]], bool]:
    """Whether there may be steps of operations of a class of which `reads_only` is true."""
    return _where_known(lambda footprint: _is_only_read_by(footprint, key))


def _is_only_read_by(footprint: Footprint, key: Key) -> bool:
    return key in footprint.reads and key not in footprint.writes


def _where_known(is_meant: Callable[[Footprint], bool]) -> Callable[[type[Operation[Any]]], bool]:
    """Whether operations of a class may have a footprint that is meant: not where all have one that is not."""
    return lambda kind: kind.footprint is not Operation.footprint or is_meant(kind.footprint_of_class)
