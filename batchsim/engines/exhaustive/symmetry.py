"""Symmetry: states that differ only in who of several is where are one state.

*Twins* are interchangeable: their columns are kept sorted. *Exchangeable* actors (child runs) are so together
with the cell that each begins with (its row), as soon as it is there: others look at no more than which of
these cells are there, and how many of them hold what. So the pairs of those whose cells are there are kept
sorted, and which cells are there stays as it was. To exchange two such pairs is an automorphism of the graph;
so schedules are counted right if each step of the one state that stands for all of them is counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.layout import ABSENT, Layout, Role
from batchsim.engines.exhaustive.moves import StepKind
from batchsim.engines.exhaustive.states import Numbers, Rows

Flags = NDArray[np.bool_]

_VALUES = 1 << 32
"""More than a column has values."""


class Symmetry:
    """What is exchanged in the states of a layout."""

    def __init__(self, layout: Layout) -> None:
        pairs = [(role.columns.start, cell) for role, cell in layout.exchangeable]
        self._actors = np.array([actor for actor, _ in pairs], dtype=np.int64)
        self._cells = np.array([cell for _, cell in pairs], dtype=np.int64)
        self._columns = {column for pair in pairs for column in pair}
        self._place_of = {id(role): place for place, (role, _) in enumerate(layout.exchangeable)}

    def sort(self, rows: Rows, kind: StepKind) -> None:
        """Let each of these states, after such a step, be the one that stands for its like."""
        sort_twins(rows, kind.role)
        if kind.role.columns.start in self._columns or not self._columns.isdisjoint(kind.columns):
            self.sort_pairs(rows)

    def sort_pairs(self, rows: Rows) -> None:
        """Sort the exchangeable actors of each state, with their cells, where these are there."""
        pairs, are_there = self._pairs(rows.T)
        is_sorted = np.ones(len(rows), dtype=bool)
        # Each with each that comes after it: among those that are there this sorts by exchanges.
        somewhere = np.flatnonzero(are_there.any(axis=1)).tolist()
        for place, one in enumerate(somewhere):
            for other in somewhere[place + 1 :]:
                swap = are_there[one] & are_there[other] & (pairs[one] > pairs[other])
                pairs[one][swap], pairs[other][swap] = pairs[other][swap], pairs[one][swap]
                is_sorted &= ~swap
        changed = np.flatnonzero(~is_sorted)
        rows[changed[:, None], self._actors], rows[changed[:, None], self._cells] = np.divmod(
            pairs[:, changed].T, _VALUES
        )

    def alike(self, role: Role, columns: Rows) -> tuple[Flags, Numbers] | None:
        """For each state whether a role is the first of those that are alike, and how many those are.

        `columns`: those of the states. `None`: the role is not exchangeable.
        """
        place = self._place_of.get(id(role))
        if place is None:
            return None
        pairs, are_there = self._pairs(columns)
        alike = (pairs == pairs[place]) & are_there & are_there[place]
        return ~alike[:place].any(axis=0), np.maximum(alike.sum(axis=0), 1)

    def _pairs(self, columns: Rows) -> tuple[Numbers, Flags]:
        """Of each exchangeable actor, with its cell, a number for what is there, and whether the cell is there."""
        cells = columns[self._cells]
        return columns[self._actors] * np.int64(_VALUES) + cells, cells != ABSENT


def sort_twins(rows: Rows, role: Role) -> None:
    """Sort the actors of a role in each state."""
    columns = role.columns
    if len(columns) == 2:
        one, other = (rows[:, column].copy() for column in columns)
        np.minimum(one, other, out=rows[:, columns[0]])
        np.maximum(one, other, out=rows[:, columns[1]])
    elif len(columns) > 2:
        rows[:, columns] = np.sort(rows[:, columns], axis=1)
