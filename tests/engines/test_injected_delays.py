"""Slow operations: they come later, what depends on them may turn out otherwise, and nobody else's draws shift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim.batch.operations import OPERATIONS
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.trace import Trace
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario, Slow
from tests.engines.test_common_random_numbers import legs_of
from tests.strategies import policies, request_leg, scenarios, timeless

MS = 1_000
S = 1_000 * MS


def slowed(scenario: Scenario, *delays: Slow) -> Scenario:
    return replace(scenario, injected_delays=delays)


def slow(operation: str, delay: str, **fields: Any) -> dict[str, Any]:
    return {"slow": {"operation": operation, "delay": delay, **fields}}


def run(faults: Sequence[dict[str, Any]], policy: str = "pr3766", /, **fields: Any) -> Trace:
    operations = fields.pop("operations", {})
    return simulate(timeless(operations, faults=list(faults), **fields), POLICIES[policy])


def times_ms(trace: Trace, name: str) -> list[float]:
    return [step.at_us / MS for step in trace.steps if step.name == name]


# -- what it changes ---------------------------------------------------------------------------

LATE_COUNT = timeless({"redis.enqueued_count": request_leg("1 s")}, items={"execution": "1 h"})
"""The handler counts a second after the push, and the consumer has cleaned up by then."""
SLOW_CLEANUP = Slow(operation="redis.cleanup", delay_us=2 * S)


def verdicts(scenario: Scenario, policy: str) -> tuple[str, ...]:
    return verdicts_of(simulate(scenario, POLICIES[policy]).outcome)


def test_a_slow_cleanup_loses_the_race_and_saves_the_call() -> None:
    assert verdicts(LATE_COUNT, "pre3427") == ("false_failure",)
    assert verdicts(slowed(LATE_COUNT, SLOW_CLEANUP), "pre3427") == ("ok",)


def test_where_every_order_is_well_it_must_change_no_verdict() -> None:
    fixed = slowed(LATE_COUNT, SLOW_CLEANUP)
    assert verdicts(LATE_COUNT, "pr3766") == verdicts(fixed, "pr3766") == ("ok",)
    assert times_ms(simulate(fixed, POLICIES["pr3766"]), "redis.cleanup") == [2_000]


@pytest.mark.parametrize(
    "fields",
    [{"actor": "handler-1"}, {"actor": "consumer-1"}, {"item": 0}, {"attempt": 1}, {"operation": "redis.expire"}],
)
def test_a_delay_of_something_else_changes_nothing(fields: dict[str, Any]) -> None:
    elsewhere = replace(SLOW_CLEANUP, **fields)
    policy = POLICIES["pre3427"]
    trace = simulate(slowed(LATE_COUNT, elsewhere), policy)
    assert trace.faults == (0,)
    assert replace(trace, faults=()) == simulate(LATE_COUNT, policy)


# -- which use, and how much -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "at_ms"),
    [
        ({}, [10, 10, 10]),
        ({"item": 1}, [0, 10, 10]),
        ({"actor": "handler", "item": 2}, [0, 0, 10]),
        ({"actor": "handler-1", "attempt": 1}, [10, 10, 10]),
        ({"attempt": 2}, [0, 0, 0]),
        ({"probability": 1}, [10, 20, 30]),
    ],
)
def test_pinned_it_is_the_first_use_that_fits(fields: dict[str, Any], at_ms: list[float]) -> None:
    trace = run([slow("redis.mark_enqueued", "10 ms", **fields)], batch={"items": 3})
    assert times_ms(trace, "redis.mark_enqueued") == at_ms


def test_it_comes_before_the_effect_and_on_top_of_the_latency() -> None:
    trace = run([slow("postgres.find_batch", "7 us")], operations={"postgres.find_batch": "5 us"})
    first = trace.steps[0]
    assert (first.issued_us, first.at_us, first.answered_us) == (0, 9, 12)


def test_entries_that_fit_the_same_use_add_up() -> None:
    entries = [slow("redis.mark_enqueued", "10 ms"), slow("redis.mark_enqueued", "1 ms", item=0)]
    assert times_ms(run(entries), "redis.mark_enqueued") == [11]


def test_each_run_has_its_first_use() -> None:
    scenario = slowed(LATE_COUNT, SLOW_CLEANUP)
    policy = POLICIES["pre3427"]
    assert simulate(scenario, policy) == simulate(scenario, policy)


def test_an_answer_is_slow_on_its_way_back() -> None:
    entry = slow("http.deliver", "1 s", attempt=2)
    operations = {"redis.enqueued_count": request_leg("1 s"), "sdk.backoff": request_leg("1 s")}
    usual, late = (run(faults, "pre3427", operations=operations) for faults in ([], [entry]))
    assert times_ms(usual, "http.deliver")[:2] == [1_000, 2_000]
    assert times_ms(late, "http.deliver")[:2] == [1_000, 3_000]


def test_a_delayed_job_is_delayed_longer() -> None:
    trace = run([slow("jobs.take_completion", "1 s")], items={"execution": "3 s"})
    assert times_ms(trace, "jobs.take_completion") == [1_200, 3_200]


def test_a_message_that_was_put_back_stays_away_longer() -> None:
    trace = run(
        [slow("queue.retry", "1 s", attempt=2)],
        operations={"queue.retry": request_leg("40 ms")},
        consumers=1,
        items={"failed_attempts": 2},
    )
    assert times_ms(trace, "queue.take") == [0, 40, 1_080]


def test_the_reaper_comes_later() -> None:
    batch = {"items": 1, "call": "batchTriggerAndWait"}
    trace = run([slow("jobs.take_expiry", "1 s")], "pr4397", batch=batch, items={"upload": "1 h"})
    assert times_ms(trace, "jobs.take_expiry") == [1_801_000]


def test_what_two_kinds_of_actors_do_is_slow_for_one_of_them() -> None:
    trace = run([slow("redis.get_meta", "10 ms", actor="consumer")])
    assert times_ms(trace, "redis.get_meta") == [0, 10]


# -- with a probability ------------------------------------------------------------------------


def slow_items(policy: str, seed: int) -> list[int]:
    """Of 500 items, those whose mark is slow with a probability of 30 %."""
    faults = [slow("redis.mark_enqueued", "1 s", probability="30%")]
    trace = run(faults, policy, batch={"items": 500}, consumers=50, seed=seed)
    marks = (step for step in trace.steps if step.name == "redis.mark_enqueued" and step.actor[:9] == "handler-1")
    return sorted(step.operation.item or 0 for step in marks if step.at_us - step.issued_us == S)


def test_about_as_many_are_slow_as_the_probability_says_under_every_policy_the_same() -> None:
    first, second = (slow_items("pr3766", seed) for seed in (1, 2))
    assert first != second
    assert 120 <= len(first) <= 180
    assert 120 <= len(second) <= 180
    assert slow_items("pr4397", 1) == first


def test_each_use_draws_anew() -> None:
    trace = run([slow("redis.record", "1 s", probability=0.5)], batch={"items": 100}, consumers=1)
    added_us = [step.at_us - step.issued_us for step in trace.steps if step.name == "redis.record"]
    assert set(added_us) == {0, S}
    assert 35 <= added_us.count(S) <= 65


def test_two_entries_of_one_operation_draw_each_their_own() -> None:
    entries = [slow("redis.mark_enqueued", delay, probability=0.5) for delay in ("1 s", "10 s")]
    trace = run(entries, batch={"items": 100})
    added = {(step.at_us - step.issued_us) // S for step in trace.steps if step.name == "redis.mark_enqueued"}
    assert added == {0, 1, 10, 11}


# -- whom it leaves alone ----------------------------------------------------------------------

ACTORS = ["handler", "handler-1", "handler-2", "consumer", "consumer-0", "consumer-2"]
DELAYS = st.builds(
    Slow,
    operation=st.sampled_from(list(OPERATIONS)),
    delay_us=st.integers(1, 3 * S),
    actor=st.none() | st.sampled_from(ACTORS),
    item=st.none() | st.integers(0, 5),
    attempt=st.none() | st.integers(1, 5),
    probability=st.none() | st.floats(0.01, 1),
)


@settings(max_examples=150)
@given(scenarios(), policies(), DELAYS)
def test_nobody_elses_draws_shift(scenario: Scenario, policy: Policy, one: Slow) -> None:
    usual = legs_of(simulate(scenario, policy))
    late = legs_of(simulate(slowed(scenario, one), policy))
    common = usual.keys() & late.keys()
    assert ("handler-1", "postgres.find_batch", 0) in common
    for use in common:
        (request_us, response_us), (late_request_us, late_response_us) = usual[use], late[use]
        assert late_response_us == response_us
        if use[1] != one.operation:
            assert late_request_us == request_us
        elif request_us is not None and late_request_us is not None:
            assert late_request_us - request_us in (0, one.delay_us)


def test_the_visibility_timeout_of_one_item_can_be_longer() -> None:
    """It begins when messages are claimed, a step that is about no item before it took effect."""
    crashes = [{"crash": {"before": "postgres.create_run", "item": item}} for item in (0, 1)]
    trace = run([*crashes, slow("queue.redeliver", "10 s", item=1)], batch={"items": 2}, consumers=3)
    came_back = {step.operation.item: step.at_us for step in trace.steps if step.name == "queue.redeliver"}
    assert 60 * S <= came_back[0] <= 65 * S
    assert came_back[1] == came_back[0] + 10 * S  # both were claimed by one script, and one scan would find them
