"""`--set KEY=VALUE` does what editing the file would do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from batchsim.scenario import Scenario, load_scenario, scenario_from_data
from batchsim.scenario.latencies import Constant, Legs

Complaints = Callable[..., list[str]]

DATA: dict[str, Any] = {
    "name": "x",
    "batch": {"items": 3},
    "items": {"upload": "3 s", "overrides": [{"index": 2, "upload": "200 ms"}]},
    "latency": {
        "redis": {"uniform": ["200 us", "1 ms"]},
        "operations": {"redis.enqueued_count": {"response": "1 ms"}},
    },
    "faults": [
        {"crash": {"actor": "consumer-0"}},
        {"slow": {"operation": "redis.cleanup", "delay": "1 s"}},
    ],
    "expect_explore": {"pr3427": ["ok", "stuck"]},
}

# A key, the same as steps into the data, and a value.
CHANGES: list[tuple[str, tuple[str | int, ...], object]] = [
    ("name", ("name",), "y"),
    ("summary", ("summary",), "a: b, [c] # d"),
    ("batch.items", ("batch", "items"), 5),
    ("batch.call", ("batch", "call"), "batchTriggerAndWait"),
    ("seed", ("seed",), 2**64 - 1),
    ("faults", ("faults",), []),
    ("faults.0.crash.before", ("faults", 0, "crash", "before"), "redis.cleanup"),
    ("faults[1].slow.delay", ("faults", 1, "slow", "delay"), "5 s"),
    ("policies", ("policies",), ["pr4397"]),
    ("items.overrides.0.upload", ("items", "overrides", 0, "upload"), "1 s"),
    ("items.overrides[0].kind", ("items", "overrides", 0, "kind"), "rejected"),
    ("items.execution", ("items", "execution"), {"uniform": ["1 s", "2 s"]}),
    ("latency.redis.uniform.1", ("latency", "redis", "uniform", 1), "9 ms"),
    ("latency.redis", ("latency", "redis"), "9 ms"),
    (
        "latency.operations.redis.enqueued_count.request",
        ("latency", "operations", "redis.enqueued_count", "request"),
        "80 ms",
    ),
    ("latency.operations.run.finish", ("latency", "operations", "run.finish"), "80 ms"),
    ("expect_explore.pr3427", ("expect_explore", "pr3427"), "ok"),
    ("expect_explore.pr3427.1", ("expect_explore", "pr3427", 1), "lost_item"),
]


def edited(data: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    data = copy.deepcopy(data)
    target: Any = data
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return data


def from_file(path: Path, data: dict[str, Any], *overrides: str) -> Scenario:
    path.write_text(yaml.safe_dump(data))
    return replace(load_scenario(path, overrides), file="")


@given(st.lists(st.sampled_from(CHANGES), max_size=4))
def test_overriding_is_editing(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, tuple[str | int, ...], object]]
) -> None:
    # A field inside of one that another change replaces would depend on the order in a way of its own.
    by_key = {path[:2]: (key, path, value) for key, path, value in changes}
    # What replaces a whole list comes last: after it there may be no entry to change.
    chosen = sorted(by_key.values(), key=lambda change: -len(change[1]))
    data = DATA
    for _, path, value in chosen:
        data = edited(data, path, value)
    options = [f"{key}={yaml.safe_dump(value, default_flow_style=True)}" for key, _, value in chosen]
    file = tmp_path_factory.mktemp("scenario") / "s.yaml"
    assert from_file(file, DATA, *options) == from_file(file, data)


def test_missing_mappings_and_entries_come_into_being(folder: Path) -> None:
    bare = {"name": "x", "batch": {"items": 3}}
    options = [
        "items.overrides[0].index=1",
        "items.overrides[0].kind=rejected",
        "items.overrides[1]={index: 2, failed_attempts: 1}",
        "latency.operations.redis.record.request=1 ms",
        "expect.pr3427=[stuck, leaked_keys]",
    ]
    expected = {
        **bare,
        "items": {"overrides": [{"index": 1, "kind": "rejected"}, {"index": 2, "failed_attempts": 1}]},
        "latency": {"operations": {"redis.record": {"request": "1 ms"}}},
        "expect": {"pr3427": ["stuck", "leaked_keys"]},
    }
    assert from_file(folder / "s.yaml", bare, *options) == from_file(folder / "s.yaml", expected)


def test_the_last_option_counts_and_the_seed_option_above_all(folder: Path) -> None:
    (folder / "s.yaml").write_text("name: x\nbatch: {items: 3}\nseed: 2\n")
    assert load_scenario("s.yaml").seed == 2
    assert load_scenario("s.yaml", ["seed=3", "seed=4"]).seed == 4
    assert load_scenario("s.yaml", ["seed=3"], seed=5).seed == 5


def test_an_override_changes_no_other_use_of_an_alias(folder: Path) -> None:
    (folder / "s.yaml").write_text(
        "name: x\nbatch: {items: 1}\nlatency: {redis: &same {uniform: [1 ms, 2 ms]}, postgres: *same}\n"
    )
    plain = load_scenario("s.yaml")
    changed = load_scenario("s.yaml", ["latency.redis.uniform.0=2 ms"])
    assert changed.latency_of("redis.record") != plain.latency_of("redis.record")
    assert changed.latency_of("postgres.seal") == plain.latency_of("postgres.seal")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("batch.items=0", "batch.items: found 0; allowed: a whole number from 1 to 100000"),
        ("batch.items=", "batch.items: found nothing; allowed: a value, or no such key"),
        (
            "batch.item=1",
            "batch.item: found the unknown key 'item'; allowed: items, call, phase_1, calls, idempotency_key; "
            "did you mean 'items'?",
        ),
        ("batch=5", "batch: found 5; allowed: a mapping with items, call, phase_1, calls, idempotency_key"),
        ("batch={}", "batch.items: missing; allowed: a whole number from 1 to 100000"),
        ("items", "found no '='; allowed: KEY=VALUE, such as batch.items=5"),
        ("=5", "found ''; allowed: KEY=VALUE, such as batch.items=5"),
        ("batch..items=5", "found 'batch..items'; allowed: KEY=VALUE, such as batch.items=5"),
        ("name.first=x", "name: found 'x'; allowed: a mapping or a list, to set a field in"),
        (
            "policies.2=pr3427",
            "policies: found the index '2'; allowed: an index from 0 to 1, where 1 appends",
        ),
        (
            "policies.x=pr3427",
            "policies: found the index 'x'; allowed: an index from 0 to 1, where 1 appends",
        ),
        ("seed=!!int 5", "seed: found the tag '!!int'; allowed: no tags"),
        ("seed={a: 1, a: 2}", "seed: found the key 'a' again; allowed: each key once"),
        ("seed=1\n--- 2", "seed: found a second document; allowed: one document per file"),
    ],
)
def test_a_bad_override_is_located_at_its_option(option: str, message: str, complaints: Complaints) -> None:
    label = repr(option) if "\n" in option else option
    text = "name: x\nbatch: {items: 3}\npolicies: [pr3427]\n"
    assert complaints(text, option) == [f"--set {label}: {message}"]


def test_a_deep_or_long_option_ends_in_a_short_message(complaints: Complaints) -> None:
    text = "name: x\nbatch: {items: 3}\n"
    for option in (
        "a." * 5_000 + "a=1",
        "seed=" + "[" * 50_000,
        "items.overrides." + "9" * 5_000 + "=1",
        "k" * 9_000,
    ):
        (message,) = complaints(text, option)
        assert len(message) < 300


@pytest.mark.parametrize(
    "own", ["stream_end: 45 ms", "operations: {redis.enqueued_count: {request: 45 ms, response: 1 ms}}"]
)
@pytest.mark.parametrize("field", ["stream_end", "operations.redis.enqueued_count.request"])
def test_the_end_of_the_stream_is_overridden_by_either_of_its_names(own: str, field: str, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"name: x\nbatch: {{items: 3}}\nlatency: {{{own}}}\n")
    legs = load_scenario(file, [f"latency.{field}=7 ms"]).latency_of("redis.enqueued_count")
    assert isinstance(legs, Legs)
    assert legs.request == Constant(7_000)
    (whole,) = [load_scenario(file, ["latency.operations.redis.enqueued_count=7 ms"])]
    assert not isinstance(whole.latency_of("redis.enqueued_count"), Legs)


def test_data_obeys_the_rules_of_files() -> None:
    assert scenario_from_data(DATA).setting.run_count == 3
    with pytest.raises(Exception, match=r"scenario: batch\.items: found 0; allowed"):
        scenario_from_data(edited(DATA, ("batch", "items"), 0))
