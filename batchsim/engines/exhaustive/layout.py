"""How a global state is laid out: a row of small integers, a column for each actor and each cell.

Twins (actors of a kind that are interchangeable) stand side by side, so that their columns can be kept sorted
(`symmetry.py`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from batchsim.engines.exhaustive.local_states import LocalStates
from batchsim.engines.exhaustive.task import TIMELESS, Pace
from batchsim.protocol.cast import Actor, all_cells, cast, world_after_phase_1
from batchsim.protocol.cells import Cells, Key, freeze, thaw
from batchsim.protocol.client import CallResult
from batchsim.protocol.operation import World
from batchsim.protocol.policy import Policy
from batchsim.protocol.setting import Setting
from batchsim.trace import Outcome, outcome_of

ABSENT = 0
"""The number of the value of a cell that is not there."""


class Values:
    """The values that one cell has had, numbered in the order in which they were found."""

    def __init__(self) -> None:
        self._values: list[Hashable] = [None]
        self._numbers: dict[Hashable, int] = {None: ABSENT}

    def number_of(self, value: Any) -> int:
        """The number of a value of the stores."""
        frozen = freeze(value)
        number = self._numbers.setdefault(frozen, len(self._values))
        if number == len(self._values):
            self._values.append(frozen)
        return number

    def value(self, number: int) -> Any:
        """A fresh value, to be changed at will."""
        return thaw(self._values[number])

    def __len__(self) -> int:
        return len(self._values)


class Role:
    """Actors that stand in neighbouring columns: one, or all twins of a kind."""

    def __init__(self, actors: list[Actor], first_column: int, *, merges: bool, pace: Pace = TIMELESS) -> None:
        self.actors = actors
        self.columns = range(first_column, first_column + len(actors))
        self.locals = LocalStates(actors[0].program, actors[0].expose, merges=merges, pace=pace)
        self.begins_with = actors[0].begins_with
        self.returns_to = actors[0].returns_to

        self.is_exchanged = False
        """Whether the states do not tell it from others of its kind."""

    @property
    def name(self) -> str:
        """The kind of those that are not told apart, or the name of the one actor."""
        is_one = len(self.actors) == 1 and not self.is_exchanged
        return self.actors[0].name if is_one else self.actors[0].kind


class Layout:
    """The columns of all actors and cells of a setting under a policy."""

    def __init__(self, setting: Setting, policy: Policy, *, merges: bool, exchanges: bool = False) -> None:
        self.setting = setting
        self.roles: list[Role] = []
        for actors in _by_role(list(self.actors(setting, policy))):
            first = self.roles[-1].columns.stop if self.roles else 0
            self.roles.append(Role(actors, first, merges=merges, pace=self.pace_of(actors[0])))
        self.actors_count = self.roles[-1].columns.stop
        self.cells = self.cells_of(setting, policy)
        self.column_of = {cell: self.actors_count + place for place, cell in enumerate(self.cells)}
        self.values = [Values() for _ in self.cells]
        self.width = self.actors_count + len(self.cells)
        self.exchangeable = self._exchangeable() if exchanges else ()
        """Roles that are interchangeable together with a column each, once there is something in it."""
        self._initial = self.cells_after_phase_1(setting, policy)

    def _exchangeable(self) -> tuple[tuple[Role, int], ...]:
        found = [
            (role, self.column_of[role.begins_with])
            for role in self.roles
            if role.actors[0].is_exchangeable and role.begins_with is not None
        ]
        if len(found) < 2:
            return ()
        # The same number is to mean the same in all of them.
        values, alike = Values(), tuple(role.locals for role, _ in found)
        for role, column in found:
            role.is_exchanged = True
            role.locals.alike = alike
            self.values[column - self.actors_count] = values
        return tuple(found)

    # What time adds is added in a subclass.

    def actors(self, setting: Setting, policy: Policy) -> Iterator[Actor]:
        """Everybody who has a column."""
        return cast(setting, policy)

    def pace_of(self, actor: Actor) -> Pace:
        """Where time passes for an actor."""
        return TIMELESS

    def cells_of(self, setting: Setting, policy: Policy) -> tuple[Key, ...]:
        """Every cell that has a column."""
        return all_cells(setting, policy)

    def cells_after_phase_1(self, setting: Setting, policy: Policy) -> Cells:
        """What the cells hold when phase 1 is done."""
        cells = Cells()
        world_after_phase_1(setting, policy, cells)
        return cells

    def values_of_column(self, column: int) -> Values:
        """The values of the cell of a column."""
        return self.values[column - self.actors_count]

    def cell_of_column(self, column: int) -> Key:
        """The cell of a column."""
        return self.cells[column - self.actors_count]

    def initial_row(self) -> list[int]:
        """The state after phase 1, before anybody acted."""
        cells = [
            values.number_of(self._initial.get(cell)) for cell, values in zip(self.cells, self.values, strict=True)
        ]
        return [0] * self.actors_count + cells

    def outcome(self, row: list[int]) -> Outcome:
        """What a run came to that ended in a state."""
        sdk = self.roles[0]
        state = sdk.locals[row[sdk.columns.start]]
        result: CallResult | None = state.result if state.has_ended else None
        return outcome_of(self.world(row), self.setting, result)

    def world(self, row: list[int]) -> World:
        """The stores in a state."""
        cells = Cells()
        for cell, values, number in zip(self.cells, self.values, row[self.actors_count :], strict=True):
            if number != ABSENT:
                cells[cell] = values.value(number)
        return World(cells)


def _by_role(actors: list[Actor]) -> list[list[Actor]]:
    roles: dict[str, list[Actor]] = {}
    for actor in actors:
        roles.setdefault(actor.kind if actor.is_twin else actor.name, []).append(actor)
    return list(roles.values())
