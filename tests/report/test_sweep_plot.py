"""Pictures of sweeps: every byte is determined, and what is drawn is what was counted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from batchsim import Sweep, load_scenario, sweep
from batchsim.analysis.window import Edge
from batchsim.report.sweep_plot import Boundary, plot_bytes, write_plot
from batchsim.report.sweep_plot.axes import edges, numbers, title
from batchsim.report.sweep_plot.curve import EDGE, draw_curves
from batchsim.report.sweep_plot.heat_map import draw_heat_maps
from batchsim.report.sweep_plot.likeness import alike, heading

pytestmark = pytest.mark.usefixtures("few_runs_of_a_window")

INCIDENT = load_scenario("scenarios/incident.yaml")
COUNT = "latency.operations.redis.enqueued_count.request=5 ms..45 ms:3"
TAKE = "latency.operations.queue.take.response=1 ms..100 ms:3:log"


@pytest.fixture(scope="module")
def curve() -> Sweep:
    return sweep(INCIDENT, runs=15, vary=[COUNT], workers=1)


@pytest.fixture(scope="module")
def heat_map() -> Sweep:
    return sweep(INCIDENT, ["pre3427", "pr3766"], runs=5, vary=[COUNT, TAKE], workers=1)


def test_the_same_sweep_is_the_same_bytes(curve: Sweep, heat_map: Sweep) -> None:
    for each, form, magic in ((curve, "png", b"\x89PNG"), (heat_map, "svg", b"<?xml")):
        picture = plot_bytes(each, form)
        assert picture.startswith(magic)
        assert picture == plot_bytes(each, form)
        assert b"matplotlib.org/)" not in picture


def test_bytes_depend_on_no_process(curve: Sweep, tmp_path: Path) -> None:
    code = (
        "import sys; from batchsim import load_scenario, sweep; "
        "from batchsim.report.sweep_plot import plot_bytes; "
        f"s = sweep(load_scenario('scenarios/incident.yaml'), runs=15, vary=[{COUNT!r}], workers=1); "
        "sys.stdout.buffer.write(plot_bytes(s, 'svg'))"
    )
    picture = plot_bytes(curve, "svg")
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": f"UTC-{seed}"}
        ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
        assert ended.stdout == picture


def test_the_edge_of_a_window_is_drawn_over_it(curve: Sweep, heat_map: Sweep) -> None:
    counts, takes = np.array([5_000.0, 25_000.0, 45_000.0]), np.array([1_000.0, 10_000.0, 100_000.0])
    line = Edge("false_failure", ("pre3427",), (counts,), np.array([-1.0, 1.0, 2.0]))
    assert plot_bytes(curve, "svg", [line]) != plot_bytes(curve, "svg")
    slack = counts[:, None] - takes[None, :]
    edges = [Edge("false_failure", names, (counts, takes), slack) for names in (("pre3427",), ("pr4397",))]
    other = Edge("stuck", ("pre3427",), (counts, takes), slack)
    pictures = [plot_bytes(heat_map, "svg", given) for given in ([], [edges[0]], [edges[1]], [other])]
    assert pictures[0] == pictures[2] == pictures[3] != pictures[1]
    assert pictures[1] == plot_bytes(heat_map, "svg", [edges[0]])


def test_the_legend_of_heat_maps_covers_no_map(heat_map: Sweep) -> None:
    counts, takes = np.array([5_000.0, 25_000.0, 45_000.0]), np.array([1_000.0, 10_000.0, 100_000.0])
    edge = Edge("false_failure", ("pre3427",), (counts, takes), counts[:, None] - takes[None, :])
    figure = Figure((8.8, 4.4), layout="constrained")
    draw_heat_maps(figure, heat_map, [edge], [Boundary("a border", ((5_000.0, 1_000.0), (45_000.0, 100_000.0)))])
    figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [EDGE, "a border"]
    for panel in figure.axes:
        assert panel.get_legend() is None
        box = panel.get_tightbbox()
        assert box is not None
        assert not box.overlaps(legend.get_window_extent())
    assert not figure.get_supxlabel()  # the layout would put it under the legend


def test_of_curves_that_run_along_each_other_each_is_seen(curve: Sweep) -> None:
    figure = Figure()
    draw_curves(figure, curve, [], [])
    lower, upper = figure.axes[0].get_lines()
    assert lower.get_linewidth() >= upper.get_linewidth() + 2
    assert lower.get_markersize() >= upper.get_markersize() + 2
    assert lower.get_zorder() <= upper.get_zorder()


def test_policies_that_came_to_the_same_are_drawn_as_one(curve: Sweep) -> None:
    groups = alike(curve, "false_failure")
    assert groups == [("pre3427", "pr3427_count_only", "pr3427"), ("pr3766", "pr3777", "pr4397")]
    assert heading(groups[0], 30) == "pre3427, pr3427_count_only,\npr3427"


def test_axes_are_in_units_that_people_read(heat_map: Sweep) -> None:
    count, take = heat_map.axes
    assert (title(count), numbers(count)) == ("redis.enqueued_count.request [ms]", [5, 25, 45])
    assert edges(count) == [0, 15, 35, 55]
    assert edges(take) == pytest.approx([10**-0.5, 10**0.5, 10**1.5, 10**2.5])


def test_without_an_axis_there_is_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing was varied"):
        write_plot(tmp_path / "x.svg", sweep(INCIDENT, ["pr3766"], runs=1, workers=1))
