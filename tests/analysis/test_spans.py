"""Spans of OpenTelemetry: what is written is OTLP, what is read measures, and a round trip keeps shares."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from batchsim import load_scenario, scenario_from_data, simulate
from batchsim.analysis.calibration import calibrated, shares_of
from batchsim.analysis.spans import PRODUCTION, cleaned_before_count, read_mapping, understand
from batchsim.bad_input import BadInputError
from batchsim.report.otlp import otlp_document
from batchsim.scenario import InvalidScenario, Scenario
from batchsim.scenario.schema.otlp import Span, read_spans

ROOT = Path(__file__).parents[2]
SCENARIO = """
name: three
batch: {items: 3}
items: {upload: 30 ms, execution: 300 ms}
latency:
  operations:
    redis.enqueued_count: {request: {uniform: [0 ms, 60 ms]}, response: 500 us}
    queue.take: {response: {uniform: [0 ms, 50 ms]}}
"""


def three(tmp_path: Path) -> Scenario:
    file = tmp_path / "three.yaml"
    file.write_text(SCENARIO)
    return load_scenario(file)


def runs_of(scenario: Scenario, count: int) -> dict[str, Any]:
    from dataclasses import replace

    policy = scenario.find_policy("pre3427", scenario.directory)
    return otlp_document(
        [(f"batch-{seed}", simulate(replace(scenario, seed=seed), policy).steps) for seed in range(count)]
    )


def test_messages_of_two_batches_are_told_by_their_items() -> None:
    subject = load_scenario(ROOT / "scenarios" / "retried-parent.yaml")
    steps = simulate(subject, subject.find_policy("pre3427", subject.directory)).steps
    assert any(type(step.answer) is tuple for step in steps if step.name == "queue.take")
    assert "processItemCallback" in json.dumps(otlp_document([("batch", steps)]))


@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_message_that_could_not_be_taken_is_none(effect: str) -> None:
    error = {"store_error": {"actor": "consumer", "operation": "queue.take", "effect": effect}}
    subject = scenario_from_data({"name": "x", "batch": {"items": 1}, "consumers": 1, "faults": [error]})
    steps = simulate(subject, subject.find_policy("pr3766", Path())).steps
    assert any(step.raised for step in steps if step.name == "queue.take")
    assert "recordSuccess" in json.dumps(otlp_document([("batch", steps)]))


def test_what_is_written_is_what_otlp_says(tmp_path: Path) -> None:
    proto = pytest.importorskip("opentelemetry.proto_json.trace.v1.trace")
    document = runs_of(three(tmp_path), 2)
    read = proto.TracesData.from_json(json.dumps(document))
    spans = [span for each in read.resource_spans for scope in each.scope_spans for span in scope.spans]
    file = tmp_path / "spans.json"
    file.write_text(json.dumps(document))
    ours = read_spans(file)
    assert len(spans) == len(ours) > 30
    for theirs, span in zip(spans, ours, strict=True):
        assert (theirs.name, theirs.start_time_unix_nano // 1000) == (span.name, span.begin_us)
        assert theirs.end_time_unix_nano // 1000 == span.end_us
        assert (theirs.trace_id.hex(), theirs.span_id.hex()) == (span.trace, span.identity)
        assert {each.key for each in theirs.attributes} == span.attributes.keys()


def test_plain_lines_and_gzip_are_the_same(tmp_path: Path) -> None:
    document = runs_of(three(tmp_path), 3)
    whole, lines, packed = (tmp_path / name for name in ("whole.json", "lines.json", "packed.json.gz"))
    whole.write_text(json.dumps(document, indent=1))
    scopes = document["resourceSpans"][0]["scopeSpans"]
    each = [json.dumps({"resourceSpans": [{"scopeSpans": [scope]}]}) for scope in scopes]
    lines.write_text("\n".join(each) + "\n\n")
    packed.write_bytes(b"".join(gzip.compress(f"{line}\n".encode()) for line in each))
    assert read_spans(whole) == read_spans(lines) == read_spans(packed)


def test_a_round_trip_keeps_the_share(tmp_path: Path) -> None:
    scenario = three(tmp_path)
    policy = scenario.find_policy("pre3427", scenario.directory)
    file = tmp_path / "spans.json"
    file.write_text(json.dumps(runs_of(scenario, 300)))
    understood = understand(read_spans(file))
    assert len(understood.batches) == 300
    assert not understood.unknown
    before = shares_of(scenario, policy, 1500)["false_failure"].value
    after = shares_of(calibrated(scenario, understood.measured), policy, 1500)["false_failure"].value
    assert 0.1 < before < 0.9
    assert abs(before - after) < 0.02


@pytest.mark.parametrize(
    ("cleanup_us", "told"),
    [((10, 20), "yes"), ((210, 220), "no"), ((90, 120), "undecidable"), (None, "undecidable")],
)
def test_cleanup_before_the_count_is_told_where_it_can_be(cleanup_us: tuple[int, int] | None, told: str) -> None:
    def span(name: str, begin_us: int, end_us: int, trace: str = "a") -> Span:
        return Span(name, trace, "", "", begin_us, end_us, {"batch.friendlyId": "b"})

    spans = [span(PRODUCTION.handler, 0, 200), span(PRODUCTION.enqueue, 50, 100)]
    if cleanup_us is not None:
        spans.append(span("cleanup", *cleanup_us, "b"))
    assert cleaned_before_count(spans) == told
    assert understand(spans).batches == {"b": told}


def test_a_clock_that_runs_ahead_is_counted() -> None:
    spans = [
        Span(PRODUCTION.enqueue, "a", "", "", 0, 100, {"batchId": "b", "itemIndex": 0}),
        Span(PRODUCTION.message, "c", "", "", 60, 300, {"batchId": "b", "itemIndex": 0}),
        Span("other", "c", "", "", 60, 300, {}),
    ]
    understood = understand(spans)
    assert understood.behind == 1
    assert understood.measured["queue.take"].response_us == [0]
    assert understood.unknown == {"other": 1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "1:1: found no JSON"),
        ("{}", "1:1: found no resourceSpans; allowed"),
        ("[3]", "1:1: found [3]; allowed"),
        (f'"{"a" * 100}"', f'1:1: found "{"a" * 59}…; allowed'),
        ('{"resourceSpans": []}', "found no spans"),
        (
            '{"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "x"}]}]}]}',
            "no resourceSpans.0.scopeSpans.0.spans.0.startTimeUnixNano",
        ),
        (
            '{"resourceSpans": []}\n{"resourceSpans": 3}\n',
            "2:1: found resourceSpans: 3; allowed",
        ),
        ('{"resourceSpans": []}\nx\n', "2:1: found no JSON"),
    ],
)
def test_what_is_no_otlp_is_told_by_its_place(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "spans.json"
    file.write_text(text)
    with pytest.raises(InvalidScenario) as refused:
        read_spans(file)
    assert told in str(refused.value)
    assert "allowed: OTLP/JSON" in str(refused.value)
    file.write_bytes(b"\x1f\x8b and no more")
    with pytest.raises(InvalidScenario, match="no gzip"):
        read_spans(file)


def test_a_span_that_was_sent_twice_counts_once(tmp_path: Path) -> None:
    def line(*spans: dict[str, str]) -> str:
        times = {"startTimeUnixNano": "0", "endTimeUnixNano": "1000"}
        return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**times, **span} for span in spans]}]}]})

    one, other = ({"name": "getMeta", "traceId": "t", "spanId": each} for each in "ab")
    nameless = {"name": "getMeta", "traceId": "t"}
    file = tmp_path / "spans.json"
    file.write_text("\n".join([line(one, other), line(one), line(nameless, nameless)]))
    assert [span.identity for span in read_spans(file)] == ["a", "b", "", ""]


def test_a_mapping_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mapping.yaml"
    file.write_text("spans: {save: postgres.create_run, both: [redis.record, queue.complete]}\nbatch: batch_id\n")
    mapping = read_mapping(file)
    assert mapping.operations["both"] == ("redis.record", "queue.complete")
    assert mapping.operations["cleanup"] == ("redis.cleanup",)
    spans = [Span("both", "", "", "", 0, 10, {"batch_id": 7}), Span("save", "", "", "", 0, 6, {})]
    understood = understand(spans, mapping)
    assert understood.measured["redis.record"].request_us == [2]
    assert understood.measured["postgres.create_run"].response_us == [3]
    assert understood.batches == {"7": "undecidable"}
    for text, told in (
        ("spans: {x: nope}\n", "x: found 'nope'; allowed: "),
        ("nope: 1\n", "allowed: a mapping with spans"),
        ("spans: [1]\n", "spans: allowed: names"),
        ("", "allowed: a mapping with spans"),
    ):
        file.write_text(text)
        with pytest.raises(BadInputError) as refused:
            read_mapping(file)
        assert told in str(refused.value)
