"""What operations take by default, and between which bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim.bad_input import BadInputError
from batchsim.batch.operations import OPERATIONS
from batchsim.scenario import (
    Backoff,
    Constant,
    Empirical,
    Exponential,
    Latency,
    Legs,
    Lognormal,
    Normal,
    RoundTrip,
    Scenario,
    Uniform,
    scenario_from_data,
)

MS, S = 1_000, 1_000_000


def scenario(**more: object) -> Scenario:
    return scenario_from_data({"name": "x", "batch": {"items": 3}, **more})


REDIS = RoundTrip(Uniform(200, MS))
POSTGRES = RoundTrip(Uniform(MS, 5 * MS))
LEG = Uniform(20 * MS, 80 * MS)
OWN = {
    "store.upload": Legs(Constant(0), Constant(0)),
    "run.finish": Legs(Constant(500 * MS), Constant(0)),
    "run.expire": Legs(Constant(600 * S), Constant(0)),
    "jobs.take_completion": Legs(Constant(200 * MS), Constant(0)),
    "jobs.take_expiry": Legs(Constant(1800 * S), Constant(0)),
    "jobs.schedule_completion": REDIS,
    "jobs.retry": Legs(Backoff(2, 3600 * S), Constant(0)),
    "jobs.return": Legs(Constant(30 * S), Constant(0)),
    "parent.resume": Legs(Constant(0), Constant(0)),
    "queue.claim": Legs(Constant(0), Constant(0)),
    "queue.heartbeat": Legs(Constant(0), Constant(0)),
    "queue.kept_in_flight": Legs(Constant(24 * 3600 * S), Constant(0)),
    "queue.take": Legs(Constant(0), Uniform(0, 50 * MS)),
    "redis.expire": Legs(Constant(3600 * S), Constant(0)),
    "queue.redeliver": Legs(Uniform(60 * S, 65 * S), Constant(0)),
    "network.drop": Legs(Constant(0), Constant(0)),
    "http.deliver": Legs(LEG, LEG),
    "http.deliver_creation": Legs(LEG, LEG),
    "http.read_item": Legs(Constant(0), Constant(0)),
    "http.time_out": Legs(Constant(300 * S), Constant(0)),
    "jobs.schedule_expiry": REDIS,
    "parent.call_again": Legs(Constant(S), Constant(0)),
    "limiter.reset": Legs(Constant(60 * S), Constant(0)),
    "limiter.end_grant": Legs(Constant(1800 * S), Constant(0)),
    "sdk.await_reset": Legs(Constant(0), Constant(0)),
    "sdk.backoff_creation": Legs(Constant(1600 * MS), Constant(0)),
    "sdk.backoff": Legs(Backoff(2), Constant(0)),
    "queue.retry": Legs(Backoff(2), Constant(0)),
}
GROUPS = {"redis": REDIS, "queue": REDIS, "run_queue": REDIS, "postgres": POSTGRES}


@pytest.mark.parametrize("operation", dict.fromkeys((*OPERATIONS, *OWN)))
def test_every_operation_has_the_default_of_the_specification(operation: str) -> None:
    expected = OWN.get(operation) or GROUPS[operation.partition(".")[0]]
    assert scenario().latency_of(operation, item=0, attempt=2) == expected


def test_the_nearest_word_counts_item_then_operation_then_group_then_default() -> None:
    changed = scenario(
        items={"upload": "3 s", "overrides": [{"index": [0, 2], "upload": "200 ms", "execution": "1 s"}]},
        latency={
            "redis": "4 ms",
            "http": {"request": "1 ms"},
            "operations": {"redis.record": "6 ms", "run.finish": "7 ms", "store.upload": "8 ms"},
        },
    )

    def plain(operation: str, item: int | None = None) -> Latency:
        return changed.latency_of(operation, item)

    assert plain("store.upload", 2) == Legs(Constant(200 * MS), Constant(0))
    assert plain("store.upload", 1) == Legs(Constant(3 * S), Constant(0))
    assert plain("run.finish", 2) == Legs(Constant(S), Constant(0))
    assert plain("run.finish", 1) == Legs(Constant(7 * MS), Constant(0))
    assert plain("redis.record", 2) == RoundTrip(Constant(6 * MS))
    assert plain("redis.cleanup") == plain("queue.push") == RoundTrip(Constant(4 * MS))
    assert plain("http.deliver") == Legs(Constant(MS), Constant(0))
    assert plain("postgres.seal") == POSTGRES


def test_a_group_shortens_no_wait_of_another_kind() -> None:
    fast = scenario(latency={"redis": "1 us", "postgres": "1 us", "http": "1 us"})
    for operation in OWN.keys() - {
        "http.deliver",
        "http.deliver_creation",
        "jobs.schedule_completion",
        "jobs.schedule_expiry",
    }:
        assert fast.latency_of(operation, attempt=2) == OWN[operation]


def test_a_delay_is_spent_before_the_effect_unless_it_is_split() -> None:
    split = {"request": "1 s", "response": {"uniform": ["1 ms", "2 ms"]}}
    delays = ["store.upload", "run.finish", "jobs.take_completion", "jobs.take_expiry", "sdk.backoff"]
    delays += ["queue.retry", "redis.expire"]
    changed = scenario(latency={"operations": dict.fromkeys(delays, "1 s")})
    for operation in delays:
        assert changed.latency_of(operation, attempt=5) == Legs(Constant(S), Constant(0))
    changed = scenario(latency={"operations": dict.fromkeys(delays, split)})
    for operation in delays:
        assert changed.latency_of(operation, attempt=5) == Legs(Constant(S), Uniform(MS, 2 * MS))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("3 ms", Constant(3 * MS)),
        (0, Constant(0)),
        ({"uniform": ["1 ms", "1 ms"]}, Uniform(MS, MS)),
        ({"normal": {"mean": "2 ms", "sd": "1 ms"}}, Normal(2 * MS, MS, 0, None)),
        ({"normal": {"mean": 0, "sd": "1 ms", "max": "1 s"}}, Normal(0, MS, 0, S)),
        (
            {"lognormal": {"median": "2 ms", "p99": "12 ms", "max": "200 ms"}},
            Lognormal(2000, 12000, 0, 200_000),
        ),
        ({"exponential": {"mean": "2 ms", "min": "1 ms"}}, Exponential(2 * MS, MS, None)),
    ],
)
def test_every_way_to_write_a_distribution(written: object, meant: object) -> None:
    assert scenario(latency={"redis": written}).latency_of("redis.record") == RoundTrip(meant)  # type: ignore[arg-type]


def test_support_is_where_draws_can_fall() -> None:
    assert Constant(5).support_us == (5, 5)
    assert Uniform(1, 3).support_us == (1, 3)
    assert Normal(5, 1).support_us == Exponential(5).support_us == Lognormal(5, 9).support_us == (0, None)
    assert Lognormal(5, 9, 2, 20).support_us == (2, 20)
    assert Empirical((7, 3, 5)).support_us == (3, 7)


@given(st.integers(1, 40), st.floats(0, 1, exclude_max=True))
def test_a_backoff_falls_within_its_support(attempt: int, fraction: float) -> None:
    delay_ms = math.floor(min(30_000, (1 + fraction) * 1_000 * 2 ** (attempt - 1)) + 0.5)
    shortest_us, longest_us = Backoff(attempt).support_us
    assert longest_us is not None
    assert shortest_us <= delay_ms * MS <= longest_us


def test_the_support_of_a_backoff_is_no_wider_than_it_must_be() -> None:
    supports = [Backoff(attempt).support_us for attempt in (1, 2, 4, 5, 6)]
    assert supports == [(S, 2 * S), (2 * S, 4 * S), (8 * S, 16 * S), (16 * S, 30 * S), (30 * S, 30 * S)]


def test_a_backoff_needs_its_attempt_and_an_operation_must_exist() -> None:
    with pytest.raises(BadInputError, match=r"sdk\.backoff"):
        scenario().latency_of("sdk.backoff")
    with pytest.raises(BadInputError, match="nonsense"):
        scenario().latency_of("nonsense", attempt=1)
    with pytest.raises(ValueError, match="count from 1"):
        Backoff(0)
