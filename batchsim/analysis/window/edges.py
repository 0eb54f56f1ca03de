"""Where the window of a verdict opens as fields of a scenario vary: the slack over a curve or a plane.

A varied field is the length of legs, or says of their distribution how long they are. What counts is the mean of
each leg at each point: the window is open there if a run with all latencies at their means is given the verdict.
The window itself is derived with each leg free to take any time that it has at some point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsim.analysis.sweep import Axis, Sweep
from batchsim.analysis.sweep.varying import Value
from batchsim.analysis.window.assignments import means_of, support_of
from batchsim.analysis.window.finding import NoWindow, Window, window_of
from batchsim.analysis.window.legs import REQUEST, RESPONSE, LatencyLeg
from batchsim.analysis.window.measuring import Measure
from batchsim.engines.exhaustive import Bounds, explore
from batchsim.model.properties import Property
from batchsim.scenario import Legs, Scenario, Uniform, varied
from batchsim.scenario.latencies import Latency
from batchsim.scenario.scenario import LatencyTable

Field = NDArray[np.float64]
STATES_MAX = 100_000
"""A window is looked for in an exploration of at most so many states, unless another bound is given."""
KNOTS_MAX = 25
"""Means are worked out at so many values of an axis, and lie on straight lines between them."""
STEPS = {1: 2000, 2: 200}
"""By the number of axes: into how many steps each is cut."""


class NoEdge(Exception):
    """Why there is none."""


@dataclass(frozen=True)
class Edge:
    """Where the window of a verdict opens or closes."""

    verdict: str
    policies: tuple[str, ...]
    """Those for which it is the same."""
    numbers: tuple[Field, ...]
    """Of each axis."""
    slack_us: Field
    """By how much the window is open, at each of the numbers, or at each pair of them; negative: it is closed.

    0: two steps fall on one instant, and either may come first.
    """

    @cached_property
    def crossings(self) -> tuple[float, ...]:
        """The numbers of a single axis at which the window opens or closes, or where either may come first."""
        (numbers,) = self.numbers
        pairs = pairwise(zip(numbers.tolist(), self.slack_us.tolist(), strict=True))
        roots = (_root(*before, *after) for before, after in pairs if np.sign(before[1]) != np.sign(after[1]))
        return tuple(dict.fromkeys(roots))

    @property
    def is_seen(self) -> bool:
        """Whether the window is open somewhere, and closed elsewhere, or left open whether it is."""
        return len(np.unique(np.sign(self.slack_us))) > 1


def _root(begin: float, before: float, end: float, after: float) -> float:
    """Where a straight line is 0."""
    return begin + (end - begin) * before / (before - after) if after else end


def edges_of(
    sweep: Sweep,
    policies: Sequence[tuple[str, Any]],
    properties: Sequence[Property] = (),
    on_policy: Callable[[str], object] = lambda name: None,
    states_max: int | None = None,
) -> tuple[list[Edge], dict[str, str]]:
    """The edges of all windows of the failures that a sweep saw; by policy, why there is none.

    `policies`: those of the sweep, by the names that it has for them. `on_policy`: told which one is next.
    `states_max`: the bound of each exploration, `STATES_MAX` by default. Raises `NoEdge` where no policy can
    have one, as what is varied is no latency.
    """
    failing = [(name, policy, given) for name, policy in policies if (given := _given(sweep, name))]
    if not failing:
        return [], {}
    ground = _Ground(sweep.scenario, sweep.axes)
    edges: list[Edge] = []
    reasons: dict[str, str] = {}
    for name, policy, verdicts in failing:
        on_policy(name)
        exploration = explore(
            ground.scenario,
            policy,
            properties=properties,
            bounds=Bounds(states_max or STATES_MAX),
            exchanges=False,
        )
        for verdict in verdicts:
            try:
                window = window_of(ground.scenario, policy, verdict, exploration, properties)
            except NoWindow as error:
                reasons[name] = str(error)
                continue
            edge = Edge(verdict, (name,), ground.numbers, ground.slack_of(window))
            if edge.is_seen:
                edges.append(edge)
            else:
                told = _told(edge.slack_us.flat[0])
                reasons[name] = f"with mean latencies the window of {verdict} is {told} everywhere"
    return _joined(edges), reasons


def _told(slack_us: float) -> str:
    if not slack_us:
        return "neither open nor closed (two steps fall on one instant, either may come first)"
    return "open" if slack_us > 0 else "closed"


def _given(sweep: Sweep, policy: str) -> list[str]:
    cells = [each for each in sweep.cells if each.policy == policy]
    return [name for name in sweep.failures if any(each.verdicts[name].count for each in cells)]


def _joined(edges: Sequence[Edge]) -> list[Edge]:
    """Those that are the same for several policies, as one."""
    joined: list[Edge] = []
    for edge in edges:
        same = next((each for each in joined if _is_same(each, edge)), None)
        if same is None:
            joined.append(edge)
        else:
            place = joined.index(same)
            joined[place] = Edge(same.verdict, (*same.policies, *edge.policies), same.numbers, same.slack_us)
    return joined


def _is_same(one: Edge, other: Edge) -> bool:
    return one.verdict == other.verdict and np.array_equal(np.sign(one.slack_us), np.sign(other.slack_us))


class _Ground:
    """The points of a sweep, and the means of all legs there."""

    def __init__(self, scenario: Scenario, axes: Sequence[Axis]) -> None:
        self._axes = axes
        knots = [_thinned(axis) for axis in axes]
        scenarios = [
            varied(scenario, [f"{axis.name}={value.text}" for axis, value in zip(axes, values, strict=True)])
            for values in product(*knots)
        ]
        if any(each.setting != scenarios[0].setting for each in scenarios):
            raise NoEdge(f"along {_names(axes)} more varies than latencies")
        means = [means_of(each) for each in scenarios]
        self.latencies = tuple(means[0])
        table = np.array([[each[latency] for latency in self.latencies] for each in means], dtype=float)
        if (table == table[0]).all():
            raise NoEdge(f"along {_names(axes)} no latency varies")
        self.scenario = _with_all(scenarios)
        self._measure = Measure(self.scenario)
        self._knots = [np.array([value.number for value in values]) for values in knots]
        self._means = table.reshape(*map(len, knots), len(self.latencies))

    @cached_property
    def numbers(self) -> tuple[Field, ...]:
        """Of each axis, from its least to its greatest."""
        steps = STEPS[len(self._axes)]
        spaces = (np.geomspace if axis.is_log else np.linspace for axis in self._axes)
        return tuple(
            space(knots.min(), knots.max(), steps + 1) for space, knots in zip(spaces, self._knots, strict=True)
        )

    @cached_property
    def _values(self) -> Field:
        """The means at all numbers: linear between knots, along one axis after the other."""
        values = self._means
        for place, (numbers, knots) in enumerate(zip(self.numbers, self._knots, strict=True)):
            values = _interpolated(values, place, numbers, knots)
        return values

    def slack_of(self, window: Window) -> Field:
        """By how much a window is open at the means."""
        rows = self._values.reshape(-1, len(self.latencies))
        return self._measure.of_cases(window.cases_within, rows).reshape(self._values.shape[:-1])


def _interpolated(values: Field, place: int, numbers: Field, knots: Field) -> Field:
    order = np.argsort(knots)

    def along(line: Field) -> Field:
        return np.interp(numbers, knots[order], line[order])

    result: Field = np.apply_along_axis(along, place, values)
    return result


def _thinned(axis: Axis) -> list[Value]:
    values = axis.values
    if len(values) <= KNOTS_MAX:
        return list(values)
    places = np.linspace(0, len(values) - 1, KNOTS_MAX).round().astype(int)
    return [values[place] for place in places.tolist()]


def _names(axes: Sequence[Axis]) -> str:
    return " and ".join(axis.name for axis in axes)


def _with_all(scenarios: Sequence[Scenario]) -> Scenario:
    """A scenario in which each leg may take any time that it may take in one of these."""
    table = scenarios[0].latencies
    return replace(
        scenarios[0],
        latencies=LatencyTable(
            {name: _wide(scenarios, name, None) for name in table.of_operation},
            {
                name: {item: _wide(scenarios, name, item) for item in items}
                for name, items in table.of_item.items()
            },
        ),
    )


def _wide(scenarios: Sequence[Scenario], operation: str, item: int | None) -> Latency:
    found = [each.latency_of(operation, item) for each in scenarios]
    spans = [_span(scenarios, LatencyLeg(operation, part, item, None)) for part in (REQUEST, RESPONSE)]
    request, response = spans
    if request is None or response is None or all(each == found[0] for each in found):
        return found[-1]
    return Legs(request, response)


def _span(scenarios: Sequence[Scenario], latency: LatencyLeg) -> Uniform | None:
    """All times of a leg; `None`: some are without end."""
    supports = [support_of(each, latency) for each in scenarios]
    longest = [most_us for _, most_us in supports if most_us is not None]
    return Uniform(min(least_us for least_us, _ in supports), max(longest)) if longest else None
