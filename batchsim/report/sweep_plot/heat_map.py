"""Two fields are varied: the share of each failure as the colour of a cell, in a panel for each policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from batchsim.analysis.sweep import Sweep
from batchsim.analysis.window import Edge
from batchsim.report.palette import LIGHT
from batchsim.report.sweep_plot import axes
from batchsim.report.sweep_plot.boundary import Boundary
from batchsim.report.sweep_plot.curve import EDGE
from batchsim.report.sweep_plot.likeness import Group, alike, drawn, heading
from batchsim.report.sweep_plot.words import words
from batchsim.visible import visible

COLOURS = "OrRd"
"""Light where nothing fails; as good in grey, and with any colour vision."""
COLOURS_IN_THE_DARK = ("#161b22", "#5b2d0c", "#b34700", "#ffab70", "#fff3e6")
"""From the share 0 on; dark where nothing fails."""
HEADING_WIDTH = 30


def panels_of(sweep: Sweep) -> list[list[Group]]:
    """By failure: the groups of policies, each of which is a panel."""
    return [alike(sweep, verdict) for verdict in drawn(sweep)]


def draw_heat_maps(figure: Any, sweep: Sweep, edges: Sequence[Edge], boundaries: Sequence[Boundary]) -> list[Any]:
    """A row for each failure, a panel for each policy that differs from the others; the cells of each panel."""
    rows = panels_of(sweep)
    panels = figure.subplots(len(rows), max(map(len, rows)), squeeze=False, sharex=True, sharey=True)
    meshes: list[Any] = []
    for verdict, groups, row in zip(drawn(sweep), rows, panels, strict=True):
        for group, panel in zip_longest(groups, row):
            if group is None:
                panel.set_visible(False)
                continue
            meshes.append(_draw_cells(panel, sweep, verdict, group))
            for edge in edges:
                if edge.verdict == verdict and not set(group).isdisjoint(edge.policies):
                    _draw_edge(panel, sweep, edge)
            for boundary in boundaries:
                if boundary.holds_for(group):
                    _draw_boundary(panel, sweep, boundary)
            panel.set_title(
                f"{visible(verdict)}\n{visible(heading(group, HEADING_WIDTH))}", loc="left", fontsize=9
            )
    for panel in panels[-1]:
        # Not one for the figure: that would be where the legend is.
        panel.set_xlabel(axes.title(sweep.axes[0]), fontsize=10)
    for panel in panels.flat:
        axes.set_up(panel, *sweep.axes)
        panel.label_outer()
    _draw_legend(figure, panels.flat)
    figure.supylabel(axes.title(sweep.axes[1]), fontsize=10)
    bar = figure.colorbar(meshes[-1], ax=panels, shrink=0.9, pad=0.02, aspect=30)
    bar.set_label("share of the runs [%]")
    bar.outline.set_visible(False)
    return meshes


def _draw_legend(figure: Any, panels: Iterable[Any]) -> None:
    """What the lines are, once for all panels and below them: inside it would cover cells."""
    keys = {label: key for panel in panels for key, label in zip(*panel.get_legend_handles_labels(), strict=True)}
    if keys:
        figure.legend(
            keys.values(), keys.keys(), loc="outside lower left", frameon=False, fontsize=9, borderaxespad=0.5
        )


def _draw_cells(panel: Any, sweep: Sweep, verdict: str, group: Group) -> Any:
    x, y = sweep.axes
    shares = {each.point: each.verdicts[verdict] for each in sweep.cells if each.policy == group[0]}
    # The last axis is the fastest of the points, and the upright one of the picture.
    values = [100 * shares[point].share if shares[point].runs else float("nan") for point in sweep.points]
    height = len(y.values)
    rows = [[values[column * height + row] for column in range(len(x.values))] for row in range(height)]
    panel.set_facecolor(LIGHT["frame"])
    borders = axes.edges(x), axes.edges(y)
    return panel.pcolormesh(*borders, rows, cmap=COLOURS, vmin=0, vmax=100, rasterized=True)


def colours_in_the_dark() -> Any:
    """The colours of cells on a dark page."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("in the dark", COLOURS_IN_THE_DARK)


def _draw_boundary(panel: Any, sweep: Sweep, boundary: Boundary) -> None:
    from matplotlib.patheffects import Normal, Stroke

    points = axes.scaled(boundary.points, sweep.axes)
    halo = [Stroke(linewidth=4, foreground=LIGHT["paper"]), Normal()]
    x, y = [point[0] for point in points], [point[1] for point in points]
    limits = panel.get_xlim(), panel.get_ylim()
    panel.plot(x, y, color=LIGHT["ink"], linewidth=1.8, path_effects=halo, label=words(boundary.label))
    panel.set_xlim(limits[0])
    panel.set_ylim(limits[1])


def _draw_edge(panel: Any, sweep: Sweep, edge: Edge) -> None:
    from matplotlib.patheffects import Normal, Stroke

    x, y = (numbers / axes.scale_of(axis)[0] for numbers, axis in zip(edge.numbers, sweep.axes, strict=True))
    line = panel.contour(x, y, edge.slack_us.T, levels=[0.0], colors=[LIGHT["ink"]], linewidths=1.8)
    halo = [Stroke(linewidth=4, foreground=LIGHT["paper"]), Normal()]
    line.set_path_effects(halo)
    panel.plot([], [], color=LIGHT["ink"], linewidth=1.8, label=EDGE)  # a contour has no key of its own
