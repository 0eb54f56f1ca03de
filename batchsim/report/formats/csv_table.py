"""The steps of runs as CSV, a row for each: for spreadsheets, and for `pandas.read_csv`."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO
from typing import TYPE_CHECKING

from batchsim.visible import visible

if TYPE_CHECKING:
    from batchsim.analysis.runs import ScenarioRun

HEADINGS = (
    "scenario",
    "policy",
    "verdicts",
    "step",
    "issued_us",
    "at_us",
    "answered_us",
    "actor",
    "operation",
    "answer",
    "decisive",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


def csv_text(scenario_runs: Iterable[ScenarioRun]) -> str:
    """The table; times are in microseconds."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADINGS)
    for scenario_run in scenario_runs:
        for run in scenario_run.runs:
            head = (text_cell(scenario_run.scenario.name), text_cell(run.policy.name), " ".join(run.verdicts))
            for step in run.trace.steps:
                writer.writerow(
                    (
                        *head,
                        step.number + 1,
                        step.issued_us,
                        step.at_us,
                        step.answered_us,
                        text_cell(step.actor),
                        text_cell(step.name),
                        text_cell(step.description),
                        int(step.number in run.decisive),
                    )
                )
    return text.getvalue()


def text_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    told = visible(text)
    return f"'{told}" if told.startswith(_FORMULA) else told
