"""How a state is packed into a few 64-bit words: some bits for each column of its layout.

A step changes a few columns, and the same change of the same columns is the same number to add, whatever else is
in the words. So many states are stepped by an addition, and compared word by word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
"""Packed states: a row for each word, a column for each state."""
Values = NDArray[np.unsignedinteger[Any]]
"""Of one column, by state."""
Content = tuple[int, ...]
"""What some columns hold in a state."""
Rows = NDArray[np.integer[Any]]
"""Of all columns: a row for each state."""

WORD_BITS = 64
FEW = 12
"""So many states Python steps faster than NumPy, which takes a while to begin."""


class Field(NamedTuple):
    """Some bits of a column, in one of the words."""

    word: int
    shift: int
    mask: int
    lowest: int
    """Which of the column's bits is the first here."""

    def of(self, values: Rows) -> Words:
        """The bits of these values, where they stand in the word."""
        bits: Any = (values.astype(np.uint64) >> self.lowest) & self.mask
        there: Words = bits << self.shift
        return there

    def values(self, words: Words) -> Words:
        """What these bits hold of the values."""
        bits: Any = (words[self.word] >> self.shift) & self.mask
        found: Words = bits << self.lowest
        return found


class Packing:
    """The fields of each column. Those of one word do not overlap, so that it is the sum of them.

    A column gets a further field when a value needs one. States that were packed before hold zeros there, and so
    do words that they do not have.
    """

    def __init__(self, columns: int, alike: Iterable[Sequence[int]] = (), bits: Sequence[int] = ()) -> None:
        """`alike`: columns that hold each other's values; `bits`: how many each column has, if more than one."""
        self._alike = {column: tuple(columns) for columns in alike for column in columns}
        self.fields: list[list[Field]] = [[] for _ in range(columns)]
        """Of each column."""
        self._end = (0, 0)
        """The word that the next field comes into, and its first free bit."""
        for column in range(columns):
            self._add(column, 0, bits[column] if bits else 1)

    @property
    def words(self) -> int:
        """How many words a state takes."""
        return self._end[0] + 1

    @property
    def is_tidy(self) -> bool:
        """Whether each column has one field."""
        return all(len(fields) == 1 for fields in self.fields)

    def tidied(self) -> Packing:
        """One with as many bits for each column, in one field."""
        columns = range(len(self.fields))
        return Packing(len(columns), self._alike.values(), [self._bits(column) for column in columns])

    def _bits(self, column: int) -> int:
        last = self.fields[column][-1]
        return last.lowest + last.mask.bit_length()

    def _add(self, column: int, lowest: int, count: int) -> None:
        word, shift = self._end
        if shift + count > WORD_BITS:
            word, shift = word + 1, 0
        field = Field(word, shift, (1 << count) - 1, lowest)
        self.fields[column].append(field)
        self._end = (word, shift + count)

    def make_room(self, column: int, value: int) -> None:
        """Let a column have room for a value."""
        for each in self._alike.get(column, (column,)):
            lowest = self._bits(each)
            if value >> lowest:
                self._add(each, lowest, value.bit_length() - lowest)

    def packed(self, rows: Rows) -> Words:
        """States, by what their columns hold."""
        for column in range(len(self.fields)):
            self.make_room(column, int(rows[:, column].max()))
        words = np.zeros((self.words, len(rows)), dtype=np.uint64)
        for column in range(len(self.fields)):
            for field in self.fields[column]:
                words[field.word] += field.of(rows[:, column])
        return words

    def column(self, words: Words, column: int) -> Values:
        """What a column holds in each of these states."""
        first, *others = self.fields[column]
        values = (words[first.word] >> first.shift) & first.mask
        for field in others:
            if field.word < len(words):
                values |= field.values(words)
        found: Values = values.astype(self._type(column))
        return found

    def rows(self, words: Words) -> Rows:
        """What all columns hold: a row for each state."""
        columns = range(len(self.fields))
        type_ = max(map(self._type, columns), key=lambda each: each.itemsize)
        rows: Rows = np.empty((words.shape[1], len(columns)), dtype=type_)
        for column in columns:
            rows[:, column] = self.column(words, column)
        return rows

    def row(self, words: Sequence[int]) -> list[int]:
        """What all columns hold in one state."""
        return [
            sum(
                (words[each.word] >> each.shift & each.mask) << each.lowest
                for each in fields
                if each.word < len(words)
            )
            for fields in self.fields
        ]

    def changes(self, columns: Sequence[int], before: Sequence[Content], after: Sequence[Content]) -> Words:
        """What to add to the words where these columns change: a row for each of `before` and `after`."""
        if len(before) <= FEW:
            return self._few_changes(columns, before, after)
        shape = len(before), len(columns)
        old, new = (np.array(each, dtype=np.int64).reshape(shape) for each in (before, after))
        places = np.flatnonzero((old != new).any(axis=0)).tolist()
        for place in places:
            self.make_room(columns[place], int(new[:, place].max()))
        changes = np.zeros((self.words, len(before)), dtype=np.uint64)
        for place in places:
            self.put(changes, columns[place], old[:, place], new[:, place])
        return changes

    def _few_changes(self, columns: Sequence[int], before: Sequence[Content], after: Sequence[Content]) -> Words:
        changed = [
            [each for each in zip(columns, *pair, strict=True) if each[1] != each[2]]
            for pair in zip(before, after, strict=True)
        ]
        for column, _, new in chain.from_iterable(changed):
            self.make_room(column, new)
        changes = []
        for some in changed:
            words = [0] * self.words
            for column, old, new in some:
                for word, shift, mask, lowest in self.fields[column]:
                    words[word] += ((new >> lowest & mask) - (old >> lowest & mask)) << shift
            changes.append([word % (1 << WORD_BITS) for word in words])
        return np.array(changes, dtype=np.uint64).reshape(len(changes), self.words).T

    def put(self, words: Words, column: int, before: NDArray[Any], after: NDArray[Any]) -> None:
        """Let a column of these states hold other values, for which there is room."""
        for field in self.fields[column]:
            words[field.word] += field.of(after) - field.of(before)

    def _type(self, column: int) -> np.dtype[Any]:
        return _type_of(self._bits(column))


@cache
def _type_of(bits: int) -> np.dtype[Any]:
    return np.min_scalar_type((1 << bits) - 1)


class PackedStates(NamedTuple):
    """States, and how they are packed."""

    packing: Packing
    by_state: NDArray[np.uint64]
    """A row for each state: what is looked up lies in one place."""

    def rows(self, states: slice | NDArray[np.int64]) -> Rows:
        """What the columns hold in these states: a row for each."""
        return self.packing.rows(self.by_state[states].T)

    def row(self, state: int) -> list[int]:
        """What they hold in one state."""
        return self.packing.row(self.by_state[state].tolist())

    def column(self, column: int) -> Values:
        """What a column holds in all states."""
        pieces = (self.by_state[begin : begin + PIECE] for begin in range(0, len(self.by_state), PIECE))
        return np.concatenate([self.packing.column(piece.T, column) for piece in pieces])


PIECE = 1 << 18
"""So many states are looked at, at a time, where all are."""


def with_words(words: Words, count: int) -> Words:
    """The same states, with so many words."""
    return words if len(words) == count else np.pad(words, ((0, count - len(words)), (0, 0)))
