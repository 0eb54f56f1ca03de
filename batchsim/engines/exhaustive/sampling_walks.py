"""Schedules drawn at random, for graphs that are too large: what they come to occurs, what they miss may too.

A walk prefers some actors to others, as scouts do. An alternative that is not the usual one (a fault) is taken
at an opportunity that is drawn before the walk begins, so that late ones are as likely as early ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive.graph import WalkedStep
from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.engines.exhaustive.moves import Move, StepKind, StepTable
from batchsim.engines.exhaustive.scouting import STEPS_BETWEEN_MOODS
from batchsim.engines.streams import draw
from batchsim.model.system import System

OPPORTUNITIES = 48
"""Among so many opportunities those are drawn at which something unusual happens."""
STEPS_MAX = 300_000
"""Of a walk: a batch of a thousand items takes about a tenth of that."""
Choice = tuple[int, StepKind, Move]


class Walk(NamedTuple):
    """A schedule and what it comes to."""

    outcome: Any
    steps: tuple[WalkedStep, ...]


class Walker:
    """Draws schedules of a system; the same ones each time.

    `table`: the steps of it that are known, where it was explored in vain.
    """

    def __init__(self, system: System[Any], table: StepTable | None = None) -> None:
        self._table = table or StepTable(Layout(system, merges=True))
        self._layout = self._table.layout
        self._owner = {column: role for role in self._layout.roles for column in role.columns}
        self._faults = len(system.faults)
        self._orders: dict[int, list[tuple[int, Role]]] = {}

    def walk(self, number: int) -> Walk:
        """The schedule of this number."""
        unusual = {draw(draw(number, 1), place) % OPPORTUNITIES for place in range(self._faults)}
        row, opportunity = self._layout.initial_row(), 0
        steps: list[WalkedStep] = []
        while self._goes_on(row) and (
            ways := self._ways(row, draw(draw(number, 2), len(steps) // STEPS_BETWEEN_MOODS), len(steps))
        ):
            if len(steps) == STEPS_MAX:
                raise BadInputError(
                    f"{self._layout.system.name}: found a schedule that has not ended after {STEPS_MAX:,} steps; "
                    "allowed: actors that end, that wait, or that are in the background (is_background=True)"
                )
            chosen = ways[-1]
            if len(ways) > 1:
                if opportunity in unusual:
                    chosen = ways[draw(number, 3 + opportunity) % (len(ways) - 1)]
                opportunity += 1
            steps.append(self._take(row, chosen))
        return Walk(self._layout.outcome(row), tuple(steps))

    def _goes_on(self, row: list[int]) -> bool:
        """Whether somebody can take a step who is not in the background."""
        return not self._layout.has_background or any(
            kind.moves(kind.content_in(row))
            for column, role in self._owner.items()
            if not role.is_background
            for kind in self._table.kinds(role, row[column])
        )

    def _ways(self, row: list[int], mood: int, step: int) -> list[Choice]:
        """How the step turns out that the mood prefers; the usual way comes last."""
        for preferred, role in self._columns_by(mood):
            local = row[preferred]
            kinds = self._table.kinds(role, local)
            first = draw(mood, step) if len(kinds) > 1 else 0
            for place in range(len(kinds)):
                kind = kinds[(place + first) % len(kinds)]
                moves = kind.moves(kind.content_in(row))
                if moves:
                    # Of twins that are alike the first one: no timed run lets a spare one begin before it.
                    column = next(each for each in role.columns if row[each] == local)
                    return [(column, kind, move) for move in moves]
        return []

    def _columns_by(self, mood: int) -> list[tuple[int, Role]]:
        if mood not in self._orders:
            columns = sorted(self._owner, key=lambda column: draw(mood, column), reverse=True)
            self._orders = {mood: [(column, self._owner[column]) for column in columns]}
        return self._orders[mood]

    def _take(self, row: list[int], choice: Choice) -> WalkedStep:
        column, kind, move = choice
        row[column] = move.local
        for place, value in zip(kind.columns, move.cells, strict=True):
            row[place] = value
        role = self._owner[column]
        return WalkedStep(
            actor=f"{role.actors[column - role.columns.start].name}{kind.lane}",
            operation=kind.operation.bare,
            alternative=move.label,
            answer=move.answer,
            source=-1,
            target=-1,
            fault=move.fault,
        )
