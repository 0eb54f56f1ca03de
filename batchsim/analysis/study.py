"""All that a page says of a scenario: its runs, all orders of its steps, its windows, how likely it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from batchsim.analysis.deciding import NOT_EXPLAINED, Explained, explained
from batchsim.analysis.pool import InThisProcess
from batchsim.analysis.runs import PolicyRun, ScenarioRun, run_policy
from batchsim.analysis.sweep import Point, Sweep, run_of, sweep
from batchsim.analysis.window import Window, WindowStanding, find_window, smallest_change, standing
from batchsim.analysis.window.changes import LatencyChange
from batchsim.analysis.window.finding import NoWindow
from batchsim.engines.exhaustive import Bounds, Exploration, explore
from batchsim.model.properties import Property
from batchsim.scenario import InvalidScenario, Scenario, check_for_exploration, check_for_timed_run

STATES_MAX = 60_000
"""An exploration for a page ends there: it is to take seconds."""
ACTORS_MAX = 40
"""With more there is no end of orders, and no exploration is begun."""
RUNS_MAX = 1000
"""Of the sweep; fewer where runs are long …"""
STEPS_MAX = 300_000
"""… as all of them together are to have no more steps, which takes some seconds."""
EXAMPLES_MAX = 3
"""So many runs of the sweep can be stepped through."""
RUNS_MIN = 50
"""With fewer it is not made."""


@dataclass(frozen=True, slots=True)
class Explored:
    """All orders of the steps under one policy."""

    policy: Any
    exploration: Exploration | None
    why_none: str
    """Empty where there is one."""
    explained: Explained = NOT_EXPLAINED
    found: Exploration | None = None
    """What was found, where it did not come to its end, or is too large to be gone through."""

    @property
    def known(self) -> Exploration | None:
        """What there is to say of the orders of steps, all or some."""
        return self.found if self.exploration is None else self.exploration


@dataclass(frozen=True, slots=True)
class FoundWindow:
    """The condition on latencies under which a policy comes to a verdict, or why there is none."""

    policy: Any
    verdict: str
    window: Window | None
    change: LatencyChange | None = None
    at_means: WindowStanding | None = None
    why_none: str = ""


@dataclass(frozen=True, slots=True)
class Study:
    """What is known of a scenario."""

    scenario: Scenario
    policies: tuple[tuple[str, Any], ...]
    """Each with the name that it was asked for by."""
    scenario_run: ScenarioRun | None
    """One run under each policy; `None`: with time it cannot be said when its faults happen."""
    properties: tuple[Property, ...]
    explored: tuple[Explored, ...]
    """One for each policy."""
    windows: tuple[FoundWindow, ...]
    sweep: Sweep | None
    """`None`: it would take too long, or nothing is drawn in it."""
    examples: tuple[tuple[int, PolicyRun], ...] = ()
    """Runs of the sweep by their numbers, of verdicts that no run above was given."""

    @property
    def runs(self) -> tuple[PolicyRun, ...]:
        """One for each policy, or none at all."""
        return () if self.scenario_run is None else self.scenario_run.runs


class OnPart(Protocol):
    """Is told what is looked at next, and whether it is a piece of work that is sure to come."""

    def __call__(self, what: str, /, *, counts: bool = True) -> object:
        """Take note of it."""


def study(
    scenario: Scenario,
    policies: Sequence[tuple[str, Any]],
    scenario_run: ScenarioRun | None,
    properties: Sequence[Property] = (),
    on_part: OnPart = lambda what, *, counts=True: None,
    explored: Sequence[Explored] | None = None,
) -> Study:
    """Find out all of it; `scenario_run`: its runs, which were made.

    `on_part`: told what is looked at next, which counts once for each policy, and once for the scenario.
    `explored`: what was found of the orders of steps under each policy; `None`: it is looked for.
    """
    if explored is None:
        explored = []
        for _, policy in policies:
            on_part(f"exploring {scenario.name} under {policy.name}")
            explored.append(_explored(scenario, policy, properties))
    windows = []
    for each in explored:
        for verdict in sorted(each.exploration.verdicts - {"ok"}) if each.exploration else ():
            on_part(f"the window of {verdict} under {each.policy.name}", counts=False)
            windows.append(_window(scenario, each.policy, verdict, properties))
    on_part(f"many runs of {scenario.name}")
    likely = None if scenario_run is None else _sweep(scenario_run, properties)
    return Study(
        scenario,
        tuple(policies),
        scenario_run,
        tuple(properties),
        tuple(explored),
        tuple(windows),
        likely,
        () if likely is None or scenario_run is None else tuple(_examples(scenario_run, likely, properties)),
    )


def _examples(
    scenario_run: ScenarioRun, likely: Sweep, properties: Sequence[Property]
) -> Iterator[tuple[int, PolicyRun]]:
    """For each policy the first run with a verdict that its own run was not given; of some policies the first."""
    scenario, found = scenario_run.scenario, 0
    for run, cell in zip(scenario_run.runs, likely.cells, strict=True):
        for verdict, number in cell.first_runs.items():
            if verdict not in run.verdicts and found < EXAMPLES_MAX:
                found += 1
                drawn = run_of(scenario, Point(), number)
                yield number, run_policy(drawn, run.name, run.policy, properties)


def _explored(scenario: Scenario, policy: Any, properties: Sequence[Property]) -> Explored:
    try:
        check_for_exploration(scenario)
    except InvalidScenario as why:
        return Explored(policy, None, str(why))
    acting = sum(not (actor.is_spare or actor.is_twin) for actor in scenario.system(policy).actors)
    if acting > ACTORS_MAX:
        return Explored(policy, None, f"with {acting} actors there are more orders than can be gone through")
    found = explore(scenario, policy, properties=properties, bounds=Bounds(STATES_MAX))
    return explored_of(policy, found, explained(found, properties) if found.is_complete else NOT_EXPLAINED)


def explored_of(policy: Any, found: Exploration, told: Explained) -> Explored:
    """What an exploration found, as far as a page can show it; `told`: what is said of it."""
    if found.states > STATES_MAX:
        return Explored(policy, None, f"there are more than {STATES_MAX:,} states", found=found)
    if not found.is_complete:
        return Explored(policy, None, f"it was {found.stopped_by}", found=found)
    return Explored(policy, found, "", told)


def _window(scenario: Scenario, policy: Any, verdict: str, properties: Sequence[Property]) -> FoundWindow:
    try:
        window = find_window(scenario, policy, verdict, properties=properties, bounds=Bounds(STATES_MAX))
    except NoWindow as why:
        return FoundWindow(policy, verdict, None, why_none=str(why))
    return FoundWindow(policy, verdict, window, smallest_change(window), standing(window, window.values))


def _sweep(scenario_run: ScenarioRun, properties: Sequence[Property]) -> Sweep | None:
    scenario = scenario_run.scenario
    runs = min(RUNS_MAX, STEPS_MAX // max(1, sum(len(run.trace.steps) for run in scenario_run.runs)))
    if runs < RUNS_MIN:
        return None
    try:
        check_for_timed_run(scenario)
        # In this process: it takes about a second, and starting others takes as long.
        return sweep(
            scenario,
            [run.name for run in scenario_run.runs],
            runs=runs,
            properties=properties,
            executor=InThisProcess(),
            workers=1,
            directory=scenario.directory,
        )
    except InvalidScenario:
        return None
