"""The values that a cell has had, as small integers: what a state, and a table of steps, tells it by."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

from batchsim.exact import exact
from batchsim.model.cells import freeze, thaw

ABSENT = 0
"""The number of the value of a cell that is not there."""
_COLLECTIONS = (set, dict, list, deque)


def comes_back(value: Any) -> bool:
    """Whether a value of the stores is the same after it was a number: a collection of another type is not."""
    kind = value.__class__
    if kind in _COLLECTIONS:
        return kind is not deque or value.maxlen is None
    return value is not None and not isinstance(value, (*_COLLECTIONS, frozenset))


def in_another_order(value: Any) -> Any:
    """The same value, a dictionary made in another order: it is told by what it holds, whoever came first."""
    return dict(reversed(value.items())) if isinstance(value, dict) else value


class Values:
    """The values that one cell has had, numbered in the order in which they were found."""

    def __init__(self) -> None:
        self._values: list[Hashable] = [None]
        self._numbers: dict[Hashable, int] = {exact(None): ABSENT}

    def number_of(self, value: Any) -> int:
        """The number of a value of the stores."""
        frozen = freeze(value)
        number = self._numbers.setdefault(exact(frozen), len(self._values))
        if number == len(self._values):
            self._values.append(frozen)
        return number

    def frozen(self, number: int) -> Hashable:
        """A value, not to be changed."""
        return self._values[number]

    def value(self, number: int) -> Any:
        """A fresh value, to be changed at will."""
        return thaw(self._values[number])

    def __len__(self) -> int:
        return len(self._values)
