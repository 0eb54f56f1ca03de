"""Finding the window of a verdict: all its cases, from runs of the scenario and from schedules of the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from batchsim.analysis.constraints import Constraint, Events, Explainer, Pair
from batchsim.analysis.issuing import TooLarge
from batchsim.analysis.window.assignments import (
    Durations,
    Intervals,
    Values,
    drawer,
    drawn_beyond,
    fixed,
    means_of,
    with_ties,
)
from batchsim.analysis.window.cases import Case, case_within, merged, what_is_left
from batchsim.analysis.window.causes import NotDerived
from batchsim.analysis.window.deriving import NoReason, case_of, reason_of
from batchsim.analysis.window.legs import LatencyLeg
from batchsim.analysis.window.measuring import Measure
from batchsim.analysis.window.neighbours import Neighbours
from batchsim.analysis.window.sums import TooManySums
from batchsim.engines.exhaustive import Bounds, Exploration, Graph, Level, explore
from batchsim.engines.exhaustive.graph import COMES_BACK
from batchsim.engines.exhaustive.search import UNBOUNDED
from batchsim.engines.timed import simulate
from batchsim.model.properties import Property
from batchsim.scenario import Scenario

QUIET = 300
"""Cases are looked for within the intervals until so many runs have brought none."""
TRIES_MAX = 4000
"""And no longer than that."""
BASES_MAX = 5
"""Cases are looked for beside so many runs of each case."""
TRIES_BEYOND = 250
"""How many runs beyond them: what a change of a latency would open."""
CASES_BEYOND_MAX = 8
"""No further cases are looked for beyond the intervals where there are so many."""
CASES_MAX = 40
"""A verdict that comes about in more ways has no formula that anybody could read."""
REASONS_MAX = 8
"""A verdict with more reasons has no window that anybody could read."""


WITH_FAULTS = "a scenario with faults has no window (--set 'faults=[]' leaves them out)"


class NoWindow(Exception):
    """Why no window can be given."""


@dataclass(frozen=True)
class Window:
    """When a verdict is given, as conditions on the latencies."""

    scenario: Scenario
    policy: Any
    verdict: str
    properties: tuple[Property, ...]
    reasons: tuple[tuple[Constraint, ...], ...]
    """A schedule comes to the verdict exactly if it obeys one of these in full; none: no schedule does.

    Those of the cases first; for the others no run was met.
    """
    reasons_met: int
    """How many of the reasons have cases."""
    cases: tuple[Case, ...]
    """A run comes to the verdict exactly if all conditions of one case hold."""
    cases_within: tuple[Case, ...]
    """What is left of them if each leg is within the interval of its latency."""
    tried: int
    """How many runs of the timed engine, with latencies within the intervals, were held against the cases."""
    failed: int
    """In how many of them the verdict was given."""
    tried_beyond: int
    """How many runs with latencies of any length were."""

    @cached_property
    def nearest(self) -> Case | None:
        """Where no case can be within the intervals: what is missing to the one that lacks least at the means."""
        if self.cases_within or not self.cases:
            return None
        durations = Durations(self.scenario, self.values)
        case = max(self.cases, key=lambda each: each.slack_us(durations) or 0)
        return what_is_left(case, Intervals(self.scenario))

    @property
    def values(self) -> dict[LatencyLeg, int]:
        """The numbers of the scenario: the mean of each leg (us)."""
        return means_of(self.scenario)

    def slack_us(self, values: Values) -> int | None:
        """By how much the verdict is given (us), each latency being the same in all uses; negative: it is not.

        0: two steps that it depends on take effect at one instant, and either may come first (but see `standing`).
        `None`: it never is.
        """
        return slack_of(self.cases, Durations(self.scenario, values))


def slack_of(cases: Sequence[Case], durations: Durations) -> int | None:
    """By how much the conditions of one case hold (us), the one for which it is most; `None`: there is no case."""
    slacks = [slack for case in cases if (slack := case.slack_us(durations)) is not None]
    return max(slacks, default=None)


def find_window(
    scenario: Scenario,
    policy: Any,
    verdict: str,
    *,
    properties: Sequence[Property] = (),
    bounds: Bounds = UNBOUNDED,
    on_level: Callable[[Level], bool] | None = None,
) -> Window:
    """The condition on the latencies of a scenario under which a policy comes to a verdict.

    `properties`: verdicts of your own. `bounds`, `on_level`: of the exploration that it begins with. Raises
    `NoWindow` where there is none that is finite, or none was found.
    """
    if scenario.setting.faults or scenario.injected_delays:
        raise NoWindow(WITH_FAULTS)
    exploration = explore(
        scenario,
        policy,
        properties=properties,
        bounds=bounds,
        on_level=on_level,
        exchanges=False,
        twins=scenario.own is None,
    )
    return window_of(scenario, policy, verdict, exploration, properties)


def window_of(
    scenario: Scenario,
    policy: Any,
    verdict: str,
    exploration: Exploration,
    properties: Sequence[Property] = (),
) -> Window:
    """As `find_window`, of an exploration that was made, in which nothing is exchanged."""
    if not exploration.is_complete:
        raise NoWindow(f"the exploration is not complete: {exploration.stopped_by}")
    if scenario.setting.faults or scenario.injected_delays:
        raise NoWindow(WITH_FAULTS)
    if exploration.graph.has_cycle:
        raise NoWindow(f"{COMES_BACK}, so its orders have no end")
    try:
        finder = _Finder(scenario, policy, verdict, exploration.graph, tuple(properties))
    except TooLarge as why:
        raise NoWindow(str(why)) from None
    if verdict in exploration.verdicts:
        items = () if scenario.own is not None else scenario.setting.items
        if len(items) > 1 and any(item.failed_attempts for item in items):
            raise NoWindow("other items may cut the backoff of a failed attempt short")
        try:
            finder.look_at_runs()
            finder.look_at_schedules()
        except NoReason:
            raise NoWindow(f"no set of up to four order constraints is the reason of {verdict}") from None
        except NotDerived as error:
            raise NoWindow(str(error)) from None
        except TooManySums:
            raise NoWindow("too many ways lead to a step: try fewer items") from None
        finder.check()
    return finder.window()


@dataclass
class _Finder:
    scenario: Scenario
    policy: Any
    verdict: str
    graph: Graph
    properties: tuple[Property, ...]
    cases: list[Case] = field(default_factory=list)
    reasons: list[tuple[Pair, ...]] = field(default_factory=list)
    tried: list[Values] = field(default_factory=list)
    """The latencies of all runs that were made."""
    given: list[bool] = field(default_factory=list)
    """Whether the verdict was, in each of them."""
    beside: list[tuple[int, Values]] = field(default_factory=list)
    """Runs of cases beside which others are still to be looked for."""
    bases: list[int] = field(default_factory=list)
    """Of each case, beside how many of its runs that is or was done."""
    met: int = 0
    kept: int = 0
    within: int = 0
    """How many of those that were tried have latencies within the intervals; they come first."""

    def __post_init__(self) -> None:
        graph = self.graph
        flags = [self._is_given(outcome) for outcome in graph.outcomes]
        self.measure = Measure(self.scenario)
        self.neighbours = Neighbours(self.scenario, self.measure)
        self.explainer = Explainer(Events(graph), np.array(flags, dtype=bool))

    def _is_given(self, outcome: object) -> bool:
        return self.verdict in self.graph.layout.system.verdicts_of(outcome, self.properties)

    def look_at_runs(self) -> None:
        """Try latencies within the intervals, then any; a run that no case foresees brings a new one."""
        self._try(means_of(self.scenario))
        self._look_beside()
        values_of, number, quiet = drawer(self.scenario), 0, 0
        while len(self.tried) < TRIES_MAX and quiet < QUIET:
            number, quiet = number + 1, quiet + 1
            values, cases = values_of(number), len(self.cases)
            self._try(values)
            if self.given[-1]:
                self._note_base(values)
            self._look_beside()
            if len(self.cases) > cases:
                quiet = 0
        self.within, self.kept = len(self.tried), len(self.reasons)
        for number in range(TRIES_BEYOND):
            self._try(drawn_beyond(self.scenario, number), cases_max=CASES_BEYOND_MAX)

    def _note_base(self, values: Values) -> None:
        """Look beside a run of a case, too, unless that was done of several."""
        row = self.measure.rows([values])
        slacks = [int(self.measure.of_conditions(each.conditions, row)[0]) for each in self.cases]
        case = slacks.index(max(slacks))
        if self.bases[case] < BASES_MAX:
            self.bases[case] += 1
            self.beside.append((case, values))

    def _look_beside(self) -> None:
        """Look for cases next to runs of those that are known, until there is none."""
        while self.beside and len(self.tried) < TRIES_MAX:
            case, values = self.beside.pop(0)
            for each in self.neighbours.of(self.cases[case], values, len(self.tried)):
                self._try(each)

    def _try(self, values: Values, cases_max: int | None = None) -> None:
        """Make a run; if no case foresees it, it is one."""
        scenario = with_ties(fixed(self.scenario, values), len(self.tried))
        trace = simulate(scenario, self.policy, keep=frozenset())
        self.tried.append(values)
        self.given.append(self._is_given(trace.outcome))
        if not self.given[-1] or (cases_max is not None and len(self.cases) >= cases_max):
            return
        if self.measure.of_cases(self.cases, self.measure.rows([values]))[0] < 0:
            self._add(simulate(scenario, self.policy))
            self.bases.append(1)
            self.beside.append((len(self.cases) - 1, values))

    def look_at_schedules(self) -> None:
        """Look for a schedule with the verdict that obeys none of the reasons, until there is none."""
        while (edges := self.explainer.failing_beside(self.reasons)) is not None:
            reason = self.explainer.reason_of(edges)
            if reason is None or len(self.reasons) == REASONS_MAX:
                raise NoReason
            self.reasons.append(reason)
        self._drop_reasons_within_others()

    def _drop_reasons_within_others(self) -> None:
        """A reason is none where the others say as much; those of runs within the intervals stay."""
        for reason in self.reasons[self.kept :][::-1]:
            others = [each for each in self.reasons if each != reason]
            if others and not self.explainer.can_fail_beside(others):
                self.met -= reason in self.reasons[: self.met]
                self.reasons = others

    def _add(self, trace: Any) -> None:
        pairs, races = reason_of(self.graph, self.explainer, trace, self.reasons)
        if pairs not in self.reasons:
            self.reasons.append(pairs)
            self.met = len(self.reasons)
        self.cases.append(case_of(trace, self.graph.layout.system, races))
        if len(self.cases) > CASES_MAX:
            raise NoWindow(f"{self.verdict} comes about in more than {CASES_MAX} ways")

    def check(self) -> None:
        """Hold the cases against all runs; raises `NoWindow` if one contradicts them."""
        slacks = self.measure.of_cases(self.cases, self.measure.rows(self.tried)).tolist()
        for number, (slack_us, is_given) in enumerate(zip(slacks, self.given, strict=True)):
            is_foreseen = slack_us > 0
            is_beyond = number >= self.within and is_given and not is_foreseen
            if slack_us and not is_beyond and is_foreseen != is_given:
                raise NoWindow("its conditions were contradicted by a run of the timed engine")

    def window(self) -> Window:
        intervals = Intervals(self.scenario)
        cases = merged(self.cases)
        left = (case_within(case, intervals) for case in cases)
        return Window(
            scenario=self.scenario,
            policy=self.policy,
            verdict=self.verdict,
            properties=self.properties,
            reasons=tuple(self.explainer.constraints_of(pairs) for pairs in self.reasons),
            cases=cases,
            cases_within=merged(case for case in left if case is not None),
            reasons_met=self.met,
            tried=self.within,
            failed=sum(self.given[: self.within]),
            tried_beyond=len(self.tried) - self.within,
        )
