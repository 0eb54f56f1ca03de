"""How tables look on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, NamedTuple

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table

from batchsim.report.occurrences import Explored, rows_of_occurrences
from batchsim.report.screen import Text, called, print_line
from batchsim.scenario import Scenario, fault_in_words

GOOD, BAD, UNSURE, QUIET = "green", "bold red", "yellow", "dim"
_GAP = 3
WRAPPED_MIN = 18
"""Columns of the terminal: a text that wraps has at least so many."""
_ENDLESS = 10_000
"""Columns: wider than any table."""


class Claim(NamedTuple):
    """What is claimed of a policy."""

    words: str
    style: str
    """`GOOD`, `BAD` or `UNSURE`."""
    size: str
    """Of what was looked at."""


def told_claim(policy: str, claim: Claim) -> Text:
    """A claim in a line."""
    return Text.assemble((f"{policy}  ", "bold"), (claim.words, claim.style), (f"  ({claim.size})", QUIET))


def plain_table(headings: Iterable[str] = (), right: Iterable[str] = (), **options: Any) -> Table:
    """A table without lines; the columns with the headings in `right` are set flush right."""
    table = Table(
        box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold", title_style=QUIET, **options
    )
    flush = frozenset(right)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in flush else "left", overflow="fold")
    return table


def fits(console: Console, table: Table) -> bool:
    """Whether a table is as wide as it is to be; otherwise `print_table` gives records, which are long."""
    return not console.is_terminal or _width(console, table) <= console.width


def print_table(console: Console, table: Table) -> None:
    """Print a table and an empty line: as wide as it is, or as records where the terminal is narrower."""
    if fits(console, table):
        print_wide(console, table)
    else:
        _print_records(console, table)


def print_outcomes(console: Console, table: Table, left_out: str) -> None:
    """Print a table of outcomes, and what is said of those that are not in it, if anything."""
    print_table(console, table)
    if left_out:
        console.print(Text(f"{left_out}\n", QUIET))


def print_wrapped(console: Console, table: Table) -> None:
    """Print a table and an empty line; on a narrow terminal all but its first column wrap, if there is room."""
    first, *others = table.columns
    room = console.width - _width_of(console, first) - len(others) * (WRAPPED_MIN + _GAP)
    if fits(console, table):
        print_wide(console, table)
    elif room < 0:
        _print_records(console, table)
    else:
        first.no_wrap = True
        console.print(table)
        console.print()


def say_again(console: Console, claims: Sequence[Text]) -> None:
    """On a terminal, once more what is claimed, where it has scrolled away."""
    text = console.file.getvalue() if isinstance(console.file, StringIO) else ""
    if console.is_terminal and text.count("\n") >= console.height:
        for each in claims:
            print_line(console, each)


def print_wide(console: Console, what: RenderableType) -> None:
    """Print something and an empty line; in a file, as wide as it is."""
    width = console.width
    if not console.is_terminal:
        console.width = _width(console, what)
    console.print(what)
    console.width = width
    console.print()


def _width(console: Console, what: RenderableType) -> int:
    return Measurement.get(console, console.options.update(width=_ENDLESS), what).maximum


def _width_of(console: Console, column: Column) -> int:
    cells = (column.header, *column.cells)
    return max(Measurement.get(console, console.options.update(width=_ENDLESS), each).maximum for each in cells)


def _print_records(console: Console, table: Table) -> None:
    headings = [str(column.header) for column in table.columns]
    for row in zip(*(column.cells for column in table.columns), strict=True):
        for place, (heading, cell) in enumerate(zip(headings, row, strict=True)):
            text = console.render_str(cell) if isinstance(cell, str) else cell
            if text.plain:
                label = f"{heading}: " if heading else ""
                line = Text.assemble((label, "bold"), Text(", ").join(text.split("\n")))
                print_line(console, line, indent=2 if place else 0)
        console.print()


def print_faults(console: Console, scenario: Scenario) -> None:
    """The faults of a scenario, one a line; nothing where it has none."""
    for number, fault in enumerate(scenario.faults):
        print_line(console, Text(f"fault {number}: {fault_in_words(fault)}"))


def print_occurrences(console: Console, explorations: Sequence[Explored]) -> None:
    """Where each fault happens, by policy; nothing where there are no faults."""
    policies = [called(console, each.policy, "\n") for each in explorations]
    table = plain_table(("happens in", *policies), right=policies)
    for row in rows_of_occurrences(explorations):
        table.add_row(*(Text(cell, style=UNSURE if cell.startswith("no schedule") else "") for cell in row))
    if table.row_count:
        print_table(console, table)
