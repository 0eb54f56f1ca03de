"""What benchmarks measured, as rows of a file: `docs/performance.md` is written from it.

A module of benchmarks prints what it measures, and notes each comparison here: `make bench` says in `BENCH_ROWS`
into which file. Nothing of batchsim is imported, for the reason that `tests.peers.spin` gives.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

FILE = "BENCH_ROWS"
"""The environment variable that names the file; where it is not set, nothing is kept."""


class Cost(NamedTuple):
    """What some work took."""

    cpu_s: float
    """User and system."""
    peak_mib: float | None = None
    """`None`: it shared a process with other work."""


class Growth(NamedTuple):
    """How large a work is, among others of its kind: a point of a curve."""

    unit: str
    """What is counted: `items`, `states`. The works of a module that count the same are in one picture."""
    size: float
    kind: str = "batchsim"
    """What batchsim's curve is called."""


class Row(NamedTuple):
    """One work, done by batchsim and by a peer."""

    module: str
    """The name of the module that measured it: `python -m tests.benchmarks...`."""
    work: str
    ours: Cost
    peer: str | None = None
    """`None`: nobody to compare with."""
    theirs: Cost | None = None
    ratio: float | None = None
    """CPU time, batchsim / peer; `None` if it is that of both costs, and no median over rounds."""
    growth: Growth | None = None
    """`None`: it is in no picture."""


def note(row: Row) -> None:
    """Append a row to the file, if one is asked for."""
    if FILE in os.environ:
        with Path(os.environ[FILE]).open("a") as file:
            print(json.dumps(row), file=file)


def rows_of(file: Path) -> list[Row]:
    """The rows of a file, in the order in which they were measured."""
    return [_row(json.loads(line)) for line in file.read_text().splitlines()]


def _row(values: list[Any]) -> Row:
    module, work, ours, peer, theirs, ratio, growth = values
    return Row(
        module,
        work,
        Cost(*ours),
        peer,
        None if theirs is None else Cost(*theirs),
        ratio,
        None if growth is None else Growth(*growth),
    )
