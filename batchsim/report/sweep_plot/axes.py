"""Axes: the numbers of a field, in a unit that people read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from batchsim.analysis.sweep import Axis

_UNITS_US = {"min": 60_000_000.0, "s": 1_000_000.0, "ms": 1_000.0, "us": 1.0}


def scale_of(axis: Axis) -> tuple[float, str]:
    """What a number is divided by, and the unit that it has then."""
    if axis.unit != "us":
        return 1.0, axis.unit
    largest = max(value.number for value in axis.values)
    unit = next((unit for unit, us in _UNITS_US.items() if largest >= 2 * us), "us")
    return _UNITS_US[unit], unit


def numbers(axis: Axis) -> list[float]:
    """The values in the unit of the axis."""
    scale, _ = scale_of(axis)
    return [value.number / scale for value in axis.values]


def title(axis: Axis) -> str:
    """The field, as short as it is clear, and its unit."""
    _, unit = scale_of(axis)
    name = axis.name.removeprefix("latency.").removeprefix("operations.")
    return f"{name} [{unit}]" if unit else name


def edges(axis: Axis) -> list[float]:
    """The borders between values, and the outer ones, for cells that lie around their values."""
    places = numbers(axis)
    middles = [_middle(left, right, is_log=axis.is_log) for left, right in pairwise(places)]
    return [_beyond(places[0], middles[0], axis), *middles, _beyond(places[-1], middles[-1], axis)]


def _middle(left: float, right: float, *, is_log: bool) -> float:
    return float((left * right) ** 0.5) if is_log else (left + right) / 2


def _beyond(end: float, middle: float, axis: Axis) -> float:
    """As far beyond the end as the middle lies before it, but not below nothing."""
    return end * end / middle if axis.is_log else max(0.0, 2 * end - middle)


def scaled(points: Sequence[tuple[float, ...]], axes: Sequence[Axis]) -> list[tuple[float, ...]]:
    """Points of a boundary, in the units of the axes; raises `ValueError` where there are not as many numbers."""
    scales = [scale_of(axis)[0] for axis in axes]
    return [tuple(number / scale for number, scale in zip(point, scales, strict=True)) for point in points]


def set_up(panel: Any, x: Axis, y: Axis | None = None) -> None:
    """The scales of the axes of a panel, with numbers that are written out; no half ones of what is counted."""
    from matplotlib.ticker import MaxNLocator

    for axis, ruler, set_scale in ((x, panel.xaxis, panel.set_xscale), (y, panel.yaxis, panel.set_yscale)):
        if axis is None:
            continue
        if axis.is_log:
            set_scale("log")
            ruler.set_major_formatter("{x:g}")
        elif not axis.unit and all(number.is_integer() for number in map(float, numbers(axis))):
            ruler.set_major_locator(MaxNLocator(integer=True))
