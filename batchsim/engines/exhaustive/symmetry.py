"""Symmetry: states that differ only in who of several is where are one state.

*Twins* are interchangeable: their columns are kept sorted. *Exchangeable* actors (child runs) are so together
with the cell that each begins with (its row), as soon as it is there: others look at no more than which of
these cells are there, and how many of them hold what. So the pairs of those whose cells are there are kept
sorted, and which cells are there stays as it was. To exchange two such pairs is an automorphism of the graph;
so schedules are counted right if each step of the one state that stands for all of them is counted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.engines.exhaustive.moves import StepKind
from batchsim.engines.exhaustive.packing import Packing, Values, Words
from batchsim.engines.exhaustive.states import Flags, Numbers
from batchsim.engines.values import ABSENT

_VALUES = 1 << 32
"""More than a column has values."""


class Symmetry:
    """What is exchanged in the states of a layout."""

    def __init__(self, layout: Layout) -> None:
        pairs = [(role.columns.start, cell) for role, cell in layout.exchangeable]
        self._actors = [actor for actor, _ in pairs]
        self._cells = [cell for _, cell in pairs]
        self._columns = {column for pair in pairs for column in pair}
        self._place_of = {id(role): place for place, (role, _) in enumerate(layout.exchangeable)}

    def sort(self, words: Words, packing: Packing, kind: StepKind) -> None:
        """Let each of these states, after such a step, be the one that stands for its like."""
        sort_twins(words, packing, kind.role)
        if self.is_moved_by(kind):
            self.sort_pairs(words, packing)

    def is_moved_by(self, kind: StepKind) -> bool:
        """Whether those that are exchanged can stand in another order after such a step."""
        return kind.role.columns.start in self._columns or not self._columns.isdisjoint(kind.columns)

    def sort_pairs(self, words: Words, packing: Packing) -> None:
        """Sort the exchangeable actors of each state, with their cells, where these are there."""
        if not self._actors:
            return
        pairs, are_there = self._pairs(lambda column: packing.column(words, column))
        before = pairs.copy()
        # Each with each that comes after it: among those that are there this sorts by exchanges.
        somewhere = np.flatnonzero(are_there.any(axis=1)).tolist()
        for place, one in enumerate(somewhere):
            for other in somewhere[place + 1 :]:
                swap = are_there[one] & are_there[other] & (pairs[one] > pairs[other])
                pairs[one][swap], pairs[other][swap] = pairs[other][swap], pairs[one][swap]
        (changed,) = (pairs != before).any(axis=0).nonzero()
        if not len(changed):
            return
        some = words[:, changed]
        (actors, cells), (actors_before, cells_before) = (
            np.divmod(each[:, changed], _VALUES) for each in (pairs, before)
        )
        for place, (actor, cell) in enumerate(zip(self._actors, self._cells, strict=True)):
            packing.put(some, actor, actors_before[place], actors[place])
            packing.put(some, cell, cells_before[place], cells[place])
        words[:, changed] = some

    def alike(self, role: Role, column: Callable[[int], Values]) -> tuple[Flags, Numbers] | None:
        """For each state whether a role is the first of those that are alike, and how many those are.

        `column`: what a column holds in the states. `None`: the role is not exchangeable.
        """
        place = self._place_of.get(id(role))
        if place is None:
            return None
        pairs, are_there = self._pairs(column)
        alike = (pairs == pairs[place]) & are_there & are_there[place]
        return ~alike[:place].any(axis=0), np.maximum(alike.sum(axis=0), 1)

    def _pairs(self, column: Callable[[int], Values]) -> tuple[Numbers, Flags]:
        """Of each exchangeable actor, with its cell, a number for what is there, and whether the cell is there."""
        cells = np.stack([column(each) for each in self._cells])
        actors = np.stack([column(each) for each in self._actors])
        return actors * np.int64(_VALUES) + cells, cells != ABSENT


def sort_twins(words: Words, packing: Packing, role: Role) -> None:
    """Sort the actors of a role in each state."""
    if len(role.columns) == 1:
        return
    before = np.stack([packing.column(words, column) for column in role.columns])
    for column, was, is_now in zip(role.columns, before, np.sort(before, axis=0), strict=True):
        packing.put(words, column, was, is_now)
