"""The picture as a whole: its size, its title, and its file, of which every byte is determined."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from batchsim.analysis.sweep import CONFIDENCE, Sweep
from batchsim.analysis.window import Edge
from batchsim.report.files import write_whole
from batchsim.report.palette import LIGHT
from batchsim.report.sweep_plot.boundary import Boundary
from batchsim.report.sweep_plot.curve import draw_curves
from batchsim.report.sweep_plot.dark_page import on_any_page
from batchsim.report.sweep_plot.heat_map import colours_in_the_dark, draw_heat_maps, panels_of
from batchsim.report.sweep_plot.likeness import drawn
from batchsim.visible import visible

_LOOK: Any = {
    "font.family": "DejaVu Sans",  # comes with the library: the same everywhere
    "font.size": 10,
    "axes.edgecolor": LIGHT["quiet"],
    "axes.facecolor": LIGHT["paper"],
    "figure.facecolor": LIGHT["paper"],
    "legend.edgecolor": LIGHT["frame"],
    "text.color": LIGHT["ink"],
    "text.parse_math": False,  # names are no formulas
    "axes.labelcolor": LIGHT["ink"],
    "xtick.color": LIGHT["quiet"],
    "ytick.color": LIGHT["quiet"],
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "batchsim",
    "svg.fonttype": "path",
    "path.simplify": False,
}
_NAMELESS = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
"""Neither the date nor the version of a library belongs into a picture."""
_DPI = 160


def write_plot(path: Path, sweep: Sweep, edges: Sequence[Edge] = ()) -> None:
    """Draw a sweep over one or two axes into a file that ends in `.svg` or `.png`; raises `OSError`.

    `edges`: where windows open, to be drawn over it.
    """
    write_whole(path, plot_bytes(sweep, path.suffix.removeprefix("."), edges))


def plot_bytes(sweep: Sweep, form: str, edges: Sequence[Edge] = (), boundaries: Sequence[Boundary] = ()) -> bytes:
    """The picture as `svg` or `png`; raises `ValueError` for a sweep over no axis.

    `edges`: where windows open; `boundaries`: what else is known of where an outcome changes.
    """
    if not sweep.axes:
        raise ValueError("nothing was varied, so there is nothing to draw")
    with _look() as figure:
        meshes: list[Any] = []
        if len(sweep.axes) == 1:
            figure.set_size_inches(8.5, 1.6 + 3.0 * len(drawn(sweep)))
            draw_curves(figure, sweep, edges, boundaries)
        else:
            rows = panels_of(sweep)
            figure.set_size_inches(1.6 + 3.6 * max(map(len, rows)), 1.2 + 3.2 * len(rows))
            meshes = draw_heat_maps(figure, sweep, edges, boundaries)
        figure.suptitle(visible(_title(sweep)), x=0.01, ha="left", fontsize=11)
        picture = _saved(figure, form)
        if form != "svg":
            return picture
        # Everything stays where it is; only the cells are drawn again.
        figure.set_layout_engine("none")
        for mesh in meshes:
            mesh.set_cmap(colours_in_the_dark())
        return on_any_page(picture, _saved(figure, form) if meshes else picture)


def _saved(figure: Any, form: str) -> bytes:
    picture = BytesIO()
    with warnings.catch_warnings():
        # A character that the font has not is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(picture, format=form, dpi=_DPI, metadata=_NAMELESS[form])
    return picture.getvalue()


@contextmanager
def _look() -> Iterator[Any]:
    """A figure that knows no user's settings, and no window."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)
        yield Figure()


def _title(sweep: Sweep) -> str:
    runs = [each.runs for each in sweep.cells]
    count = f"{max(runs):,}" if min(runs) == max(runs) else f"{min(runs):,} to {max(runs):,}"
    bands = f"; bands: {100 * CONFIDENCE:.0f} % intervals" if len(sweep.axes) == 1 else ""
    incomplete = "" if sweep.is_complete else ", incomplete"
    return f"{sweep.scenario.name}: {count} runs of each policy at each point{bands}{incomplete}"
