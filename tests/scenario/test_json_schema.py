"""The JSON Schema that editors use says what the validator says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from batchsim.scenario import InvalidScenario, json_schema, scenario_from_data
from batchsim.scenario.names import nameable_operations
from batchsim.scenario.tree import plain
from batchsim.scenario.yaml_file import parse_yaml

SCHEMA = json_schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").rglob("*.yaml"))
HEAD = "name: x\nbatch: {items: 3}\n"


def data_of(text: str) -> dict[str, Any]:
    root = parse_yaml(text, "s.yaml").root
    assert root is not None
    data = plain(root)
    assert isinstance(data, dict)
    return data


def validates(data: dict[str, Any]) -> bool:
    try:
        scenario_from_data(data)
    except InvalidScenario:
        return False
    return True


def test_the_schema_is_one_and_helps_editors() -> None:
    jsonschema_rs.meta.validate(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    operations = SCHEMA["$defs"]["Latencies"]["properties"]["operations"]
    assert operations["propertyNames"]["enum"] == list(nameable_operations())
    assert all("description" in field for field in SCHEMA["properties"].values())
    assert "null" not in json.dumps(SCHEMA)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: str(path.name))
def test_shipped_scenarios_agree_with_the_schema(path: Path) -> None:
    VALIDATOR.validate(data_of(path.read_text(encoding="utf-8")))


GOOD = [
    "",
    "summary: ''",
    "items: {kind: rejected, upload: 0, execution: 1.5 s, failed_attempts: 5}",
    "items: {overrides: [{index: 0}, {index: [1, 2], upload: {exponential: {mean: 1 s, min: 0, max: 2 s}}}]}",
    "latency: {redis: 1 ms, http: {request: 1 ms}, postgres: {request: {uniform: [0, 1 s]}, response: 0}}",
    "latency: {operations: {redis.record: {normal: {mean: 1 ms, sd: 1 ms}}}}",
    "policies: [tombstone]\nfaults: []\nverdicts: []\nseed: 0",
    "expect: {pr3427: ok}\nexpect_explore: {pr3427: [ok, stuck]}",
    "policies: [pr3427, 'mine.py:OURS']\nexpect: {ours: ok}\nexpect_explore: {'mine.py:OURS': ok}",
]
BAD = [
    "unknown: 1",
    "name: ''",
    "batch: {items: 0}",
    "batch: {items: 100001}",
    "batch: {items: 1, call: trigger}",
    "batch: {}",
    "items: {upload: 3}",
    "items: {upload: -1 s}",
    "items: {upload: 1 sec}",
    "items: {upload: true}",
    "items: {upload: {request: 1 s}}",
    "items: {kind: okay}",
    "items: {kind: }",
    "items: {overrides: [{kind: ok}]}",
    "items: {overrides: [{index: []}]}",
    "items: {overrides: [{index: '0'}]}",
    "consumers: '3'",
    "consumers: true",
    "consumers: 0",
    "ingest_concurrency: ~",
    "latency: {redis: {}}",
    "latency: {redis: {uniform: [1 s]}}",
    "latency: {redis: {uniform: [1 s, 2 s], normal: {mean: 1 s, sd: 1 s}, request: 1 s}}",
    "latency: {redis: {uniform: [1 s, 2 s], request: 1 s}}",
    "latency: {redis: {normal: {mean: 1 s}}}",
    "latency: {redis: {lognormal: {median: 1 s, p99: 2 s, max: }}}",
    "latency: {redis: {lognormal: {median: 0, p99: 2 s}}}",
    "latency: {operations: {redis.records: 1 s}}",
    "policies: []",
    "policies: [pr9]",
    "policies: pr3427",
    "faults: {redeliver: {item: 0}}",
    "seed: 18446744073709551616",
    "expect: {pr9: ok}",
    "expect: {pr3427: []}",
    "expect: {pr3427: 5}",
]


@pytest.mark.parametrize("text", GOOD)
def test_both_accept(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = "from dataclasses import replace\nfrom batchsim import POLICIES\n"
    (tmp_path / "mine.py").write_text(f'{own}OURS = replace(POLICIES["pr3427"], name="ours")\n')
    monkeypatch.chdir(tmp_path)
    data = data_of(HEAD + text)
    assert validates(data)
    VALIDATOR.validate(data)


@pytest.mark.parametrize("text", BAD)
def test_both_refuse(text: str) -> None:
    data = data_of(HEAD) | data_of(text)
    assert not validates(data)
    assert not VALIDATOR.is_valid(data)
