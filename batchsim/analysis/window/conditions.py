"""Conditions on latencies: that one instant is before another, and what bounds on the latencies make of it.

Where the two are equal, two steps take effect at one instant, and the draw that orders them decides: either may
come first. That is no matter where the order makes no difference then, nor between a cause and its effect: there
the condition holds at equality, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from batchsim.analysis.window.legs import Leg
from batchsim.analysis.window.sums import (
    Instant,
    LegBounds,
    Sum,
    added,
    difference,
    instant_us,
    largest_us,
    latest,
    legs_of,
)


@dataclass(frozen=True)
class Condition:
    """That one instant comes before another one."""

    earlier: str
    """The step of the earlier instant, for people."""
    later: str
    left: Instant
    right: Instant
    decides: bool
    """Whether it is part of the reason for the verdict; otherwise what led to it has to have come about so."""
    holds_at_equality: bool
    """Whether it holds where both are equal; otherwise either may come first there."""

    @cached_property
    def sides(self) -> tuple[Instant, Instant]:
        """Both instants since the last that they have in common."""
        common = _common([*self.left, *self.right])
        return (
            frozenset(difference(each, common) for each in self.left),
            frozenset(difference(each, common) for each in self.right),
        )

    @property
    def reversed(self) -> tuple[Instant, Instant]:
        """The sides of the opposite condition."""
        left, right = self.sides
        return right, left

    @property
    def legs(self) -> frozenset[Leg]:
        """The legs that it is about."""
        return legs_of(self.sides[0]) | legs_of(self.sides[1])

    def slack_us(self, durations: Mapping[Leg, int]) -> int:
        """By how much it holds (us); negative: by how much it does not; 0: both are equal."""
        left, right = self.sides
        return instant_us(right, durations) - instant_us(left, durations)

    def limit_us(self, durations: Mapping[Leg, int]) -> int | None:
        """How much room it leaves to conditions that are to hold together (us); `None`: it is none to them."""
        slack_us = self.slack_us(durations)
        return None if not slack_us and self.holds_at_equality else slack_us


@dataclass(frozen=True)
class Always:
    """A condition that bounds leave no choice."""

    holds: bool


def within(condition: Condition, bounds: LegBounds) -> Condition | Always:
    """What bounds leave of a condition: only the sums that can be the largest of their side."""
    reduced = narrowed(condition, bounds)
    left, right = reduced.sides
    most_us = 0 if condition.holds_at_equality else -1
    open_left = frozenset(
        each for each in left if not any(_never_exceeds(each, other, bounds, by_us=most_us) for other in right)
    )
    if not open_left:
        return Always(holds=True)
    if any(all(_never_exceeds(other, each, bounds, by_us=-1) for other in right) for each in open_left):
        return Always(holds=False)
    return replace(reduced, left=open_left, right=right)


def narrowed(condition: Condition, bounds: LegBounds) -> Condition:
    """A condition with only the sums that can be the largest of their side, within bounds."""
    left, right = condition.sides
    return replace(condition, left=possible(left, bounds), right=possible(right, bounds))


def possible(instant: Instant, bounds: LegBounds) -> Instant:
    """The sums that can be the largest, within bounds; those that happen to be as large as others stay."""
    kept: list[Sum] = []
    for each in sorted(instant, key=lambda each: sorted(map(repr, each))):
        if any(_says_less(each, other, bounds) for other in kept):
            continue
        kept = [other for other in kept if not _says_less(other, each, bounds)]
        kept.append(each)
    return frozenset(kept)


def _says_less(first: Sum, second: Sum, bounds: LegBounds) -> bool:
    if not _never_exceeds(first, second, bounds):
        return False
    takes_time = any(bounds[leg] != (0, 0) for leg, _ in difference(first, second))
    return not (takes_time and _never_exceeds(second, first, bounds))


def _never_exceeds(first: Sum, second: Sum, bounds: LegBounds, *, by_us: int = 0) -> bool:
    """Whether the first sum is never larger than the second and so many microseconds."""
    most_us = largest_us(difference(first, second), bounds)
    return most_us is not None and most_us <= by_us


def _common(sums: list[Sum]) -> Sum:
    counts = [dict(each) for each in sums]
    return frozenset((leg, least) for leg, _ in sums[0] if (least := min(each.get(leg, 0) for each in counts)) > 0)


def shifted(instant: Instant, by: Instant) -> Instant:
    """The sum of two instants."""
    return latest((frozenset(added(each, other) for each in instant for other in by),))
