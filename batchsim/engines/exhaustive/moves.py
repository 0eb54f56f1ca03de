"""What a step does to a row: worked out once for each local state and each content of its footprint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.engines.own_errors import is_same, of_another, of_effect, what_it_left
from batchsim.engines.values import ABSENT
from batchsim.model.cells import GuardedCells, Key, UnknownCellError, freeze, known_of
from batchsim.model.operation import Alternative, BlockingOperation, told
from batchsim.user_code import UserCodeError


class Move(NamedTuple):
    """One way in which a step can turn out."""

    label: str | None
    """Tells it from the others; `None`: the usual one."""
    local: int
    """The local state of the actor afterwards."""
    cells: tuple[int, ...]
    """The numbers of the values in the columns of the step afterwards."""
    answer: Any
    probability: float | None = None
    """Where it is one of several that a draw decides between: how likely it is."""
    timer: Key | None = None
    """With time: not before this timer has run out."""
    is_optional: bool = False
    """With time: whether one that comes after it can be taken although it can."""
    fault: int | None = None
    """The number of the fault that happens in it, in the order of the setting."""
    due: tuple[Key, ...] = ()
    """With time: nor before one of these timers has run out, if there are any."""


class StepKind:
    """The steps of a role at one local state and one pending operation."""

    def __init__(self, layout: Layout, role: Role, local: int, position: int) -> None:
        pending = role.locals[local].pending[position]
        self.layout = layout
        self.role = role
        self.local = local
        self.position = position
        self.lane = pending.lane
        self.operation = pending.operation
        self.site = pending.site
        self.footprint = self.operation.footprint()
        self.is_of_idle_twin = len(role.actors) > 1 and isinstance(self.operation, BlockingOperation)
        """Whether any one of several twins can take it, which makes one step and not several."""
        self.point = role.locals[local].point
        self._gate = role.begins_with if local == 0 else None
        touched = set(self.footprint.reads | self.footprint.writes)
        touched.update(cell for cell in (self._gate, role.returns_to) if cell is not None)
        try:
            touched = known_of(
                touched, layout.column_of.keys(), f"{told(self.operation)} by {role.actors[0].name}"
            )
        except UnknownCellError as unknown:
            raise UnknownCellError(f"{self._place()}{unknown}") from None
        self.columns = sorted(layout.column_of[cell] for cell in touched)
        """The columns that it reads or writes, the actor's own aside."""
        self.content_in = _getter(self.columns)
        """What these hold, of a state by columns."""
        self._moves: dict[tuple[int, ...], tuple[Move, ...]] = {}

    def moves(self, content: tuple[int, ...]) -> tuple[Move, ...]:
        """The ways in which it can turn out with this content of its columns; none: it is blocked."""
        moves = self._moves.get(content)
        if moves is None:
            moves = self._moves[content] = tuple(self._work_out(content))
        return moves

    def move(self, content: Sequence[int], label: str | None) -> Move:
        """The way with this label in which it can turn out."""
        return next(move for move in self.moves(tuple(content)) if move.label == label)

    def contents(self) -> list[tuple[int, ...]]:
        """Those of which the ways were worked out."""
        return list(self._moves)

    def delays(self) -> Iterator[str]:
        """The names of the delays that its effects began, in the ways that were worked out."""
        for move in (each for ways in self._moves.values() for each in ways):
            timer = self.operation.timer_after(move.answer)
            if timer is not None:
                yield timer.delay_of

    def _work_out(self, content: Sequence[int]) -> list[Move]:
        if self._gate is not None and self._number_in(content, self._gate) == ABSENT:
            return []
        moves = []
        for alternative in self.operation.alternatives(self._world(content)):
            world, answer = self._taken(content, alternative)
            if self.operation.is_own:
                self._check_same_again(content, alternative, world, answer)
            if self.layout.system.is_guarded:
                self._check_left(world)
            local = self.layout.settled(self.role, self.role.locals.after(self.local, self.position, answer))
            self._publish(world, local)
            moves.append(
                Move(
                    label=alternative.label,
                    local=local,
                    cells=self._numbers(world),
                    answer=answer,
                    probability=alternative.probability,
                    timer=alternative.timer,
                    is_optional=alternative.is_optional,
                    fault=alternative.fault,
                    due=alternative.due,
                )
            )
        return moves

    def _taken(self, content: Sequence[int], alternative: Alternative) -> tuple[Any, Any]:
        world = self._world(content)
        try:
            answer = self.operation.apply_alternative(world, alternative)
        except Exception as error:
            told_of_it = of_effect(self.operation, error)
            if told_of_it is None:
                raise
            raise BadInputError(f"{self._place()}{told_of_it}") from error
        world.cells.release()
        return world, answer

    def _check_same_again(self, content: Sequence[int], way: Alternative, world: Any, answer: Any) -> None:
        """Whether the user's own code depends on its cells alone: what comes of it is remembered by them."""
        again, answer_again = self._taken(content, way)
        pairs = [("apply returned", answer, answer_again)]
        pairs += [
            (f"apply wrote to {cell}", freeze(world.cells.get(cell)), freeze(again.cells.get(cell)))
            for cell in sorted(self.footprint.writes)
        ]
        for did, first, second in pairs:
            if not is_same(self.operation, first, second):
                raise of_another(f"{self._place()}{told(self.operation)}: {did}", first, second)

    def _check_left(self, world: Any) -> None:
        wrong = what_it_left(self.operation, world.cells, self.layout.system)
        if wrong is not None:
            raise UserCodeError(f"{self._place()}{wrong}")

    def _place(self) -> str:
        return self.role.locals.place_of(self.local, self.position)

    def _number_in(self, content: Sequence[int], cell: str) -> int:
        return content[self.columns.index(self.layout.column_of[cell])]

    def _world(self, content: Sequence[int]) -> Any:
        cells = GuardedCells({})
        for column, number in zip(self.columns, content, strict=True):
            if number != ABSENT:
                value = self.layout.values_of_column(column).value(number)
                cells[self.layout.cell_of_column(column)] = value
        cells.admit(told(self.operation), *self.footprint)
        return self.layout.system.world(cells)

    def _publish(self, world: Any, local: int) -> None:
        """What the coroutine returned reaches its cell with the step that ended it."""
        state, before = self.role.locals[local], self.role.locals[self.local]
        has_result = state.has_ended and not before.has_ended and state.result is not None
        if self.role.returns_to is not None and has_result:
            world.cells[self.role.returns_to] = state.result

    def _numbers(self, world: Any) -> tuple[int, ...]:
        numbers = []
        for column in self.columns:
            value = world.cells.get(self.layout.cell_of_column(column))
            numbers.append(self.layout.values_of_column(column).number_of(value))
        return tuple(numbers)


def _getter(columns: Sequence[int]) -> Callable[[Sequence[int]], tuple[int, ...]]:
    if len(columns) > 1:
        return itemgetter(*columns)
    return lambda row: tuple([row[column] for column in columns])


class StepTable:
    """The steps of every role at every local state, each made once."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._kinds: dict[tuple[int, int], tuple[StepKind, ...]] = {}

    def kinds(self, role: Role, local: int) -> tuple[StepKind, ...]:
        """The steps that a role can take at a local state."""
        key = (role.columns.start, local)
        kinds = self._kinds.get(key)
        if kinds is None:
            positions = range(len(role.locals[local].pending))
            kinds = self._kinds[key] = tuple(StepKind(self.layout, role, local, each) for each in positions)
        return kinds

    def known(self) -> list[tuple[tuple[int, int], tuple[StepKind, ...]]]:
        """All steps that were made, by the first column of the role and its local state."""
        return list(self._kinds.items())

    def delays(self) -> set[str]:
        """The names of the delays that began in the steps that were worked out."""
        return {name for kinds in self._kinds.values() for kind in kinds for name in kind.delays()}
