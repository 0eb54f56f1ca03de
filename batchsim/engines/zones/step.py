"""What a step does to zones: which instants pass, which are to come, and how far apart they are.

The timed engine is the measure (`engines/timed`): after the effect of an operation its answer travels back for
the response leg, until the instant `BASE`; what the actor does next is issued then. Where coroutines side by
side are awaited, `BASE` is the latest of theirs, or that of the first which failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from batchsim.engines.exhaustive.moves import Move
from batchsim.engines.exhaustive.task import Join
from batchsim.engines.injected_delays import DelaysSoFar
from batchsim.engines.values import ABSENT
from batchsim.engines.zones.drawing import Drawing
from batchsim.engines.zones.slots import ANSWER, BASE, START, InstantKind, Slot
from batchsim.engines.zones.splitting import latest, met_or_late, received, sooner_or_later, told_of
from batchsim.engines.zones.state_class import (
    ClassKey,
    Deadline,
    Firing,
    GlobalState,
    Guide,
    StateClass,
    WaitingOperation,
)
from batchsim.engines.zones.step_change import NOBODY, StepChange, beginning, change_of
from batchsim.engines.zones.windows import AT_ONCE, NEVER_US, DelayWindow, Windows
from batchsim.engines.zones.zone_set import ZoneSet, one_zone
from batchsim.model.cells import Key
from batchsim.model.operation import BlockingOperation, Operation, Timer
from batchsim.model.system import LegOf

Coming = tuple[Slot, Slot, DelayWindow]
"""An instant to come: its name, the instant that it comes after, and the window between."""


class Landing(NamedTuple):
    """Where a step leads."""

    state_class: StateClass
    zone_set: ZoneSet
    """The zones, over the instants of the step."""
    names: tuple[Slot, ...]
    """Which of them is each instant of the state class."""
    columns: tuple[int, ...]
    """For each column the one that its actor stood in before: those who are alike are sorted."""
    change: StepChange


class ZoneStepper:
    """Takes steps, and knows the state classes that they lead to."""

    def __init__(self, guide: Guide, windows: Windows) -> None:
        self._guide = guide
        self._windows = windows
        self._exchanging = guide.exchanging
        self._classes: dict[ClassKey, StateClass] = {}

    def state_class(self, row: GlobalState, slots: tuple[Slot, ...], delays_so_far: DelaysSoFar) -> StateClass:
        """The state class in which everybody is there, and these instants are to come."""
        place = row, slots, delays_so_far
        known = self._classes.get(place)
        if known is None:
            known = self._classes[place] = StateClass(self._guide, *place)
        return known

    def first(self) -> list[Landing]:
        """The beginning, over all instants that it involves."""
        change = beginning(self._guide)
        return self._land(change, [one_zone(START)], frozenset(), frozenset(), explicit=True)

    @staticmethod
    def enabled(state_class: StateClass, firing: Firing, zone_set: ZoneSet) -> Iterator[ZoneSet]:
        """The zones in which a step is the next one; of several deadlines the latest counts."""
        at = firing.at
        for earlier in firing.after:
            zone_set = zone_set.ordered(earlier, at)
        zone_set = zone_set.first_of(at, (*firing.before, *state_class.certain))
        for chosen in product(*(each for each in state_class.joint if at not in each)):
            limited = zone_set.first_of(at, chosen)
            if not limited.is_empty:
                yield limited

    def after(
        self, state_class: StateClass, firing: Firing, zone_set: ZoneSet, *, explicit: bool = False
    ) -> list[Landing]:
        """Where a step leads from zones in which it is the next one; `explicit`: over all instants involved."""
        change = change_of(self._guide, state_class, firing)
        ready = frozenset(change.names.get(slot, slot) for slot in state_class.can_act)
        watched = frozenset(tuple(change.names[slot] for slot in each) for each in state_class.watched)
        zone_sets = self._passing_over(state_class, firing, change, zone_set.renamed(change.names))
        return self._land(change, zone_sets, ready, watched, explicit=explicit)

    def _land(
        self,
        change: StepChange,
        zone_sets: list[ZoneSet],
        ready: frozenset[Slot],
        watched: frozenset[Deadline],
        *,
        explicit: bool,
    ) -> list[Landing]:
        landings: list[Landing] = []
        coming, delays_so_far = self._coming(change)
        if delays_so_far != change.delays_so_far:
            change = change._replace(delays_so_far=delays_so_far)
        for each in zone_sets:
            zone_set = each
            if not explicit:
                zone_set = zone_set.only([name for name in zone_set.names if _is_needed(change, name)])
            for answered in self._answered(change, zone_set, coming):
                for travelling in self._travelling(change, answered, ready):
                    for told in self._told(change, travelling, watched):
                        for met in self._met(change, told, ready):
                            landings += self._settled(change, met)
        if explicit:
            return landings
        return [each._replace(zone_set=each.zone_set.only(each.names)) for each in landings]

    # -- what might have happened ------------------------------------------------------------------

    @staticmethod
    def _passing_over(
        state_class: StateClass, firing: Firing, change: StepChange, zone_set: ZoneSet
    ) -> list[ZoneSet]:
        """What might have happened before this step, and did not, will not; what may happen later, comes later."""
        zone_sets = [zone_set]
        for slot in state_class.opportunities:
            name = change.names[slot]
            if slot == firing.at or name.kind is InstantKind.PAST:
                continue
            past = Slot(InstantKind.PAST, -1 - state_class.slots.index(slot), 1)
            zone_sets = [half for each in zone_sets for half in sooner_or_later(each, name, change.at, past)]
        return zone_sets

    # -- the answer ----------------------------------------------------------------------------

    def _answered(self, change: StepChange, zone_set: ZoneSet, coming: list[Coming]) -> list[ZoneSet]:
        """With the instant from which the actor goes on, and those to come."""
        if change.operation is None:
            return [zone_set.with_instants(coming)]
        response = self._response(change.operation)
        if change.join is not Join.LAST:
            end = Slot(InstantKind.END, change.column, change.lane)
            ends = [(end, BASE, AT_ONCE)] if change.join is Join.EARLY else []
            return [zone_set.with_instants([(BASE, change.at, response), *ends, *coming])]
        zone_sets = [zone_set.with_instants([(ANSWER, change.at, response), (BASE, ANSWER, AT_ONCE)])]
        for slot, name in change.names.items():
            if slot.kind is InstantKind.END and slot.place == change.column:
                zone_sets = [half for each in zone_sets for half in latest(each, name)]
        return [each.with_instants(coming) for each in zone_sets]

    def _response(self, operation: Operation[Any]) -> DelayWindow:
        return AT_ONCE if operation.acts_on_arrival else self._windows.of(operation).response

    # -- what is to come -----------------------------------------------------------------------

    def _coming(self, change: StepChange) -> tuple[list[Coming], DelaysSoFar]:
        """The instants to come, and what was slow by then."""
        guide, drawing = self._guide, Drawing(self._windows, change.delays_so_far)
        coming = list(self._timers(change, drawing))
        arrivals: dict[LegOf, Slot] = {}
        for column in change.begun:
            base = change.at
            leg = guide.roles[column].actors[0].begins_after_leg_of
            if leg is not None:
                base = Slot(InstantKind.LEG, column)
                # One leg is drawn once, whoever begins after it.
                of_first = arrivals.setdefault(leg, base)
                known = (change.at, drawing.leg_of(leg)) if of_first is base else (of_first, AT_ONCE)
                coming.append((base, *known))
            positions = [kind.position for kind in guide.kinds(change.row, column)]
            coming += self._issued(change.row, column, positions, base, drawing, is_first=True)
        if change.column != NOBODY:
            coming += self._issued(change.row, change.column, change.issued, BASE, drawing)
        return coming, drawing.delays_so_far

    def _timers(self, change: StepChange, drawing: Drawing) -> Iterator[Coming]:
        guide, operation = self._guide, change.operation
        if operation is None:
            for key, name in guide.layout.system.first_timers.items():
                if change.row[guide.layout.column_of[key]] != ABSENT:
                    yield guide.started(key, (key,)), change.at, drawing.delay_of_phase_1(name)
            for key, (at_us, _) in guide.alarms.items():
                yield guide.started(key, (key,)), change.at, DelayWindow(at_us, at_us)
        elif (timer := operation.timer_after(change.answer)) is not None:
            cells = operation.timed_after(change.answer)
            actor = guide.roles[change.column].actors[0]
            # What a timer is about must not depend on who starts it, and on which others were started with it.
            about = [(cell,) for cell in cells] if timer.also else [_about(timer, cells)]
            first, *others = zip(timer.each(), about, strict=False)
            delay, *other_delays = drawing.delays(actor, operation, timer)
            slot = guide.started(first[0].key, first[1])
            yield slot, change.at, delay
            for (other, own_cells), own_delay in zip(others, other_delays, strict=True):
                # They are drawn together: alike, unless something makes one of them slow.
                base, window = (slot, AT_ONCE) if own_delay == delay else (change.at, own_delay)
                yield guide.started(other.key, own_cells), base, window

    def _issued(
        self,
        row: GlobalState,
        column: int,
        positions: list[int],
        base: Slot,
        drawing: Drawing,
        *,
        is_first: bool = False,
    ) -> Iterator[Coming]:
        actor, kinds = self._guide.roles[column].actors[0], self._guide.kinds(row, column)
        column_of = self._guide.layout.column_of

        def is_there(cell: Key) -> bool:
            return row[column_of[cell]] != ABSENT

        for position in positions:
            operation = kinds[position].operation
            is_blocking = isinstance(operation, BlockingOperation)
            if is_blocking and not is_first and actor.is_spare:
                continue  # as many as can be busy at once: there is always another one who has arrived
            window = drawing.request(actor, operation, is_there)
            if is_blocking and _is_left_open(self._guide.moves(row, kinds[position])):
                window = window._replace(max_us=NEVER_US)
            yield Slot(InstantKind.OPERATION, column, position), base, window

    # -- who waited, and finds it --------------------------------------------------------------

    def _travelling(self, change: StepChange, zone_set: ZoneSet, ready: frozenset[Slot]) -> list[ZoneSet]:
        """What is received on arrival begins to travel when it is there, and the receiver too."""
        zone_sets = [zone_set]
        for waiting in self._guide.waiting(change.row, zone_set.names):
            operation = waiting.kind.operation
            if not operation.acts_on_arrival or self._stays(change, waiting, ready):
                continue
            assert isinstance(operation, BlockingOperation)
            there = BASE if operation.waits_for() == change.published else change.at
            slower_us = self._windows.injected_delays.delay_us(change.delays_so_far.travelling)
            travel = self._windows.of(operation).response.later(slower_us)
            zone_sets = [half for each in zone_sets for half in received(each, waiting.slot, there, travel)]
        return zone_sets

    def _told(self, change: StepChange, zone_set: ZoneSet, watched: frozenset[Deadline]) -> list[ZoneSet]:
        """Who waits for a timer that nobody watched is told whether it has run out, if he has arrived."""
        zone_sets, started = [zone_set], _timers_started_by(self._guide, change)
        for waiting in self._guide.waiting(change.row, zone_set.names):
            if waiting.is_ready or waiting.kind.operation.acts_on_arrival or _is_issued(change, waiting):
                continue
            timers = [timer for timer in waiting.looks if timer not in started]
            if any(waiting.until(timer, zone_set.names) not in watched for timer in timers):
                zone_sets = [half for each in zone_sets for half in met_or_late(each, waiting.slot, change.at)]
                zone_sets = [half for each in zone_sets for half in told_of(each, waiting.slot, timers, change.at)]
        return zone_sets

    def _met(self, change: StepChange, zone_set: ZoneSet, ready: frozenset[Slot]) -> list[ZoneSet]:
        """Who waits and finds what he waits for acts at once; who is on his way acts when he arrives."""
        guide, zone_sets = self._guide, [zone_set]
        found = [
            each
            for each in guide.waiting(change.row, zone_set.names)
            if each.is_ready and not each.kind.operation.acts_on_arrival
        ]
        for waiting in found:
            if waiting.slot in zone_set.names and waiting.slot not in ready and not _is_issued(change, waiting):
                zone_sets = [half for each in zone_sets for half in met_or_late(each, waiting.slot, change.at)]
        return [self._with_urgent(change, each, found) for each in zone_sets if not each.is_empty]

    def _stays(self, change: StepChange, waiting: WaitingOperation, ready: frozenset[Slot]) -> bool:
        """Whether the operation was pending before the step and could act already."""
        return waiting.slot in ready and not _is_issued(change, waiting)

    def _with_urgent(self, change: StepChange, zone_set: ZoneSet, found: list[WaitingOperation]) -> ZoneSet:
        urgent = {self._guide.urgent(each.column) for each in found if each.slot not in zone_set.names}
        ended = [name for name in zone_set.names if name.kind is InstantKind.URGENT and name not in urgent]
        past = {name: Slot(InstantKind.PAST, -1 - place) for place, name in enumerate(ended)}
        new = [(name, change.at, AT_ONCE) for name in sorted(urgent) if name not in zone_set.names]
        return zone_set.with_instants(new).renamed(past)

    # -- the new state class ---------------------------------------------------------------------

    def _settled(self, change: StepChange, zone_set: ZoneSet) -> Iterator[Landing]:
        """Instants that have passed for certain are forgotten: each zone to the state class that it belongs to."""
        names = tuple(name for name in zone_set.names if self._is_to_come(change.row, name))
        parts = [(zone_set, names)]
        while parts:
            part, names = parts.pop()
            landing = self._sorted(change, part, names)
            if landing.state_class.is_terminal:
                marks = tuple(sorted(name for name in names if name.kind is InstantKind.MARK))
                yield landing._replace(
                    state_class=self.state_class(landing.state_class.row, marks, DelaysSoFar()), names=marks
                )
                continue
            for slot in landing.state_class.loose:
                name = landing.names[landing.state_class.slots.index(slot)]
                has_passed = _has_passed(landing, name)
                if has_passed.any():
                    parts.append((part.chosen(has_passed), tuple(each for each in names if each != name)))
                    part = part.chosen(~has_passed)
                    landing = landing._replace(zone_set=part)
                    if part.is_empty:
                        break
            if not landing.zone_set.is_empty:
                yield from self._exchanging.in_turn(landing)

    def _is_to_come(self, row: GlobalState, name: Slot) -> bool:
        if name.kind is InstantKind.TIMER:
            return self._guide.matters(row, name)
        return name.kind <= InstantKind.MARK

    def _sorted(self, change: StepChange, zone_set: ZoneSet, names: tuple[Slot, ...]) -> Landing:
        columns = self._columns_sorted(change, names)
        place_of = {column: place for place, column in enumerate(columns) if column != place}
        row = self._exchanging.row_after(change.row, columns) if place_of else change.row
        slots = sorted([(_moved(name, place_of), name) for name in names])
        state_class = self.state_class(row, tuple([slot for slot, _ in slots]), change.delays_so_far)
        return Landing(state_class, zone_set, tuple([name for _, name in slots]), tuple(columns), change)

    def _columns_sorted(self, change: StepChange, names: tuple[Slot, ...]) -> list[int]:
        """Twins by where they are, and those who are on their way after those who have arrived."""
        row, on_their_way = change.row, {name.place for name in names if name.kind is InstantKind.OPERATION}
        columns = list(range(self._guide.layout.actors_count))
        for twins in self._guide.twins:
            columns[twins.start : twins.stop] = sorted(
                twins, key=lambda column: (row[column], column in on_their_way, column == change.column, column)
            )
        self._exchanging.sort(columns, row, on_their_way)
        return columns


def _about(timer: Timer, cells: tuple[Key, ...]) -> tuple[Key, ...]:
    if timer.about is not None:
        return (timer.about,)
    return (timer.key,) if timer.key in cells else cells


def _is_needed(change: StepChange, name: Slot) -> bool:
    return name.kind is not InstantKind.PAST or name == change.at or change.join is Join.LAST


def _is_issued(change: StepChange, waiting: WaitingOperation) -> bool:
    if waiting.column in change.begun:
        return True
    return waiting.column == change.column and waiting.kind.position in change.issued


def _timers_started_by(guide: Guide, change: StepChange) -> tuple[Slot, ...]:
    timer = None if change.operation is None else change.operation.timer_after(change.answer)
    return () if timer is None else tuple(guide.timer(each.key) for each in timer.each())


def _is_left_open(moves: Sequence[Move]) -> bool:
    """Whether something may happen, and nothing must."""
    return bool(moves) and all(move.is_optional for move in moves)


def _has_passed(landing: Landing, name: Slot) -> Any:
    """For each zone, whether an instant comes before whatever happens next, for certain."""
    zone_set, state_class = landing.zone_set, landing.state_class
    place_of = {slot: zone_set.place(each) for slot, each in zip(state_class.slots, landing.names, strict=True)}
    is_before = zone_set.zones[:, zone_set.place(name)] <= 0
    has_passed: Any = is_before[:, [place_of[slot] for slot in state_class.next_at_latest]].all(axis=1)
    for deadline in state_class.joint:
        has_passed &= is_before[:, [place_of[slot] for slot in deadline]].any(axis=1)
    return has_passed


def _moved(name: Slot, place_of: dict[int, int]) -> Slot:
    if name.place in place_of and (name.kind is InstantKind.OPERATION or name.kind is InstantKind.END):
        return name._replace(place=place_of[name.place])
    return name
