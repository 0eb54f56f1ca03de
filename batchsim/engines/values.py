"""The values that a cell has had, as small integers: what a state, and a table of steps, tells it by."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from batchsim.exact import exact
from batchsim.model.cells import freeze, thaw

ABSENT = 0
"""The number of the value of a cell that is not there."""


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
