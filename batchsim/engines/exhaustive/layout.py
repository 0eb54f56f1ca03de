"""How a global state is laid out: a row of small integers, a column for each actor and each cell.

Twins (actors of a kind that are interchangeable) stand side by side, so that their columns can be kept sorted
(`symmetry.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive.local_states import LocalStates
from batchsim.engines.exhaustive.task import TIMELESS, Pace
from batchsim.engines.exhaustive.twins import twins_with_programs_of_their_own
from batchsim.engines.values import ABSENT, Values
from batchsim.model.cells import Cells, Key
from batchsim.model.operation import Operation, told
from batchsim.model.system import Actor, RaisedError, Results, System


class Role:
    """Actors that stand in neighbouring columns: one, or all twins of a kind."""

    def __init__(
        self,
        actors: list[Actor],
        first_column: int,
        *,
        merges: bool,
        pace: Pace = TIMELESS,
        catches: bool = False,
    ) -> None:
        self.actors = actors
        self.columns = range(first_column, first_column + len(actors))
        twins = twins_with_programs_of_their_own(actors)
        self.locals = LocalStates(actors[0], merges=merges, pace=pace, catches=catches, twins=twins)
        self.begins_with = actors[0].begins_with
        self.returns_to = actors[0].returns_to
        self.is_background = actors[0].is_background
        self.is_exchanged = False
        """Whether the states do not tell it from others of its kind."""

    @property
    def name(self) -> str:
        """The kind of those that are not told apart, or the name of the one actor."""
        is_one = len(self.actors) == 1 and not self.is_exchanged
        return self.actors[0].name if is_one else self.actors[0].kind


class Layout:
    """The columns of all actors and cells of a system."""

    def __init__(self, system: System[Any], *, merges: bool, exchanges: bool = False) -> None:
        self.system = system
        self.roles: list[Role] = []
        for actors in _by_role(list(self.actors())):
            first = self.roles[-1].columns.stop if self.roles else 0
            pace, catches = self.pace_of(actors[0]), system.catches_errors
            self.roles.append(Role(actors, first, merges=merges, pace=pace, catches=catches))
        self._judged = [role for role in self.roles if role.actors[0].is_judged]
        """One actor each."""
        self._to_end = [role for role in self.roles if role.actors[0].is_to_end and self.is_of_system(role)]
        """Likewise."""
        self.has_background = any(role.is_background for role in self.roles)
        self.actors_count = self.roles[-1].columns.stop
        self.cells = tuple(self.cells_of_system())
        self.column_of = {cell: self.actors_count + place for place, cell in enumerate(self.cells)}
        self.values = [Values() for _ in self.cells]
        self.width = self.actors_count + len(self.cells)
        self.exchangeable = self._exchangeable() if exchanges else ()
        """Roles that are interchangeable together with a column each, once there is something in it."""
        self.gated = self._gated() if system.is_guarded else {}
        """By the column of a cell: the roles that begin with it."""
        self._initial = self.first_cells()

    def _gated(self) -> dict[int, list[Role]]:
        gated: dict[int, list[Role]] = {}
        for role in self.roles:
            if role.begins_with is not None and role.begins_with in self.column_of and role.locals[0].pending:
                gated.setdefault(self.column_of[role.begins_with], []).append(role)
        return gated

    def _exchangeable(self) -> tuple[tuple[Role, int], ...]:
        found = [
            (role, self.column_of[role.begins_with])
            for role in self.roles
            # A memory may tell who did what, where states would not.
            if role.actors[0].is_exchangeable and role.begins_with is not None and not role.actors[0].memories
        ]
        likes = Counter(self.like(role.actors[0].number) for role, _ in found)
        most = max(likes.values(), default=0)
        if most < 2:
            return ()
        # Those that are most; one group is enough.
        like = next(each for each, count in likes.items() if count == most)
        found = [each for each in found if self.like(each[0].actors[0].number) == like]
        # The same number is to mean the same in all of them.
        values, alike = Values(), tuple(role.locals for role, _ in found)
        for role, column in found:
            role.is_exchanged = True
            role.locals.alike = alike
            self.values[column - self.actors_count] = values
        return tuple(found)

    def alike_columns(self) -> Iterator[Sequence[int]]:
        """Columns between which values are exchanged."""
        yield from (role.columns for role in self.roles if len(role.columns) > 1)
        if self.exchangeable:
            yield [role.columns.start for role, _ in self.exchangeable]
            yield [column for _, column in self.exchangeable]

    def gone(self, column: int, role: Role, operation: Operation[Any], actor: str) -> BadInputError:
        """A cell goes before somebody who began with it took a step: states do not tell that they began."""
        late = role.actors[0]
        return BadInputError(
            f"{told(operation)} by {actor} takes away the cell {str(self.cell_of_column(column))!r}, with which "
            f"{late.name} begins, before its first step; allowed: begins_with a cell that stays until then, or an "
            "operation that waits for it"
        )

    # What time adds is added in a subclass.

    def actors(self) -> Iterator[Actor]:
        """Everybody who has a column."""
        return iter(self.system.actors)

    def is_of_system(self, role: Role) -> bool:
        """Whether it is a role of the system, and not of what time adds."""
        return True

    def pace_of(self, actor: Actor) -> Pace:
        """Where time passes for an actor."""
        return TIMELESS

    def like(self, item: int | None) -> Hashable:
        """The same for items that time lets change places."""
        return None

    def roles_with_lanes_alike(self) -> Iterator[Role]:
        """Those of one actor whose lanes can change places, which saves states with time alone."""
        return iter(())

    def settled(self, role: Role, local: int) -> int:
        """The local state that stands for one that an actor of a role came to."""
        return local

    def cells_of_system(self) -> Iterable[Key]:
        """Every cell that has a column."""
        return self.system.cells

    def first_cells(self) -> Cells:
        """What the cells hold before anybody acted."""
        cells = Cells()
        self.system.begin(cells)
        return cells

    def values_of_column(self, column: int) -> Values:
        """The values of the cell of a column."""
        return self.values[column - self.actors_count]

    def cell_of_column(self, column: int) -> Key:
        """The cell of a column."""
        return self.cells[column - self.actors_count]

    def initial_row(self) -> list[int]:
        """The state before anybody acted."""
        cells = [
            values.number_of(self._initial.get(cell)) for cell, values in zip(self.cells, self.values, strict=True)
        ]
        return [0] * self.actors_count + cells

    def outcome(self, row: list[int]) -> Any:
        """What a run came to that ended in a state."""
        returned = {}
        for role in self._judged:
            state = role.locals[row[role.columns.start]]
            if state.has_ended:
                returned[role.name] = state.result
        return self.system.outcome(self.world(row), Results(returned, self._waiting(row), self._raised(row)))

    def _waiting(self, row: list[int]) -> Iterator[str]:
        """Those who have begun, and have not ended."""
        for role in self._to_end:
            local = row[role.columns.start]
            if self._has_begun(role, local, row) and not role.locals[local].has_ended:
                yield role.actors[0].name

    def _raised(self, row: list[int]) -> Iterator[RaisedError]:
        for role in self.roles if self.system.catches_errors else ():
            for column in role.columns:
                raised = role.locals[row[column]].raised
                if raised is not None and self._has_begun(role, row[column], row):
                    yield RaisedError(role.actors[0].name_of_its_like, *raised)

    def _has_begun(self, role: Role, local: int, row: list[int]) -> bool:
        return role.begins_with is None or local != 0 or row[self.column_of[role.begins_with]] != ABSENT

    def world(self, row: list[int]) -> Any:
        """The world in a state."""
        cells = Cells()
        for cell, values, number in zip(self.cells, self.values, row[self.actors_count :], strict=True):
            if number != ABSENT:
                cells[cell] = values.value(number)
        return self.system.world(cells)


def _by_role(actors: list[Actor]) -> list[list[Actor]]:
    roles: dict[str, list[Actor]] = {}
    for actor in actors:
        roles.setdefault(actor.kind if actor.is_twin else actor.name, []).append(actor)
    return list(roles.values())
