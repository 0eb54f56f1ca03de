"""The plan of a sweep: its cells, which of their runs are still to be made, and when there are enough."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from batchsim.analysis.sweep.identity import seed_stream
from batchsim.analysis.sweep.intervals import share_interval
from batchsim.analysis.sweep.pieces import OwnPolicy, Piece, Portable
from batchsim.analysis.sweep.records import Records, SweepCell
from batchsim.analysis.sweep.varying import Point
from batchsim.model.properties import Property
from batchsim.scenario import Scenario

BLOCK = 100
"""Whether there are enough runs is asked after each so many, in the order of their index: not of their end."""


@dataclass(frozen=True, slots=True)
class Competitor:
    """A policy that takes part."""

    name: str
    """The one that it was asked for by."""
    key: str
    """Tells it from all others: the name, and of the user's own the content of the file."""
    policy: Any
    portable: Portable

    @property
    def shown(self) -> str:
        """Its name in results."""
        return self.policy.name if isinstance(self.portable, OwnPolicy) else self.name


@dataclass(frozen=True)
class Plan:
    """What is to be run."""

    scenario: Scenario
    competitors: tuple[Competitor, ...]
    places: tuple[tuple[Point, Scenario], ...]
    """Every point, and the scenario there."""
    properties: tuple[Property, ...]
    """The user's own verdicts."""
    runs: int
    """Of each cell; at most, where a width is asked for."""
    until_width: float | None
    """How wide the widest interval of a point may be, for its runs to be enough."""

    def cells(self, point: Point) -> list[SweepCell]:
        """Those of a point."""
        return [SweepCell(each.key, point.key) for each in self.competitors]

    @cached_property
    def verdicts(self) -> tuple[str, ...]:
        """The name of every verdict that can be given."""
        of_system = verdicts_over(
            (self.scenario, *(scenario for _, scenario in self.places)), [each.policy for each in self.competitors]
        )
        return (*of_system, *(each.name for each in self.properties))


def verdicts_over(scenarios: Iterable[Scenario], policies: Sequence[Any]) -> tuple[str, ...]:
    """The names of the verdicts that policies can be given in any of these scenarios, which differ in what varies.

    Those of a system of the user's own may depend on its parameters.
    """
    different = {None if each.own is None else repr(each.own.content): each for each in scenarios}
    return tuple(dict.fromkeys(name for each in different.values() for name in each.known_verdicts(policies)))


class Enough:
    """When the runs of a point are enough: decided on whole blocks, so by no accident of who ends when."""

    def __init__(self, plan: Plan, records: Records) -> None:
        self._plan = plan
        self._records = records
        self._asked: dict[str, int] = {}
        self._answers: dict[str, int] = {}

    def runs_of(self, point: Point) -> int | None:
        """How many runs of each cell count at a point; `None`: more are needed."""
        known = min(self._records.prefix(self._plan.cells(point)), self._plan.runs)
        if self._plan.until_width is not None and point.key not in self._answers:
            self._ask(point, known)
        if point.key in self._answers:
            return self._answers[point.key]
        return known if known == self._plan.runs else None

    def is_narrow(self, point: Point) -> bool:
        """Whether every interval of a point is as narrow as asked for, if it was."""
        return self._plan.until_width is None or point.key in self._answers

    def _ask(self, point: Point, known: int) -> None:
        asked = self._asked.get(point.key, 0)
        # The last block may be a shorter one: where the runs of the plan end.
        ends = [*range(asked + BLOCK, known + 1, BLOCK), *([known] if known == self._plan.runs > asked else [])]
        for runs in ends:
            if self._widest(point, runs) <= (self._plan.until_width or 0):
                self._answers[point.key] = runs
                return
        self._asked[point.key] = known // BLOCK * BLOCK

    def _widest(self, point: Point, runs: int) -> float:
        """The widest interval is that of the share nearest to a half."""
        counts = [
            int(self._records.having(cell, verdict, runs).sum())
            for cell in self._plan.cells(point)
            for verdict in self._plan.verdicts
        ]
        return share_interval(min(counts, key=lambda count: abs(2 * count - runs)), runs).width


def pieces(
    plan: Plan, records: Records, enough: Enough, size: Callable[[], int]
) -> Iterator[tuple[Point, Sequence[Competitor], Piece]]:
    """Every piece that is not known yet, point by point; `size`: how many runs the next one may have."""
    for point, scenario in plan.places:
        if enough.runs_of(point) is not None:
            continue
        seeds = seed_stream(plan.scenario, point.key)
        for gap, competitors in _gaps(plan, records, point):
            first = gap.start
            while first < gap.stop and enough.runs_of(point) is None:
                count = min(size(), gap.stop - first)
                portable = tuple(each.portable for each in competitors)
                yield point, competitors, Piece(scenario, seeds, portable, first, count)
                first += count


def _gaps(plan: Plan, records: Records, point: Point) -> Iterator[tuple[range, list[Competitor]]]:
    """The runs that are missing, ascending, and of which policies; those that lack the same runs together."""
    alike: dict[tuple[range, ...], list[Competitor]] = {}
    for each in plan.competitors:
        covered = records.covered(SweepCell(each.key, point.key))
        alike.setdefault(tuple(_between(covered, plan.runs)), []).append(each)
    lists = [[(gap.start, number, gap) for gap in gaps] for number, gaps in enumerate(alike)]
    groups = list(alike.values())
    for _, number, gap in heapq.merge(*lists):
        yield gap, groups[number]


def _between(covered: Sequence[range], runs: int) -> Iterator[range]:
    """What of the first `runs` is not covered."""
    begin = 0
    for each in covered:
        if each.start > begin:
            yield range(begin, min(each.start, runs))
        begin = each.stop
        if begin >= runs:
            return
    yield range(begin, runs)
