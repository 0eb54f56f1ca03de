"""Every JSON document is what its schema says, and has nothing that its schema does not tell of."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator, meta

from batchsim.analysis.window import Edge
from batchsim.cli import main
from batchsim.report.formats.csv_of_documents import WORTH_PARTS, csv_of
from batchsim.report.json_schemas import DOCUMENTS, schema_of
from batchsim.report.page.sweeps import lines_of
from tests.short import short_pages

ROOT = Path(__file__).parent.parent
SMALL = ("--set", "batch.items=1")
PAGE = re.compile(r'<script type="application/json" id="document">(.*?)</script>', re.DOTALL)
FEW = ("--delay", "10 ms..1 s:2", "--execution", "10 ms..1 s:2", "--runs", "20", "--workers", "1")
FAULT = ("--fault", "store_error", "--set", "batch.call=batchTrigger")
COMMANDS: dict[str, list[tuple[str, ...]]] = {
    "run": [
        ("run", "scenarios/incident.yaml"),
        ("run", "scenarios/crash-and-redelivery.yaml", "scenarios/race-won.yaml"),
        ("run", "scenarios/incident.yaml", "--run", "3"),
        ("run", "examples/chord.yaml"),
    ],
    "explore": [
        ("explore", "scenarios/incident.yaml", *SMALL),
        ("explore", "scenarios/seal-lost.yaml", *SMALL, "--timed", "--max-states", "2000"),
        ("explore", "scenarios/memoryless.yaml", *SMALL, "--exact"),
        ("explore", "examples/outbox.yaml"),
    ],
    "sweep": [
        ("sweep", "scenarios/crash-before-push.yaml", "--runs", "20", "--vary", "items.execution=1 s..9 s:2"),
    ],
    "window": [
        ("window", "scenarios/incident.yaml", *SMALL, "--policy", "pre3427"),
        ("window", "scenarios/tombstone.yaml", *SMALL, "--policy", "tombstone"),
        ("window", "scenarios/tombstone.yaml", *SMALL, "--policy", "tombstone", "--solve", "tombstone.grace"),
    ],
    "worth": [("worth", "tests/golden/timed.yaml", *FEW)],
    "findings": [("findings", "--items", "1", "--consumers", "1", "--policy", "pr4397", "--workers", "1", *FAULT)],
    "policies": [("policies",)],
    "scenarios": [("scenarios",)],
}


def strict(schema: Any) -> Any:
    """The same, in which an object has no property that is not told of."""
    match schema:
        case dict():
            closed = {key: strict(each) for key, each in schema.items()}
            if "properties" in schema and "$ref" not in schema:
                closed["additionalProperties"] = False
            return closed
        case list():
            return [strict(each) for each in schema]
        case _:
            return schema


def check(document: Any, name: str) -> None:
    schema = schema_of(name)
    meta.validate(schema)
    errors = list(_errors(document, schema))
    assert errors == []


def _errors(document: Any, schema: Any) -> Iterator[str]:
    for each in (schema, strict(schema)):
        for error in Draft202012Validator(each).iter_errors(document):
            yield f"{error.instance_path}: {error.message[:300]}"


def run(*arguments: str) -> None:
    with pytest.raises(SystemExit):
        main(arguments)


@pytest.mark.parametrize(("name", "arguments"), [(name, each) for name, all_ in COMMANDS.items() for each in all_])
def test_documents_are_as_their_schemas_say(
    name: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    short_pages(monkeypatch)
    run(*arguments, "--json", "-")
    document = json.loads(capsys.readouterr().out)
    check(document, name)
    if name in ("explore", "sweep", "worth", "findings"):
        check_table(name, document)


def check_table(name: str, document: Any) -> None:
    """The same as CSV has a row for each of what the document lists."""
    rows = list(csv.DictReader(StringIO(csv_of(name, document))))
    match name:
        case "explore":
            outcomes = [
                (one["policy"], each["verdicts"]) for one in document["explorations"] for each in one["outcomes"]
            ]
            assert [(row["policy"], row["verdicts"].split()) for row in rows] == outcomes
        case "findings":
            nothing: Any = {"verdict": "", "witness": ""}
            found = [
                (cell["policy"], cell["faults"], each["verdict"], len(each["witness"]))
                for cell in document["cells"]
                for each in cell["verdicts"] or (nothing,)
            ]
            assert [(r["policy"], r["faults"].split(), r["verdict"], int(r["steps"] or 0)) for r in rows] == found
        case _:
            parts = [document] if name == "sweep" else [document[part] for part in WORTH_PARTS]
            shares = [
                (cell["policy"], verdict, each["count"], each["low"])
                for part in parts
                for cell in part["sweep"]
                for verdict, each in cell["verdicts"].items()
            ]
            assert [(r["policy"], r["verdict"], int(r["count"]), float(r["low"])) for r in rows] == shares
            assert all(row[axis] for row in rows for axis in parts[0]["sweep"][0]["point"])


def test_a_witness_is_as_its_schema_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    run("explore", "scenarios/incident.yaml", *SMALL, "--witness", str(tmp_path / "all"), "--quiet")
    timed = ("--timed", "--policy", "pre3427", "--max-states", "2000")
    run("explore", "scenarios/seal-lost.yaml", *SMALL, *timed, "--witness", str(tmp_path / "timed"), "--quiet")
    witnesses = [json.loads(path.read_text()) for path in tmp_path.glob("*/*.json")]
    assert {"latencies" in each for each in witnesses} == {True, False}
    for each in witnesses:
        check(each, "witness")


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "scenarios/seal-lost.yaml", *SMALL, "--policy", "pre3427"),
        ("run", "scenarios/tombstone.yaml", *SMALL, "--policy", "tombstone"),
        ("explore", "examples/outbox.yaml"),
        ("findings", "--items", "1", "--consumers", "1", "--policy", "pr4397", "--workers", "1", *FAULT),
        ("explore", "scenarios/seal-lost.yaml", *SMALL, "--timed"),
        ("explore", "scenarios/memoryless.yaml", *SMALL, "--exact"),
        ("explore", "scenarios/tombstone.yaml", *SMALL, "--reduce"),
        ("sweep", "scenarios/incident.yaml", *SMALL, "--runs", "20", "--vary", "items.execution=1 s..9 s:2"),
    ],
)
def test_what_a_page_shows_is_as_its_schema_says(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    short_pages(monkeypatch)
    run(*arguments, "--html", str(tmp_path / "page.html"), "--quiet")
    check(document_in(tmp_path / "page.html"), "page")


@given(st.integers(1, 9), st.integers(-40, 40))
def test_the_edge_of_a_window_on_a_page_is_where_its_slack_is_0(slope: int, offset: int) -> None:
    numbers = np.linspace(0, 1000, 21)
    slack = numbers[:, None] - slope * numbers[None, :] + offset
    points = [point for line in lines_of(Edge("v", ("p",), (numbers, numbers), slack)) for point in line]
    assert points
    assert all(abs(x - slope * y + offset) <= (slope + 1) / 2 for x, y in points)
    (crossing,) = lines_of(Edge("v", ("p",), (numbers,), numbers - 100 * slope + offset / 2))
    assert crossing == [[round(100 * slope - offset / 2)]]


def test_the_index_is_as_its_schema_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    short_pages(monkeypatch)
    run("report", "examples/lease.yaml", "examples/outbox.yaml", "-o", str(tmp_path), "--quiet")
    for page in ("index", "lease", "outbox"):
        check(document_in(tmp_path / f"{page}.html"), "page")


def document_in(page: Path) -> Any:
    """The JSON that a page shows."""
    found = PAGE.search(page.read_text())
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_printed_by_name(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("schema", "--of", name)
    assert json.loads(capsys.readouterr().out) == schema_of(name)


def test_an_unknown_document_is_refused_with_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["schema", "--of", "rn"])
    assert ended.value.code == 2
    assert "--of: found 'rn'; allowed: run, explore" in capsys.readouterr().err


def test_the_reference_has_every_field_of_every_document() -> None:
    pytest.importorskip("mkdocs")
    from tools.docs_hooks import documents_page

    page = documents_page()
    sections = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    assert list(sections) == list(DOCUMENTS)
    assert "| `costs[].extra.round_trips` | number |" in sections["worth"]
    assert "| `runs[].client.status` | integer or null |" in sections["run"]
    for document, text in sections.items():
        assert all(f"| `{name}` |" in text for name in named_in(schema_of(document))), document


def named_in(schema: dict[str, Any]) -> Iterator[str]:
    """The fields on top of a document, be it one of several."""
    for each in (schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from each.get("properties", ())
