"""One field is varied: the share of each failure as a curve for each policy, with its interval as a band."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batchsim.analysis.sweep import Sweep
from batchsim.analysis.window import Edge
from batchsim.report.palette import LIGHT
from batchsim.report.sweep_plot import axes
from batchsim.report.sweep_plot.boundary import Boundary
from batchsim.report.sweep_plot.likeness import Group, alike, drawn, heading
from batchsim.report.sweep_plot.words import words

HUES = (
    *(LIGHT[f"{kind}-hue"] for kind in ("consumer", "handler", "run", "job", "reaper", "sdk")),
    "#56b4e9",  # these two do on a dark page, too
    "#e69f00",
)
MARKS = ("o", "s", "D", "^", "v", "P", "X", "*")
"""Nothing is told apart by its hue alone."""
EDGE = "edge of the window, latencies at their means"
HEADING_WIDTH = 40
THIN, THICKER_BY, THICKEST = 1.6, 2.2, 7.0
"""Of the curve on top, of each below it, and at most: one that runs along another is seen on both sides of it."""
MARK, LARGER_BY, LARGEST = 4.0, 3.0, 12.0
"""Likewise of marks."""


def draw_curves(figure: Any, sweep: Sweep, edges: Sequence[Edge], boundaries: Sequence[Boundary]) -> None:
    """A panel for each failure, below each other."""
    (axis,) = sweep.axes
    verdicts = drawn(sweep)
    panels = figure.subplots(len(verdicts), 1, sharex=True, squeeze=False)[:, 0]
    for panel, verdict in zip(panels, verdicts, strict=True):
        groups = alike(sweep, verdict)
        for number, group in enumerate(groups):
            _draw_curve(panel, sweep, verdict, group, number, above=len(groups) - 1 - number)
        shown = [each for each in edges if each.verdict == verdict]
        for number, edge in enumerate(shown):
            _draw_edge(panel, sweep, edge, number, is_alone=len(shown) == 1)
        for number, boundary in enumerate(boundaries):
            _draw_boundary(panel, sweep, boundary, number)
        _frame(panel, verdict)
    axes.set_up(panels[-1], axis)
    panels[-1].set_xlabel(axes.title(axis))
    places = axes.numbers(axis)
    panels[-1].set_xlim(min(places), max(places))


def _draw_curve(panel: Any, sweep: Sweep, verdict: str, group: Group, number: int, above: int) -> None:
    """`above`: how many curves will be drawn over it."""
    shares = [sweep.cell(group[0], point).verdicts[verdict] for point in sweep.points]
    known = [(x, each) for x, each in zip(axes.numbers(sweep.axes[0]), shares, strict=True) if each.runs]
    x = [place for place, _ in known]
    hue, mark = HUES[number % len(HUES)], MARKS[number % len(MARKS)]
    low = [100 * each.interval.low for _, each in known]
    high = [100 * each.interval.high for _, each in known]
    panel.fill_between(x, low, high, color=hue, alpha=0.2, linewidth=0)
    middle = [100 * each.share for _, each in known]
    label = words(", ".join(group))
    width, size = min(THIN + THICKER_BY * above, THICKEST), min(MARK + LARGER_BY * above, LARGEST)
    panel.plot(x, middle, color=hue, marker=mark, markersize=size, linewidth=width, label=label, clip_on=False)


def _draw_boundary(panel: Any, sweep: Sweep, boundary: Boundary, number: int) -> None:
    places = [x for (x,) in axes.scaled(boundary.points, sweep.axes)]
    _draw_lines(panel, places, number, boundary.label)


def _draw_lines(panel: Any, places: Sequence[float], number: int, label: str) -> None:
    style = ("--", ":", "-.")[number % 3]
    for place, x in enumerate(places):
        panel.axvline(x, color=LIGHT["ink"], linestyle=style, linewidth=1.4, label="" if place else words(label))


def _draw_edge(panel: Any, sweep: Sweep, edge: Edge, number: int, *, is_alone: bool) -> None:
    scale, _ = axes.scale_of(sweep.axes[0])
    label = EDGE if is_alone else f"{EDGE}:\n{heading(edge.policies, HEADING_WIDTH)}"
    _draw_lines(panel, [x / scale for x in edge.crossings], number, label)


def _frame(panel: Any, verdict: str) -> None:
    panel.set_title(words(verdict), loc="left", fontweight="bold", fontsize=11)
    panel.set_ylabel("share of the runs [%]")
    panel.set_ylim(0, max(1.0, min(100.0, 1.08 * panel.get_ylim()[1])))
    panel.grid(color=LIGHT["grid"], linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.09), frameon=False, fontsize=9, ncols=2, borderaxespad=0
    )
