"""What commands write as JSON, as CSV: a row for each outcome, for each share of a sweep, for each finding."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from batchsim.report.formats.csv_table import text_cell

Row = dict[str, Any]
_NOTHING: tuple[Row, ...] = ({},)
WORTH_PARTS = ("own", "over_delay", "over_execution", "over_both")
"""Of the document of `batchsim worth` the sweeps."""


def csv_of(command: str, document: Mapping[str, Any]) -> str:
    """The table of the document that a command writes with `--json`; durations are in microseconds."""
    rows = list(_ROWS[command](document))
    # What a row of another policy has is a column of its own, empty in those that have it not.
    headings = list(dict.fromkeys(name for row in rows for name in row))
    text = StringIO()
    writer = csv.DictWriter(text, headings or _EMPTY[command], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _explore(document: Mapping[str, Any]) -> Iterator[Row]:
    for exploration in document["explorations"]:
        for number, outcome in enumerate(exploration["outcomes"], 1):
            told = {name: value for name, value in outcome.items() if name not in ("verdicts", "witness")}
            yield {
                "scenario": document["scenario"],
                "policy": exploration["policy"],
                "outcome": number,
                "verdicts": outcome["verdicts"],
                **_flat(told),
                **({"steps": len(outcome["witness"])} if "witness" in outcome else {}),
                "complete": exploration["complete"],
            }


def _sweep(document: Mapping[str, Any]) -> Iterator[Row]:
    for cell in document["sweep"]:
        for verdict, share in cell["verdicts"].items():
            yield {
                **({"scenario": document["scenario"]} if "scenario" in document else {}),
                "policy": cell["policy"],
                **cell["point"],
                "runs": cell["runs"],
                "verdict": verdict,
                **share,
            }


def _worth(document: Mapping[str, Any]) -> Iterator[Row]:
    for part in WORTH_PARTS:
        for row in _sweep(document[part]):
            yield {"scenario": document["scenario"], "part": part, **row}


def _findings(document: Mapping[str, Any]) -> Iterator[Row]:
    for cell in document["cells"]:
        head = {name: value for name, value in cell.items() if name != "verdicts"}
        # Where nothing is found there is a row too: it says how that is known.
        for found in cell["verdicts"] or _NOTHING:
            told = {name: value for name, value in found.items() if name not in ("verdict", "witness")}
            yield {
                **head,
                "verdict": found.get("verdict"),
                **told,
                **({"steps": len(found["witness"])} if found else {}),
            }


_ROWS: dict[str, Callable[[Mapping[str, Any]], Iterator[Row]]] = {
    "explore": _explore,
    "sweep": _sweep,
    "worth": _worth,
    "findings": _findings,
}
_EMPTY = {name: ["policy"] for name in _ROWS}
"""Of a table without rows."""


def _flat(value: Mapping[str, Any], within: str = "") -> Row:
    """Fields inside of fields by their path: `client.status`."""
    flat: Row = {}
    for name, each in value.items():
        if isinstance(each, Mapping):
            flat |= _flat(each, f"{within}{name}.")
        else:
            flat[f"{within}{name}"] = each
    return flat


def _cell(value: Any) -> Any:
    match value:
        case str():
            return text_cell(value)
        case bool():
            return int(value)
        case [*each] if all(isinstance(one, str) for one in each):
            return text_cell(" ".join(each))
        case Mapping() | Sequence():
            return text_cell(json.dumps(value, ensure_ascii=False))
        case _:
            return value
