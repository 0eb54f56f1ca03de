"""The axis of a panel: time to pixels, linear except for breaks where nothing happens.

All stretches between two breaks have the same scale. A break takes a few pixels, whatever it leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from batchsim.durations import UNITS_US, format_duration

BREAK_PX = 18.0
_STUB_SHARE = 24
"""A broken stretch keeps, at each end, one part in so many of what is drawn of the others."""
_TICK_PX = 84
_STEPS_US = (
    *(digit * 10**power for power in range(6) for digit in (1, 2, 5)),
    *(seconds * UNITS_US["s"] for seconds in (1, 2, 5, 10, 20, 30)),
    *(minutes * UNITS_US["min"] for minutes in (1, 2, 5, 10, 20, 30)),
    *(hours * UNITS_US["h"] for hours in (1, 2, 6, 12, 24, 48, 120, 240)),
)
"""The distances that ticks may have."""


@dataclass(frozen=True, slots=True)
class AxisPart:
    """A part of an axis: a stretch of time from pixel to pixel."""

    from_us: int
    to_us: int
    left: float
    right: float
    is_broken: bool
    """Whether it is left out, rather than drawn to scale."""

    @property
    def duration_us(self) -> int:
        """How long it is."""
        return self.to_us - self.from_us


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Where each instant is."""

    parts: tuple[AxisPart, ...]
    """From left to right, without gaps; the first and the last are drawn to scale."""

    @property
    def breaks(self) -> tuple[AxisPart, ...]:
        """The parts that are left out."""
        return tuple(part for part in self.parts if part.is_broken)

    @property
    def from_us(self) -> int:
        """Its first instant."""
        return self.parts[0].from_us

    @property
    def to_us(self) -> int:
        """Its last instant."""
        return self.parts[-1].to_us

    @property
    def us_per_px(self) -> float:
        """How much time a pixel stands for, outside breaks."""
        return sum(part.duration_us for part in self._scale) / sum(part.right - part.left for part in self._scale)

    @property
    def _scale(self) -> list[AxisPart]:
        return [part for part in self.parts if not part.is_broken]

    def x(self, instant_us: int) -> float:
        """The pixel of an instant; one outside the axis is at its nearer end."""
        instant_us = min(max(instant_us, self.from_us), self.to_us)
        part = next(part for part in self.parts if instant_us <= part.to_us)
        return part.left + (instant_us - part.from_us) / max(part.duration_us, 1) * (part.right - part.left)

    def ticks(self, origin_us: int = 0) -> list[tuple[float, str]]:
        """Pixels and labels of round instants, counted from `origin_us`."""
        step_us = next((step for step in _STEPS_US if step >= self.us_per_px * _TICK_PX), _STEPS_US[-1])
        counts = [
            count
            for part in self._scale
            for count in range(-((origin_us - part.from_us) // step_us), (part.to_us - origin_us) // step_us + 1)
        ]
        return [(self.x(origin_us + count * step_us), clock(count * step_us)) for count in counts]

    def seen(self, duration_us: int) -> str:
        """A duration as exactly as a pixel of the axis tells."""
        grain_us = 1
        while grain_us * 10 <= self.us_per_px:
            grain_us *= 10
        return clock((2 * duration_us + grain_us) // (2 * grain_us) * grain_us)


@dataclass(frozen=True, slots=True)
class Breaking:
    """When an axis is broken."""

    breaks_max: int
    factor: int
    """Each stretch left out is at least so many times as long as all that is drawn."""


def axis_of(instants_us: Iterable[int], left: float, right: float, breaking: Breaking) -> TimeAxis:
    """An axis from the first to the last of the instants at which something happens."""
    instants = sorted(set(instants_us))
    if len(instants) < 2:
        instants = [instants[0], instants[0] + 1]
    cuts = _cuts(instants, breaking)
    drawn_us = instants[-1] - instants[0] - sum(to_us - from_us for from_us, to_us in cuts)
    px_per_us = (right - left - BREAK_PX * len(cuts)) / drawn_us
    parts: list[AxisPart] = []
    at_us, at_px = instants[0], left
    for from_us, to_us in cuts:
        end_px = at_px + (from_us - at_us) * px_per_us
        parts.append(AxisPart(at_us, from_us, at_px, end_px, is_broken=False))
        parts.append(AxisPart(from_us, to_us, end_px, end_px + BREAK_PX, is_broken=True))
        at_us, at_px = to_us, end_px + BREAK_PX
    return TimeAxis((*parts, AxisPart(at_us, instants[-1], at_px, right, is_broken=False)))


def _cuts(instants: list[int], breaking: Breaking) -> list[tuple[int, int]]:
    """The stretches to leave out: as many of the longest as have the factor."""
    gaps = sorted(pairwise(instants), key=lambda gap: (gap[0] - gap[1], gap))
    drawn_us = instants[-1] - instants[0]
    chosen, chosen_drawn_us = 0, drawn_us
    for count, (from_us, to_us) in enumerate(gaps[: breaking.breaks_max], start=1):
        drawn_us -= to_us - from_us
        if drawn_us > 0 and to_us - from_us >= breaking.factor * drawn_us:
            chosen, chosen_drawn_us = count, drawn_us
    stub_us = max(chosen_drawn_us // _STUB_SHARE, 1)
    return sorted((from_us + stub_us, to_us - stub_us) for from_us, to_us in gaps[:chosen])


def clock(instant_us: int) -> str:
    """An instant without loss, in as many units as it takes: `2 h 5 s`, `1 min 20 s`, `850 ms`."""
    if instant_us < 0:
        return f"-{clock(-instant_us)}"
    if instant_us == 0:
        return "0"
    minutes, rest_us = divmod(instant_us, UNITS_US["min"])
    hours, minutes = divmod(minutes, 60)
    parts = [f"{count} {unit}" for count, unit in ((hours, "h"), (minutes, "min")) if count]
    if rest_us:
        parts.append(format_duration(rest_us))
    return " ".join(parts)
