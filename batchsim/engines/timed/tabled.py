"""Timed runs by table: what a step does is worked out once for each content of its footprint, and read then.

A step depends on its operation and on the cells of its footprint alone, and its coroutine on the answers. So runs
of one scenario under many seeds take the same few steps time and again, at other instants and in other orders.
Cells are small integers here (`values.py`), as in explorations, and a run is a walk through what is known. What it
meets for the first time is worked out by the operation itself, on a world that has the cells of its footprint and
no other.

It comes to what the lanes of `lane.py` come to, and shares with them all but what looks at the world.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence, Set
from functools import partial
from heapq import heappush
from operator import itemgetter
from typing import Any, ClassVar, cast

from batchsim.engines.latencies import Streams
from batchsim.engines.own_errors import is_same, of_effect, what_it_left
from batchsim.engines.recorded_draws import AnyLatencies
from batchsim.engines.timed.events import Clock
from batchsim.engines.timed.lane import Callbacks, Lane, OnEnd, Stage
from batchsim.engines.timed.numbered_draws import LatencySite, NumberedDraws
from batchsim.engines.timed.recorder import Recorder
from batchsim.engines.timed.scripts import Script, ScriptPoint, Way, failure_of
from batchsim.engines.timed.side_by_side import program_of
from batchsim.engines.timed.waiting import Waiting
from batchsim.engines.values import ABSENT, Values, comes_back, in_another_order
from batchsim.exact import exact
from batchsim.model.cells import Cells, GuardedCells, Key, freeze, known_of
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Both,
    ForEach,
    Operation,
    Program,
    ProtocolError,
    Stopped,
    Timer,
    stops,
    told,
)
from batchsim.model.run import Step
from batchsim.model.system import Actor, Results, System

Content = Any
"""What the cells of a footprint hold, by the numbers of their values: a tuple; of one cell, its number."""

_KNOWN_MAX = 50_000
"""Of so many steps it is known what they do; of more, it would be memory and no gain."""
_MISSED_MAX = ((2_000, 0.5), (50_000, 0.2))
"""After so many steps no more than this share may have been new: then each is worked out faster than looked up.
The first is early, as contents are large where most of them are new. The last is looked at time and again."""
CELLS_MAX = 100
"""Of a system with more, hardly any content comes twice: it has many items."""


class NotTabled(Exception):
    """A step cannot be known by its footprint: the run has to be made by the lanes themselves, which tell why."""


class Effect:
    """What a step does: to the cells, to its actor, and to those who wait."""

    __slots__ = ("answer", "changes", "following", "key", "stops", "timer", "unblocks", "wakes")

    def __init__(self, answer: Any, changes: tuple[tuple[int, int], ...]) -> None:
        self.answer = answer
        self.stops = stops(answer)
        self.changes = changes
        """The places of cells, each with the number of its value afterwards."""
        self.timer: tuple[Timer, LatencySite] | None = None
        """The timer that it starts, and the latency that is its delay."""
        self.unblocks: tuple[Key, ...] = ()
        self.wakes = False
        """Whether those who wait for these look at once."""
        self.following: ScriptPoint | None = None
        """Where its coroutine is then; `None`: nobody has asked."""
        self.key: Hashable = None
        """Of the way there."""


class TabledWay:
    """A way in which a step can turn out."""

    __slots__ = ("_content", "_effect", "_site", "alternative", "is_certain")

    def __init__(self, site: Site, content: Content, alternative: Alternative) -> None:
        self._site = site
        self._content = content
        self._effect: Effect | None = None
        self.alternative = alternative
        timed = alternative.timer is not None or alternative.due or alternative.chance is not None
        self.is_certain = not (timed or alternative.is_held)
        """Whether it is taken, if none is that comes before it, at whatever time."""

    def effect(self) -> Effect:
        """What the step does so."""
        effect = self._effect
        if effect is None:
            effect = self._effect = self._site.work_out(self._content, self.alternative)
        return effect


class Site:
    """An operation where a coroutine awaits it."""

    def __init__(self, table: Table, actor: Actor, awaited: Operation[Any]) -> None:
        self.operation = operation = actor.expose(awaited)
        self.table = table
        self.actor = actor
        self.latency = table.draws.site(actor, awaited, awaited.name)
        self.slower = [(table.place_of(cell), by_us) for cell, by_us in operation.slower_while]
        self.has_alternatives = operation.has_alternatives
        self.is_instant = operation.is_instant
        self.is_noted = operation.name in table.system.noted
        self.is_users = operation.is_own or bool(operation.own_faults) or table.system.is_guarded
        """Whether code of the user's says what it does, or has a part in it."""
        self.cell = operation.waits_for() if isinstance(operation, BlockingOperation) else None
        self.wakes_all = operation.bare.wakes_all
        self.calls_spare = actor.is_spare and isinstance(operation.bare, BlockingOperation)
        self.footprint = operation.footprint()
        touched: Set[Key] = self.footprint.reads | self.footprint.writes
        if table.listed is not None:
            touched = known_of(touched, table.listed, operation.name)
        self.known = frozenset(touched)
        self.cells = sorted(touched)
        self.content_in = _getter([table.place_of(cell) for cell in self.cells])
        """What these hold, in a row."""
        self.effects: dict[Content, Effect] = {}
        self.ways: dict[Content, tuple[TabledWay, ...]] = {}

    def find_effect(self, content: Content) -> Effect:
        """What it does, the only way that it has; met for the first time."""
        effect = self.effects[content] = self.work_out(content, None)
        return effect

    def find_ways(self, content: Content) -> tuple[TabledWay, ...]:
        """Likewise: the ways in which it can turn out."""
        self.table.miss()
        found = self.operation.alternatives(self._world(content))
        if self.is_users and self.operation.alternatives(self._world(content, in_another_order)) != found:
            raise NotTabled
        ways = self.ways[content] = tuple(TabledWay(self, content, each) for each in found)
        return ways

    def _numbers(self, content: Content) -> tuple[int, ...]:
        match len(self.cells):
            case 0:
                return ()
            case 1:
                return (content,)
        numbers: tuple[int, ...] = content
        return numbers

    def _world(self, content: Content, made: Callable[[Any], Any] | None = None) -> Any:
        cells = GuardedCells({})
        for cell, number in zip(self.cells, self._numbers(content), strict=True):
            if number != ABSENT:
                value = self.table.values_of(cell).value(number)
                cells[cell] = value if made is None else made(value)
        cells.admit(told(self.operation), *self.footprint)
        return self.table.system.world(cells)

    def _taken(
        self, content: Content, way: Alternative | None, made: Callable[[Any], Any] | None = None
    ) -> tuple[Any, Any]:
        world, operation = self._world(content, made), self.operation
        try:
            return world, operation.apply(world) if way is None else operation.apply_alternative(world, way)
        except Exception as error:
            if of_effect(operation, error) is not None:
                raise NotTabled from error  # a run step by step tells it, with the line
            raise

    def work_out(self, content: Content, way: Alternative | None) -> Effect:
        """What it does in one of its ways; `None`: it has only one."""
        table, operation = self.table, self.operation
        table.miss()
        world, answer = self._taken(content, way)
        if self.is_users:
            self._check_same_again(content, way, world, answer)
        left = dict.items(world.cells)
        if not all(cell in self.known and comes_back(value) for cell, value in left):
            raise NotTabled
        if table.system.is_guarded and what_it_left(operation, world.cells, table.system) is not None:
            raise NotTabled
        changes = []
        for cell, before in zip(self.cells, self._numbers(content), strict=True):
            after = table.values_of(cell).number_of(world.cells.get(cell))
            if after != before:
                changes.append((table.place_of(cell), after))
        effect = Effect(answer, tuple(changes))
        if operation.may_unblock:
            effect.unblocks, effect.wakes = operation.unblocks_after(answer), True
            timer = operation.timer_after(answer)
            if timer is not None:
                latency = table.draws.site(self.actor, timer.wait or operation.bare, timer.delay_of)
                effect.timer = timer, latency
                effect.wakes = timer.wakes_at_once
        return effect

    def _check_same_again(self, content: Content, way: Alternative | None, world: Any, answer: Any) -> None:
        """What a user's own code does is known by the cells only if it does the same with the same ones."""
        again, answer_again = self._taken(content, way, in_another_order)
        if not is_same(self.operation, answer, answer_again):
            raise NotTabled
        for cell in self.cells:
            if freeze(world.cells.get(cell)) != freeze(again.cells.get(cell)):
                raise NotTabled


def _getter(places: Sequence[int]) -> Callable[[Sequence[int]], Content]:
    return itemgetter(*places) if places else lambda row: None


class Table:
    """What is known of the steps of a system, and the state of the one run that walks through it."""

    def __init__(self, system: System[Any]) -> None:
        self.system = system
        self.listed = frozenset(system.cells) if system.is_guarded else None
        """All cells that there are, where steps are checked."""
        self.draws = NumberedDraws()
        self.row: list[int] = []
        """The cells of the run, each by the number of its value."""
        self._places: dict[Key, int] = {}
        self._values: list[Values] = []
        self.first_row: list[int] = []
        """These at the beginning."""
        self._outcomes: dict[Hashable, Any] = {}
        self._known = self._missed = self._steps = self._looks = 0
        cells = Cells()
        system.begin(cells)
        for cell, value in cells.items():
            if not comes_back(value):
                raise NotTabled
            self.first_row[self.place_of(cell)] = self.values_of(cell).number_of(value)

    def place_of(self, cell: Key) -> int:
        """Where a cell stands in a row."""
        place = self._places.get(cell)
        if place is None:
            place = self._places[cell] = len(self._values)
            self._values.append(Values())
            self.first_row.append(ABSENT)
            self.row.append(ABSENT)
        return place

    def values_of(self, cell: Key) -> Values:
        """The values that a cell has had."""
        return self._values[self.place_of(cell)]

    def begin_run(self) -> RowCells:
        """The cells of a run that begins."""
        self.row = self.first_row.copy()
        return RowCells(self)

    def outcome(self, results: Results) -> Any:
        """What a run came to that ends with this row."""
        key = tuple(self.row), exact(tuple(results.items())), results.waiting, results.raised
        outcome = self._outcomes.get(key)
        if outcome is None:
            self.miss()
            outcome = self._outcomes[key] = self.outcome_of(self.row, results)
        return outcome

    def outcome_of(self, row: Sequence[int], results: Results) -> Any:
        """What a run came to that ends with some row."""
        cells = Cells()
        for cell, number in zip(self._places, row, strict=True):
            if number != ABSENT:
                cells[cell] = self.values_of(cell).value(number)
        return self.system.outcome(self.system.world(cells), results)

    def miss(self) -> None:
        """Something is met for the first time."""
        self._missed += 1
        self._known += 1

    def is_of_use_after(self, steps: int) -> bool:
        """Whether it is one, after a run of so many steps: most of what runs meet is known."""
        if self._known > _KNOWN_MAX:
            return False
        self._steps += steps
        looked_at, missed_max = _MISSED_MAX[self._looks]
        if self._steps < looked_at:
            return True
        is_so = self._missed <= missed_max * self._steps
        self._looks = min(self._looks + 1, len(_MISSED_MAX) - 1)
        self._steps = self._missed = 0
        return is_so


class RowCells(Cells):
    """The cells of a run by their names, for those who seldom ask: who begins, and what was returned."""

    __slots__ = ("_row", "_table")

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._table = table
        self._row = table.row

    def __contains__(self, cell: object) -> bool:
        return self._row[self._table.place_of(cast(Key, cell))] != ABSENT

    def __setitem__(self, cell: Key, value: Any) -> None:
        self._row[self._table.place_of(cell)] = self._table.values_of(cell).number_of(value)


def scripts_of_both(point: ScriptPoint, awaited: Both[Any, Any]) -> list[Script]:
    """What is known of two operations that are issued together at a point."""
    if point.site is None:
        point.site = [Script(partial(program_of, awaited, number), []) for number in range(2)]
    scripts: list[Script] = point.site
    return scripts


class TabledStage(Stage):
    """A stage whose world is a row of numbers."""

    def __init__(
        self,
        clock: Clock,
        table: Table,
        latencies: AnyLatencies,
        waiting: Waiting,
        recorder: Recorder,
        call_spare: Callable[[int | None], None],
    ) -> None:
        super().__init__(clock, None, latencies, waiting, recorder, call_spare)
        self.table = table
        self.row = table.row
        self.draws = table.draws

    def lane(self, actor: Actor, suffix: str, program: Program[Any], streams: Streams, end: OnEnd | None) -> Lane:
        """A lane on this stage."""
        return TabledLane(self, actor, suffix, program, streams, end)


class TabledLane(Lane):
    """A lane that reads what its steps do."""

    stage: TabledStage
    _program: Any  # a `Reader`
    site: Site

    def begin(self, delay_us: int, after: int | None) -> None:
        """Start the coroutine, `delay_us` from now."""
        self.after = after
        self._come_to(self._program.begin(), delay_us)

    def _go_on(self, answer: Any, failure: Exception | None, delay_us: int) -> None:
        self._come_to(self._program.after(Way(answer, failure)), delay_us)

    def _come_to(self, point: ScriptPoint, delay_us: int) -> None:
        """Issue what the coroutine awaits at a point."""
        self._program.point = point
        site, stage = point.site, self.stage
        if site.__class__ is not Site:
            if point.has_ended or not isinstance(point.awaited, Operation):
                self._end_or_branch(point, delay_us)
                return
            site = point.site = Site(stage.table, self.actor, point.awaited)
        request_us, self._response_us, self.tie = stage.draws.next_legs(site.latency)
        for place, by_us in site.slower:
            if stage.row[place] != ABSENT:
                request_us += by_us
        self.site = site
        self.operation = site.operation
        clock = stage.clock
        self._issued_us = issued_us = clock.now_us + delay_us
        if site.has_alternatives:
            self._send_to_be_asked(site.operation, delay_us, request_us)
            return
        self.callbacks = self.TAKE_EFFECT
        at_us = issued_us if site.is_instant else issued_us + request_us
        heappush(clock.queue, (at_us, self.tie, next(clock.numbers), self))  # type: ignore[misc]

    def _end_or_branch(self, point: ScriptPoint, delay_us: int) -> None:
        if not point.has_ended:
            if not isinstance(point.awaited, Both | ForEach):
                raise NotTabled
            if isinstance(point.awaited, Both):
                scripts_of_both(point, point.awaited)
            self._side_by_side(point.awaited, delay_us)
            return
        failure = failure_of(point)
        if failure is not None and not isinstance(failure, ProtocolError) and not self.stage.catches:
            raise NotTabled
        self._finish(None if failure else point.result, failure, delay_us)

    def _program_of(self, awaited: Both[Any, Any] | ForEach, number: int) -> Program[Any]:
        if isinstance(awaited, ForEach):
            return super()._program_of(awaited, number)
        script: Script = self._program.point.site[number]
        return script.begin()

    # -- effects -------------------------------------------------------------------------------

    def _take_effect(self) -> None:
        stage, site = self.stage, self.site
        if self.is_given_up or (stage.stopped and self.actor in stage.stopped):
            return
        content = site.content_in(stage.row)
        self._act(site.effects.get(content) or site.find_effect(content), None, None)

    def look(self, woken_by: int | None) -> None:
        """Let an operation act in the first way that it can; otherwise wait."""
        stage = self.stage
        if self.is_given_up or (stage.stopped and self.actor in stage.stopped):
            return
        ways = self._tabled_ways()
        if not ways and self.site.cell is not None:
            self._woken_by = woken_by
            stage.waiting.wait(self.site.cell, self.actor.number or 0, self)
        elif ways and ways[0].is_certain and not self._travel_us:
            self._act_so(ways[0], woken_by)
        else:
            super().look(woken_by)

    def _take_effect_in_a_way(self) -> None:
        stage = self.stage
        if self._travel_us and not self.is_given_up and not stage.stopped:
            ways = self._tabled_ways()
            if ways and ways[0].is_certain:
                self._act_so(ways[0], self._woken_by)
                return
        super()._take_effect_in_a_way()

    def _act_so(self, way: TabledWay, woken_by: int | None) -> None:
        fault = way.alternative.fault
        if fault is not None:
            self.stage.recorder.faults[fault] += 1
        self._act(way.effect(), woken_by, way.alternative.label)

    def _tabled_ways(self) -> tuple[TabledWay, ...]:
        site = self.site
        content = site.content_in(self.stage.row)
        ways = site.ways.get(content)
        return site.find_ways(content) if ways is None else ways

    def _ways(self) -> tuple[Alternative, ...]:
        return tuple([each.alternative for each in self._tabled_ways()])

    def _take_effect_so(self, alternative: Alternative) -> None:
        # It is one of these very ones: two may have one label.
        way = next(each for each in self._tabled_ways() if each.alternative is alternative)
        self._act(way.effect(), self._woken_by, alternative.label)

    def _act(self, effect: Effect, woken_by: int | None, label: str | None) -> None:
        """The step takes place."""
        stage, site = self.stage, self.site
        for place, number in effect.changes:
            stage.row[place] = number
        recorder = stage.recorder
        before, self.after = self.after, recorder.taken
        recorder.taken += 1
        recorder.ended_us = now_us = stage.clock.now_us
        if site.is_noted:
            times = self._issued_us, now_us, now_us + self._response_us
            bare = site.operation.bare
            step = Step(self.after, self.name, bare, effect.answer, *times, before, woken_by, label)
            recorder.noted.append(step)
        if site.calls_spare:
            self._call_spare(cast(BlockingOperation[Any], site.operation.bare))
        if effect.timer is not None:
            self._start_timer(effect, *effect.timer)
        if effect.wakes:
            wake = stage.waiting.wake_all if site.wakes_all else stage.waiting.wake
            wake(effect.unblocks, self.after)
        if stage.held_back:
            stage.let_look(self.after)
        # Go on with the answer.
        if effect.stops:
            self._finish(None, Stopped(), self._response_us)
            return
        following, reader = effect.following, self._program
        if following is None:
            way = Way(effect.answer)
            effect.key = way.key
            following = effect.following = reader.after(way)
        elif reader.point.noted:
            reader.script.notes += reader.point.noted.get(effect.key, ())
        self._come_to(following, self._response_us)

    def _start_timer(self, effect: Effect, timer: Timer, latency: LatencySite) -> None:
        delay_us, _, _ = self.stage.draws.next_legs(latency)
        for each in timer.each():
            self.stage.waiting.start_timer(each.key, delay_us, effect.unblocks, self.after)

    TAKE_EFFECT: ClassVar[Callbacks] = [_take_effect]
    TAKE_EFFECT_IN_A_WAY: ClassVar[Callbacks] = [_take_effect_in_a_way]
