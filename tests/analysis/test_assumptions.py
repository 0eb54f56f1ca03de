"""What a scenario assumes without saying so, or says without effect, is warned of; nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchsim.analysis.assumptions import warnings_of
from batchsim.analysis.batch.holding import longest_us
from batchsim.analysis.issuing import issued_in, unissued
from batchsim.batch.operations import OPERATIONS
from batchsim.batch.policies import POLICIES
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario, find_policy, load_scenario, scenario_from_data
from batchsim.scenario.shipped import shipped_files
from tests.strategies import SECOND_US
from tests.trying import examples

OUTLASTED = {"operations": {"postgres.create_run": "90 s"}}


def scenario_of(**fields: Any) -> Scenario:
    return scenario_from_data({"name": "x", "batch": {"items": 2}, **fields})


def warned(scenario: Scenario, *names: str) -> list[str]:
    chosen = names or scenario.policies
    return list(warnings_of(scenario, [(name, find_policy(name, scenario.directory)) for name in chosen]))


@pytest.mark.parametrize("file", shipped_files(), ids=lambda file: file.stem)
def test_no_shipped_scenario_is_warned_of(file: Path) -> None:
    assert warned(load_scenario(file)) == []


def test_work_that_outlasts_the_visibility_timeout_is_warned_of_with_the_fault_to_list() -> None:
    (warning,) = warned(scenario_of(latency=OUTLASTED))
    assert warning == (
        "a consumer can hold a message for 1.5 min, longer than its visibility timeout of 60 s, and no redelivery "
        "is listed, so it stays with its consumer, where production would deliver it again; to see that, list "
        "'redeliver: {item: 0}' under faults, or 'redeliver: {at_most: 1}' for an exploration of any"
    )
    one = {"items": 1}
    for fault in ({"item": 0}, {"item": 0, "at": "1 min"}, {"at_most": 1}):
        assert warned(scenario_of(latency=OUTLASTED, batch=one, faults=[{"redeliver": fault}])) == []


def test_a_redelivery_of_one_item_says_nothing_of_another() -> None:
    of_first, of_any = {"redeliver": {"item": 0}}, {"redeliver": {"at_most": 1}}
    (warning,) = warned(scenario_of(latency=OUTLASTED, faults=[of_first]))
    assert warning.startswith("a consumer can hold the message of item 1 for 1.5 min, longer than its visibility")
    assert "no redelivery of it is listed" in warning
    assert "list 'redeliver: {item: 1}' under faults" in warning
    for faults in ([of_any], [of_first, of_any], [of_first, {"redeliver": {"item": 1}}]):
        assert warned(scenario_of(latency=OUTLASTED, faults=faults)) == []


@pytest.mark.parametrize(
    ("latency", "how_long"),
    [
        (
            {"redis.record": {"lognormal": {"median": "1 ms", "p99": "5 ms"}}},
            "any time, longer than its visibility",
        ),
        (
            {"redis.record": {"exponential": {"mean": "9 ms", "max": "3 min"}}},
            "1.5 min, longer than its visibility",
        ),
        (
            {"queue.redeliver": {"exponential": {"mean": "700 h"}}},
            "56.5 ms, longer than its visibility timeout of 0 us",
        ),
    ],
)
def test_where_all_latencies_count_the_rarest_do(latency: dict[str, Any], how_long: str) -> None:
    """A proof within the intervals is one of them too."""
    scenario = scenario_of(latency={"operations": latency}, batch={"items": 1})
    policies = [("pr4397", POLICIES["pr4397"])]
    assert "can hold" not in " ".join(warnings_of(scenario, policies))
    (warning,) = (each for each in warnings_of(scenario, policies, rare=0) if "can hold" in each)
    assert f"a consumer can hold a message for {how_long}" in warning


def test_of_a_crash_that_brings_a_message_back_the_warning_does_not_say_that_nothing_comes_back() -> None:
    crash = {"crash": {"actor": "consumer-0", "before": "redis.get_meta"}}
    scenario = scenario_of(latency=OUTLASTED, batch={"items": 1}, faults=[crash])
    assert "queue.redeliver" in {step.name for step in simulate(scenario, POLICIES["pr4397"]).steps}
    (warning,) = warned(scenario)
    assert "it stays with its consumer" in warning
    assert "none happens" not in warning


def test_with_other_values_too_nothing_is_said_of_the_visibility_timeout_that_contradicts_it() -> None:
    """Work outlasts the timeout with one value of it, and with the other it does not."""
    short, long = (
        scenario_of(latency={"operations": {"postgres.create_run": "50 s", "queue.redeliver": timeout}})
        for timeout in ("10 s", "100 s")
    )
    policies = [("pr4397", POLICIES["pr4397"])]
    for one, other in ((short, long), (long, short)):
        (warning,) = warnings_of(one, policies, [other])
        assert warning.startswith(
            "a consumer can hold a message for 50.1 s, longer than its visibility timeout of 10 s"
        )
    alone = "latency.operations.queue.redeliver has no effect: nobody issues queue.redeliver under pr4397"
    assert warnings_of(long, policies) == (alone,)


def test_a_redelivery_as_the_warning_words_it_happens_when_the_timeout_has_passed_since_the_claim() -> None:
    """However late that is: the batch is uploaded first, for two minutes."""
    fields = {"latency": OUTLASTED, "items": {"upload": "2 min"}, "batch": {"items": 1}}
    (warning,) = warned(scenario_of(**fields))
    assert "'redeliver: {item: 0}'" in warning
    trace = simulate(scenario_of(**fields, faults=[{"redeliver": {"item": 0}}]), POLICIES["pr4397"])
    at_us = {step.name: step.at_us for step in reversed(trace.steps)}
    # 60 s, and a scan every 5 s.
    assert 60 * SECOND_US <= at_us["queue.redeliver"] - at_us["queue.claim"] <= 65 * SECOND_US


@pytest.mark.parametrize(
    ("fields", "is_warned_of"),
    [
        ({"latency": {"operations": {"postgres.create_run": "59 s"}}}, False),
        ({"latency": {"operations": {"postgres.create_run": {"uniform": ["1 ms", "61 s"]}}}}, True),
        ({"latency": {"operations": {"redis.record": {"lognormal": {"median": "1 ms", "p99": "5 ms"}}}}}, False),
        ({"latency": {"operations": {"redis.record": {"exponential": {"mean": "9 s"}}}}}, True),
        ({"latency": {"operations": {"redis.record": {"exponential": {"mean": "9 s", "max": "90 s"}}}}}, False),
        ({"latency": {"operations": {"redis.record": {"exponential": {"mean": "8 s"}}}}}, False),
        # What passes before the message is claimed, and after it is completed, counts for nothing.
        ({"latency": {"operations": {"queue.take": {"request": "90 s", "response": 0}}}}, False),
        ({"latency": {"operations": {"queue.take": {"request": 0, "response": "90 s"}}}}, True),
        ({"latency": {"operations": {"redis.record": {"request": 0, "response": "90 s"}}}}, False),
        ({"latency": {"operations": {"redis.cleanup": "2 min"}}}, False),
        ({"latency": OUTLASTED, "items": {"kind": "rejected"}}, True),  # it is refused by a step like any insert
        (
            {"latency": {"operations": {"queue.redeliver": "1 ms"}}, "faults": [{"crash": {"actor": "consumer"}}]},
            True,
        ),
        ({"faults": [{"slow": {"operation": "redis.record", "delay": "61 s"}}]}, True),
        ({"faults": [{"slow": {"operation": "redis.record", "delay": "61 s", "item": 1}}]}, True),
        ({"faults": [{"slow": {"operation": "redis.get_meta", "delay": "61 s", "actor": "handler"}}]}, False),
    ],
)
def test_what_counts_is_the_time_for_which_a_message_is_held(fields: dict[str, Any], is_warned_of: bool) -> None:
    found = [each for each in warned(scenario_of(**fields)) if "can hold a message" in each]
    assert bool(found) == is_warned_of


def test_a_policy_that_completes_last_holds_its_message_while_it_finalizes() -> None:
    scenario = scenario_of(latency={"operations": {"redis.cleanup": {"request": "90 s", "response": 0}}})
    assert [bool(warned(scenario, name)) for name in ("pr4397", "proposed")] == [False, True]


@given(seed=st.integers(0, 10**6), name=st.sampled_from(sorted(POLICIES)), shows=st.booleans())
@settings(max_examples=20)
def test_no_run_holds_a_message_for_longer(seed: int, name: str, shows: bool) -> None:
    faults: list[Any] = [{"crash": {"actor": "handler-5", "before": "postgres.seal"}}] if not shows else []
    faults += [{"redeliver": {"item": 0, "at": "5 h"}}] if shows else []
    scenario = scenario_of(seed=seed, faults=faults, latency={"redis": {"uniform": ["1 ms", "1 s"]}})
    trace = simulate(scenario, POLICIES[name])
    taken: dict[str, int] = {}
    for step in trace.steps:
        if step.actor.startswith("consumer"):
            if step.name == "queue.take":
                taken[step.actor] = step.at_us
            elif step.operation.message is not None:
                held_us = step.at_us - taken[step.actor]
                assert held_us <= longest_us(scenario, POLICIES[name], step.operation.message.item)


def unused(field: str, operation: str, policies: str) -> str:
    return f"{field} has no effect: nobody issues {operation} under {policies}"


@pytest.mark.parametrize(
    ("operation", "fields", "with_effect"),
    [
        ("redis.expire", {}, {"policies": ["tombstone"]}),
        ("jobs.take_expiry", {}, {"batch": {"items": 2, "call": "batchTriggerAndWait"}, "policies": ["pr4397"]}),
        ("jobs.take_expiry", {"batch": {"items": 2, "call": "batchTriggerAndWait"}}, {"policies": ["pr4397"]}),
        ("queue.redeliver", {}, {"faults": [{"redeliver": {"at_most": 1}}]}),
        ("queue.complete", {}, {"faults": [{"crash": {"actor": "consumer-2", "before": "redis.record"}}]}),
        ("network.drop", {}, {"faults": [{"disconnect": {"attempt": 1}}]}),
        ("queue.retry", {}, {"items": {"overrides": [{"index": 1, "failed_attempts": 1}]}}),
        ("queue.retry", {}, {"faults": [{"store_error": {"operation": "redis.record", "probability": "1%"}}]}),
        ("jobs.return", {}, {"faults": [{"crash": {"actor": "job", "before": "postgres.find_runs"}}]}),
        ("jobs.retry", {}, {"faults": [{"store_error": {"actor": "job", "at_most": 1}}]}),
        # A fault that has a moment, behind one that a single run does without.
        (
            "network.drop",
            {},
            {"faults": [{"disconnect": {"at_most": 1}}, {"lost_state": {"keys": "*", "at": "1 s"}}]},
        ),
        (
            "queue.kept_in_flight",
            {"policies": ["pr4569"]},
            {"policies": ["pr4569"], "faults": [{"redeliver": {"at_most": 1}}]},
        ),
        ("queue.push", {"policies": ["proposed"]}, {"policies": ["proposed", "pr4397"]}),
        ("redis.enqueued_count", {"policies": ["local_count"]}, {"policies": ["local_count", "pre3427"]}),
        (
            "run.finish",
            {"items": {"kind": "pre_failed"}},
            {"items": {"overrides": [{"index": 0, "kind": "rejected"}]}},
        ),
    ],
)
def test_a_latency_of_what_nobody_issues(
    operation: str, fields: dict[str, Any], with_effect: dict[str, Any]
) -> None:
    latency = {"latency": {"operations": {operation: "1 s"}}}
    usual: dict[str, Any] = {"policies": ["pre3427"], **fields}
    expected = unused(f"latency.operations.{operation}", operation, usual["policies"][0])
    assert expected in warned(scenario_of(**latency, **usual))
    assert warned(scenario_of(**latency, **{**usual, **with_effect})) == []


def test_settings_that_something_else_leaves_without_effect() -> None:
    own = {"operations": {"store.upload": "1 s", "run.finish": "1 s"}}
    assert warned(scenario_of(items={"upload": "2 s", "execution": "2 s"}, latency=own)) == [
        "latency.operations.store.upload has no effect: items.upload is given",
        "latency.operations.run.finish has no effect: items.execution is given",
    ]
    small = {"upload": "2 s", "overrides": [{"index": [0, 1], "upload": 0}]}
    assert warned(scenario_of(items=small), "pre3427") == [unused("items.upload", "store.upload", "pre3427")]
    rejected = {"overrides": [{"index": 1, "kind": "rejected", "execution": "1 s"}]}
    assert warned(scenario_of(items=rejected)) == [
        "items.overrides[0].execution has no effect: no child run of these items executes"
    ]
    assert warned(scenario_of(batch={"items": 1}, ingest_concurrency=5)) == [
        "ingest_concurrency has no effect: the batch has one item"
    ]
    assert warned(scenario_of(limits={"concurrency": 5})) == [
        "limits.concurrency has no effect: no fault can bring a message back, so claims are no steps"
    ]
    returned = [{"redeliver": {"at_most": 1}}]
    assert "there are no more messages than slots" in "".join(
        warned(scenario_of(limits={"concurrency": 5}, faults=returned))
    )
    assert warned(scenario_of(batch={"items": 6}, limits={"concurrency": 5}, faults=returned)) == []
    assert warned(scenario_of(latency={"http": "1 s", "operations": {"http.deliver": "2 s"}}), "pre3427") == [
        unused("latency.http", "an operation that follows it", "pre3427")
    ]
    assert warned(scenario_of(policies=["pre3427"], expect={"pr3427": "ok"})) == [
        "expect.pr3427 has no effect: the policy is not among those of the scenario"
    ]
    assert warned(scenario_of(policies=["pre3427"], expect={"pr3427": "ok"}), "pr3427") == []


FAULTS: list[dict[str, Any]] = [
    {"redeliver": {"at_most": 1}},
    {"crash": {"at_most": 1}},
    {"store_error": {"at_most": 1}},
    {"disconnect": {"at_most": 1}},
    {"lost_response": {"at_most": 1}},
    {"cut": {"at_most": 1}},
]


@given(
    items=st.integers(1, 2),
    kinds=st.lists(st.sampled_from(["ok", "pre_failed", "rejected"]), min_size=3, max_size=3),
    call=st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
    fault=st.sampled_from([None, *FAULTS]),
    name=st.sampled_from(sorted(POLICIES)),
    number=st.integers(0, 30),
)
@example(1, ["rejected"] * 3, "batchTrigger", {"redeliver": {"at_most": 1}}, "local_count", 0)
@settings(max_examples=examples(3, searched=8))
def test_what_some_schedule_issues_is_never_said_to_be_unissued(
    items: int, kinds: list[str], call: str, fault: dict[str, Any] | None, name: str, number: int
) -> None:
    from batchsim.engines.exhaustive.sampling_walks import Walker

    overrides = [{"index": index, "kind": kind} for index, kind in enumerate(kinds[:items])]
    scenario = scenario_of(
        batch={"items": items, "call": call},
        items={"overrides": overrides},
        faults=[] if fault is None else [fault],
    )
    walker = Walker(scenario.system(POLICIES[name]))
    steps = {step.operation.name for walk in range(20) for step in walker.walk(number * 20 + walk).steps}
    left = unissued(scenario, [POLICIES[name]], {each: frozenset((each,)) for each in OPERATIONS})
    assert steps.isdisjoint(left)


def test_an_error_that_is_about_one_item_is_no_error_of_a_batch_of_another() -> None:
    error = {"store_error": {"actor": "consumer", "operation": "redis.record", "item": 1}}
    assert warned(scenario_of(consumers=1, faults=[error]), "pr4397") == []


def test_what_a_fault_brings_is_issued_in_scenarios_with_that_fault_alone() -> None:
    plain = load_scenario(Path(__file__).parents[2] / "examples" / "chord.yaml", ["faults=[]"])
    lost = load_scenario(
        Path(__file__).parents[2] / "examples" / "chord.yaml", ["faults=[lost_state: {keys: '*', at_most: 1}]"]
    )
    assert "lost_state.begin" in issued_in(lost)
    assert "lost_state.begin" not in issued_in(plain)
