"""Max-plus sums: the instant of a step as the latest of some sums of legs.

A `Sum` counts legs; an `Instant` is a set of sums, and stands for the largest of them (Baccelli, Cohen, Olsder
and Quadrat, *Synchronization and Linearity*, 1992).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from batchsim.analysis.window.legs import Leg

Sum = frozenset[tuple[Leg, int]]
"""Legs, each with how often it is passed; negative in a difference."""
Instant = frozenset[Sum]
"""The largest of these sums."""
LegBounds = Mapping[Leg, tuple[int, int | None]]
"""The shortest and the longest duration of each leg (us); `None`: there is no longest."""

START: Instant = frozenset((frozenset(),))
SUMS_MAX = 4096
"""Beyond so many sums an instant explains nothing, and takes long."""


class TooManySums(Exception):
    """More paths lead to a step than can be told."""


def plus(instant: Instant, *legs: Leg) -> Instant:
    """The instant, so many legs later."""
    return frozenset(added(each, frozenset(Counter(legs).items())) for each in instant)


def added(first: Sum, second: Sum, times: int = 1) -> Sum:
    """The first sum, and so many times the second."""
    counts = dict(first)
    for leg, count in second:
        counts[leg] = counts.get(leg, 0) + times * count
    return frozenset((leg, count) for leg, count in counts.items() if count)


def difference(first: Sum, second: Sum) -> Sum:
    """The first sum less the second."""
    return added(first, second, -1)


def latest(instants: Iterable[Instant]) -> Instant:
    """The latest of some instants; raises `TooManySums`."""
    sums = frozenset().union(*instants)
    if len(sums) > SUMS_MAX:
        raise TooManySums
    return without_dominated(sums)


def without_dominated(sums: Instant) -> Instant:
    """Those that no other one passes all legs of, and more."""
    kept: list[dict[Leg, int]] = []
    result = []
    for each in sorted(sums, key=lambda each: (-sum(count for _, count in each), sorted(map(repr, each)))):
        if not any(all(other.get(leg, 0) >= count for leg, count in each) for other in kept):
            kept.append(dict(each))
            result.append(each)
    return frozenset(result)


def value_us(total: Sum, durations: Mapping[Leg, int]) -> int:
    """What a sum comes to (us)."""
    value = 0
    for leg, count in total:  # by far the most of the time that windows take passes here
        value += count * durations[leg]
    return value


def instant_us(instant: Instant, durations: Mapping[Leg, int]) -> int:
    """What an instant comes to (us)."""
    return max(value_us(each, durations) for each in instant)


def largest_us(total: Sum, bounds: LegBounds) -> int | None:
    """The most that a sum or a difference can come to within bounds; `None`: there is no most."""
    most = 0
    for leg, count in total:
        min_us, max_us = bounds[leg]
        if count < 0:
            most += count * min_us
        elif max_us is None:
            return None
        else:
            most += count * max_us
    return most


def legs_of(instant: Instant) -> frozenset[Leg]:
    """All legs in an instant."""
    return frozenset(leg for total in instant for leg, _ in total)
