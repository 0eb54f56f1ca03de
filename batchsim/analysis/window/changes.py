"""What a change of latencies does to a window: the smallest one that opens or closes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from batchsim.analysis.window.assignments import Durations, Values, fixed, latency_of
from batchsim.analysis.window.finding import Window
from batchsim.analysis.window.legs import LatencyLeg
from batchsim.analysis.window.measuring import Measure
from batchsim.analysis.window.standing import WindowStanding, standing
from batchsim.analysis.window.sums import Sum, difference, value_us
from batchsim.engines.timed import simulate

AT_ONCE = 4096
"""So many changes are looked at together."""


@dataclass(frozen=True, slots=True)
class LatencyChange:
    """One latency, longer or shorter in all its uses."""

    latency: LatencyLeg
    by_us: int
    to_us: int
    opens: bool
    """Whether the verdict is given with it; otherwise it no longer is."""
    one_less: WindowStanding
    """How the window stands with one microsecond less: as without the change, or either may come first there."""


def smallest_change(window: Window) -> LatencyChange | None:
    """The smallest change of one latency, from the means, that opens or closes the window; `None`: none was found.

    One microsecond less does not do, or not surely. Where the means leave open whether the verdict is given, it
    settles that. Both sides of the edge are confirmed by runs of the timed engine.
    """
    values = window.values
    before = standing(window, values)
    changes = sorted(set(_edges(window, values)), key=lambda change: (abs(change[1]), change[0]))
    for latency, by_us, after in _turning(window, values, changes, before):
        with_it = changed(values, latency, by_us)
        with_less = changed(values, latency, by_us - (1 if by_us > 0 else -1))
        one_less = standing(window, with_less)
        is_next_to_it = one_less in (before, WindowStanding.EITHER) and _agrees(window, with_less, one_less)
        if is_next_to_it and _agrees(window, with_it, after):
            return LatencyChange(latency, by_us, with_it[latency], after is WindowStanding.OPEN, one_less)
    return None


def _turning(
    window: Window, values: Values, changes: Sequence[tuple[LatencyLeg, int]], before: WindowStanding
) -> Iterator[tuple[LatencyLeg, int, WindowStanding]]:
    """The changes after which the conditions say otherwise, and what."""
    measure = Measure(window.scenario)
    (row,) = measure.rows([values])
    for begin in range(0, len(changes), AT_ONCE):
        part = changes[begin : begin + AT_ONCE]
        rows = np.repeat(row[None], len(part), axis=0)
        rows[range(len(part)), [measure.place[latency] for latency, _ in part]] += [by_us for _, by_us in part]
        slacks = measure.of_cases(window.cases, rows).tolist()
        for (latency, by_us), slack_us in zip(part, slacks, strict=True):
            after = WindowStanding.OPEN if slack_us > 0 else WindowStanding.CLOSED
            if slack_us and after is not before:
                yield latency, by_us, after


def _agrees(window: Window, values: Values, stands: WindowStanding) -> bool:
    """Whether the timed engine does."""
    return stands is WindowStanding.EITHER or given(window, values) == (stands is WindowStanding.OPEN)


def changed(values: Values, latency: LatencyLeg, by_us: int) -> dict[LatencyLeg, int]:
    """The values with one of them changed."""
    return {**values, latency: values[latency] + by_us}


def given(window: Window, values: Values) -> bool:
    """Whether the timed engine gives the verdict with these latencies."""
    trace = simulate(fixed(window.scenario, values), window.policy, keep=frozenset())
    system = window.scenario.system(window.policy)
    return window.verdict in system.verdicts_of(trace.outcome, window.properties)


def _edges(window: Window, values: Values) -> Iterator[tuple[LatencyLeg, int]]:
    """Changes of one latency after which a sum of one side has just passed a sum of the other."""
    durations = Durations(window.scenario, values)
    for case in window.cases:
        for condition in case.conditions:
            left, right = condition.sides
            for distance in sorted({difference(late, early) for late in right for early in left}, key=repr):
                yield from _zeros(window, values, value_us(distance, durations), _slopes(window, distance))


def _slopes(window: Window, distance: Sum) -> dict[LatencyLeg, int]:
    slopes: dict[LatencyLeg, int] = {}
    for leg, count in distance:
        latency = latency_of(window.scenario, leg)
        slopes[latency] = slopes.get(latency, 0) + count
    return slopes


def _zeros(
    window: Window, values: Values, distance_us: int, slopes: dict[LatencyLeg, int]
) -> Iterator[tuple[LatencyLeg, int]]:
    for latency, slope in slopes.items():
        if slope:
            zero = -distance_us // slope
            for by_us in range(zero - 1, zero + 3):
                if by_us and values[latency] + by_us >= 0:
                    yield latency, by_us
