"""The terminal: what `batchsim worth` prints."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.console import Console

from batchsim.analysis.worth import Judged, Worth, judge
from batchsim.analysis.worth.results import VERDICT
from batchsim.report.screen import Text, called
from batchsim.report.sweep import table_of_points
from batchsim.report.tables import QUIET, UNSURE, plain_table, print_table
from batchsim.report.worth_words import (
    COST_HEADINGS,
    about_costs,
    border,
    cheapest,
    claim,
    cost_cells,
    execution_of,
    in_short,
    names,
    time,
)


def show_worth(console: Console, worth: Worth) -> None:
    """The shares over both times, when the row is read and COMPLETED, and what that means."""
    console.print(Text(worth.scenario.name, style="bold"))
    console.print(Text(worth.scenario.summary))
    console.print(Text(claim(worth), style="" if worth.is_complete else UNSURE))
    console.print()
    for sweep in (worth.over_delay, worth.over_execution):
        console.print(Text(VERDICT, style="bold"))
        print_table(console, table_of_points(console, sweep, VERDICT))
    judged = judge(worth)
    _show_rows(console, worth, judged)
    for paragraph in in_short(worth, judged, partial(called, console)):
        console.print(Text(paragraph))
        console.print()
    _show_costs(console, worth, judged)
    console.print(Text(f"all {len(worth.over_both.points)} pairs: --json, --report", style=QUIET))


def _show_costs(console: Console, worth: Worth, judged: Sequence[Judged]) -> None:
    if not worth.costs:
        return
    console.print(Text("costs", style="bold"))
    table = plain_table(COST_HEADINGS, right=COST_HEADINGS[1:])
    for name, cost in worth.costs.items():
        table.add_row(called(console, name), *cost_cells(cost))
    print_table(console, table)
    say = partial(called, console)
    for text in (about_costs(worth, say), cheapest(worth, judged, say)):
        if text:
            console.print(Text(text))
            console.print()


def _show_rows(console: Console, worth: Worth, judged: Sequence[Judged]) -> None:
    if not any(row.timing.late for row in worth.rows):
        return
    waiting = [each for each in judged if each.needs_completed]
    console.print(Text("late counts, after the completion update", style="bold"))
    headings = ["child runs execute", "the row is read", "it is COMPLETED"]
    columns = [f"{names(each.policies, partial(called, console))} can decide otherwise" for each in waiting]
    table = plain_table([*headings, *columns], right=headings)
    for row in worth.rows:
        read, completed = row.timing.read, row.timing.completed
        cells = (f"up to {time(read.most_us)}", f"from {time(completed.least_us)} on") if read.runs else ("-", "-")
        # One of those that are varied may be as long as the scenario's own.
        execution = f"{execution_of(worth, row)}{'' if row.point.values else ' (the scenario)'}"
        table.add_row(execution, *cells, *(border(worth, each, row) for each in waiting))
    print_table(console, table)
