"""What a table knows of the steps of a system, laid out in arrays: for runs that are compiled (`kernels.py`).

Such a run ends where it meets what is not known. Then it is worked out here, by the same `Site` and `Script` that
the runs of `tabled.py` use, and the run is begun anew.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.own_errors import told
from batchsim.engines.sampling import leg_sampler
from batchsim.engines.streams import MASK, stream_name
from batchsim.engines.timed import columns as c
from batchsim.engines.timed.laid_out_latencies import bits_of_reals, numbers_of
from batchsim.engines.timed.numbered_draws import LatencySite
from batchsim.engines.timed.scripts import Reader, Script, ScriptPoint, Way, failure_of
from batchsim.engines.timed.tabled import Effect, NotTabled, Site, Table, TabledWay, scripts_of_both
from batchsim.exact import exact
from batchsim.model.cells import Key
from batchsim.model.operation import Both, EndsEarly, ForEach, Operation, ProtocolError, Stopped
from batchsim.model.system import Actor, RaisedError, Results, System
from batchsim.scenario import Scenario
from batchsim.scenario.latencies import Latency

Numbers = NDArray[np.int64]


_RETURNED, _RAISED = "returned", "raised"


class Memory:
    """A line of whole numbers that becomes longer."""

    def __init__(self) -> None:
        self._numbers = np.zeros(1 << 10, np.int64)
        self._length = 0

    def add(self, numbers: Iterable[int]) -> int:
        """Where these stand."""
        row = list(numbers)
        begin, end = self._length, self._length + len(row)
        if end > len(self._numbers):
            self._numbers = np.concatenate([self._numbers, np.zeros(max(end, len(self._numbers)), np.int64)])
        self._numbers[begin:end] = row
        self._length = end
        return begin

    @property
    def all(self) -> Numbers:
        """The whole line."""
        return self._numbers[: self._length]


class _PointOf(NamedTuple):
    """A point, its script, and whose it is."""

    point: ScriptPoint
    script: Script
    actor: Actor


class LaidOut:
    """All that is known of a system, in a memory for compiled runs, and what those ended with."""

    def __init__(
        self, kernels: ModuleType, scenario: Scenario, system: System[Any], table: Table, actors: tuple[Actor, ...]
    ) -> None:
        self._kernels = kernels
        self._scenario = scenario
        self._system = system
        self._table = table
        self._actors = actors
        self.names: list[bytes] = []
        """What the bases of streams are hashed of, in the order of their columns."""
        self._columns_of_names: dict[bytes, int] = {}
        self._memory = Memory()
        self._keys: list[int] = []
        """Where they stand."""
        self._entered = 0
        """So many of them have a slot."""
        self._rows_of_points: dict[ScriptPoint, int] = {}
        self._points: dict[int, _PointOf] = {}
        self._ways: dict[int, tuple[TabledWay, int]] = {}
        """By where its row stands: a way, and the point of its step."""
        self._rows_of_latencies: dict[Latency, int] = {}
        self._latencies: dict[int, Latency] = {}
        self._results: list[Way] = []
        """What those came to who were awaited together, each a way to resume who awaits them."""
        self._numbers_of_results: dict[Hashable, int] = {}
        self._numbers_of_chances: dict[Hashable, int] = {}
        self._memory.add([0] * c.HEAD)
        self._stopped = self._memory.add(
            (c.END, c.STOPPED, 0, self._result(Way(None, Stopped()), (_RAISED, Stopped)), 0)
        )
        self._lay_out_first_timers()
        rows = [self._actor_row(actor) for actor in actors]
        self._head(c.ACTORS, c.ACTORS_COUNT, len(rows), (each for row in rows for each in row))
        self._head(c.SLOTS, c.SLOTS_COUNT, 1 << 10, [0] * (1 << 10))
        self._memory.all[c.FAULTS_COUNT] = len(system.faults)
        self._cells_laid_out = self._streams_laid_out = -1

    def _head(self, where: int, count_where: int, count: int, numbers: Iterable[int]) -> None:
        """Add what the head of the memory tells of."""
        begin = self._memory.add(numbers)
        self._memory.all[where], self._memory.all[count_where] = begin, count

    # -- for the loops ---------------------------------------------------------------------------

    def known(self) -> Numbers:
        """The memory as it is now."""
        table = self._table
        if self._cells_laid_out != len(table.first_row):
            self._cells_laid_out = len(table.first_row)
            self._head(c.FIRST_ROW, c.CELLS_COUNT, self._cells_laid_out, table.first_row)
        if self._streams_laid_out != table.draws.streams_count:
            streams = table.draws.streams
            self._streams_laid_out = len(streams)
            rows = [
                (self._name(kind, name), 0 if number is None else 1 + number) for kind, number, name in streams
            ]
            self._head(c.STREAMS, c.STREAMS_COUNT, len(rows), (each for row in rows for each in row))
        slots = int(self._memory.all[c.SLOTS_COUNT])
        if 2 * len(self._keys) > slots:
            self._head(c.SLOTS, c.SLOTS_COUNT, 4 * slots, [0] * (4 * slots))
            self._entered = 0
        self._memory.all[c.NAMES_COUNT] = len(self.names)
        self._kernels.enter(self._memory.all, np.array(self._keys[self._entered :], np.int64))
        self._entered = len(self._keys)
        return self._memory.all

    def _set(self, key: Sequence[int], first: int, second: int = 0) -> None:
        self._keys.append(self._memory.add((len(key), *key, first, second)))

    def _name(self, kind: str, name: str) -> int:
        of = stream_name(kind, name)
        column = self._columns_of_names.setdefault(of, len(self.names))
        if column == len(self.names):
            self.names.append(of)
        return column

    # -- what is there from the beginning -----------------------------------------------------------

    def _lay_out_first_timers(self) -> None:
        rows = list[tuple[int, ...]]()
        for cell, operation in self._system.first_timers.items():
            latency = self._latency(operation, None, None)
            name, woken = self._name("phase-1", operation), self._places((cell,))
            rows.append((self._table.place_of(cell), name, latency, 0, woken, 1))
        for timer, at_us, cells in self._system.alarms:
            rows.append((self._table.place_of(timer), c.NONE, 0, at_us, self._places(cells), len(cells)))
        self._head(c.FIRST_TIMERS, c.FIRST_TIMERS_COUNT, len(rows), (each for row in rows for each in row))

    def _actor_row(self, actor: Actor) -> list[int]:
        watches_ends = bool(self._system.built_in)
        row = [0] * c.ACTOR_COLUMNS
        row[c.BEGINS_WITH] = c.NONE if actor.begins_with is None else self._table.place_of(actor.begins_with)
        row[c.IS_SPARE], row[c.IS_JUDGED], row[c.RANK] = actor.is_spare, actor.is_judged, actor.number or 0
        row[c.CATCHES] = self._system.catches_errors
        row[c.IS_TO_END] = watches_ends and actor.is_to_end
        row[c.RETURNS_TO] = c.NONE if actor.returns_to is None else self._places((actor.returns_to,))
        row[c.BEGINS_AT] = row[c.LEG_NAME] = c.NONE
        if actor.begins_after_leg_of is not None:
            issuer, operation, attempt = actor.begins_after_leg_of
            row[c.LEG_NAME], row[c.LEG_USE] = self._name(issuer, operation), attempt - 1
            row[c.LEG_LATENCY] = self._latency(operation, None, None)
        return row

    def _places(self, cells: Iterable[Key]) -> int:
        return self._memory.add([self._table.place_of(cell) for cell in cells])

    # -- what is learned ---------------------------------------------------------------------------

    def learn(self, key: Sequence[int]) -> None:
        """Work out what a run asked for that was not known; raises what code of the user's does there."""
        kind, owner, *rest = key
        match kind:
            case c.CONTENT:
                self._learn_content(key, owner, rest)
            case c.WAY_EFFECT:
                way, point = self._ways[owner]
                effect = self._effect(way.effect(), point)
                self._memory.all[owner + c.EFFECT] = effect
            case c.TOGETHER:
                self._learn_together(key, owner, rest)
            case c.DOUBT:
                self._set(key, *leg_sampler(self._latencies[owner])(rest[0] & MASK))
            case c.BEGINNING:
                reader: Any = self._actors[owner].program()
                begins_at = self._point(reader.begin(), reader.script, self._actors[owner])
                actors = int(self._memory.all[c.ACTORS])
                self._memory.all[actors + owner * c.ACTOR_COLUMNS + c.BEGINS_AT] = begins_at

    def _learn_content(self, key: Sequence[int], point: int, numbers: Sequence[int]) -> None:
        site = self._points[point].point.site
        content: Any = None if not numbers else numbers[0] if len(numbers) == 1 else tuple(numbers)
        if not site.has_alternatives:
            effect = site.effects.get(content) or site.find_effect(content)
            self._set(key, self._effect(effect, point))
            return
        ways = site.ways.get(content)
        ways = site.find_ways(content) if ways is None else ways
        rows = [self._way(way, point, site) for way in ways]
        self._set(key, self._memory.add(rows), len(rows))

    def _way(self, way: TabledWay, point: int, site: Site) -> int:
        alternative, chance = way.alternative, way.alternative.chance
        timer = c.NONE if alternative.timer is None else self._table.place_of(alternative.timer)
        due = self._places(alternative.due), len(alternative.due)
        drawn = [c.NONE, 0, c.NONE, 0, 0]
        if chance is not None:
            name, draw = 0, c.NONE
            if chance.opportunity is not None:
                name = self._name(chance.fault, chance.opportunity)
            else:
                bare = site.operation.bare
                latency = self._table.draws.site(site.actor, bare, f"{bare.name}, {chance.fault}")
                draw = self._draw(latency, is_chance=True)
            of = chance.fault, chance.opportunity
            number = self._numbers_of_chances.setdefault(of, len(self._numbers_of_chances))
            drawn = [number, name, draw, *bits_of_reals((chance.begin, chance.end))]
        fault = c.NONE if alternative.fault is None else alternative.fault
        row = self._memory.add((timer, *due, *drawn, fault, alternative.is_held, c.NONE))
        self._ways[row] = way, point
        return row

    def _effect(self, effect: Effect, point: int) -> int:
        changes = self._memory.add(each for change in effect.changes for each in change)
        unblocks = self._places(effect.unblocks)
        delay, timers, count = c.NONE, 0, 0
        if effect.timer is not None:
            timer, latency = effect.timer
            delay, count = self._draw(latency), len(timer.each())
            timers = self._places(each.key for each in timer.each())
        following = self._stopped
        if not effect.stops:
            following = self._after(point, Way(effect.answer))
        wakes = c.WAKES * effect.wakes
        row = (
            wakes,
            changes,
            len(effect.changes),
            unblocks,
            len(effect.unblocks),
            delay,
            timers,
            count,
            following,
        )
        return self._memory.add(row)

    def _after(self, row: int, way: Way) -> int:
        """Where a way leads from a point."""
        point, script, actor = self._points[row]
        reader = Reader(script)
        reader.point = point
        return self._point(reader.after(way), script, actor)

    def _learn_together(self, key: Sequence[int], point: int, results: Sequence[int]) -> None:
        match results:
            case [c.FAILED, failure]:
                way = self._results[failure]
            case [c.ENDED_EARLY, arrived]:
                way = Way(arrived)
            case _:
                way = Way(tuple(self._results[each].answer for each in results))
        self._set(key, self._after(point, way))

    def _point(self, point: ScriptPoint, script: Script, actor: Actor) -> int:
        row = self._rows_of_points.get(point)
        if row is not None:
            return row
        if point.has_ended:
            numbers = self._end(point, actor)
        elif isinstance(point.awaited, Operation):
            numbers = self._operation(point, actor)
        elif isinstance(point.awaited, Both | ForEach):
            numbers = self._group(point, point.awaited, actor)
        else:
            raise NotTabled
        row = self._rows_of_points[point] = self._memory.add(numbers)
        self._points[row] = _PointOf(point, script, actor)
        return row

    def _end(self, point: ScriptPoint, actor: Actor) -> Sequence[int]:
        failure = failure_of(point)
        if failure is None:
            result, value = self._result(Way(point.result), (_RETURNED, exact(point.result))), 0
            if actor.returns_to is not None:
                value = self._table.values_of(actor.returns_to).number_of(point.result)
            return c.END, c.NO_FAILURE, 0, result, value
        arrived, kind = 0, c.OWN_ERROR
        if isinstance(failure, Stopped):
            kind = c.STOPPED
        elif isinstance(failure, EndsEarly):
            kind, arrived = c.ENDS_EARLY, failure.arrived
        elif isinstance(failure, ProtocolError):
            kind = c.PROTOCOL_ERROR
        return c.END, kind, arrived, self._result(Way(None, failure), (_RAISED, point)), 0

    def _result(self, way: Way, key: Hashable) -> int:
        number = self._numbers_of_results.setdefault(key, len(self._results))
        if number == len(self._results):
            self._results.append(way)
        return number

    def _group(self, point: ScriptPoint, awaited: Both[Any, Any] | ForEach, actor: Actor) -> Sequence[int]:
        readers: list[Any]
        if isinstance(awaited, ForEach):
            count, limit, may_end_early = awaited.count, awaited.limit, awaited.may_end_early
            readers = [awaited.program(each) for each in range(count)]
        else:
            count, limit, may_end_early = 2, 2, False
            readers = [script.begin() for script in scripts_of_both(point, awaited)]
        if count + 2 > c.KEY_MAX:
            raise NotTabled
        children = [self._point(reader.begin(), reader.script, actor) for reader in readers]
        return c.GROUP, count, limit, may_end_early, self._memory.add(children)

    def _operation(self, point: ScriptPoint, actor: Actor) -> Sequence[int]:
        site = point.site
        if site is None:
            site = point.site = Site(self._table, actor, point.awaited)
        if len(site.cells) + 2 > c.KEY_MAX:
            raise NotTabled
        flags = (
            c.HAS_ALTERNATIVES * site.has_alternatives
            | c.IS_INSTANT * site.is_instant
            | c.ACTS_ON_ARRIVAL * site.operation.acts_on_arrival
            | c.WAKES_ALL * site.wakes_all
            | c.CALLS_SPARE * site.calls_spare
        )
        waits_for = c.NONE if site.cell is None else self._table.place_of(site.cell)
        content = self._places(site.cells), len(site.cells)
        slower = self._memory.add(each for pair in site.slower for each in pair), len(site.slower)
        return c.OPERATION, self._draw(site.latency), flags, waits_for, *content, *slower

    def _draw(self, site: LatencySite, *, is_chance: bool = False) -> int:
        latency = c.NONE if is_chance else self._latency(site.name, site.item, site.attempt)
        return self._memory.add((site.stream, c.NONE if site.draws_of is None else site.draws_of, latency))

    def _latency(self, name: str, item: int | None, attempt: int | None) -> int:
        latency = self._scenario.latency_of(name, item, attempt)
        row = self._rows_of_latencies.get(latency)
        if row is None:
            row = self._rows_of_latencies[latency] = self._memory.add(numbers_of(latency, self._memory.add))
            self._latencies[row] = latency
        return row

    # -- what runs ended with ------------------------------------------------------------------------

    @property
    def width(self) -> int:
        """How many numbers tell the end of a run."""
        return len(self._table.first_row) + len(self._system.faults) + c.END_OF_ACTOR * len(self._actors)

    def end(self, numbers: Numbers) -> tuple[Any, tuple[int, ...]]:
        """What a run came to that ended with these: its outcome, and how often each fault happened, 1 for any."""
        self._table.miss()
        cells, faults = len(self._table.first_row), len(self._system.faults)
        happened = self._scenario.listed(numbers[cells : cells + faults].tolist(), ())
        returned, waiting, raised = dict[str, Any](), list[str](), list[RaisedError]()
        for actor, row in zip(
            self._actors, numbers[cells + faults :].reshape(-1, c.END_OF_ACTOR).tolist(), strict=True
        ):
            who, end, error, is_waiting = row
            if who != c.NONE:
                # Who stopped, or failed, returned nothing.
                returned[self._actors[who].name] = None if end == self._stopped else self._points[end].point.result
            if is_waiting:
                waiting.append(actor.name)
            if error != c.NONE:
                failure = failure_of(self._points[error].point)
                assert failure is not None
                raised.append(RaisedError(actor.name_of_its_like, *told(failure)))
        results = Results(returned, waiting, raised)
        return self._table.outcome_of(numbers[:cells].tolist(), results), happened
