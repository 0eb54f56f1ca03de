"""The terminal: what `batchsim sweep` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from batchsim.analysis.sweep import CONFIDENCE, CellResult, Example, Point, Sweep
from batchsim.report import shares
from batchsim.report.occurrences import rows_of_sweep
from batchsim.report.phrases import amount
from batchsim.report.screen import Text, called
from batchsim.report.sweep_plot.likeness import alike, heading
from batchsim.report.tables import BAD, GOOD, QUIET, UNSURE, plain_table, print_faults, print_table

POINTS_SHOWN_MAX = 60


def show_sweep(console: Console, sweep: Sweep, commands: Sequence[tuple[Example, str]] = ()) -> None:
    """The shares of all verdicts, how the policies differ, and a run of each verdict.

    `commands`: with each of these runs the command that shows it.
    """
    console.print(Text(sweep.scenario.name, style="bold"))
    console.print(Text(sweep.scenario.summary))
    print_faults(console, sweep.scenario)
    console.print(Text(_claim(sweep), style="" if sweep.is_complete else UNSURE))
    console.print()
    _show_faults(console, sweep)
    if not sweep.axes:
        print_table(console, _table_of_policies(console, sweep))
        _show_differences(console, sweep)
    else:
        for verdict in sweep.failures:
            console.print(Text(verdict, style="bold"))
            print_table(console, table_of_points(console, sweep, verdict))
        if len(sweep.points) > POINTS_SHOWN_MAX:
            console.print(Text(f"all {len(sweep.points)} points: --json, --plot", style=QUIET))
    _show_examples(console, commands)


def _show_examples(console: Console, commands: Sequence[tuple[Example, str]]) -> None:
    if commands:
        console.print(Text("a run of each verdict", style="bold"))
    width = max((len(each.verdict) for each, _ in commands), default=0)
    for each, command in commands:
        console.print(Text(f"{each.verdict:<{width}}   {command}"), soft_wrap=True)


def _show_faults(console: Console, sweep: Sweep) -> None:
    """In how many runs each fault happened; nothing where there are none."""
    policies = [called(console, each, "\n") for each in sweep.policies]
    table = plain_table(("happened in", *policies), right=policies)
    for row in rows_of_sweep(sweep):
        table.add_row(*(Text(cell, style=UNSURE if cell.startswith("none") else "") for cell in row))
    if table.row_count:
        print_table(console, table)


def _claim(sweep: Sweep) -> str:
    runs = [each.runs for each in sweep.cells]
    count = amount(runs[0], "run") if min(runs) == max(runs) else f"{min(runs):,} to {max(runs):,} runs"
    where = " at each point" if sweep.axes else ""
    incomplete = "" if sweep.is_complete else "incomplete: "
    return (
        f"{incomplete}sampled, {count} of each policy{where}, all policies under the same latencies; "
        f"with {100 * CONFIDENCE:.0f} % intervals"
    )


def _table_of_policies(console: Console, sweep: Sweep) -> Table:
    verdicts = ("ok", *sweep.failures)
    table = plain_table(("policy", *verdicts))
    for each in sweep.cells:
        table.add_row(Text(called(console, each.policy)), *(_share(each, verdict) for verdict in verdicts))
    return table


def _share(cell: CellResult, verdict: str) -> Text:
    found = cell.verdicts[verdict]
    style = QUIET if not found.count else GOOD if verdict == "ok" else BAD
    return Text(shares.share(found), style=style)


def _show_differences(console: Console, sweep: Sweep) -> None:
    base = sweep.policies[0]
    against = {(each.verdict, each.policy): each for each in sweep.differences if each.other == base}
    verdicts = [verdict for verdict in sweep.failures if any(verdict == given for given, _ in against)]
    if len(sweep.policies) == 1 or not verdicts:
        return
    console.print(Text(f"against {called(console, base)}, run by run", style="bold"))
    table = plain_table(("policy", *verdicts))
    for policy in sweep.policies[1:]:
        table.add_row(
            Text(called(console, policy)),
            *(Text(shares.difference(against[verdict, policy])) for verdict in verdicts),
        )
    print_table(console, table)


def table_of_points(console: Console, sweep: Sweep, verdict: str) -> Table:
    """How often a verdict was given at each point, by groups of policies that came to the same everywhere."""
    names = [axis.name for axis in sweep.axes]
    groups = alike(sweep, verdict)
    table = plain_table(
        (*names, *(heading([called(console, each) for each in group], 0) for group in groups)), right=names
    )
    cells = {(each.policy, each.point): each for each in sweep.cells}
    for point in _shown(sweep.points):
        values = [
            shares.value(value.number, axis.unit)
            for axis, (_, value) in zip(sweep.axes, point.values, strict=True)
        ]
        table.add_row(*values, *(_share(cells[group[0], point], verdict) for group in groups))
    return table


def _shown(points: tuple[Point, ...]) -> Iterable[Point]:
    """All, or evenly spread ones."""
    step = -(-len(points) // POINTS_SHOWN_MAX)
    return points[::step]
