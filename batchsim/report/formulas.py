"""Conditions on latencies as formulas in the names of the operations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from batchsim.analysis.window.assignments import Intervals, latency_of
from batchsim.analysis.window.conditions import Condition
from batchsim.analysis.window.legs import REQUEST, RESPONSE, LatencyLeg, Leg
from batchsim.analysis.window.sums import Instant, Sum, difference, legs_of
from batchsim.batch.operations import OPERATIONS, GetMeta, TakeMessage
from batchsim.scenario import Scenario

LegUse = tuple[str, str, int | None, int | None, int]
"""A leg without its part."""


def formula(condition: Condition, intervals: Intervals) -> str:
    """A condition, such as `take + get_meta < push.response`; legs that take no time are left out.

    `<=`: it holds where both sides are equal, too; `<`: either may come first there.
    """
    names = Names(condition.legs, intervals)
    left, right = condition.sides
    relation = "<=" if condition.holds_at_equality else "<"
    return f"{names.told(left)} {relation} {names.told(right)}"


def distinct_conditions(scenario: Scenario, conditions: Iterable[Condition]) -> list[list[Condition]]:
    """Conditions, those together that differ in the actors alone: they compare the same latencies.

    Each latency is the same in all its uses, so of such conditions none holds without the others.
    """
    groups: dict[Any, list[Condition]] = {}
    for each in conditions:
        sides = tuple(frozenset(_latencies_of(scenario, total) for total in side) for side in each.sides)
        groups.setdefault((sides, each.holds_at_equality), []).append(each)
    return list(groups.values())


def formula_of_all(conditions: Sequence[Condition], intervals: Intervals) -> str:
    """The formula of conditions that differ in the actors alone, without these."""
    told = formula(conditions[0], intervals)
    if len(conditions) > 1:
        for leg in conditions[0].legs:
            told = told.replace(f"[{leg.who}]", "")
    return told


def _latencies_of(scenario: Scenario, total: Sum) -> frozenset[tuple[LatencyLeg, int]]:
    counts: dict[LatencyLeg, int] = {}
    for leg, count in total:
        latency = latency_of(scenario, leg)
        counts[latency] = counts.get(latency, 0) + count
    return frozenset(counts.items())


class Names:
    """The names of legs in a formula, as short as they are clear there."""

    def __init__(self, legs: Iterable[Leg], intervals: Intervals) -> None:
        self._intervals = intervals
        self._uses = sorted({_use(leg) for leg in legs}, key=repr)

    def told(self, instant: Instant) -> str:
        """An instant, what all its sums have in common before the maximum of the rest."""
        sums = {frozenset((leg, count) for leg, count in each if self._takes_time(leg)) for each in instant}
        common = _common(sums)
        terms = self._terms(common)
        rest = {difference(each, common) for each in sums}
        for factor in _factors(rest):
            parts = sorted(" + ".join(self._terms(each)) or "0" for each in factor)
            terms.append(f"max({', '.join(parts)})")
        return " + ".join(terms) or "0"

    def _takes_time(self, leg: Leg) -> bool:
        return self._intervals[leg] != (0, 0)

    def _terms(self, total: Sum) -> list[str]:
        parts: dict[LegUse, dict[str, int]] = {}
        for leg, count in total:
            parts.setdefault(_use(leg), {})[leg.part] = count
        return [term for use in sorted(parts, key=_rank) for term in self._term(use, parts[use])]

    def _term(self, use: LegUse, parts: dict[str, int]) -> list[str]:
        name = self._name(use)
        there = {part for part in (REQUEST, RESPONSE) if self._takes_time(_leg(use, part))}
        if parts.keys() == there and len(set(parts.values())) == 1:
            return [_times(parts[min(there)], name)]
        return [_times(count, f"{name}.{part}") for part, count in sorted(parts.items())]

    def _name(self, use: LegUse) -> str:
        operation, who, item, attempt, number = use
        name = operation.partition(".")[2] if "(" not in operation else operation
        others = [each for each in self._uses if each[0] == operation and each != use]
        told = []
        if any(each[1] != who for each in others):
            told.append(who)
        others = [each for each in others if each[1] == who]
        if any(each[2] != item for each in others):
            told.append(f"item {item}")
        others = [each for each in others if each[2] == item]
        if any(each[3] != attempt for each in others):
            told.append(f"attempt {attempt}")
        if any(each[3] == attempt for each in others):
            told.append(f"#{number + 1}")
        return f"{name}[{', '.join(told)}]" if told else name


def rank_of(leg: Leg) -> tuple[Any, ...]:
    """Where a leg stands among those of a sum: as the formula has it, the request before the response."""
    return *_rank(_use(leg)), leg.part


def _use(leg: Leg) -> LegUse:
    return leg.operation, leg.who, leg.item, leg.attempt, leg.use


def _leg(use: LegUse, part: str) -> Leg:
    return Leg(use[0], part, *use[1:])


def _times(count: int, name: str) -> str:
    return name if count == 1 else f"{count} {name}"


def _rank(use: LegUse) -> tuple[Any, ...]:
    """Items one after the other, and their steps as the protocol has them."""
    operation, who, item, attempt, number = use
    places = list(OPERATIONS)
    place = float(places.index(operation)) if operation in places else len(places)
    if operation == GetMeta.name and who == "consumer":
        place = places.index(TakeMessage.name) + 0.5
    is_late = item is None and operation != TakeMessage.name and not who.startswith("handler")
    return (who.startswith("handler") is False, attempt or 0, is_late, item or 0, place, number, operation, who)


def _common(sums: Iterable[Sum]) -> Sum:
    counts = [dict(each) for each in sums]
    return frozenset((leg, least) for leg in counts[0] if (least := min(each.get(leg, 0) for each in counts)) > 0)


def _factors(sums: set[Sum]) -> list[set[Sum]]:
    """Sets of sums of which these are all the sums: one maximum for each; itself where there is no such."""
    if sums == {frozenset()}:
        return []
    groups: list[set[Leg]] = []
    for leg in sorted(legs_of(frozenset(sums)), key=repr):
        tied = [group for group in groups if any(_are_tied(leg, other, sums) for other in group)]
        groups = [group for group in groups if group not in tied] + [{leg}.union(*tied)]
    factors = [{frozenset(term for term in each if term[0] in group) for each in sums} for group in groups]
    count = 1
    for factor in factors:
        count *= len(factor)
    return factors if count == len(sums) else [sums]


def _are_tied(first: Leg, second: Leg, sums: set[Sum]) -> bool:
    """Whether how often the one is passed says something of the other."""
    seen = {(dict(each).get(first, 0), dict(each).get(second, 0)) for each in sums}
    return len(seen) != len({one for one, _ in seen}) * len({other for _, other in seen})
