"""What is known of every run so far: its verdicts, by policy and point, in the order of its index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Verdicts: TypeAlias = tuple[str, ...]


class Cell(NamedTuple):
    """One policy at one point, by their keys."""

    policy: str
    point: str


@dataclass(frozen=True, slots=True)
class Record:
    """The verdicts of consecutive runs of a cell."""

    cell: Cell
    first: int
    verdicts: tuple[Verdicts, ...]


class Records:
    """All records of a sweep."""

    def __init__(self) -> None:
        self._codes: dict[Verdicts, int] = {}
        self._ranges: dict[Cell, dict[int, NDArray[Any]]] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Take records in; raises `ValueError` for runs that are known already."""
        for record in records:
            ranges = self._ranges.setdefault(record.cell, {})
            end = record.first + len(record.verdicts)
            if any(known.start < end and record.first < known.stop for known in self.covered(record.cell)):
                raise ValueError(f"runs from {record.first} of {record.cell} are known already")
            codes = [self._codes.setdefault(each, len(self._codes)) for each in record.verdicts]
            ranges[record.first] = np.array(codes, dtype=np.uint16)
            self._join(ranges, record.first)

    def covered(self, cell: Cell) -> list[range]:
        """The runs that are known, ascending, no two ranges touching."""
        ranges = self._ranges.get(cell, {})
        return [range(first, first + len(ranges[first])) for first in sorted(ranges)]

    def prefix(self, cells: Sequence[Cell]) -> int:
        """How many runs are known of each of the cells without a gap, from the first on."""
        return min((len(self._ranges.get(cell, {}).get(0, ())) for cell in cells), default=0)

    def having(self, cell: Cell, verdict: str, runs: int) -> NDArray[np.bool_]:
        """By run, the first so many: whether it was given the verdict."""
        given = np.array([verdict in verdicts for verdicts in self._codes] or [False])
        codes = self._ranges.get(cell, {}).get(0, np.zeros(0, dtype=np.uint16))
        return np.asarray(given[codes[:runs]], dtype=np.bool_)

    @property
    def verdicts(self) -> frozenset[str]:
        """Every verdict that any run was given."""
        return frozenset(name for verdicts in self._codes for name in verdicts)

    @staticmethod
    def _join(ranges: dict[int, NDArray[Any]], first: int) -> None:
        """Make one of ranges that touch, so that what is known from 0 on is one array."""
        before = next((each for each in ranges if each + len(ranges[each]) == first), None)
        if before is not None:
            ranges[before] = np.concatenate([ranges[before], ranges.pop(first)])
            first = before
        after = first + len(ranges[first])
        if after in ranges:
            ranges[first] = np.concatenate([ranges[first], ranges.pop(after)])
