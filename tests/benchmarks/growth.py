"""Pictures of how costs grow: CPU seconds over the size of a work, both on logarithmic axes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil, floor, log10
from typing import NamedTuple

from batchsim.report.palette import DARK, IN_THE_DARK, LIGHT
from tests.benchmarks.rows import Row

WIDTH, HEIGHT = 480, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 40, 34, 46
HUES = ("handler-hue", "consumer-hue", "run-hue", "job-hue", "reaper-hue", "sdk-hue")
LINE_HEIGHT = 17


class Curve(NamedTuple):
    """What one program takes, by the size of the work."""

    name: str
    points: list[tuple[float, float]]
    """Size and CPU seconds."""


class Picture(NamedTuple):
    """Curves over the same unit."""

    unit: str
    curves: list[Curve]

    @property
    def told(self) -> str:
        """What it shows, for who does not see it."""
        names = ", ".join(curve.name for curve in self.curves)
        return f"CPU seconds over the number of {self.unit}: {names}"


def pictures_of(rows: Iterable[Row]) -> list[Picture]:
    """Those of the rows of a module: one for each unit of which some curve has two points or more."""
    units: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        if row.growth is None:
            continue
        curves = units.setdefault(row.growth.unit, {})
        point = (row.growth.size, row.ours.cpu_s)
        own = curves.setdefault(row.growth.kind, [])
        if point not in own:  # the same work stands beside each of its peers
            own.append(point)
        if row.peer is not None and row.theirs is not None:
            curves.setdefault(row.peer, []).append((row.growth.size, row.theirs.cpu_s))
    found = (
        Picture(unit, [Curve(name, sorted(points)) for name, points in curves.items()])
        for unit, curves in units.items()
    )
    return [picture for picture in found if any(len(curve.points) > 1 for curve in picture.curves)]


def svg_of(picture: Picture) -> str:
    """The picture, for a light page and for a dark one."""
    sizes = [size for curve in picture.curves for size, _ in curve.points]
    costs = [cost for curve in picture.curves for _, cost in curve.points]
    height = HEIGHT + LINE_HEIGHT * len(picture.curves)
    across, up = _Axis(sizes, LEFT, WIDTH - RIGHT), _Axis(costs, HEIGHT - BOTTOM, TOP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="system-ui,sans-serif" font-size="13">',
        f"<title>{picture.told}</title>",
        _style(),
        '<rect class="paper" width="100%" height="100%"/>',
        f'<text class="ink" x="{LEFT}" y="20">CPU seconds</text>',
    ]
    for tick, place in across.ticks():
        lines.append(f'<line class="grid" x1="{place}" y1="{TOP}" x2="{place}" y2="{HEIGHT - BOTTOM}"/>')
        lines.append(
            f'<text class="quiet" x="{place}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{tick}</text>'
        )
    for tick, place in up.ticks():
        lines.append(f'<line class="grid" x1="{LEFT}" y1="{place}" x2="{WIDTH - RIGHT}" y2="{place}"/>')
        lines.append(f'<text class="quiet" x="{LEFT - 6}" y="{place + 4}" text-anchor="end">{tick}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    lines.append(f'<text class="ink" x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{picture.unit}</text>')
    for number, curve in enumerate(picture.curves):
        points = [(across.place(size), up.place(cost)) for size, cost in curve.points]
        hue = HUES[number % len(HUES)]
        lines.append(f'<g class="{hue}">')
        if len(points) > 1:
            lines.append(f'<polyline points="{" ".join(f"{x},{y}" for x, y in points)}"/>')
        lines += [_mark(number, x, y) for x, y in points]
        below = HEIGHT + LINE_HEIGHT * number + 6
        lines.append(f'{_mark(number, LEFT, below - 4)}</g><text class="ink" x="{LEFT + 12}" y="{below}">')
        lines[-1] += f"{curve.name}</text>"
    return "\n".join([*lines, "</svg>"]) + "\n"


class _Axis:
    """A logarithmic axis, from one place to another, over whole powers of ten."""

    def __init__(self, values: list[float], begin: int, end: int) -> None:
        self._least = floor(log10(min(values)))
        self._most = max(ceil(log10(max(values))), self._least + 1)
        self._begin, self._end = begin, end

    def place(self, value: float) -> float:
        share = (log10(value) - self._least) / (self._most - self._least)
        return round(self._begin + share * (self._end - self._begin), 1)

    def ticks(self) -> Iterator[tuple[str, float]]:
        for power in range(self._least, self._most + 1):
            yield f"{10**power:,}" if power >= 0 else f"{10.0**power:g}", self.place(10.0**power)


def _mark(number: int, x: float, y: float) -> str:
    """Curves are told apart by their marks too."""
    match number % 3:
        case 0:
            return f'<circle cx="{x}" cy="{y}" r="4"/>'
        case 1:
            return f'<rect x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"/>'
    return f'<path d="M{x} {y - 5:.1f}l5 9h-10z"/>'


def _style() -> str:
    def rules(colours: dict[str, str]) -> str:
        hues = "".join(f".{hue}{{fill:{colours[hue]};stroke:{colours[hue]}}}" for hue in dict.fromkeys(HUES))
        return (
            f".paper{{fill:{colours['paper']}}}.ink{{fill:{colours['ink']}}}.quiet{{fill:{colours['quiet']}}}"
            f".grid{{stroke:{colours['grid']}}}{hues}"
        )

    return f"<style>{rules(LIGHT)}polyline{{fill:none;stroke-width:2}}{IN_THE_DARK}{{{rules(DARK)}}}</style>"
