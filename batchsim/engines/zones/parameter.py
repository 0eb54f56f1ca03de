"""A parameter that is the length of legs: the values with which runs come to an outcome, from one exploration.

The legs whose length it is may have any, and zones keep both ends of each of them (`Instant.MARK`). So a zone
of the end holds how long they were in all runs that lead there. The runs in which they are equally long are those
with a constant. Their lengths are all whole numbers of one range, as what a zone and such equations allow is
convex, and all bounds are whole numbers. (Zones in which two legs cannot be equally long are left out on the way.)

The ends of the range are found by Newton's method on cycles: as long as a value makes a cycle of bounds negative,
that cycle says how far off the value is (Karp and Orlin, *Parametric shortest path algorithms with an application
to cyclic staffing*, 1981; Radzik, *Newton's method for fractional combinatorial optimization*, 1992).
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np

from batchsim.engines.zones.bounds import Matrices
from batchsim.engines.zones.path import Times, completed
from batchsim.engines.zones.ranges import Range
from batchsim.engines.zones.slots import Slot
from batchsim.engines.zones.windows import NEVER_US, DelayWindow, LegWindows, Windows, leg_windows
from batchsim.scenario import Scenario

_HUGE_US = 1 << 80
"""Beyond all sums of bounds."""
_Bounds = list[list[float]]


class NoLeg(Exception):
    """What is solved for is not the length of a leg."""


class Probe(NamedTuple):
    """A scenario in which the parameter has a value."""

    scenario: Scenario
    value_us: int


class WindowsWithParameter(Windows):
    """The windows of a scenario, with any length from `min_us` on where two probes show the parameter."""

    def __init__(self, one: Probe, other: Probe, min_us: int) -> None:
        super().__init__(one.scenario.latency_of)
        self._one = one
        self._other = other
        self._parameter = DelayWindow(min_us, NEVER_US, is_marked=True)

    def named(self, name: str, item: int | None = None, attempt: int | None = None) -> LegWindows:
        """As in `Windows`; raises `NoLeg` where a leg depends on the parameter in another way."""
        key = (name, item, attempt)
        if key not in self._legs:
            ones, others = (leg_windows(probe.scenario.latency_of(*key)) for probe in (self._one, self._other))
            legs = (self._leg(name, one, other) for one, other in zip(ones, others, strict=True))
            self._legs[key] = LegWindows(*legs)
        return self._legs[key]

    def _leg(self, name: str, one: DelayWindow, other: DelayWindow) -> DelayWindow:
        if one == other:
            return one
        if all(
            leg == DelayWindow(probe.value_us, probe.value_us)
            for leg, probe in ((one, self._one), (other, self._other))
        ):
            return self._parameter
        raise NoLeg(name)


def values_in(zone: Matrices) -> Range | None:
    """The lengths that all marked legs can have at once; `None`: there is none, or no such leg."""
    bounds: _Bounds = [[inf if us > NEVER_US // 2 else us for us in row] for row in zone.tolist()]
    least = _first_possible(bounds, 0)
    if least is None:
        return None
    most = _first_possible(bounds, _HUGE_US)
    assert most is not None
    return Range(least, None if most == _HUGE_US else most)


def _first_possible(bounds: _Bounds, value_us: int) -> int | None:
    """The first possible value on the way from an impossible one; `None`: there is none."""
    is_upward: bool | None = None
    while (cycle := _negative_cycle(bounds, value_us)) is not None:
        constant, slope = cycle
        # What the cycle asks for is constant + slope * value >= 0.
        if not slope or is_upward is (slope < 0):
            return None
        is_upward = slope > 0
        value_us = -(constant // slope) if is_upward else constant // -slope
    return value_us


def _negative_cycle(bounds: _Bounds, value_us: int) -> tuple[int, int] | None:
    """A cycle of bounds with a negative sum at a value: the sum without the value, and how often that is added."""
    size = range(len(bounds))
    lengths = [list(row) for row in bounds]
    slopes = [[0] * len(bounds) for _ in bounds]
    for begin in size[::2]:
        for x, y, slope in ((begin + 1, begin, 1), (begin, begin + 1, -1)):
            if slope * value_us < lengths[x][y]:
                lengths[x][y], slopes[x][y] = slope * value_us, slope
    for via in size:
        for x in size:
            for y in size:
                length = lengths[x][via] + lengths[via][y]
                if length < lengths[x][y]:
                    lengths[x][y], slopes[x][y] = length, slopes[x][via] + slopes[via][y]
                    if x == y and length < 0:
                        return int(length) - slopes[x][x] * value_us, slopes[x][x]
    return None


def times_with(zone: Matrices, slots: tuple[Slot, ...], value_us: int) -> Times:
    """Times of all ends of marked legs, each leg so long."""
    tighter = zone.copy()
    for begin in range(0, len(slots), 2):
        tighter[begin + 1, begin], tighter[begin, begin + 1] = value_us, -value_us
    for via in range(len(slots)):
        tighter = np.minimum(tighter, tighter[:, via, None] + tighter[None, via, :])
    return dict(zip(slots, completed(tighter, {}), strict=True))
