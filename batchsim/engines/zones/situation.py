"""A situation: where everybody is, and which instants are to come. What can happen next, and by when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from batchsim.engines.exhaustive.layout import ABSENT, Layout, Role
from batchsim.engines.exhaustive.moves import Move, StepKind, StepTable
from batchsim.engines.zones.slots import Instant, Slot
from batchsim.protocol.cells import Key
from batchsim.protocol.operation import BlockingOperation

Row = tuple[int, ...]
Place = tuple[Row, tuple[Slot, ...]]
"""What tells situations apart: the global state, and which instants are to come."""
Deadline = tuple[Slot, ...]
"""Nothing else takes effect after the latest of these."""


@dataclass(frozen=True, slots=True)
class Firing:
    """A step that may be the next one, at one of the instants to come."""

    column: int
    kind: StepKind
    move: Move
    at: Slot
    after: tuple[Slot, ...]
    """Instants that it comes no earlier than."""
    before: tuple[Slot, ...]
    """Instants that it comes no later than, deadlines aside."""
    timer: Key | None
    """The timer that its alternative waited for."""


class Waiting(NamedTuple):
    """An operation that waits for a cell, or could act on it now."""

    column: int
    slot: Slot
    kind: StepKind
    moves: tuple[Move, ...]
    """None: it is blocked."""
    timers: tuple[Slot | None, ...]
    """For each of the moves the timer that must have run out first, if one runs."""
    keys: tuple[Key | None, ...]
    """The keys of these timers, running or not."""

    @property
    def is_ready(self) -> bool:
        """Whether one of the moves waits for no timer."""
        return None in self.timers


class Guide:
    """What is known of all situations of a setting under a policy."""

    def __init__(self, table: StepTable) -> None:
        self.table = table
        self.layout: Layout = table.layout
        self.roles: list[Role] = [role for role in self.layout.roles for _ in role.columns]
        """By column."""
        self.gates = [
            None if role.begins_with is None else self.layout.column_of[role.begins_with] for role in self.roles
        ]
        self._timers: dict[Key, int] = {}
        self._timers_of_moves: dict[tuple[int, Row], tuple[Key | None, ...]] = {}

    def timer(self, key: Key) -> Slot:
        """The instant at which a timer runs out."""
        return Slot(Instant.TIMER, self._timers.setdefault(key, len(self._timers)))

    def urgent(self, column: int) -> Slot:
        """The instant at which one of those who wait in a role finds what they wait for."""
        return Slot(Instant.URGENT, self.roles[column].columns.start)

    def has_begun(self, row: Row, column: int) -> bool:
        """Whether nothing keeps the actor of a column from its first operation."""
        gate = self.gates[column]
        return gate is None or row[column] != 0 or row[gate] != ABSENT

    def kinds(self, row: Row, column: int) -> tuple[StepKind, ...]:
        """The pending steps of the actor of a column."""
        return self.table.kinds(self.roles[column], row[column])

    def waiting(self, row: Row, slots: Sequence[Slot]) -> Iterator[Waiting]:
        """All blocking operations of those who have begun."""
        for column in range(self.layout.actors_count):
            if not self.has_begun(row, column):
                continue
            for kind in self.kinds(row, column):
                if isinstance(kind.operation, BlockingOperation):
                    yield self.waiting_for(row, slots, column, kind)

    def waiting_for(self, row: Row, slots: Sequence[Slot], column: int, kind: StepKind) -> Waiting:
        """One blocking operation."""
        content = tuple(row[place] for place in kind.columns)
        moves = kind.moves(content)
        keys = self._keys(kind, content, row) if moves else ()
        timers = [None if key is None else self.timer(key) for key in keys]
        running = tuple(timer if timer in slots else None for timer in timers)
        return Waiting(column, Slot(Instant.OPERATION, column, kind.position), kind, moves, running, keys)

    def _keys(self, kind: StepKind, content: Row, row: Row) -> tuple[Key | None, ...]:
        known = (id(kind), content)
        if known not in self._timers_of_moves:
            alternatives = kind.operation.alternatives(self.layout.world(list(row)))
            self._timers_of_moves[known] = tuple(alternative.timer for alternative in alternatives)
        return self._timers_of_moves[known]


class Situation:
    """Where everybody is, and which instants are to come."""

    def __init__(self, guide: Guide, row: Row, slots: tuple[Slot, ...]) -> None:
        self.guide = guide
        self.row = row
        self.slots = slots
        self.deadlines: list[Deadline] = []
        self.firings: list[Firing] = []
        self._note_free_steps()
        self._note_waiting()
        self.loose = self._loose()
        """Instants that are no deadline: whether one has passed is known only by comparison."""

    def _note_free_steps(self) -> None:
        guide, row = self.guide, self.row
        for column in range(guide.layout.actors_count):
            if not guide.has_begun(row, column):
                continue
            for kind in guide.kinds(row, column):
                if isinstance(kind.operation, BlockingOperation):
                    continue
                at = Slot(Instant.OPERATION, column, kind.position)
                self.deadlines.append((at,))
                for move in kind.moves(tuple(row[place] for place in kind.columns)):
                    self.firings.append(Firing(column, kind, move, at, (), (), None))

    def _note_waiting(self) -> None:
        idle: set[StepKind] = set()
        for waiting in self.guide.waiting(self.row, self.slots):
            if not waiting.moves:
                continue
            if waiting.kind.operation.acts_on_arrival:
                self._note_travelling(waiting)
            elif waiting.slot in self.slots:
                self._note_arriving(waiting)
            elif waiting.kind not in idle:
                idle.add(waiting.kind)
                self._note_idle(waiting)

    def _note_travelling(self, waiting: Waiting) -> None:
        self.deadlines.append((waiting.slot,))
        for which in range(len(waiting.moves)):
            self._fire(waiting, which, waiting.slot, (), ())

    def _note_idle(self, waiting: Waiting) -> None:
        if waiting.is_ready:
            at = self.guide.urgent(waiting.column)
            self.deadlines.append((at,))
            self._fire_the_first_due(waiting, at)
            return
        timers = [timer for timer in waiting.timers if timer is not None]
        self.deadlines += [(timer,) for timer in timers]
        for which, timer in enumerate(timers):
            self._fire(waiting, which, timer, (), ())

    def _note_arriving(self, waiting: Waiting) -> None:
        if waiting.is_ready:
            self.deadlines.append((waiting.slot,))
            self._fire_the_first_due(waiting, waiting.slot)
            return
        timers = [timer for timer in waiting.timers if timer is not None]
        self.deadlines += [(waiting.slot, timer) for timer in timers]
        self._fire_the_first_due(waiting, waiting.slot)
        for which, timer in enumerate(timers):
            self._fire(waiting, which, timer, (waiting.slot,), tuple(each for each in timers if each != timer))

    def _fire_the_first_due(self, waiting: Waiting, at: Slot) -> None:
        """Of the alternatives, the first one whose timer has run out."""
        running: list[Slot] = []
        for which, timer in enumerate(waiting.timers):
            self._fire(waiting, which, at, () if timer is None else (timer,), tuple(running))
            if timer is None:
                return
            running.append(timer)

    def _fire(
        self, waiting: Waiting, which: int, at: Slot, after: tuple[Slot, ...], before: tuple[Slot, ...]
    ) -> None:
        move, key = waiting.moves[which], waiting.keys[which]
        self.firings.append(Firing(waiting.column, waiting.kind, move, at, after, before, key))

    def _loose(self) -> tuple[Slot, ...]:
        bound = {slot for deadline in self.deadlines for slot in deadline}
        awaited = {slot for firing in self.firings for slot in (*firing.after, *firing.before)}
        needed = bound | awaited
        return tuple(slot for slot in self.slots if slot not in needed and slot.kind is not Instant.MARK)

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can happen any more."""
        return not self.firings
