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
        are_there = rows[:, self._cells] != ABSENT
        pairs = rows[:, self._actors] * np.int64(_VALUES) + rows[:, self._cells]
        # Of what is there, the places in their order, and before them those of what is not.
        places = np.argsort(are_there, axis=1, kind="stable")
        ordered = np.sort(np.where(are_there, pairs, -1), axis=1)
        missing = ordered < 0
        ordered[missing] = np.take_along_axis(pairs, places, axis=1)[missing]
        np.put_along_axis(pairs, places, ordered, axis=1)
        rows[:, self._actors], rows[:, self._cells] = np.divmod(pairs, _VALUES)

    def alike(self, role: Role, rows: Rows) -> tuple[Flags, Numbers] | None:
        """For each state whether a role is the first of those that are alike, and how many those are.

        `None`: it is not exchangeable.
        """
        place = self._place_of.get(id(role))
        if place is None:
            return None
        are_there = rows[:, self._cells] != ABSENT
        pairs = rows[:, self._actors] * np.int64(_VALUES) + rows[:, self._cells]
        alike = (pairs == pairs[:, place, None]) & are_there & are_there[:, place, None]
        return ~alike[:, :place].any(axis=1), np.maximum(alike.sum(axis=1), 1)


def sort_twins(rows: Rows, role: Role) -> None:
    """Sort the actors of a role in each state."""
    if len(role.columns) > 1:
        rows[:, role.columns] = np.sort(rows[:, role.columns], axis=1)
