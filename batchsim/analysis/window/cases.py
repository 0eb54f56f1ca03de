"""Cases: ways in which a verdict comes about, each as conditions that hold together; a verdict has several.

Two cases that are the same but for one race, won in the one and lost in the other, are one case: either without
the race, or, where an instant is that of whoever came last, with the larger of the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from batchsim.analysis.window.conditions import Always, Condition, narrowed, shifted, within
from batchsim.analysis.window.legs import Leg
from batchsim.analysis.window.sums import Instant, LegBounds, latest

Sides = tuple[Instant, Instant]


@dataclass(frozen=True)
class Case:
    """One way to a verdict."""

    conditions: tuple[Condition, ...]
    """Those that decide first, in the order of the run that it was found in."""
    settled: tuple[Condition, ...] = ()
    """Those that decide, where bounds leave none open: they always hold."""

    def slack_us(self, durations: Mapping[Leg, int]) -> int | None:
        """By how much all of them hold (us), or not; 0: that is left open. `None`: a leg has no duration here."""
        try:
            limits = (each.limit_us(durations) for each in self.conditions)
            return min((each for each in limits if each is not None), default=1)
        except KeyError:
            return None

    @property
    def by_sides(self) -> dict[Sides, Condition]:
        """The conditions by what they say."""
        return {each.sides: each for each in self.conditions}


def case_within(case: Case, bounds: LegBounds) -> Case | None:
    """What bounds leave of a case; `None`: it cannot be."""
    left = [within(each, bounds) for each in case.conditions]
    if any(isinstance(each, Always) and not each.holds for each in left):
        return None
    conditions = _once(each for each in left if isinstance(each, Condition))
    if conditions:
        return Case(conditions)
    return Case((), _once(narrowed(each, bounds) for each in case.conditions if each.decides))


def what_is_left(case: Case, bounds: LegBounds) -> Case:
    """A case that cannot be within bounds, without the conditions that always hold there."""
    left = ((each, within(each, bounds)) for each in case.conditions)
    return Case(
        _once(
            kept if isinstance(kept, Condition) else narrowed(each, bounds)
            for each, kept in left
            if isinstance(kept, Condition) or not kept.holds
        )
    )


def _once(conditions: Iterable[Condition]) -> tuple[Condition, ...]:
    """Each condition once, however often it comes."""
    by_sides: dict[Sides, Condition] = {}
    for each in conditions:
        by_sides.setdefault(each.sides, each)
    return tuple(by_sides.values())


def merged(cases: Iterable[Case]) -> tuple[Case, ...]:
    """As few cases as say the same."""
    left = list(cases)
    while (found := _first_merger(left)) is not None:
        first, second, union = found
        left = [each for each in left if each is not first and each is not second] + [union]
    return tuple(left)


def _first_merger(cases: list[Case]) -> tuple[Case, Case, Case] | None:
    for first, second in combinations(cases, 2):
        union = _union(first, second)
        if union is not None:
            return first, second, union
    return None


def _union(first: Case, second: Case) -> Case | None:
    """The one case that two come to; `None`: they are two."""
    ours, theirs = first.by_sides, second.by_sides
    only_ours = [each for sides, each in ours.items() if sides not in theirs]
    only_theirs = [each for sides, each in theirs.items() if sides not in ours]
    if not only_ours:
        return first
    if not only_theirs:
        return second
    race = next((each for each in only_ours if each.reversed in theirs), None)
    if race is None or len(only_ours) != len(only_theirs) or len(only_ours) > 2:
        return None
    common = [each for each in first.conditions if each not in only_ours]
    rest = (
        [each for each in only_ours if each is not race],
        [each for each in only_theirs if each.sides != race.reversed],
    )
    if not rest[0]:
        return Case(tuple(common))
    larger = _larger(race, rest[0][0], rest[1][0])
    return None if larger is None else Case((larger, *common))


def _larger(race: Condition, won: Condition, lost: Condition) -> Condition | None:
    """The condition that is `won` where the race is won and `lost` where it is lost; `None`: none is."""
    if (won.earlier, won.later) != (lost.earlier, lost.later):
        return None
    # With the race won, its right side is the larger one: what came last is that much later.
    if won.right == lost.right and _differ_by(won.left, race.left, lost.left, race.right):
        left, right = latest((won.left, lost.left)), won.right
    elif won.left == lost.left and _differ_by(won.right, race.left, lost.right, race.right):
        left, right = won.left, latest((won.right, lost.right))
    else:
        return None
    decides, holds = won.decides or lost.decides, won.holds_at_equality and lost.holds_at_equality
    return Condition(won.earlier, won.later, left, right, decides, holds)


def _differ_by(first: Instant, plus_first: Instant, second: Instant, plus_second: Instant) -> bool:
    return shifted(first, plus_first) == shifted(second, plus_second)
