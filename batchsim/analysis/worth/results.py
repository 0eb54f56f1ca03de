"""What was found of a scenario: its sweeps, and what explains them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from batchsim.analysis.sweep import Difference, Point, Sweep
from batchsim.analysis.sweep.results import Share
from batchsim.analysis.worth.costs import Cost
from batchsim.analysis.worth.deciding import Border
from batchsim.analysis.worth.question import DELAY, EXECUTION, Question
from batchsim.analysis.worth.rows import WorthRow
from batchsim.scenario import Scenario

VERDICT = "false_failure"


@dataclass(frozen=True, slots=True)
class Worth:
    """What each policy is worth in a scenario, against the first of them."""

    scenario: Scenario
    question: Question
    as_is: Sweep
    """With the scenario's own latencies: one point."""
    over_delay: Sweep
    over_execution: Sweep
    over_both: Sweep
    rows: tuple[WorthRow, ...]
    """First of the scenario as it is, then by execution."""
    is_complete: bool
    """Whether nobody stopped it before its end."""

    @property
    def policies(self) -> tuple[str, ...]:
        """All of them."""
        return self.as_is.policies

    @property
    def first(self) -> str:
        """The policy that the others are compared with."""
        return self.policies[0]

    @property
    def sweeps(self) -> tuple[Sweep, ...]:
        """All four."""
        return (self.as_is, self.over_delay, self.over_execution, self.over_both)

    @property
    def costs(self) -> dict[str, Cost]:
        """What each policy costs, with the scenario's own latencies; empty where nothing was looked at yet."""
        return dict(zip(self.policies, self.rows[0].costs, strict=True)) if self.rows else {}

    def border(self, policy: str, row: WorthRow) -> Border | None:
        """From which delay on a policy can decide otherwise; `None`: not known."""
        return next((each for each in row.borders if each.policy == policy), None)

    def own_share(self, policy: str) -> Share:
        """How often the call fails falsely with the scenario's own latencies."""
        return share(self.as_is, policy, self.as_is.points[0])

    def own_gain(self, policy: str) -> Difference | None:
        """The difference from the first policy with the scenario's own latencies."""
        return gain(self.as_is, policy, self.as_is.points[0])


def share(sweep: Sweep, policy: str, point: Point) -> Share:
    """How often the call fails falsely."""
    return sweep.cell(policy, point).verdicts[VERDICT]


def gain(sweep: Sweep, policy: str, point: Point) -> Difference | None:
    """The difference from the first policy; `None`: no call failed falsely in the whole sweep."""
    for each in sweep.differences:
        if (each.verdict, each.point, each.policy, each.other) == (VERDICT, point, policy, sweep.policies[0]):
            return each
    return None


def is_told_apart(found: Difference | None) -> bool:
    """Whether the interval of a difference leaves no doubt that there is one."""
    return found is not None and (found.interval.low > 0 or found.interval.high < 0)


def told_apart(sweep: Sweep, policy: str) -> Iterator[Point]:
    """The points at which a policy differs from the first one."""
    return (point for point in sweep.points if is_told_apart(gain(sweep, policy, point)))


def value_us(point: Point, name: str) -> float:
    """The value of a field at a point, `_us`; raises `KeyError`."""
    return dict(point.values)[name].number


def excess_us(point: Point) -> float:
    """How much longer the delay is than the execution."""
    return value_us(point, DELAY) - value_us(point, EXECUTION)
