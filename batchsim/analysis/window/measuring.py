"""By how much conditions hold for many latencies at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsim.analysis.window.assignments import latencies_of, latency_of
from batchsim.analysis.window.cases import Case
from batchsim.analysis.window.causes import NotDerived
from batchsim.analysis.window.conditions import Condition
from batchsim.analysis.window.legs import LatencyLeg
from batchsim.analysis.window.sums import Instant
from batchsim.scenario import Scenario

Rows = NDArray[Any]
"""For each point the duration of each latency (us), whole numbers or not."""
Counts = NDArray[np.int64]
FREE = 1 << 62
"""The slack where no condition leaves less."""


class _Places(dict[LatencyLeg, int]):
    """By latency: its column."""

    def __missing__(self, latency: LatencyLeg) -> int:
        raise NotDerived(f"how long {latency.operation} takes depends on an answer")


class Measure:
    """Conditions on the latencies of a scenario, as matrices: how often a sum passes each latency."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.latencies = latencies_of(scenario)
        self.place = _Places({latency: number for number, latency in enumerate(self.latencies)})
        self._counts: dict[Instant, Counts] = {}

    def rows(self, points: Iterable[Mapping[LatencyLeg, int]]) -> Rows:
        """Points as rows."""
        return np.array([[point[latency] for latency in self.latencies] for point in points], dtype=np.int64)

    def values(self, row: Rows) -> dict[LatencyLeg, int]:
        """A row of whole numbers as a point."""
        return dict(zip(self.latencies, row.tolist(), strict=True))

    def of_condition(self, condition: Condition, rows: Rows) -> Rows:
        """By how much a condition holds at each point (us)."""
        left, right = condition.sides
        slack: Rows = self._instant(right, rows) - self._instant(left, rows)
        return slack

    def of_conditions(self, conditions: Sequence[Condition], rows: Rows) -> Rows:
        """By how much all of them hold at each point (us), as `Case.slack_us`; 1 where there is none."""
        least: Rows = np.full(len(rows), FREE, dtype=rows.dtype)
        for each in conditions:
            slack = self.of_condition(each, rows)
            least = np.minimum(least, np.where(slack == 0, FREE, slack) if each.holds_at_equality else slack)
        return np.where(least == FREE, 1, least).astype(rows.dtype)

    def of_cases(self, cases: Sequence[Case], rows: Rows) -> Rows:
        """By how much the conditions of one case hold at each point (us); -1 where there is no case."""
        none = [-np.ones(len(rows), dtype=rows.dtype)]
        most: Rows = np.max([self.of_conditions(each.conditions, rows) for each in cases] or none, axis=0)
        return most

    def _instant(self, instant: Instant, rows: Rows) -> Rows:
        latest: Rows = (rows @ self._counts_of(instant)).max(axis=1)
        return latest

    def _counts_of(self, instant: Instant) -> Counts:
        counts = self._counts.get(instant)
        if counts is None:
            counts = self._counts[instant] = np.zeros((len(self.latencies), len(instant)), dtype=np.int64)
            for column, each in enumerate(instant):
                for leg, count in each:
                    counts[self.place[latency_of(self._scenario, leg)], column] += count
        return counts
