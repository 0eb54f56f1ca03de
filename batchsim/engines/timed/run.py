"""One timed run: the stage is set, the actors go on it when their time comes, and the trace is taken."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from batchsim.bad_input import BadInputError
from batchsim.engines.injected_delays import latencies_of
from batchsim.engines.latencies import DrawnAhead, Samplers
from batchsim.engines.recorded_draws import AnyLatencies, Draw, RecordedDraws
from batchsim.engines.timed.conductor import Conductor, Cue
from batchsim.engines.timed.events import Clock
from batchsim.engines.timed.instrumented import InstrumentedStage
from batchsim.engines.timed.lane import Lane, Stage
from batchsim.engines.timed.recorder import Observer, Recorder
from batchsim.engines.timed.scripts import Notes, Script, SharedVariables
from batchsim.engines.timed.tabled import CELLS_MAX, NotTabled, Table, TabledStage
from batchsim.engines.timed.waiting import Waiting
from batchsim.model.cells import Cells, GuardedCells
from batchsim.model.changes import InstrumentedCells, RecordedCells
from batchsim.model.operation import Stopped
from batchsim.model.run import Run
from batchsim.model.system import Actor, RaisedError, Results, System, as_it_is, remembering
from batchsim.scenario import Scenario, check_for_timed_run

if TYPE_CHECKING:
    from types import ModuleType

    from batchsim.batch.trace import Trace
    from batchsim.engines.timed.compiled_runs import CompiledRuns, End, Seeds


EVENTS_MAX, EVENTS_OF_AN_ITEM = 300_000, 1_000
"""A run that is not over after so many events has no end: an item of a batch takes about fifty."""


def events_max_of(scenario: Scenario) -> int:
    """So many events a run of a scenario may have."""
    return EVENTS_MAX + EVENTS_OF_AN_ITEM * len(scenario.setting.items)


NAMED_MAX = 8
"""So many of those who go on are named."""


class EndlessRun(BadInputError):
    """Somebody goes on and on."""


def simulate(
    scenario: Scenario,
    policy: Any = None,
    *,
    keep: frozenset[str] | None = None,
    observer: Observer | None = None,
    order: Sequence[Cue] | None = None,
    draws: Sequence[Draw] | None = None,
    on_departure: Callable[[str], None] | None = None,
) -> Trace:
    """Run a scenario once under a policy, to quiescence.

    `keep`: the names of the operations whose steps the trace is to hold; `None`: all of them.
    `observer`: called after every kept step, with the world, the step, and its operation on the cells that it was
    on (the trace has it under the names of the first batch). Footprints are then checked: a step outside its own
    raises `UndeclaredKeyError`.
    `order`: the steps of the run, in the order in which they are to take effect. Those that come early wait,
    so that each takes as long as the order needs; raises `OrderNotPossible` where that does not help.
    Without an order or draws, raises `InvalidScenario` for faults that a timed run cannot place.
    `draws`: all latencies, in place of those that the scenario has under its seed; raises `NoSuchDraw` where the
    run needs another.
    `on_departure`: called where the order cannot be followed to its end, with the step that cannot come next; from
    there the run goes on as it would without an order.
    """
    if scenario.setting.faults and (order is None or on_departure is not None):
        check_for_timed_run(scenario)
    latencies: AnyLatencies
    if draws is None:
        latencies = latencies_of(Samplers(scenario), scenario.seed, scenario.injected_delays)
    else:
        latencies = RecordedDraws(draws, scenario.injected_delays)
    conductor = None if order is None else Conductor(order)
    system = remembering(scenario.system(policy))
    actors = iter(system.actors)
    run = _Run(scenario, system, scenario.seed, latencies, actors, keep, observer, conductor).run(on_departure)
    trace: Trace = system.trace(run)
    return trace


def going_on_after(scenario: Scenario, policy: Any, events_max: int) -> tuple[int, list[str]]:
    """How many steps a run of so many events has, and who goes on then, `worker-0 (own.py:7)`, if anybody does."""
    latencies = latencies_of(Samplers(scenario), scenario.seed, ())
    system = remembering(scenario.system(policy))
    run = _Run(scenario, system, scenario.seed, latencies, iter(system.actors), frozenset(), None, None)
    run.events_max = events_max
    try:
        run.run()
    except EndlessRun:
        return run.taken, run.going_on()
    return run.taken, []


class Simulation:
    """A scenario under a policy, to be run under many seeds: what does not depend on the seed is made once.

    `notes`: a list that the policy appends to when it is asked, if it does. A run that goes where another one went
    does not ask again; what was noted there is noted once more.
    """

    def __init__(self, scenario: Scenario, policy: Any, notes: Notes | None = None) -> None:
        check_for_timed_run(scenario)
        self._scenario = scenario
        self._system = remembering(scenario.system(policy))
        self.samplers = Samplers(scenario)
        """Of the runs to come; others can be put in their place."""
        self._notes = [] if notes is None else notes
        # What a system of one's own tells a run as may have an outcome of its own.
        self._tells_outcome_as_it_is = scenario.own is None or self._system.trace is as_it_is
        self._actors = tuple(
            actor._replace(program=Script(actor.program, self._notes).begin) for actor in self._system.actors
        )
        # What is slow at times, and who may go on for ever, is looked at as it goes.
        is_tabled = not scenario.injected_delays and not self._system.has_background
        is_small = sum(1 for _ in islice(self._system.cells, CELLS_MAX + 1)) <= CELLS_MAX
        self._table = self._make_table() if is_tabled and is_small else None
        self._compiled: CompiledRuns | None = None

    def _make_table(self) -> Table | None:
        try:
            return Table(self._system)
        except NotTabled:
            return None

    @property
    def is_tabled(self) -> bool:
        """Whether runs without steps are made by a table: not where that would be wrong, or slower."""
        return self._table is not None

    def run(self, seed: int, *, keep: frozenset[str] | None = None, drawn: DrawnAhead | None = None) -> Trace:
        """One run: the trace that `simulate` gives for the scenario with this seed, of which `drawn` is drawn."""
        run = self._run_by_table(seed, drawn) if self._table is not None and keep == frozenset() else None
        if run is None:
            noted = len(self._notes)
            try:
                run = self._run_by_lanes(seed, keep, drawn)
            except SharedVariables:
                del self._notes[noted:]
                self._table, self._actors = None, tuple(self._system.actors)
                run = self._run_by_lanes(seed, keep, drawn)
        trace: Trace = self._system.trace(run)
        return trace

    def _run_by_lanes(self, seed: int, keep: frozenset[str] | None, drawn: DrawnAhead | None) -> Run:
        latencies = latencies_of(self.samplers, seed, self._scenario.injected_delays, drawn)
        return _Run(self._scenario, self._system, seed, latencies, iter(self._actors), keep, None, None).run()

    def ends(self, seeds: Seeds, kernels: ModuleType) -> list[End | None]:
        """What runs under many seeds come to, by compiled loops; `None`: that one is to be made by `run`."""
        from batchsim.engines.timed.compiled_runs import CompiledRuns  # it brings NumPy

        table, noted = self._table, len(self._notes)
        if table is None or not self._tells_outcome_as_it_is:
            return [None] * len(seeds)
        try:
            if self._compiled is None:
                events_max = events_max_of(self._scenario)
                self._compiled = CompiledRuns(
                    kernels, self._scenario, self._system, table, self._actors, events_max
                )
            before = self._compiled.steps
            ends = self._compiled.ends(seeds)
        except Exception:  # as in a run by table
            self._table = None
            return [None] * len(seeds)
        finally:
            del self._notes[noted:]
        if not table.is_of_use_after(self._compiled.steps - before):
            self._table = None
        return ends

    def _run_by_table(self, seed: int, drawn: DrawnAhead | None) -> Run | None:
        """A run without its steps; `None` where that is of no use: then no other one is tried."""
        table, noted = self._table, len(self._notes)
        assert table is not None
        latencies = latencies_of(self.samplers, seed, (), drawn)
        table.draws.begin_run(self.samplers, seed, drawn)
        actors = iter(self._actors)
        run = _TabledRun(self._scenario, self._system, seed, latencies, actors, table)
        try:
            made = run.run()
        except Exception:  # whatever it is, the run that looks at each step tells it in its words
            del self._notes[noted:]
            self._table = None
            return None
        if not table.is_of_use_after(run.taken):
            self._table = None
        return made


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """A run leaves no circles, and looking for them again and again in all that it is made of takes its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Run:
    def __init__(
        self,
        scenario: Scenario,
        system: System[Any],
        seed: int,
        latencies: AnyLatencies,
        actors: Iterator[Actor],
        keep: frozenset[str] | None,
        observer: Observer | None,
        conductor: Conductor | None,
    ) -> None:
        self._scenario = scenario
        self._system = system
        self._seed = seed
        self._is_instrumented = observer is not None or conductor is not None or system.is_guarded
        self._keeps_steps = keep is None or len(keep) > 0
        self._cells = self._first_cells()
        self._world = self._make_world()
        self._clock = Clock()
        self._latencies = latencies
        self._waiting = Waiting(self._clock, self._cells, self._begin)
        self._recorder = Recorder(keep, system.noted, self._cells)
        self._conductor = conductor
        self._stage = self._make_stage(observer)
        self._stage.catches = system.catches_errors
        self._has_background = False
        """Whether anybody is in the background, who alone does not make it go on; spare ones are as the first."""
        self._actors = actors
        """Who has not been asked yet: the spare ones, once all others were."""
        self._returned: dict[str, Any] = {}
        """What the coroutines of those who are judged returned."""
        self._watches_ends = bool(system.built_in)
        self.events_max: int | None = None
        """So many events are enough; `None`: the usual."""
        self._going_on: set[Actor] = set()
        """Who has begun, is to end, and has not."""

    def _first_cells(self) -> Cells:
        """What is there at the beginning, in cells that do no more than the run needs."""
        cells = Cells()
        if self._is_instrumented:
            cells = InstrumentedCells({})
        elif self._keeps_steps:
            cells = RecordedCells({})
        self._system.begin(cells)
        if isinstance(cells, RecordedCells):
            cells.take_notes()  # no step wrote what is there at the beginning
        return cells

    def _make_world(self) -> Any:
        return self._system.world(self._cells)

    def _make_stage(self, observer: Observer | None) -> Stage:
        parts = (self._clock, self._world, self._latencies, self._waiting, self._recorder, self._begin_spare)
        if not self._is_instrumented:
            return Stage(*parts)
        # A user's own system is checked whole; of the batch, tests do.
        checked = self._system if self._system.is_guarded else None
        return InstrumentedStage(*parts, observer, self._conductor, checked)

    def _outcome(self) -> Any:
        return self._system.outcome(self._world, self._results())

    def run(self, on_departure: Callable[[str], None] | None = None) -> Run:
        """Run to quiescence."""
        self._start_timers()
        self._admit_actors()
        with _no_garbage_collected():
            self._let_time_pass()
        if on_departure is not None:
            self._depart(on_departure)
        if isinstance(self._cells, GuardedCells):
            self._cells.release()
        if self._conductor is not None:
            self._conductor.check_end(self._world, self._stage.stopped | self._background())
        outcome = self._outcome()
        faults = self._faults()
        self._let_go()
        return Run(
            seed=self._seed,
            outcome=outcome,
            noted=tuple(self._recorder.noted),
            ended_us=self._recorder.ended_us,
            steps=self._recorder.steps.made(),
            faults=faults,
        )

    @property
    def taken(self) -> int:
        """How many steps were taken so far."""
        return self._recorder.taken

    def going_on(self) -> list[str]:
        """Who is about to take a step, and is not in the background: `worker-0 (own.py:7)`."""
        lanes = [each for each in self._clock.scheduled() if isinstance(each, Lane)]
        ahead = [each for each in lanes if not each.actor.is_background]
        return sorted({f"{each.name} ({each.place})" if each.place else each.name for each in ahead})

    def _depart(self, tell: Callable[[str], None]) -> None:
        """Go on without the order, where it was not followed to its end."""
        departure = None if self._conductor is None else self._conductor.depart()
        if departure is None or not isinstance(self._stage, InstrumentedStage):
            return
        stuck, early = departure
        tell(stuck)
        self._conductor = self._stage.conductor = None
        self._has_background = self._system.has_background
        for go_on in early:
            go_on()
        # Who waited for his turn, and not for the cell, looks again.
        self._waiting.wake_all(tuple(self._cells), None)
        self._let_time_pass()

    def _let_time_pass(self) -> None:
        events_max = self.events_max or events_max_of(self._scenario)
        if self._has_background:
            has_ended = self._clock.run_while(self._goes_on, events_max)
        else:
            has_ended = self._clock.run_to_rest(events_max)
        if not has_ended:
            going_on = self.going_on()
            raise EndlessRun(
                f"{self._system.name}: found a run that has not ended after {self._recorder.taken:,} steps, "
                f"in which these go on: {', '.join(going_on[:NAMED_MAX])}{'…' * (len(going_on) > NAMED_MAX)}; "
                "allowed: actors that end, that wait, or that are in the background (is_background=True)"
            )

    def _background(self) -> set[Actor]:
        actors = self._system.actors if self._system.has_background else ()
        return {actor for actor in actors if actor.is_background}

    def _goes_on(self) -> bool:
        if isinstance(self._cells, GuardedCells):
            self._cells.release()
        return self._stage.goes_on()

    def _results(self) -> Results:
        waiting = self._going_on - self._stage.stopped
        raised = (RaisedError(actor.name_of_its_like, *told) for actor, told in self._stage.raised.items())
        return Results(self._returned, (actor.name for actor in waiting), raised)

    def _faults(self) -> tuple[int, ...]:
        """How often each fault of the scenario happened."""
        happened = self._recorder.faults
        of_setting = [happened[number] for number in range(len(self._system.faults))]
        waiters = self._waiting.waiters() if self._scenario.injected_delays else ()
        in_vain = [(lane.actor, lane.operation.name) for lane in waiters if isinstance(lane, Lane)]
        return self._scenario.listed(of_setting, self._latencies.slowed(in_vain))

    def _let_go(self) -> None:
        """Break every circle: what the run was made of is gone with it then, and never collected as garbage."""
        self._waiting.dismiss()
        self._stage.held_back.clear()
        del self._stage, self._waiting

    # -- who begins when -----------------------------------------------------------------------

    def _start_timers(self) -> None:
        for cell, operation in self._system.first_timers.items():
            if cell in self._cells:
                self._waiting.start_timer(cell, self._latencies.phase_1_delay_us(operation), (cell,), None)
        for timer, at_us, cells in self._system.alarms:
            self._waiting.start_timer(timer, at_us, cells, None)

    def _admit_actors(self) -> None:
        is_ordered = self._conductor is not None  # an order says by itself where it ends
        for actor in self._actors:
            if actor.is_background and not is_ordered:
                self._has_background = True
            if actor.begins_with is not None and actor.begins_with not in self._cells:
                self._waiting.let_begin_with(actor.begins_with, actor)
                continue
            self._begin(actor, None)
            if actor.is_spare:
                return

    def _begin_spare(self, after: int | None) -> None:
        spare = next(self._actors, None)
        if spare is not None:
            self._begin(spare, after)

    def _begin(self, actor: Actor, after: int | None) -> None:
        delay_us = 0
        if actor.begins_after_leg_of is not None:
            issuer, operation, attempt = actor.begins_after_leg_of
            delay_us, _, _ = self._latencies.legs(issuer, operation, attempt - 1)
        if self._watches_ends and actor.is_to_end:
            self._going_on.add(actor)
        end = self._end if actor.is_awaited or self._watches_ends else None
        self._stage.lane(actor, "", actor.program(), {}, end).begin(delay_us, after)

    def _end(self, lane: Lane, result: Any, failure: Exception | None, delay_us: int) -> None:
        if failure is not None and not isinstance(failure, Stopped):
            if not self._stage.catches:
                raise failure
            self._stage.fail(lane.actor, failure)
        self._going_on.discard(lane.actor)
        if lane.actor.is_judged:
            self._returned[lane.actor.name] = result
        if lane.actor.returns_to is not None and result is not None:
            cell = lane.actor.returns_to
            # It is decided with the last effect, and can be received when the last answer is there.
            self._cells[cell] = result
            self._waiting.start_timer(cell, delay_us, (cell,), lane.after)


class _TabledRun(_Run):
    """A run by a table, of which no steps are kept."""

    def __init__(
        self,
        scenario: Scenario,
        system: System[Any],
        seed: int,
        latencies: AnyLatencies,
        actors: Iterator[Actor],
        table: Table,
    ) -> None:
        self._table = table
        super().__init__(scenario, system, seed, latencies, actors, frozenset(), None, None)

    def _first_cells(self) -> Cells:
        return self._table.begin_run()

    def _make_world(self) -> Any:
        return None

    def _make_stage(self, observer: Observer | None) -> Stage:
        return TabledStage(
            self._clock, self._table, self._latencies, self._waiting, self._recorder, self._begin_spare
        )

    def _outcome(self) -> Any:
        return self._table.outcome(self._results())
