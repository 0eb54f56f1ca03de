"""What is known of every run so far: its end, by policy and point, in the order of its index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Verdicts: TypeAlias = tuple[str, ...]


class RunEnd(NamedTuple):
    """What a run came to, as far as it is counted."""

    verdicts: Verdicts
    faults: tuple[int, ...] = ()
    """The numbers of the faults that happened in it."""


class SweepCell(NamedTuple):
    """One policy at one point, by their keys."""

    policy: str
    point: str


@dataclass(frozen=True, slots=True)
class RunsRecord:
    """The ends of consecutive runs of a cell."""

    cell: SweepCell
    first: int
    ends: tuple[RunEnd, ...]


class Records:
    """All records of a sweep."""

    def __init__(self) -> None:
        self._codes: dict[RunEnd, int] = {}
        self._ranges: dict[SweepCell, dict[int, NDArray[Any]]] = {}

    def add(self, records: Iterable[RunsRecord]) -> None:
        """Take records in; raises `ValueError` for runs that are known already."""
        for record in records:
            ranges = self._ranges.setdefault(record.cell, {})
            end = record.first + len(record.ends)
            if any(known.start < end and record.first < known.stop for known in self.covered(record.cell)):
                raise ValueError(f"runs from {record.first} of {record.cell} are known already")
            codes = [self._codes.setdefault(each, len(self._codes)) for each in record.ends]
            ranges[record.first] = np.array(codes, dtype=np.uint32)
            self._join(ranges, record.first)

    def covered(self, cell: SweepCell) -> list[range]:
        """The runs that are known, ascending, no two ranges touching."""
        ranges = self._ranges.get(cell, {})
        return [range(first, first + len(ranges[first])) for first in sorted(ranges)]

    def prefix(self, cells: Sequence[SweepCell]) -> int:
        """How many runs are known of each of the cells without a gap, from the first on."""
        return min((len(self._ranges.get(cell, {}).get(0, ())) for cell in cells), default=0)

    def having(self, cell: SweepCell, verdict: str, runs: int) -> NDArray[np.bool_]:
        """By run, the first so many: whether it was given the verdict."""
        return self._where(cell, [verdict in end.verdicts for end in self._codes], runs)

    def happened(self, cell: SweepCell, fault: int, runs: int) -> int:
        """In how many of the first so many runs a fault happened, by its number."""
        return int(self._where(cell, [fault in end.faults for end in self._codes], runs).sum())

    def _where(self, cell: SweepCell, is_so: Sequence[bool], runs: int) -> NDArray[np.bool_]:
        """By run, the first so many: whether its end is one of those of which it is so."""
        given = np.array(is_so or [False])
        codes = self._ranges.get(cell, {}).get(0, np.zeros(0, dtype=np.uint32))
        return np.asarray(given[codes[:runs]], dtype=np.bool_)

    @property
    def verdicts(self) -> frozenset[str]:
        """Every verdict that any run was given."""
        return frozenset(name for end in self._codes for name in end.verdicts)

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
