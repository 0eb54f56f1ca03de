"""How tables look on the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table

GOOD, BAD, UNSURE, QUIET = "green", "bold red", "yellow", "dim"
_ENDLESS = 10_000
"""Columns: wider than any table."""


def plain_table(**options: Any) -> Table:
    """A table without lines."""
    return Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold", title_style=QUIET, **options)


def print_table(console: Console, table: RenderableType) -> None:
    """Print a table and an empty line; in a file, as wide as it is."""
    width = console.width
    if not console.is_terminal:
        options = console.options.update(width=_ENDLESS)
        console.width = Measurement.get(console, options, table).maximum
    console.print(table)
    console.width = width
    console.print()
