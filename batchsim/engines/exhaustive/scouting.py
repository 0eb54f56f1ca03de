"""Scouts: a few schedules at random, to know most local states before a search begins."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from batchsim.engines.exhaustive.layout import Role
from batchsim.engines.exhaustive.moves import Move, StepKind, StepTable
from batchsim.engines.streams import draw

SCOUTS = 60
STEPS_BETWEEN_MOODS = 12
STEPS_MAX = 1_000_000
"""Of all scouts together: a system may have schedules without end."""


def send_scouts(
    table: StepTable,
    count: int = SCOUTS,
    *,
    steps_max: int = STEPS_MAX,
    look: Callable[[], None] = lambda: None,
) -> None:
    """Walk through some schedules, the same ones each time.

    `steps_max`: how many steps they take together, at most. `look`: called time and again, to raise what ends it.

    A scout prefers some actors to others, and changes its mind now and then: so rare orders are met far sooner
    than by equal chances (Burckhardt et al., *A randomized scheduler with probabilistic guarantees of finding
    bugs*, ASPLOS 2010).
    """
    steps = 0
    for scout in range(count):
        row, taken = table.layout.initial_row(), 0
        while possible := list(_possible(table, row)):
            look()
            steps += 1
            if steps > steps_max:
                return
            mood = draw(scout, taken // STEPS_BETWEEN_MOODS)
            column, kind, move = max(possible, key=lambda each: draw(mood, each[0]))
            row[column] = move.local
            for place, value in zip(kind.columns, move.cells, strict=True):
                row[place] = value
            taken += 1


def _possible(table: StepTable, row: list[int]) -> Iterator[tuple[int, StepKind, Move]]:
    for role in table.layout.roles:
        for column in _columns(role, row):
            for kind in table.kinds(role, row[column]):
                for move in kind.moves(tuple(row[place] for place in kind.columns)):
                    yield column, kind, move


def _columns(role: Role, row: list[int]) -> Iterator[int]:
    """The columns of a role, one for each local state that somebody is at."""
    seen: set[int] = set()
    for column in role.columns:
        if row[column] not in seen:
            seen.add(row[column])
            yield column
