"""A state class: where everybody is, and which instants are to come. What can happen next, and by when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.engines.exhaustive.moves import Move, StepKind, StepTable
from batchsim.engines.exhaustive.task import Join
from batchsim.engines.injected_delays import DelaysSoFar
from batchsim.engines.values import ABSENT
from batchsim.engines.zones.exchanging import Exchanging
from batchsim.engines.zones.lanes import LanesInOrder
from batchsim.engines.zones.slots import InstantKind, Slot
from batchsim.model.cells import Key
from batchsim.model.operation import BlockingOperation

GlobalState = tuple[int, ...]
ClassKey = tuple[GlobalState, tuple[Slot, ...], DelaysSoFar]
"""What tells state classes apart: the global state, which instants are to come, and what was slow already."""
Timers = tuple[Slot, ...]
"""What a move waits for: the timer of the operation, the moment of a fault, both, or nothing."""
Deadline = tuple[Slot, ...]
"""Nothing else takes effect after the latest of these."""


_ROWS_KEPT_MAX = 1 << 12
"""A step asks again and again for the same global state."""


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


class WaitingOperation(NamedTuple):
    """An operation that waits for a cell, or could act on it now."""

    column: int
    slot: Slot
    kind: StepKind
    moves: tuple[Move, ...]
    timers: tuple[Timers, ...]
    """For each of the moves the timers that must have run out first, of those that run."""
    is_ready: bool
    """Whether it acts if it looks now, in one way or another."""
    looks: tuple[Slot, ...]
    """The timers at whose end it looks again."""

    def until(self, timer: Slot, slots: Sequence[Slot]) -> Deadline:
        """When it looks at a timer: at its end, or when it arrives, if it has not."""
        return (self.slot, timer) if self.slot in slots else (timer,)


class Turn(NamedTuple):
    """What a step changes for its own actor."""

    kept: dict[int, int]
    """By position before it, the one after it of each operation of the actor that stays pending."""
    issued: list[int]
    """The positions of the operations that the actor issues."""
    join: Join | None
    lane: int
    """The number of the coroutine among those side by side."""
    published: Key | None
    """The cell that what the coroutine returned is put into."""


def _turn(kind: StepKind, move: Move) -> Turn:
    local_states = kind.role.locals
    before, after = local_states[kind.local], local_states[move.local]
    kept = local_states.kept_after(kind.local, kind.position, move.answer)
    return Turn(
        kept=kept,
        issued=sorted(set(range(len(after.pending))).difference(kept.values())),
        join=local_states.join_after(kind.local, kind.position, move.answer),
        lane=int(kind.lane.rpartition(".")[2] or 0),
        published=kind.role.returns_to if after.result is not None and before.result is None else None,
    )


class PendingSteps(NamedTuple):
    """What an actor awaits at a local state: each operation with the instant of it."""

    free: tuple[tuple[Slot, StepKind], ...]
    blocking: tuple[tuple[Slot, StepKind], ...]
    """What waits for a cell."""


NOTHING = PendingSteps((), ())


def _pending(column: int, kinds: Iterable[StepKind]) -> PendingSteps:
    steps = [(Slot(InstantKind.OPERATION, column, kind.position), kind) for kind in kinds]
    blocking = tuple([step for step in steps if isinstance(step[1].operation, BlockingOperation)])
    return PendingSteps(tuple([step for step in steps if step not in blocking]), blocking) if steps else NOTHING


class Guide:
    """What is known of all state classes of a system."""

    def __init__(self, table: StepTable) -> None:
        self.table = table
        self.layout: Layout = table.layout
        self.roles: list[Role] = [role for role in self.layout.roles for _ in role.columns]
        """By column."""
        self.gates = [
            None if role.begins_with is None else self.layout.column_of[role.begins_with] for role in self.roles
        ]
        self._begun_by: dict[int, list[int]] = {}
        """By step: the columns of those who begin with a cell that it touches."""
        self.twins = [role.columns for role in self.layout.roles if len(role.columns) > 1]
        self.exchanging = Exchanging(self.layout)
        self.lanes = LanesInOrder(self)
        self.alarms = {timer: (at_us, cells) for timer, at_us, cells in self.layout.system.alarms}
        """The timers that run out at a given time, and the cells that are looked at then."""
        self._pending: dict[tuple[int, int], PendingSteps] = {}
        """By column and local state."""
        self._turns: dict[tuple[int, int], Turn] = {}
        """By step and way, which are made once each."""
        self._timers: dict[Key, Slot] = {}
        self._cells_of_timers: dict[Slot, list[int]] = {}
        self._waiting_in = lru_cache(_ROWS_KEPT_MAX)(self._find_waiting)
        self._waiting_while = lru_cache(_ROWS_KEPT_MAX)(self._find_waiting_while)

    def timer(self, key: Key) -> Slot:
        """The instant at which a timer runs out."""
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = Slot(InstantKind.TIMER, len(self._timers))
        return timer

    def started(self, key: Key, cells: Iterable[Key]) -> Slot:
        """A timer that was started: it matters as long as one of these cells is there."""
        timer = self.timer(key)
        columns = [self.layout.column_of[cell] for cell in cells]
        # A timer stays where it is when cells change places.
        assert self.exchanging.cells.isdisjoint(columns), key
        self._cells_of_timers[timer] = columns
        return timer

    def matters(self, row: GlobalState, timer: Slot) -> bool:
        """Whether somebody may still ask if a timer has run out, before it is started anew."""
        return any(row[column] != ABSENT for column in self._cells_of_timers[timer])

    def urgent(self, column: int) -> Slot:
        """The instant at which one of those who wait in a role finds what they wait for."""
        return Slot(InstantKind.URGENT, self.roles[column].columns.start)

    def has_begun(self, row: GlobalState, column: int) -> bool:
        """Whether nothing keeps the actor of a column from its first operation."""
        gate = self.gates[column]
        return gate is None or row[column] != 0 or row[gate] != ABSENT

    def begun_by(self, kind: StepKind) -> list[int]:
        """The columns of those who may begin with a step."""
        columns = self._begun_by.get(id(kind))
        if columns is None:
            touched = frozenset(kind.columns)
            columns = [column for column, gate in enumerate(self.gates) if gate in touched]
            self._begun_by[id(kind)] = columns
        return columns

    def is_over(self, row: GlobalState) -> bool:
        """Whether nobody can take a step, or only those in the background."""
        return self.layout.has_background and not any(
            self.moves(row, kind)
            for column, role in enumerate(self.roles)
            if not role.is_background and self.has_begun(row, column)
            for kind in self.kinds(row, column)
        )

    def kinds(self, row: GlobalState, column: int) -> tuple[StepKind, ...]:
        """The pending steps of the actor of a column."""
        return self.table.kinds(self.roles[column], row[column])

    def moves(self, row: GlobalState, kind: StepKind) -> tuple[Move, ...]:
        """The ways in which a step can turn out."""
        return kind.moves(kind.content_in(row))

    def pending(self, row: GlobalState) -> Iterator[tuple[int, PendingSteps]]:
        """The columns of those who have begun and await something, with what that is."""
        for column in range(self.layout.actors_count):
            key = column, row[column]
            steps = self._pending.get(key)
            if steps is None:
                steps = self._pending[key] = _pending(column, self.kinds(row, column))
            if steps is not NOTHING and self.has_begun(row, column):
                yield column, steps

    def turn(self, kind: StepKind, move: Move) -> Turn:
        """What a step changes for its own actor, if it turns out in this way."""
        key = id(kind), id(move)
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = _turn(kind, move)
        return turn

    def timed(self, moves: tuple[Move, ...]) -> tuple[tuple[Move, ...], tuple[Timers, ...]]:
        """Some moves, and the timers that must have run out first; one again for each of which one is enough."""
        if all(move.timer is None and not move.due for move in moves):
            return moves, ((),) * len(moves)
        each_time = [(move, one_of) for move in moves for one_of in move.due or (None,)]
        timers = [
            tuple([self.timer(key) for key in (move.timer, one_of) if key is not None])
            for move, one_of in each_time
        ]
        return tuple([move for move, _ in each_time]), tuple(timers)

    def waiting(self, row: GlobalState, slots: Sequence[Slot]) -> list[WaitingOperation]:
        """The blocking operations that could act now, of those who have begun."""
        return self._waiting_while(row, tuple([slot for slot in slots if slot.kind is InstantKind.TIMER]))

    def _find_waiting_while(self, row: GlobalState, timers: Timers) -> list[WaitingOperation]:
        """Those who wait while some timers run."""
        return [
            self._waiting_operation(*each[:4], running(each.timers, timers)) if any(each.timers) else each
            for each in self._waiting_in(row)
        ]

    def _find_waiting(self, row: GlobalState) -> list[WaitingOperation]:
        """Those with all their timers, whether they run or not."""
        found = []
        for column, steps in self.pending(row):
            for slot, kind in steps.blocking:
                if moves := self.moves(row, kind):
                    timed = self.timed(moves)
                    if kind.operation.acts_on_arrival:
                        # It travels from when it is there, and no timer tells when; a fault has its moment.
                        timed = moves, self._moments(moves)
                    found.append(self._waiting_operation(column, slot, kind, *timed))
        return found

    def _waiting_operation(
        self, column: int, slot: Slot, kind: StepKind, moves: tuple[Move, ...], timers: tuple[Timers, ...]
    ) -> WaitingOperation:
        is_ready = any(not own and not move.is_optional for move, own in zip(moves, timers, strict=True))
        looks = self._timers_looked_at(kind, moves, timers) if any(timers) else ()
        return WaitingOperation(column, slot, kind, moves, timers, is_ready, tuple(dict.fromkeys(looks)))

    def _moments(self, moves: Iterable[Move]) -> tuple[Timers, ...]:
        """For each of some moves the moment of its fault, if that has one."""
        keys = [move.timer if move.timer in self.alarms else None for move in moves]
        return tuple([() if key is None else (self.timer(key),) for key in keys])

    def _timers_looked_at(self, kind: StepKind, moves: Sequence[Move], timers: Sequence[Timers]) -> Iterator[Slot]:
        assert isinstance(kind.operation, BlockingOperation)
        for move, own in zip(moves, timers, strict=True):
            for key in (move.timer, *move.due):
                alarm = self.alarms.get(key or "")
                is_looked_at = alarm is None or kind.operation.waits_for() in alarm[1]
                if key is not None and is_looked_at and (timer := self.timer(key)) in own:
                    yield timer


class StateClass:
    """Where everybody is, and which instants are to come."""

    def __init__(
        self, guide: Guide, row: GlobalState, slots: tuple[Slot, ...], delays_so_far: DelaysSoFar
    ) -> None:
        self.guide = guide
        self.row = row
        self.slots = slots
        self.delays_so_far = delays_so_far
        self.deadlines: list[Deadline] = []
        self.firings: list[Firing] = []
        if not guide.is_over(row):
            self._note_free_steps()
            self._note_waiting()
        self.certain = tuple(each[0] for each in self.deadlines if len(each) == 1)
        """The deadlines that are one instant each."""
        self.joint = tuple(each for each in self.deadlines if len(each) > 1)
        self.watched = tuple(each for each in self.deadlines if each[-1].kind is InstantKind.TIMER)
        """Those at which somebody looks whether a timer has run out."""
        bound = {slot for deadline in self.deadlines for slot in deadline}
        self.opportunities = tuple(dict.fromkeys(self._opportunities(bound)))
        """Instants at which something may happen, and need not."""
        self.next_at_latest = (*self.certain, *self.opportunities)
        """The instants of which none passes unseen: something happens at each, or it is passed over."""
        awaited = {slot for firing in self.firings for slot in (firing.at, *firing.after, *firing.before)}
        needed = bound | awaited
        self.alike = guide.exchanging.alike(row, slots)
        # Of those who are alike the first acts; at one instant it is the same whoever does.
        groups = (*self.alike, *guide.lanes.alike(row, slots))
        others = {slots[place] for group in groups for place in group[1:]}
        self.firings = [firing for firing in self.firings if firing.at not in others]
        self.can_act = tuple(
            waiting.slot
            for waiting in guide.waiting(row, slots)
            if waiting.is_ready or waiting.kind.operation.acts_on_arrival
        )
        """Operations that wait for a cell, and could act on it now."""
        self.loose = tuple(slot for slot in slots if slot not in needed and slot.kind is not InstantKind.MARK)
        """Instants that are no deadline: whether one has passed is known only by comparison."""

    def _opportunities(self, bound: Set[Slot]) -> Iterator[Slot]:
        for firing in self.firings:
            if firing.at not in bound or (firing.move.is_optional and firing.at not in self.certain):
                yield firing.at

    def _note_free_steps(self) -> None:
        guide, row = self.guide, self.row
        for column, steps in guide.pending(row):
            for at, kind in steps.free:
                self.deadlines.append((at,))
                moves, timers = guide.timed(guide.moves(row, kind))
                self._fire(column, kind, at, moves, running(timers, self.slots))

    def _note_waiting(self) -> None:
        idle: set[StepKind] = set()
        for waiting in self.guide.waiting(self.row, self.slots):
            if waiting.kind.operation.acts_on_arrival:
                self.deadlines.append((waiting.slot,))
                self._fire_any(waiting, waiting.slot)
            elif waiting.slot in self.slots:
                self._note_arriving(waiting)
            elif waiting.kind not in idle:
                idle.add(waiting.kind)
                self._note_idle(waiting)

    def _note_idle(self, waiting: WaitingOperation) -> None:
        if waiting.is_ready:
            at = self.guide.urgent(waiting.column)
            self.deadlines.append((at,))
            self._fire_any(waiting, at)
            return
        looks = waiting.looks
        self.deadlines += [(timer,) for timer in looks if _is_binding(waiting, timer)]
        for timer in looks:
            self._fire_at_the_end_of(waiting, timer, looks, ())

    def _note_arriving(self, waiting: WaitingOperation) -> None:
        if waiting.is_ready:
            self.deadlines.append((waiting.slot,))
            self._fire_any(waiting, waiting.slot)
            return
        looks = waiting.looks
        self.deadlines += [(waiting.slot, timer) for timer in looks if _is_binding(waiting, timer)]
        self._fire_any(waiting, waiting.slot)
        for timer in looks:
            self._fire_at_the_end_of(waiting, timer, looks, (waiting.slot,))

    def _fire_any(self, waiting: WaitingOperation, at: Slot) -> None:
        self._fire(waiting.column, waiting.kind, at, waiting.moves, waiting.timers)

    def _fire_at_the_end_of(
        self, waiting: WaitingOperation, at: Slot, looks: Sequence[Slot], after: tuple[Slot, ...]
    ) -> None:
        """At the end of a timer, what waited for it, or for no other one that is looked at."""
        fitting = [
            (move, own)
            for move, own in zip(waiting.moves, waiting.timers, strict=True)
            if at in own or not any(timer in looks for timer in own)
        ]
        moves, timers = [move for move, _ in fitting], [own for _, own in fitting]
        others = tuple(timer for timer in looks if timer != at and _is_binding(waiting, timer))
        self._fire(waiting.column, waiting.kind, at, moves, timers, after, others if after else ())

    def _fire(
        self,
        column: int,
        kind: StepKind,
        at: Slot,
        moves: Sequence[Move],
        timers: Sequence[Timers],
        after: tuple[Slot, ...] = (),
        before: tuple[Slot, ...] = (),
    ) -> None:
        """Of the moves in their order the first whose timers have run out, or one that may be taken before it."""
        passed_over: list[Timers] = []
        for move, own in zip(moves, timers, strict=True):
            waits_for = tuple([timer for timer in own if timer != at])
            # Of each move before it one timer still runs; of two not one that this move has waited for.
            running = [
                ([timer for timer in each if timer not in waits_for] or each) if len(each) > 1 else each
                for each in passed_over
            ]
            for still in product(*running):
                self.firings.append(Firing(column, kind, move, at, (*after, *waits_for), (*before, *still)))
            if move.is_optional:
                continue
            if not waits_for:
                return
            passed_over.append(waits_for)

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can happen any more."""
        return not self.firings


def running(timers: Sequence[Timers], slots: Sequence[Slot]) -> tuple[Timers, ...]:
    """Those of some timers that are among the instants to come: the others have run out."""
    return tuple([tuple([timer for timer in each if timer in slots]) for each in timers])


def _is_binding(waiting: WaitingOperation, timer: Slot) -> bool:
    """Whether the operation acts at the end of a timer, in one way or another."""
    return any(
        each == (timer,) and not move.is_optional for move, each in zip(waiting.moves, waiting.timers, strict=True)
    )
