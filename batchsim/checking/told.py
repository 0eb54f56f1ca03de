"""What `batchsim check` came to: a table, and the files that a CI reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as Xml

from rich.console import Console

import batchsim
from batchsim.checking.answers import Way
from batchsim.checking.questions import FIELDS
from batchsim.checking.work import Row, Status, position
from batchsim.report.screen import Text
from batchsim.report.tables import BAD, GOOD, QUIET, UNSURE, plain_table, print_table
from batchsim.visible import visible

STYLES = {Status.PASSED: GOOD, Status.FAILED: BAD, Status.UNKNOWN: UNSURE, Status.INVALID: BAD}
_WHAT = {
    Way.RUN: "one run",
    Way.RATE: "many runs",
    Way.INTERVALS: "all runs within the intervals of the latencies",
    Way.ORDERS: "all orders",
}
_NOT_CHECKED = "cannot-be-checked"
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


class Refusal(NamedTuple):
    """Why nothing could be checked: what is wrong with a file."""

    file: str
    """Empty: it is about none, or about several."""
    line: int | None
    text: str
    """With the file and the line, if it has them."""


def show_checks(console: Console, rows: Sequence[Row]) -> None:
    """The table, then a line or two for each that did not pass, then how many did."""
    table = plain_table(("scenario", "policy", "asked", "expected", "got", "result"))
    for row in rows:
        question = row.question
        result = Text(row.status.value, style=STYLES[row.status])
        asked = question.way.value
        table.add_row(
            Text(question.scenario),
            Text(question.called),
            Text(asked),
            Text(question.expected),
            Text(row.got),
            result,
        )
    print_table(console, table)
    for row in rows:
        if row.status is not Status.PASSED:
            console.print(Text(sentence(row), style=STYLES[row.status]), soft_wrap=True)
            if row.again:
                console.print(Text(f"  see it: {row.again}", style=QUIET), soft_wrap=True)
        if row.note:
            console.print(Text(_noted(row), style=UNSURE), soft_wrap=True)
    console.print(Text(summary(rows), style=GOOD if all_passed(rows) else BAD), soft_wrap=True)


def sentence(row: Row) -> str:
    """What is wrong, and where it is expected otherwise."""
    return f"{_asked(row)}: {row.why}"


def _noted(row: Row) -> str:
    return f"{_asked(row)}: {row.status.value}, but {row.note}"


def _asked(row: Row) -> str:
    question = row.question
    return f"{position(question)}: {question.scenario}, {question.heading}, {question.way.value}"


def summary(rows: Sequence[Row]) -> str:
    """How many checks came to what."""
    told = [f"{count:,} {status.value}" for status in Status if (count := sum(r.status is status for r in rows))]
    known = sum(row.is_cached for row in rows)
    tail = f"; {known:,} known from an earlier run" if known else ""
    return f"{len(rows):,} check{'s' * (len(rows) != 1)}: {', '.join(told)}{tail}"


def all_passed(rows: Iterable[Row]) -> bool:
    """Whether every check passed."""
    return all(row.status is Status.PASSED for row in rows)


def checks_document(rows: Sequence[Row], warnings: Sequence[tuple[Path, str]] = ()) -> dict[str, Any]:
    """The JSON document; `warnings`: of a file, what its checks do not look at."""
    return {
        "schema": 1,
        "checks": [_document(row) for row in rows],
        "warnings": [f"{file}: {each}" for file, each in warnings],
    }


def _document(row: Row) -> dict[str, Any]:
    question = row.question
    return {
        "scenario": question.scenario,
        "file": str(question.file),
        "line": question.line,
        "policy": question.heading,
        "asked": question.way.value,
        "field": FIELDS[question.way],
        "expected": sorted(question.verdicts)
        if question.verdicts is not None
        else {verdict: limit._asdict() for verdict, limit in question.rates},
        "got": row.got,
        "status": row.status.value,
        "why": row.why,
        "again": row.again,
        "note": row.note,
    }


def junit_text(rows: Sequence[Row], refusals: Sequence[Refusal] = ()) -> str:
    """JUnit XML: a suite for each file, a case for each check."""
    root = Xml.Element("testsuites", name="batchsim")
    for name in dict.fromkeys(each.file for each in refusals):
        texts = [each.text for each in refusals if each.file == name]
        count = str(len(texts))
        suite = Xml.SubElement(
            root, "testsuite", name=visible(name or "batchsim"), tests=count, failures="0", errors=count
        )
        for text in texts:
            case = Xml.SubElement(suite, "testcase", classname="batchsim", name=Status.INVALID.value)
            if name:
                case.set("file", visible(name))
            Xml.SubElement(case, "error", message=visible(text), type=Status.INVALID.value)
    for file in dict.fromkeys(row.question.file for row in rows):
        own = [row for row in rows if row.question.file == file]
        suite = Xml.SubElement(
            root,
            "testsuite",
            name=visible(str(file)),
            tests=str(len(own)),
            failures=str(sum(row.status is Status.FAILED for row in own)),
            errors=str(sum(row.status in (Status.UNKNOWN, Status.INVALID) for row in own)),
        )
        for row in own:
            question = row.question
            case = Xml.SubElement(
                suite,
                "testcase",
                classname=visible(question.scenario),
                name=visible(f"{question.heading}, {question.way.value}"),
                file=visible(str(file)),
            )
            if row.status is not Status.PASSED:
                kind = "failure" if row.status is Status.FAILED else "error"
                told = Xml.SubElement(case, kind, message=visible(row.why), type=row.status.value)
                told.text = visible("\n".join(filter(None, (sentence(row), row.again))))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def sarif_text(rows: Sequence[Row], refusals: Sequence[Refusal] = ()) -> str:
    """SARIF 2.1.0: a result for each check that did not pass, at its line of the scenario."""
    rules = {field: f"What a scenario expects of {_WHAT[way]}" for way, field in FIELDS.items()}
    rules[_NOT_CHECKED] = "What is wrong with a scenario, so that it cannot be checked"
    document = {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "batchsim",
                        "version": batchsim.__version__,
                        "rules": [
                            {"id": name, "shortDescription": {"text": told}} for name, told in rules.items()
                        ],
                    }
                },
                "results": [
                    *map(_result_of_refusal, refusals),
                    *(_result(row) for row in rows if row.status is not Status.PASSED),
                ],
            }
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _result(row: Row) -> dict[str, Any]:
    question = row.question
    command = f"\n{row.again}" if row.again else ""
    return {
        "ruleId": FIELDS[question.way],
        "level": "warning" if row.status is Status.UNKNOWN else "error",
        "message": {"text": f"{question.scenario}, {question.heading}: {row.why}{command}"},
        "locations": [_location(question.file, question.line)],
    }


def _result_of_refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "ruleId": _NOT_CHECKED,
        "level": "error",
        "message": {"text": refusal.text},
        "locations": [_location(Path(refusal.file), refusal.line)] if refusal.file else [],
    }


def _location(file: Path, line: int | None) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _within(file)}}
    if line is not None:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}


def _within(file: Path) -> str:
    """As seen from the top of a repository, where checks are run."""
    return Path(os.path.relpath(file)).as_posix()


# -- GitHub ----------------------------------------------------------------------------------------


def github_annotations(
    rows: Sequence[Row], warnings: Sequence[tuple[Path, str]] = (), refusals: Sequence[Refusal] = ()
) -> list[str]:
    """Workflow commands that show what did not pass at its line of a pull request, and what is warned of."""
    return [
        *map(_annotation_of_refusal, refusals),
        *(_annotation(row) for row in rows if row.status is not Status.PASSED),
        *(f"::warning file={_property(_within(file))},title=batchsim::{_data(each)}" for file, each in warnings),
    ]


def _annotation(row: Row) -> str:
    question = row.question
    level = "warning" if row.status is Status.UNKNOWN else "error"
    title = _property(f"batchsim: {question.scenario}, {question.heading}, {question.way.value}")
    text = "\n".join(filter(None, (row.why, row.again)))
    return f"::{level} {_place(question.file, question.line)},title={title}::{_data(text)}"


def _annotation_of_refusal(refusal: Refusal) -> str:
    place = f"{_place(Path(refusal.file), refusal.line)}," if refusal.file else ""
    title = _property(f"batchsim: {Status.INVALID.value}")
    return f"::error {place}title={title}::{_data(refusal.text)}"


def _place(file: Path, line: int | None) -> str:
    place = f"file={_property(_within(file))}"
    return place if line is None else f"{place},line={line}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def markdown_refusal(refusals: Sequence[Refusal]) -> str:
    """The summary of a job where nothing could be checked."""
    lines = ["## batchsim", "", "nothing was checked", "", *(f"- {_escaped(each.text)}" for each in refusals)]
    return "\n".join(lines) + "\n\n"


def markdown_summary(rows: Sequence[Row]) -> str:
    """The summary of a job: what did not pass first, all of it in a table."""
    lines = ["## batchsim", "", _escaped(summary(rows)), ""]
    wrong = [row for row in rows if row.status is not Status.PASSED]
    for row in wrong:
        lines += [f"- {_escaped(sentence(row))}", *([f"  `{row.again}`"] if row.again else [])]
    noted = [row for row in rows if row.note]
    lines += [f"- {_escaped(_noted(row))}" for row in noted]
    if wrong or noted:
        lines.append("")
    lines += ["| scenario | policy | asked | expected | got | result |", "|---|---|---|---|---|---|"]
    for row in rows:
        question = row.question
        cells = (
            question.scenario, question.called, question.way.value, question.expected, row.got,
            row.status.value,
        )  # fmt: skip
        lines.append(f"| {' | '.join(map(_escaped, cells))} |")
    return "\n".join(lines) + "\n\n"


def _escaped(text: str) -> str:
    text = visible(text).replace("\n", " ")
    return "".join(f"\\{character}" if character in "\\`*_[]<>|#" else character for character in text)
