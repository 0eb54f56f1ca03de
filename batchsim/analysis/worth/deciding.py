"""Where a policy decides otherwise than another at all: over every run that the intervals of latencies allow.

Two policies with the same switches make the same runs until a check of theirs decides otherwise on a row. So the
runs of the first are explored (`engines/zones`), and on each row that one of its checks is asked about, the others
are asked too. Where they never object, they are proved to make the same runs, whatever the latencies within their
intervals.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from batchsim.analysis.batch.checks import check_of, switches_of, with_checks
from batchsim.analysis.worth.question import DELAY
from batchsim.batch.decision import Check, Decision
from batchsim.batch.policy import Policy
from batchsim.batch.stores import BatchRow, Status
from batchsim.batch.system import class_of
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.zones import explore_timed
from batchsim.scenario import Scenario, format_duration, varied

BOUNDS = Bounds(2_000, None)
"""Of zones: beyond, it is given up."""
ITEMS_MAX = 8
"""With more items nothing is explored: it would be given up, and late."""


class Otherwise(NamedTuple):
    """A row on which a policy decides otherwise than the first one."""

    check: str
    row: BatchRow
    first: Decision
    decision: Decision


@dataclass(frozen=True, slots=True)
class Border:
    """From which delay on a policy can decide otherwise than the first one."""

    policy: str
    least_us: int | None
    """Proved: with a shorter delay it never does; `None`: it never does on the whole axis."""
    is_sharp: bool
    """Whether with this delay some run ends as none does under the first policy."""
    otherwise: tuple[Otherwise, ...]
    """At some delay on the axis."""


def needs_completed(otherwise: Collection[Otherwise]) -> bool:
    """Whether a policy decides otherwise, but only on rows that are COMPLETED, and not on entry."""
    return {(each.row.status, each.check == "on_entry") for each in otherwise} == {(Status.COMPLETED, False)}


class TooLargeToDecide(Exception):
    """There are faults, or too much to explore."""


DecidedOtherwise = Mapping[str, tuple[Otherwise, ...]]
"""By name of a policy: the rows on which it decides otherwise than the first one."""


def comparable(first: Policy, others: Mapping[str, Policy]) -> dict[str, Policy]:
    """Those that differ from the first policy in nothing but their checks."""
    return {name: each for name, each in others.items() if switches_of(each) == switches_of(first)}


def decided_otherwise(scenario: Scenario, first: Policy, others: Mapping[str, Policy]) -> DecidedOtherwise:
    """Where others decide otherwise in some run under the first policy; raises `TooLargeToDecide`."""
    if scenario.setting.faults or scenario.injected_delays or scenario.setting.run_count > ITEMS_MAX:
        raise TooLargeToDecide
    found: dict[str, set[Otherwise]] = {name: set() for name in others}

    def asked(name: str) -> Check:
        check = check_of(first, name)

        def decide(row: BatchRow) -> Decision:
            decision = check(row)
            for other, policy in others.items():
                if (its := check_of(policy, name)(row)) is not decision:
                    found[other].add(Otherwise(name, row, decision, its))
            return decision

        return decide

    if not explore_timed(scenario, with_checks(first, asked), bounds=BOUNDS).is_complete:
        raise TooLargeToDecide
    return {name: tuple(sorted(each, key=repr)) for name, each in found.items()}


class Delays:
    """A scenario with every delay that it may have instead of its own."""

    def __init__(self, scenario: Scenario, first: Policy, others: Mapping[str, Policy]) -> None:
        self._scenario = scenario
        self._first = first
        self._others = others
        self._decided: dict[int, DecidedOtherwise] = {}

    def border(self, name: str, least_us: int, most_us: int) -> Border:
        """Where between two delays a policy begins to decide otherwise; raises `TooLargeToDecide`."""
        at_most = self._decided_with(most_us)[name]
        if not at_most:
            return Border(name, None, False, ())
        low, high = least_us - 1, most_us
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._decided_with(middle)[name] else (middle, high)
        return Border(name, high, self._ends_otherwise(name, high), at_most)

    def _with(self, delay_us: int) -> Scenario:
        return varied(self._scenario, (f"{DELAY}={format_duration(delay_us)}",))

    def _decided_with(self, delay_us: int) -> DecidedOtherwise:
        if delay_us not in self._decided:
            self._decided[delay_us] = decided_otherwise(self._with(delay_us), self._first, self._others)
        return self._decided[delay_us]

    def _ends_otherwise(self, name: str, delay_us: int) -> bool:
        scenario = self._with(delay_us)
        return bool(_ends(scenario, self._others[name]) - _ends(scenario, self._first))


def _ends(scenario: Scenario, policy: Policy) -> set[Hashable]:
    found = explore_timed(scenario, policy, bounds=BOUNDS).outcomes
    return {class_of(each.outcome, each.verdicts) for each in found}
