"""What `batchsim check` came to: a table, and the files that a CI reads."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from rich.console import Console

import batchsim
from batchsim.checking.questions import FIELDS
from batchsim.checking.work import Row, Status, position
from batchsim.report.screen import Text
from batchsim.report.tables import BAD, GOOD, QUIET, UNSURE, plain_table, print_table
from batchsim.visible import visible

STYLES = {Status.PASSED: GOOD, Status.FAILED: BAD, Status.UNKNOWN: UNSURE, Status.INVALID: BAD}
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


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


def junit_text(rows: Sequence[Row]) -> str:
    """JUnit XML: a suite for each file, a case for each check."""
    root = Xml.Element("testsuites", name="batchsim")
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


def sarif_text(rows: Sequence[Row]) -> str:
    """SARIF 2.1.0: a result for each check that did not pass, at its line of the scenario."""
    rules = {field: way.value for way, field in FIELDS.items()}
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
                            {"id": field, "shortDescription": {"text": f"What a scenario expects of {asked}"}}
                            for field, asked in rules.items()
                        ],
                    }
                },
                "results": [_result(row) for row in rows if row.status is not Status.PASSED],
            }
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _result(row: Row) -> dict[str, Any]:
    question = row.question
    place: dict[str, Any] = {"artifactLocation": {"uri": _within(question.file)}}
    if question.line is not None:
        place["region"] = {"startLine": question.line}
    command = f"\n{row.again}" if row.again else ""
    return {
        "ruleId": FIELDS[question.way],
        "level": "warning" if row.status is Status.UNKNOWN else "error",
        "message": {"text": f"{question.scenario}, {question.heading}: {row.why}{command}"},
        "locations": [{"physicalLocation": place}],
    }


def _within(file: Path) -> str:
    """As seen from the top of a repository, where checks are run."""
    return Path(os.path.relpath(file)).as_posix()


# -- GitHub ----------------------------------------------------------------------------------------


def github_annotations(rows: Sequence[Row], warnings: Sequence[tuple[Path, str]] = ()) -> list[str]:
    """Workflow commands that show what did not pass at its line of a pull request, and what is warned of."""
    return [
        *(_annotation(row) for row in rows if row.status is not Status.PASSED),
        *(f"::warning file={_property(_within(file))},title=batchsim::{_data(each)}" for file, each in warnings),
    ]


def _annotation(row: Row) -> str:
    question = row.question
    level = "warning" if row.status is Status.UNKNOWN else "error"
    place = f"file={_property(_within(question.file))}"
    if question.line is not None:
        place += f",line={question.line}"
    title = _property(f"batchsim: {question.scenario}, {question.heading}, {question.way.value}")
    text = "\n".join(filter(None, (row.why, row.again)))
    return f"::{level} {place},title={title}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


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
