"""Writes `docs/performance.md` of the rows that `make bench` kept: `python -m tests.benchmarks.page ROWS PAGE`."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path

from tests.benchmarks.growth import Picture, pictures_of, svg_of
from tests.benchmarks.rows import Cost, Row, rows_of

SECTIONS = {
    "tests.benchmarks": "Timed runs, growth, start-up",
    "tests.benchmarks.spin": "Every interleaving",
    "tests.benchmarks.exact": "Exact probabilities",
    "tests.benchmarks.sweep": "Sweeps",
    "tests.benchmarks.zones": "Every timed run",
}
PICTURES = "pictures"
"""The folder of the pictures, beside the page."""
PACKAGES = ("batchsim", "numba", "numpy", "simpy", "stormpy")
HEAD = """\
# Performance

What batchsim takes beside other programs for the same work: CPU seconds, user and system, and peak memory. The
ratio is the CPU time of batchsim over that of the other: below 1, batchsim takes less. Where a cost has no memory,
both did their work in one process. `make bench` measures all of it and writes this page; the command above each
table measures that table alone. Both axes of the pictures are logarithmic.
"""
TABLE = """\
| work | batchsim, CPU s | MiB | peer | CPU s | MiB | ratio |
|---|--:|--:|---|--:|--:|--:|
"""


def page_of(rows: Iterable[Row], measured_on: str) -> str:
    """The page, in Markdown; `measured_on`: the machine and the versions, as a sentence."""
    sections = [HEAD, f"{measured_on}\n"]
    for module, of_module in _by_module(rows):
        lines = "".join(map(_line, of_module))
        shown = "".join(
            f"\n![{each.told}]({PICTURES}/{_file_of(module, each)})\n" for each in pictures_of(of_module)
        )
        sections.append(f"## {SECTIONS[module]}\n\n`python -m {module}`\n\n{TABLE}{lines}{shown}")
    return "\n".join(sections)


def pictures(rows: Iterable[Row]) -> dict[str, str]:
    """The pictures of the page, by the names of their files."""
    return {
        _file_of(module, picture): svg_of(picture)
        for module, of_module in _by_module(rows)
        for picture in pictures_of(of_module)
    }


def _by_module(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    return ((module, list(of_module)) for module, of_module in groupby(rows, key=lambda row: row.module))


def _file_of(module: str, picture: Picture) -> str:
    title = re.sub(r"\W+", "-", f"{SECTIONS[module]} {picture.unit}".lower())
    return f"performance-{title}.svg"


def _line(row: Row) -> str:
    theirs, ratio = row.theirs, row.ratio
    if theirs is not None and ratio is None:
        ratio = row.ours.cpu_s / theirs.cpu_s
    told = "" if ratio is None else f"{ratio:.2f}"
    cells = (row.work, *_cells(row.ours), row.peer or "none", *_cells(theirs), told)
    return f"| {' | '.join(cells)} |\n"


def _cells(cost: Cost | None) -> tuple[str, str]:
    if cost is None:
        return "", ""
    digits = 2 if cost.cpu_s >= 1 else 3
    return f"{cost.cpu_s:.{digits}f}", "" if cost.peak_mib is None else f"{cost.peak_mib:.0f}"


def this_machine() -> str:
    """Where it was measured, and with which versions."""
    versions = ", ".join((f"Python {platform.python_version()}", *_versions()))
    return f"Measured on {_processor()}, {os.cpu_count()} cores, {platform.system()}; {versions}."


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", info.read_text(), re.MULTILINE) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def _versions() -> Iterator[str]:
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            continue
    if shutil.which("spin"):
        printed = subprocess.run(["spin", "-V"], check=True, capture_output=True, text=True).stdout
        found = re.search(r"Version (\S+)", printed)
        if found:
            yield f"SPIN {found[1]}"


def main() -> None:
    """Write the page, if anything was measured."""
    noted, page = map(Path, sys.argv[1:])
    rows = rows_of(noted)
    page.write_text(page_of(rows, this_machine()))
    for name, picture in pictures(rows).items():
        (page.parent / PICTURES / name).write_text(picture)


if __name__ == "__main__":
    main()
