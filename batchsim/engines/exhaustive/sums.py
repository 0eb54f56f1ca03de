"""The sum of a state: 64 bits that tell it from others, changed by a step as far as the step changes the state.

It is a sum of random numbers, one for each column and value; columns that can be exchanged (`symmetry.py`) share
theirs, so that the sum does not depend on who is where.
"""

from __future__ import annotations

from collections.abc import Sequence

from batchsim.engines.exhaustive.layout import ABSENT, Layout
from batchsim.engines.exhaustive.moves import Move, StepKind
from batchsim.engines.streams import draw


class StateSums:
    """The random numbers of a layout; another salt gives others."""

    def __init__(self, layout: Layout, salt: int) -> None:
        self._bases = [0] * layout.width
        for role in layout.roles:
            for column in role.columns:
                self._bases[column] = draw(salt, role.columns.start)
        for column in range(layout.actors_count, layout.width):
            self._bases[column] = draw(salt, column)
        self._shared: dict[int, int] = {}
        """Of exchangeable cells: the base of what is there. Which of them are there is told apart."""
        for role, column in layout.exchangeable:
            first_role, first_column = layout.exchangeable[0]
            self._bases[role.columns.start] = draw(salt, first_role.columns.start)
            self._shared[column] = draw(salt, first_column)

    def of(self, row: Sequence[int]) -> int:
        """The sum of a state."""
        return sum(self._number(column, value) for column, value in enumerate(row)) % (1 << 64)

    def change(self, kind: StepKind, content: Sequence[int], move: Move) -> int:
        """By how much a move changes the sum."""
        actor = kind.role.columns.start
        change = self._number(actor, move.local) - self._number(actor, kind.local)
        for column, before, after in zip(kind.columns, content, move.cells, strict=True):
            if before != after:
                change += self._number(column, after) - self._number(column, before)
        return change % (1 << 64)

    def _number(self, column: int, value: int) -> int:
        base = self._bases[column] if value == ABSENT else self._shared.get(column, self._bases[column])
        return draw(base, value)
