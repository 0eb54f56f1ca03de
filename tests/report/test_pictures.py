"""Pictures as they are seen: by a reader that knows no CSS variables, and by a browser on a dark page."""

from __future__ import annotations

import shutil
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from batchsim import load_scenario, sweep
from batchsim.report.palette import DARK, LIGHT
from batchsim.report.sweep_plot import plot_bytes
from batchsim.report.sweep_plot.heat_map import COLOURS_IN_THE_DARK
from batchsim.report.timeline import timeline
from tests.report.samples import incident

COUNT = "latency.operations.redis.enqueued_count.request=5 ms..45 ms:3"
TAKE = "latency.operations.queue.take.response=1 ms..100 ms:3:log"
LIGHTEST_CELL = "#fff7ec"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def pictures() -> dict[str, str]:
    scenario = load_scenario("scenarios/incident.yaml")
    curve = sweep(scenario, ["pre3427", "pr3766"], runs=30, vary=[COUNT], workers=1)
    heat_map = sweep(scenario, ["pre3427", "pr3766"], runs=2, vary=[COUNT, TAKE], workers=1)
    return {
        "timeline": timeline("incident", incident().runs[0]),
        "curve": plot_bytes(curve, "svg").decode(),
        "heat map": plot_bytes(heat_map, "svg").decode(),
    }


SEEN = {
    "timeline": ("paper", "ink", "quiet", "grid", "alert", "handler-hue", "handler-pale", "run-pale"),
    "curve": ("paper", "ink", "quiet", "grid", "handler-hue"),
    "heat map": ("paper", "ink", "quiet"),
}
"""The colours that are in each of them."""


def shares(png: bytes) -> dict[str, float]:
    """How much of a picture has each colour."""
    from matplotlib.image import imread

    pixels = np.round(imread(BytesIO(png))[:, :, :3] * 255).astype(np.uint32)
    values, counts = np.unique(pixels @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32), return_counts=True)
    return {f"#{int(value):06x}": count / counts.sum() for value, count in zip(values, counts, strict=True)}


def is_in(seen: dict[str, float], palette: dict[str, str], names: tuple[str, ...]) -> bool:
    return all(seen.get(palette[name], 0) > 1e-5 for name in names)


@pytest.mark.skipif(shutil.which("rsvg-convert") is None, reason="rsvg-convert is not installed")
@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("width", [360, 1280])
def test_without_css_variables_it_is_the_light_picture(pictures: dict[str, str], name: str, width: int) -> None:
    command = ["rsvg-convert", "--width", str(width), "--background-color", "white"]
    ended = subprocess.run(command, input=pictures[name].encode(), capture_output=True, check=True)
    seen = shares(ended.stdout)
    assert seen[LIGHTEST_CELL if name == "heat map" else LIGHT["paper"]] > 0.1
    assert sum(share for colour, share in seen.items() if colour < "#202020") < 0.02
    if width == 1280:
        assert is_in(seen, LIGHT, SEEN[name])


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser_it_follows_the_page(pictures: dict[str, str], tmp_path: Path, scheme: str) -> None:
    palette, cell = (LIGHT, LIGHTEST_CELL) if scheme == "light" else (DARK, COLOURS_IN_THE_DARK[0])
    images = ""
    for number, picture in enumerate(pictures.values()):
        (tmp_path / f"{number}.svg").write_text(picture)
        images += f'<img src="{number}.svg" width="1200">'
    page = f'<!doctype html><meta name="color-scheme" content="{scheme}"><body style="margin:0">{images}'
    (tmp_path / "page.html").write_text(page)
    seen = shares(_photograph(tmp_path, scheme))
    assert is_in(seen, palette, tuple({name for names in SEEN.values() for name in names}))
    assert seen[cell] > 0.05


def _photograph(directory: Path, scheme: str) -> bytes:
    options: list[Any] = [
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--blink-settings=preferredColorScheme={1 if scheme == 'light' else 0}",
        f"--user-data-dir={directory / 'profile'}",
        f"--screenshot={directory / 'page.png'}",
        "--window-size=1200,2200",
    ]
    command = [str(CHROMIUM), *options, (directory / "page.html").as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return (directory / "page.png").read_bytes()
