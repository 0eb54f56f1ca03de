"""What a sweep came to: shares of verdicts, and differences between policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from batchsim.analysis.sweep.intervals import Interval, difference_interval, share_interval
from batchsim.analysis.sweep.plan import Competitor, Enough, Plan
from batchsim.analysis.sweep.records import Records, SweepCell
from batchsim.analysis.sweep.varying import Axis, Point
from batchsim.html_table import html_table
from batchsim.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Share:
    """In how many of the runs something came about, such as a verdict; the 95 % interval of its probability."""

    count: int
    runs: int
    interval: Interval

    @property
    def share(self) -> float:
        """Of the runs that were made."""
        return self.count / self.runs if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class CellResult:
    """One policy at one point."""

    policy: str
    asked_for: str
    """The name by which the policy was asked for."""
    point: Point
    runs: int
    verdicts: Mapping[str, Share]
    """By verdict; every one that can be given."""
    first_runs: Mapping[str, int]
    """By verdict that was given: the number, from 0, of the first run that was given it."""
    faults: tuple[Share, ...] = ()
    """In how many runs each fault of the scenario happened, in the order of `Scenario.faults`."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more probable a verdict is under one policy than under another, from the same latencies."""

    verdict: str
    point: Point
    policy: str
    other: str
    runs: int
    only_policy: int
    """Runs in which only `policy` was given the verdict."""
    only_other: int
    interval: Interval

    @property
    def difference(self) -> float:
        """Of the shares."""
        return (self.only_policy - self.only_other) / self.runs if self.runs else 0.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep of a scenario."""

    scenario: Scenario
    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    policies: tuple[str, ...]
    cells: tuple[CellResult, ...]
    """By point, then by policy."""
    differences: tuple[Difference, ...]
    """By point, verdict and pair of policies; of the verdicts that any run was given."""
    is_complete: bool
    """Whether nobody stopped it before its end."""
    is_narrow: bool
    """Whether every interval is as narrow as was asked for, if it was."""

    def cell(self, policy: str, point: Point) -> CellResult:
        """One policy at one point; raises `KeyError`."""
        for each in self.cells:
            if (each.policy, each.point) == (policy, point):
                return each
        raise KeyError(policy, point)

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        names = [name for name in self.cells[0].verdicts if any(each.verdicts[name].count for each in self.cells)]
        rows = (
            (
                *(value.text for _, value in cell.point.values),
                cell.policy,
                *(_told(cell.verdicts[name]) for name in names),
            )
            for cell in self.cells
        )
        caption = f"{self.scenario.name}: {sum(cell.runs for cell in self.cells):,} runs, with 95 % intervals"
        return html_table(caption, (*(axis.name for axis in self.axes), "policy", *names), rows)

    @property
    def failures(self) -> tuple[str, ...]:
        """The verdicts other than `ok` that any run was given.

        Of the batch `false_failure` is among them always, as it is the question.
        """
        first = next(iter(self.cells))
        question = "false_failure" if self.scenario.own is None else ""
        return tuple(
            name
            for name in first.verdicts
            if name == question or (name != "ok" and any(each.verdicts[name].count for each in self.cells))
        )


def _told(share: Share) -> str:
    low, high = share.interval
    return f"{100 * share.share:.3g} % ({100 * low:.3g} … {100 * high:.3g})"


class Example(NamedTuple):
    """A run that was given a verdict."""

    verdict: str
    cell: CellResult
    run: int
    """Its number, from 0."""


def examples_of(sweep: Sweep) -> list[Example]:
    """The first run of each verdict that was met, in the first cell that met it; `ok` last."""
    cells: dict[str, CellResult] = {}
    for cell in sweep.cells:
        for verdict in cell.first_runs:
            cells.setdefault(verdict, cell)
    order = sorted(cells, key=lambda verdict: (verdict == "ok", list(sweep.cells[0].verdicts).index(verdict)))
    return [Example(verdict, cells[verdict], cells[verdict].first_runs[verdict]) for verdict in order]


def result_of(plan: Plan, axes: tuple[Axis, ...], records: Records, enough: Enough, *, is_complete: bool) -> Sweep:
    """The result as far as it is known."""
    cells: list[CellResult] = []
    differences: list[Difference] = []
    for point, _ in plan.places:
        runs = enough.runs_of(point)
        if runs is None:
            runs = min(plan.runs, records.prefix(plan.cells(point)))
        cells += (_cell(plan, each, point, records, runs) for each in plan.competitors)
        differences += _differences(plan, point, records, runs)
    return Sweep(
        scenario=plan.scenario,
        axes=axes,
        points=tuple(point for point, _ in plan.places),
        policies=tuple(each.shown for each in plan.competitors),
        cells=tuple(cells),
        differences=tuple(differences),
        is_complete=is_complete,
        is_narrow=all(enough.is_narrow(point) for point, _ in plan.places),
    )


def _cell(plan: Plan, competitor: Competitor, point: Point, records: Records, runs: int) -> CellResult:
    cell = SweepCell(competitor.key, point.key)
    given = {name: records.having(cell, name, runs) for name in plan.verdicts}
    counts = {name: int(having.sum()) for name, having in given.items()}
    first_runs = {name: int(given[name].argmax()) for name, count in counts.items() if count}
    shares = {name: Share(count, runs, share_interval(count, runs)) for name, count in counts.items()}
    happened = [records.happened(cell, number, runs) for number, _ in enumerate(plan.scenario.faults)]
    faults = tuple(Share(count, runs, share_interval(count, runs)) for count in happened)
    return CellResult(competitor.shown, competitor.name, point, runs, shares, first_runs, faults)


def _differences(plan: Plan, point: Point, records: Records, runs: int) -> list[Difference]:
    return [
        _difference(verdict, point, policy, other, records, runs)
        for verdict in plan.verdicts
        if verdict in records.verdicts
        for other, policy in combinations(plan.competitors, 2)
    ]


def _difference(
    verdict: str, point: Point, policy: Competitor, other: Competitor, records: Records, runs: int
) -> Difference:
    first = records.having(SweepCell(policy.key, point.key), verdict, runs)
    second = records.having(SweepCell(other.key, point.key), verdict, runs)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    interval = difference_interval(only_first, only_second, runs)
    return Difference(verdict, point, policy.shown, other.shown, runs, only_first, only_second, interval)
