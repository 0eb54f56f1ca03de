"""One execution of the child runs: what is to be known of it besides shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from batchsim.analysis.sweep.pieces import Portable, at_hand
from batchsim.analysis.sweep.varying import Point
from batchsim.analysis.worth.costs import RUNS, Cost, costs_of
from batchsim.analysis.worth.deciding import (
    Border,
    DecidedOtherwise,
    Delays,
    TooLargeToDecide,
    comparable,
    decided_otherwise,
    needs_completed,
)
from batchsim.analysis.worth.sooner import Sooner, sooner_of
from batchsim.analysis.worth.timing import Timing, timing_of
from batchsim.batch.policy import Policy
from batchsim.engines.streams import draw
from batchsim.engines.timed import Simulation
from batchsim.scenario import Scenario


@dataclass(frozen=True, slots=True)
class WorthTask:
    """What is to be looked at."""

    point: Point
    """The execution; empty: that of the scenario."""
    scenario: Scenario
    """At the point, with its own delay."""
    seeds: int
    """The base of the stream of seeds: that of the sweep, so that it is the same runs."""
    runs: int
    first: Portable
    others: Mapping[str, Portable]
    """By the name under which it is shown."""
    delays_us: tuple[int, int]
    """The least and the most."""
    executions: tuple[str, str]
    """Likewise."""


@dataclass(frozen=True, slots=True)
class WorthRow:
    """What was found at one execution, with the delays of the scenario unless said otherwise."""

    point: Point
    timing: Timing
    decided: DecidedOtherwise | None = None
    """Of the policies that can be compared; `None`: too large to explore."""
    borders: tuple[Border, ...] = ()
    """Likewise, over all delays; none where it is too large."""
    sooner: Sooner | None = None
    """Of the scenario as it is: an exception, where one was found."""
    costs: tuple[Cost, ...] = ()
    """Of the scenario as it is: what each policy costs, in their order."""


def row_of(task: WorthTask) -> WorthRow:
    """Look at it; what comes out depends on nothing but the task."""
    first = at_hand(task.scenario, task.first)
    rest = {name: at_hand(task.scenario, each) for name, each in task.others.items()}
    others = comparable(first, rest)
    seeds = [draw(task.seeds, index) for index in range(task.runs)]
    row = WorthRow(task.point, timing_of(Simulation(task.scenario, first), seeds))
    if not task.point.values:
        row = replace(row, costs=costs_of(task.scenario, [first, *rest.values()], seeds[:RUNS]))
    try:
        row = replace(row, decided=decided_otherwise(task.scenario, first, others))
        delays = Delays(task.scenario, first, others)
        row = replace(row, borders=tuple(delays.border(name, *task.delays_us) for name in others))
    except TooLargeToDecide:
        return row
    return row if task.point.values else replace(row, sooner=_sooner(task, row, first, others))


def _sooner(task: WorthTask, row: WorthRow, first: Policy, others: Mapping[str, Policy]) -> Sooner | None:
    """Asked for a policy that waits for COMPLETED."""
    waiting = [each.policy for each in row.borders if needs_completed(each.otherwise)]
    return sooner_of(task.scenario, task.executions, first, others[waiting[0]]) if waiting else None
