"""The states that were found: a row and a sum for each number, and the number for each row.

Numbers stand in a table with open addressing: a sum begins at the place that its lowest bits name, and goes on to
the next one while another sum is there. All sums of a chunk go on together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.unsignedinteger[Any]]
Numbers = NDArray[np.int64]
Sums = NDArray[np.uint64]

FREE = -1
"""In the place of a number: nothing is there."""
_FIRST_PLACES = 1 << 10
_LOAD_MAX = 2
"""There are at least so many places for each sum."""


class HashCollision(Exception):
    """Two different states have the same sum."""


class States:
    """States by number, in the order in which they were found; 0 is the first."""

    def __init__(self, row: Sequence[int], sum_: int) -> None:
        self._rows: Rows = np.array([row], dtype=np.min_scalar_type(max(row)))
        self._sums = np.array([sum_], dtype=np.uint64)
        self._count = 1
        self._table = self._table_of(_FIRST_PLACES)

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> Rows:
        """The rows of all states; not to be used any longer when states are added."""
        return self._rows[: self._count]

    @property
    def sums(self) -> Sums:
        """The sums of all states; likewise."""
        return self._sums[: self._count]

    def numbers_of(self, rows: Rows, sums: Sums) -> Numbers:
        """The numbers of these states; what was not known is so from now on. Raises `HashCollision`."""
        known, end = self._count, self._count + len(sums)
        if _LOAD_MAX * end > len(self._table):
            self._table = self._table_of(1 << (_LOAD_MAX * end).bit_length())
        # Until all is found, each of these has the number that it would have if all were new.
        self._sums = _room_for(end, self._sums)
        self._sums[known:end] = sums
        numbers = np.empty(len(sums), dtype=np.int64)
        places = self._first_places(sums)
        going, here = np.arange(len(sums)), places
        while len(going):
            there = self._table.take(here)
            is_free = there == FREE
            if is_free.any():
                # The last assignment stays: that of the first of those who are here.
                self._table[here[is_free][::-1]] = known + going[is_free][::-1]
                there = self._table.take(here)
            is_found = self._sums.take(there) == sums[going]
            numbers[going[is_found]] = there[is_found]
            going = going[~is_found]
            here = (here[~is_found] + 1) & (len(self._table) - 1)
            places[going] = here
        return self._settled(rows, sums, numbers, places)

    def _settled(self, rows: Rows, sums: Sums, numbers: Numbers, places: Numbers) -> Numbers:
        """Number what is new, in the order in which it was found, so that numbers depend on no sums."""
        known = self._count
        is_known = numbers < known
        _check_equal(self._rows.take(numbers[is_known], axis=0), rows.compress(is_known, axis=0))
        new = np.flatnonzero(~is_known)
        first = numbers[new] - known
        is_first = first == new
        fresh, again, as_before = new[is_first], new[~is_first], first[~is_first]
        _check_equal(rows.take(as_before, axis=0), rows.take(again, axis=0))
        numbers[fresh] = np.arange(known, known + len(fresh))
        numbers[again] = numbers[as_before]
        self._table[places[fresh]] = numbers[fresh]
        self._append(rows.take(fresh, axis=0), sums[fresh])
        return numbers

    def _append(self, rows: Rows, sums: Sums) -> None:
        begin, end = self._count, self._count + len(rows)
        if rows.dtype.itemsize > self._rows.dtype.itemsize:  # a value does not fit into what there is
            self._rows = self.rows.astype(rows.dtype)
        self._rows = _room_for(end, self._rows)
        self._rows[begin:end] = rows
        self._sums[begin:end] = sums
        self._count = end

    def _first_places(self, sums: Sums) -> Numbers:
        return (sums & np.uint64(len(self._table) - 1)).astype(np.int64)

    def _table_of(self, places: int) -> NDArray[np.int32]:
        """A table of so many places, a power of two, with all that is known."""
        self._table = table = np.full(places, FREE, dtype=np.int32)
        going = np.arange(self._count)
        here = self._first_places(self.sums)
        while len(going):
            is_free = table[here] == FREE
            table[here[is_free]] = going[is_free]
            is_elsewhere = table[here] != going
            going, here = going[is_elsewhere], (here[is_elsewhere] + 1) & (places - 1)
        return table


def _room_for(count: int, array: NDArray[Any]) -> NDArray[Any]:
    """The array with room for so many, in place (the system only maps more memory): nobody may hold a view."""
    if count > len(array):
        array.resize((max(count, len(array) * 9 // 8), *array.shape[1:]), refcheck=False)
    return array


def _check_equal(some: Rows, others: Rows) -> None:
    if not np.array_equal(some, others):
        raise HashCollision
