"""What the two panels share: lane names, bars of legs, marks of effects, ticks and breaks of an axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from batchsim.analysis.chains import Stretch
from batchsim.report.timeline.axis import AxisPart, TimeAxis
from batchsim.report.timeline.labels import shortened, text_width
from batchsim.report.timeline.style import FONT, LEFT, MARGIN, SMALL
from batchsim.report.timeline.svg import bar, path, text
from batchsim.rounding import rounded

BAR = 14.0
"""The height of a bar."""
_NARROW_PX = 3.0
_CLASSES = {"request": "req", "response": "rsp", "wait": "wait"}


def lane_name(name: str, middle: float) -> str:
    """The name of a lane, left of its axis."""
    return text(LEFT - 10, middle + 4, shortened(name, LEFT - 10 - MARGIN, FONT), anchor="end")


def legs(busy: Iterable[Stretch], axis: TimeAxis, middle: float, height: float = BAR) -> Iterator[str]:
    """A bar for each leg; legs that are too narrow to be seen are drawn as one."""
    narrow: tuple[float, float] | None = None
    for leg in busy:
        left, right = axis.x(leg.from_us), axis.x(leg.to_us)
        if right - left >= _NARROW_PX:
            yield leg_bar(leg, axis, middle, height)
        elif narrow is not None and left - narrow[1] < 1:
            narrow = (narrow[0], max(right, narrow[1]))
        else:
            yield from _narrow_bar(narrow, middle, height)
            narrow = (left, right)
    yield from _narrow_bar(narrow, middle, height)


def _narrow_bar(narrow: tuple[float, float] | None, middle: float, height: float) -> Iterator[str]:
    if narrow is not None:
        left, right = narrow
        yield bar("work", left, middle - height / 2, max(right - left, 1.5), height)


def leg_bar(leg: Stretch, axis: TimeAxis, middle: float, height: float = BAR) -> str:
    """The bar of one leg; the pointer shows what it is."""
    left, right = axis.x(leg.from_us), axis.x(leg.to_us)
    hint = f"{leg.operation} {leg.part}, {rounded(leg.duration_us)}"
    return bar(_CLASSES[leg.part], left, middle - height / 2, right - left, height, hint=hint)


def diamond(x: float, y: float) -> str:
    """The mark of a decisive step."""
    return path([(x, y - 8), (x + 6, y), (x, y + 8), (x - 6, y)], "decisive", closed=True)


def ticks_of_effects(xs: Iterable[float], middle: float, height: float) -> Iterator[str]:
    """A tick for each effect; those that cannot be told apart share one."""
    last = -1.0
    for x in xs:
        if x - last >= 1:
            last = x
            yield path([(x, middle - height / 2), (x, middle + height / 2)], "tick")


def grid(ticks: list[tuple[float, str]], top: float, bottom: float) -> Iterator[str]:
    """A vertical line for each tick."""
    for x, _ in ticks:
        yield path([(x, top), (x, bottom)], "grid")


def tick_labels(ticks: list[tuple[float, str]], axis: TimeAxis, baseline: float) -> Iterator[str]:
    """The labels of the ticks, as far as they have room beside each other and the breaks'."""
    taken = [_around(brk.left, brk.right, rounded(brk.duration_us)) for brk in axis.breaks]
    for x, label in ticks:
        left, right = _around(x, x, label)
        if all(right < begin or end < left for begin, end in taken):
            taken.append((left, right))
            yield text(x, baseline, label, "small quiet", "middle")


def _around(left: float, right: float, label: str) -> tuple[float, float]:
    middle, half = (left + right) / 2, text_width(label, SMALL) / 2 + 5
    return middle - half, middle + half


def torn_strips(breaks: Iterable[AxisPart], top: float, bottom: float) -> Iterator[str]:
    """A torn strip for each break."""
    for brk in breaks:
        teeth = int((bottom - top) // 8) + 1
        edge = [(4.0 if tooth % 2 else 0.0, min(top + 8 * tooth, bottom)) for tooth in range(teeth + 1)]
        left, right = ([(x + dx, y) for dx, y in edge] for x in (brk.left + 4, brk.right - 8))
        yield path([*left, *reversed(right)], "cover", closed=True)
        yield path(left, "line")
        yield path(right, "line")


def break_labels(axis: TimeAxis, baseline: float) -> Iterator[str]:
    """How much each break leaves out."""
    for brk in axis.breaks:
        yield text((brk.left + brk.right) / 2, baseline, rounded(brk.duration_us), "small strong", "middle")
