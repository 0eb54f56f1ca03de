"""Measured latencies from a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from batchsim.durations import InvalidDuration, parse_duration
from batchsim.scenario.measurements import UNITS
from batchsim.scenario.problems import Place, fail
from batchsim.scenario.text_file import BYTES_MAX, read_text

_SHOWN_MAX = 8
"""Of what is no sample so many characters are told: it may be a file that is nobody's business."""


def read_samples_us(path: Path) -> tuple[int, ...]:
    """Microseconds (`_us`) in the first column of a CSV file, below an optional header line.

    Raises `InvalidScenario` with the name and the line of the CSV file.
    """
    with suppress(OSError, ValueError):  # which are told below
        if path.stat().st_size > BYTES_MAX:
            fail(
                Place(str(path)),
                "more than 1 MB of durations with no name of a column",
                "a first line such as latency_ms, and values without a unit; then up to 100 MB",
            )
    text = read_text(path, str(path))
    cells = list(_cells(text))
    has_columns = False
    if cells and _is_header(cells[0][1]):
        has_columns = "," in text.split("\n")[cells[0][0] - 1]
        del cells[0]
    if not cells:
        fail(Place(str(path)), "no samples", "one duration per line")
    return tuple(_sample_us(cell, line, path, has_columns=has_columns) for line, cell in cells)


def _cells(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        cell = line.partition(",")[0].strip().strip('"').strip()
        if cell:
            yield number, cell


def _is_header(cell: str) -> bool:
    # A first line of `5` or `-3 ms` is meant as a sample, so it is refused rather than skipped.
    return not cell[0].isdecimal() and cell[0] not in "+-."


def _sample_us(cell: str, line: int, path: Path, *, has_columns: bool) -> int:
    try:
        return parse_duration(0 if cell == "0" else cell)
    except InvalidDuration as error:
        hint = (
            f"; of a CSV with several columns, column: one of its names, and unit: one of {UNITS}"
            if has_columns
            else ""
        )
        fail(Place(str(path), line, 1), _beginning_of(cell), f"{error}{hint}")


def _beginning_of(cell: str) -> str:
    return repr(cell) if len(cell) <= _SHOWN_MAX else f"{cell[:_SHOWN_MAX]!r}…"
