"""A scenario as it is understood, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from batchsim.checking.understood import DEFAULT, Value
from batchsim.report.screen import Text
from batchsim.report.tables import QUIET, UNSURE, plain_table, print_wrapped
from batchsim.scenario import Scenario

_HEADINGS = {
    "batch": "what happens",
    "latency": "how long it takes",
    "fault": "what goes wrong",
    "expectation": "what is expected",
}


def show_understood(console: Console, scenario: Scenario, values: Sequence[Value]) -> None:
    """A table for each part; defaults stand out."""
    console.print(Text(scenario.name, style="bold"))
    if scenario.summary:
        console.print(Text(scenario.summary))
    console.print()
    for part, heading in _HEADINGS.items():
        own = [each for each in values if each.part == part]
        if own:
            table = plain_table((heading, "", "from"))
            for each in own:
                style = UNSURE if each.source.startswith(DEFAULT) else QUIET
                table.add_row(Text(each.name), Text(each.value), Text(each.source, style=style))
            print_wrapped(console, table)
