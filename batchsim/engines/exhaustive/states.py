"""The states that were found: a row and a sum for each number, and the number for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.distinct import distinct, stable_order

Rows = NDArray[np.unsignedinteger[Any]]
Numbers = NDArray[np.int64]
Sums = NDArray[np.uint64]


class HashCollision(Exception):
    """Two different states have the same sum."""


class States:
    """States by number, in the order in which they were found; 0 is the first."""

    def __init__(self, row: Sequence[int], sum_: int) -> None:
        self._rows: Rows = np.array([row], dtype=np.min_scalar_type(max(row)))
        self._sums = np.array([sum_], dtype=np.uint64)
        self._count = 1
        self._by_sum = _Numbers()
        self._by_sum.add(self._sums, np.zeros(1, dtype=np.int64))

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> Rows:
        """The rows of all states."""
        return self._rows[: self._count]

    @property
    def sums(self) -> Sums:
        """The sums of all states."""
        return self._sums[: self._count]

    def numbers_of(self, rows: Rows, sums: Sums) -> Numbers:
        """The numbers of these states; what was not known is so from now on. Raises `HashCollision`."""
        different, first, which = distinct(sums)
        others = np.flatnonzero(first[which] != np.arange(len(rows)))
        _check_equal(rows.take(first[which[others]], axis=0), rows.take(others, axis=0))
        numbers = self._by_sum.find(different)
        is_new = numbers < 0
        _check_equal(self._rows.take(numbers[~is_new], axis=0), rows.take(first[~is_new], axis=0))
        # In the order in which they were found, so that numbers depend on no sums.
        fresh = np.flatnonzero(is_new)
        fresh = fresh[stable_order(first[fresh])]
        numbers[fresh] = np.arange(self._count, self._count + len(fresh))
        self._append(rows.take(first[fresh], axis=0), different[fresh])
        self._by_sum.add(different[fresh], numbers[fresh])
        return numbers[which]

    def _append(self, rows: Rows, sums: Sums) -> None:
        begin, end = self._count, self._count + len(rows)
        if rows.dtype.itemsize > self._rows.dtype.itemsize:  # a value does not fit into what there is
            self._rows = self.rows.astype(rows.dtype)
        if end > len(self._rows):
            size = max(end, len(self._rows) * 3 // 2)
            self._rows = np.concatenate(
                (self.rows, np.empty((size - begin, rows.shape[1]), dtype=self._rows.dtype))
            )
            self._sums = np.concatenate((self.sums, np.empty(size - begin, dtype=np.uint64)))
        self._rows[begin:end] = rows
        self._sums[begin:end] = sums
        self._count = end


def _check_equal(some: Rows, others: Rows) -> None:
    if not np.array_equal(some, others):
        raise HashCollision


class _Numbers:
    """Numbers by sum: a few sorted runs, each at least twice as long as the next."""

    def __init__(self) -> None:
        self._runs: list[tuple[Sums, Numbers]] = []

    def find(self, sums: Sums) -> Numbers:
        """The numbers of these sums; -1: there is none."""
        found = np.full(len(sums), -1, dtype=np.int64)
        for known, numbers in self._runs:
            place = np.searchsorted(known, sums)
            place[place == len(known)] = 0
            is_here = known[place] == sums
            found[is_here] = numbers[place[is_here]]
        return found

    def add(self, sums: Sums, numbers: Numbers) -> None:
        """Add sums that are not there."""
        if not len(sums):
            return
        order = np.argsort(sums)
        self._runs.append((sums[order], numbers[order]))
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            runs = (self._runs.pop(), self._runs.pop())
            sums, numbers = (np.concatenate(parts) for parts in zip(*runs, strict=True))
            order = np.argsort(sums)
            self._runs.append((sums[order], numbers[order]))
