"""Common random numbers: what is drawn depends on who draws for what, and on nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings

from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.trace import Trace
from batchsim.engines.timed import simulate
from batchsim.model.operation import BlockingOperation
from batchsim.scenario import Scenario, scenario_from_data
from tests.strategies import policies, request_leg, scenarios, timeless
from tests.trying import examples

Use = tuple[str, str, int]
"""An actor, an operation, and which use of it: for handlers the item, otherwise counted."""
Legs = tuple[int | None, int | None]
"""Request leg (`None`: hidden by the wait for something) and response leg (`None`: none of its own)."""


def legs_of(trace: Trace) -> dict[Use, Legs]:
    counted: Counter[tuple[str, str]] = Counter()
    found: dict[Use, Legs] = {}
    for step in trace.steps:
        actor = step.actor.partition(".")[0]
        use = counted[actor, step.name]
        counted[actor, step.name] += 1
        if actor.startswith("handler") and step.operation.item is not None:
            use = step.operation.item
        waited = isinstance(step.operation, BlockingOperation)
        request_us = None if waited else step.at_us - step.issued_us
        found[actor, step.name, use] = (request_us, step.answered_us - step.at_us)
    return found


def assert_same_draws(one: Trace, other: Trace) -> None:
    first, second = legs_of(one), legs_of(other)
    common = first.keys() & second.keys()
    assert ("handler-1", "postgres.find_batch", 0) in common
    assert {use: first[use] for use in common} == {use: second[use] for use in common}


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies(), policies())
def test_two_policies_under_one_seed_meet_the_same_latencies(
    scenario: Scenario, one: Policy, other: Policy
) -> None:
    assert_same_draws(simulate(scenario, one), simulate(scenario, other))


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies())
def test_another_consumer_shifts_nobodys_draws(scenario: Scenario, policy: Policy) -> None:
    setting = scenario.setting
    more = replace(scenario, setting=replace(setting, consumers=setting.consumers + 1))
    assert_same_draws(simulate(scenario, policy), simulate(more, policy))


SPREAD = {"uniform": ["1 ms", "900 ms"]}


@pytest.mark.parametrize("overrides", [[], [{"index": [2, 5], "upload": {"uniform": ["1 s", "3 s"]}}]])
def test_lanes_draw_what_the_loop_draws(overrides: list[dict[str, object]]) -> None:
    scenario = scenario_from_data(
        {"name": "lanes", "batch": {"items": 8}, "items": {"upload": SPREAD, "overrides": overrides}}
    )
    loop = simulate(scenario, POLICIES["pr3766"])
    lanes = simulate(scenario, POLICIES["pr4397"])
    assert {step.actor for step in lanes.steps} >= {f"handler-1.{index}" for index in range(8)}
    first, second = legs_of(loop), legs_of(lanes)
    steps_of_items = ("store.upload", "redis.get_meta", "redis.mark_enqueued", "queue.push")
    uses: list[Use] = [("handler-1", name, index) for name in steps_of_items for index in range(8)]
    assert [first[use] for use in uses] == [second[use] for use in uses]
    assert len({first[use] for use in uses}) > 20


def test_attempts_and_twins_draw_each_their_own() -> None:
    everything = {"uniform": ["0 us", "1 h"]}
    scenario = timeless(
        {"redis.get_meta": everything, "sdk.backoff": request_leg("1 s")},
        batch={"items": 1},
        consumers=1,
        items={"failed_attempts": 3},
    )
    drawn = legs_of(simulate(scenario, POLICIES["pr3427"]))
    legs = [legs for (_, name, _), legs in drawn.items() if name == "redis.get_meta"]
    assert len(legs) == 5
    assert len(set(legs)) == len(legs)


def test_a_tie_is_broken_by_the_seed() -> None:
    """Two items side by side, every latency the same: which one is marked first?"""

    def order(seed: int) -> tuple[int | None, ...]:
        scenario = timeless({"redis.mark_enqueued": "1 ms"}, batch={"items": 2}, seed=seed)
        marks = [
            step for step in simulate(scenario, POLICIES["pr4397"]).steps if step.name == "redis.mark_enqueued"
        ]
        assert {step.at_us for step in marks} == {500}
        return tuple(step.operation.item for step in marks)

    orders = Counter(order(seed) for seed in range(40))
    assert set(orders) == {(0, 1), (1, 0)}
    assert min(orders.values()) > 8
    assert [order(seed) for seed in range(5)] == [order(seed) for seed in range(5)]
