"""The states that were found: packed, by number, and the number for each.

Numbers stand in a table with open addressing: a state begins at the place that its hash names, and goes on to the
next one while another state is there. All states of a chunk go on together. States are compared word by word, so
that nothing depends on hashes.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.distinct import distinct
from batchsim.engines.exhaustive.packing import PIECE, PackedStates, Packing, Words
from batchsim.engines.streams import draw

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Hashes = NDArray[np.uint64]

FREE = -1
"""In the place of a number: nothing is there."""
_FIRST_PLACES = 1 << 10
_PLACES_MIN = 1.5
"""There are at least so many places for each state."""


class States:
    """States by number, in the order in which they were found; 0 is the first."""

    def __init__(self, packing: Packing, first: Words) -> None:
        self.packing = packing
        self._words = first.T.copy()
        """A row for each state: what is looked up lies in one place."""
        self._count = 1
        self._table = self._new_table(_FIRST_PLACES)
        self.kernels: ModuleType | None = None
        """The compiled loops, once they are to be used."""

    def __len__(self) -> int:
        return self._count

    @property
    def packed(self) -> PackedStates:
        """All states; not to be used any longer when states are added."""
        return PackedStates(self.packing, self._words[: self._count])

    @property
    def words(self) -> Words:
        """Their words; likewise."""
        return self.packed.by_state.T

    def numbers_of(self, words: Words, order: Numbers | None = None) -> Numbers:
        """The numbers of these states; what was not known is so from now on.

        `order`: sorts them, if they do not come in the order in which they are to be numbered.
        """
        if len(words) != self._words.shape[1]:
            fewer = self._words.shape[1]
            wider = np.zeros((self._count, len(words)), dtype=np.uint64)
            wider[:, :fewer] = self._words[: self._count]
            self._words = wider
        if self.kernels is not None:
            in_order = np.arange(words.shape[1]) if order is None else order
            return self._numbered(self.kernels, np.ascontiguousarray(words.T), in_order)
        first, which, hashes = _different(words)
        self._make_places(self._count + len(first))
        words = words.take(first, axis=1)
        numbers, places = self._found(words, hashes)
        self._add(words, numbers, places, first)
        return numbers.take(which)

    def _numbered(self, kernels: ModuleType, states: NDArray[np.uint64], order: Numbers) -> Numbers:
        """Likewise, by compiled loops; a row for each state."""
        known, end = self._count, self._count + len(states)
        self._make_places(end)
        self._words = _room_for(end, self._words)
        numbers, least, places = np.empty((3, len(states)), dtype=np.int64)
        factors = multipliers(states.shape[1])
        new = kernels.number(states, order, self._table, self._words, known, factors, numbers, least, places)
        self._count = known + new
        in_order = np.argsort(least[:new])
        self._words[known : self._count] = self._words[known : self._count].take(in_order, axis=0)
        renumbered = np.empty(new, dtype=np.int64)
        renumbered[in_order] = np.arange(known, self._count)
        self._table[places[:new]] = renumbered
        is_new = np.flatnonzero(numbers >= known)
        numbers[is_new] = renumbered.take(numbers.take(is_new) - known)
        return numbers

    def _make_places(self, states: int) -> None:
        """Let the table be long enough for so many states."""
        if _PLACES_MIN * states > len(self._table):
            del self._table  # its memory is needed
            self._table = self._new_table(1 << int(_PLACES_MIN * states).bit_length())

    def _found(self, words: Words, hashes: Hashes) -> tuple[Numbers, Numbers]:
        """Of different states the numbers of those that are known, and where in the table each stands.

        Those that are not known hold these places with numbers that nobody has yet.
        """
        known, count = self._count, words.shape[1]
        numbers = np.arange(known, known + count)
        places = _places(hashes, len(self._table))
        going, here = np.arange(count), places
        while len(going):
            there = self._table.take(here)
            free = np.flatnonzero(there == FREE)
            if len(free):
                # Of several who come to one place the last one stays, and the others go on.
                self._table[here[free]] = numbers[going[free]]
                there[free] = self._table.take(here[free])
            is_here = there == numbers[going]
            candidates = np.flatnonzero(there < known)
            same = candidates[self._are_at(there[candidates], words, going[candidates])]
            numbers[going[same]] = there[same]
            is_here[same] = True
            others = np.flatnonzero(~is_here)
            going = going[others]
            here = (here[others] + 1) & (len(self._table) - 1)
            places[going] = here
        return numbers, places

    def _are_at(self, numbers: NDArray[np.int32], words: Words, going: Numbers) -> Flags:
        """Whether the states with these numbers are those of the words."""
        # The words of a state lie side by side: one by one they are looked up faster than all at once.
        count = len(words)
        of_all, begins = self._words.reshape(-1), numbers * np.int64(count)
        equal = np.ones(len(going), dtype=np.bool_)
        for word in range(count):
            equal &= of_all.take(begins + word) == words[word].take(going)
        return equal

    def _add(self, words: Words, numbers: Numbers, places: Numbers, first: Numbers) -> None:
        """Number what is new in the order in which it was found (`first`), so that numbers depend on no hash."""
        known = self._count
        new = np.flatnonzero(numbers >= known)
        new = new[np.argsort(first[new])]
        self._count = known + len(new)
        numbers[new] = np.arange(known, self._count)
        self._table[places[new]] = numbers[new]
        self._words = _room_for(self._count, self._words)
        self._words[known : self._count] = words.take(new, axis=1).T

    def tidy(self) -> None:
        """Pack them anew where a column has several fields, which cost time with each step."""
        if not self.packing.is_tidy:
            rows = self.packed.rows(slice(None))
            self.packing = self.packing.tidied()
            self._words = self.packing.packed(rows).T.copy()
            self._table = self._new_table(len(self._table))

    def _new_table(self, places: int) -> NDArray[np.int32]:
        """A table of so many places, a power of two, with all that is known."""
        table = np.full(places, FREE, dtype=np.int32)
        for begin in range(0, self._count, PIECE):
            going = np.arange(begin, min(begin + PIECE, self._count))
            here = _places(_hashes(self._words[going[0] : going[-1] + 1].T), places)
            while len(going):
                is_free = table[here] == FREE
                table[here[is_free]] = going[is_free]
                is_elsewhere = table[here] != going
                going, here = going[is_elsewhere], (here[is_elsewhere] + 1) & (places - 1)
        return table


def _different(words: Words) -> tuple[Numbers, Numbers, Hashes]:
    """Of the different ones among some states where each stands first, for each state which it is; their hashes.

    They come in the order of their hashes, so that their places in a table follow one another.
    """
    hashes = _hashes(words)
    different, first, which = distinct(hashes)
    same = first.take(which)
    if all(np.array_equal(word, word.take(same)) for word in words):
        return first, which, different
    # Two that are different have one hash.
    _, first, which = np.unique(words, axis=1, return_index=True, return_inverse=True)
    return first, which.ravel(), hashes.take(first)


def _hashes(words: Words) -> Hashes:
    """A hash of each state. Further words of zeros change nothing."""
    hashes, factors = np.zeros(words.shape[1], dtype=np.uint64), multipliers(len(words))
    for number, word in enumerate(words):
        # A product tells nothing of the highest bits in its lower ones: two that differ there alone could meet.
        mixed = word * factors[2 * number]
        mixed ^= mixed >> np.uint64(32)
        mixed *= factors[2 * number + 1]
        hashes += mixed
    hashes ^= hashes >> np.uint64(32)
    hashes *= factors[0]
    return hashes


def _places(hashes: Hashes, places: int) -> Numbers:
    """Where states begin in a table of so many places, a power of two: the highest bits of their hashes."""
    found: Numbers = (hashes >> np.uint64(65 - places.bit_length())).astype(np.int64)
    return found


@cache
def multipliers(words: int) -> Hashes:
    """The factors in a hash of so many words: two for each, in the order of the words."""
    return np.array([draw(number, 0) | 1 for number in range(2 * words)], dtype=np.uint64)


def _room_for(count: int, array: NDArray[Any]) -> NDArray[Any]:
    """The array with room for so many, in place (the system only maps more memory): nobody may hold a view."""
    if count > len(array):
        array.resize((max(count, len(array) * 17 // 16), *array.shape[1:]), refcheck=False)
    return array
