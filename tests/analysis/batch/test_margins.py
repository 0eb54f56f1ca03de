"""By how much a race was won or lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings

from batchsim.analysis.batch.margins import race_margin, seal_margin
from batchsim.analysis.margins import Margin
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.trace import Trace
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario
from tests.strategies import policies, request_leg, scenarios, timeless
from tests.trying import examples


def duration_us(margin: Margin) -> tuple[int, int]:
    """How long the endpoint and its rival took since their last common cause."""
    return (
        sum(leg.duration_us for leg in margin.endpoint_legs),
        sum(leg.duration_us for leg in margin.rival_legs),
    )


def race(count: str, cleanup: str, seed: int = 1) -> Margin:
    """Between them lies the push of the only item; then each takes its own time."""
    latency = {"redis.enqueued_count": request_leg(count), "redis.cleanup": request_leg(cleanup)}
    margin = race_margin(simulate(timeless(latency, seed=seed), POLICIES["pre3427"]))
    assert margin is not None
    return margin


@pytest.mark.parametrize(
    ("count", "cleanup", "margin_us"),
    [("3 ms", "5 ms", 2_000), ("5 ms", "3 ms", -2_000), ("5 ms", "5001 us", 1), ("5 ms", "4999 us", -1)],
)
def test_the_margin_is_the_rivals_instant_minus_the_endpoints(count: str, cleanup: str, margin_us: int) -> None:
    margin = race(count, cleanup)
    assert margin.margin_us == margin_us
    assert margin.is_won == (margin_us > 0)
    assert (margin.endpoint.name, margin.rival.name) == ("redis.enqueued_count", "redis.cleanup")
    assert margin.cause is not None
    assert margin.cause.name == "queue.push"
    endpoint_us, rival_us = duration_us(margin)
    assert rival_us - endpoint_us == margin_us


def test_a_race_at_one_instant_is_won_by_the_order_of_effects() -> None:
    results = set()
    for seed in range(30):
        margin = race("5 ms", "5 ms", seed)
        assert margin.margin_us == 0
        assert margin.endpoint.answer == (1 if margin.is_won else 0)
        results.add(margin.is_won)
    assert results == {True, False}


def sealed(operations: dict[str, object], kind: str, policy: str = "pr3427") -> Margin:
    latency: dict[str, object] = {
        "redis.cleanup": request_leg("1 h"),
        "postgres.seal": request_leg("12 ms"),
        **operations,
    }
    margin = seal_margin(simulate(timeless(latency, items={"kind": kind}), POLICIES[policy]))
    assert margin is not None
    assert margin.endpoint.name == "postgres.seal"
    endpoint_us, rival_us = duration_us(margin)
    assert rival_us - endpoint_us == margin.margin_us
    return margin


@pytest.mark.parametrize(("debounce", "margin_us"), [("10 ms", -2_000), ("15 ms", 3_000)])
def test_the_seal_races_the_completion_job(debounce: str, margin_us: int) -> None:
    margin = sealed({"jobs.take_completion": request_leg(debounce)}, "pre_failed")
    assert margin.rival.name == "postgres.set_completed"
    assert margin.margin_us == margin_us
    assert margin.is_won == (margin_us > 0)


@pytest.mark.parametrize("kind", ["rejected", "pre_failed"])
def test_a_completion_update_is_a_rival_where_it_ends_pending(kind: str) -> None:
    margin = sealed({"postgres.completion_update": request_leg("7 ms")}, kind)
    ends_pending = kind == "rejected"
    assert margin.rival.name == ("postgres.completion_update" if ends_pending else "postgres.set_completed")
    assert margin.margin_us == (-5_000 if ends_pending else 195_000)


def test_a_completion_update_that_seals_is_a_rival() -> None:
    margin = sealed({"postgres.completion_update": request_leg("7 ms")}, "ok", "seal_at_finalize")
    assert margin.rival.name == "postgres.completion_update"
    assert margin.margin_us == -5_000


def test_a_completion_update_that_would_have_sealed_is_a_rival_where_it_came_too_late() -> None:
    margin = sealed({"postgres.completion_update": request_leg("20 ms")}, "ok", "seal_at_finalize")
    assert margin.rival.name == "postgres.completion_update"
    assert margin.margin_us == 8_000


def test_a_set_that_cleanup_keeps_is_raced_by_its_expiry() -> None:
    latency = {"redis.enqueued_count": request_leg("5 ms"), "redis.expire": request_leg("1 s")}
    margin = race_margin(simulate(timeless(latency), POLICIES["tombstone"]))
    assert margin is not None
    assert (margin.endpoint.name, margin.rival.name, margin.margin_us) == (
        "redis.enqueued_count",
        "redis.expire",
        995_000,
    )


def test_the_reaper_is_a_rival_where_it_aborted() -> None:
    scenario = timeless(
        {"jobs.take_expiry": request_leg("4 ms"), "postgres.seal": request_leg("12 ms")},
        batch={"items": 1, "call": "batchTriggerAndWait"},
    )
    margin = seal_margin(simulate(scenario, POLICIES["pr4397"]))
    assert margin is not None
    assert margin.rival.name == "postgres.abort"
    assert margin.margin_us == -8_000
    assert margin.cause is None


def test_a_write_that_changed_no_row_is_no_rival() -> None:
    """The reaper reads at 1 ms, and aborts at 11 ms, too late: the seal was there at 5 ms."""
    scenario = timeless(
        {
            "jobs.take_expiry": request_leg("1 ms"),
            "postgres.abort": request_leg("10 ms"),
            "postgres.seal": request_leg("5 ms"),
        },
        batch={"items": 1, "call": "batchTriggerAndWait"},
    )
    margin = seal_margin(simulate(scenario, POLICIES["pr4397"]))
    assert margin is not None
    assert margin.rival.name == "postgres.set_completed"
    assert margin.margin_us == 695_000


def test_no_race_no_margin() -> None:
    scenario = timeless()
    assert race_margin(simulate(scenario, POLICIES["local_count"])) is None
    lost = timeless({"redis.enqueued_count": request_leg("1 s")}, items={"kind": "rejected"})
    assert seal_margin(simulate(lost, POLICIES["pr3427"])) is None


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies())
def test_the_chains_of_both_sides_account_for_the_margin(scenario: Scenario, policy: Policy) -> None:
    trace = simulate(scenario, policy)
    margins_of: tuple[Callable[[Trace], Margin | None], ...] = (race_margin, seal_margin)
    for margin_of in margins_of:
        margin = margin_of(trace)
        if margin is not None:
            endpoint_us, rival_us = duration_us(margin)
            assert margin.margin_us == rival_us - endpoint_us
            assert margin.is_won == (margin.margin_us > 0) or margin.margin_us == 0
