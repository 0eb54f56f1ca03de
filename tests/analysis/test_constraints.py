"""The smallest set of order constraints is a reason: necessary, sufficient, and none smaller."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim.analysis.constraints import (
    CONSTRAINTS_MAX,
    Constraint,
    Explanation,
    _smallest_hitting_set,
    explanations,
)
from batchsim.analysis.deciding import numbered, places_of_decisions
from batchsim.batch.policies import POLICIES
from batchsim.batch.trace import Trace
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.exhaustive import Exploration, explore
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario, scenario_from_data


def one_item(policy: str, **fields: Any) -> tuple[Scenario, Exploration]:
    call = fields.pop("call", "batchTrigger")
    data = {"name": "x", "batch": {"items": 1, "call": call}, "consumers": 1, **fields}
    scenario = scenario_from_data(data)
    return scenario, explore(scenario, POLICIES[policy])


def told(explanation: Explanation) -> list[str] | None:
    return None if explanation.constraints is None else [str(each) for each in explanation.constraints]


@pytest.mark.parametrize(
    ("policy", "constraints"),
    [
        ("pre3427", ["postgres.set_completed (job) before postgres.seal (handler-1)"]),
        ("pr3427", ["postgres.find_batch #2 (handler-1) before postgres.set_completed (job)"]),
        (
            "seal_at_finalize",
            [
                "postgres.completion_update (consumer-0) before postgres.seal (handler-1)",
                "redis.enqueued_count (handler-1) before redis.cleanup (consumer-0)",
            ],
        ),
    ],
)
def test_why_a_false_failure(policy: str, constraints: list[str]) -> None:
    (explanation,) = explanations(one_item(policy)[1])
    assert explanation.verdict == "false_failure"
    assert told(explanation) == constraints


def test_what_decides_is_told_with_its_place_where_there_are_several() -> None:
    exploration = one_item("pr3427")[1]
    found = [
        numbered(each.operation, places)
        for each, places in zip(exploration.decisive, places_of_decisions(exploration), strict=True)
    ]
    # Each order begins with the first one.
    assert exploration.outcomes[0].witness[0].name == "postgres.find_batch"
    assert found == ["postgres.find_batch #2"] * 2
    assert set(places_of_decisions(one_item("pre3427")[1])) == {()}


def test_where_no_set_tells_a_verdict_from_the_rest() -> None:
    found = {each.verdict: told(each) for each in explanations(one_item("pr4397", call="batchTriggerAndWait")[1])}
    assert found["false_failure"] is None
    assert found["true_failure"] == ["postgres.abort (reaper) before postgres.find_batch #1 (handler-1)"]


def test_a_policy_that_never_fails_has_nothing_to_explain() -> None:
    assert explanations(one_item("pr3766")[1]) == ()


@pytest.mark.parametrize("policy", ["pre3427", "local_count", "seal_at_finalize"])
def test_timed_runs_fail_exactly_if_they_obey_the_constraints(policy: str) -> None:
    (explanation,) = explanations(one_item(policy)[1])
    assert explanation.constraints is not None
    failures = 0
    for seed in range(150):
        scenario, _ = one_item_timed(policy, seed)
        trace = simulate(scenario, POLICIES[policy])
        obeys = all(_obeys(trace, constraint) for constraint in explanation.constraints)
        failed = "false_failure" in verdicts_of(trace.outcome)
        assert obeys == failed
        failures += failed
    assert 0 < failures < 150


def one_item_timed(policy: str, seed: int) -> tuple[Scenario, str]:
    latency = {
        "operations": {
            "redis.enqueued_count": {"request": {"uniform": ["1 ms", "120 ms"]}, "response": 0},
            "postgres.seal": {"request": {"uniform": ["1 ms", "500 ms"]}, "response": 0},
        }
    }
    data = {
        "name": "x",
        "batch": {"items": 1},
        "consumers": 1,
        "items": {"execution": {"uniform": ["1 ms", "200 ms"]}},
        "latency": latency,
        "seed": seed,
    }
    return scenario_from_data(data), policy


def _obeys(trace: Trace, constraint: Constraint) -> bool:
    """As the constraint has it; only for events that have one place in the code."""
    (after,) = constraint.later
    assert constraint.earlier.place == after.place == 0
    earlier = [step.number for step in trace.steps if _is(step.name, step.actor, constraint.earlier)]
    later = [step.number for step in trace.steps if _is(step.name, step.actor, after)]
    return bool(earlier) and (not later or earlier[0] < later[0])


def _is(name: str, actor: str, event: Any) -> bool:
    return bool(name == event.operation and (actor == event.actor or actor.startswith(f"{event.actor}-")))


@given(st.lists(st.frozensets(st.integers(0, 9), max_size=4), max_size=6))
def test_the_chosen_set_is_the_first_of_the_smallest(sets: list[frozenset[int]]) -> None:
    candidates = (
        chosen
        for size in range(CONSTRAINTS_MAX + 1)
        for chosen in combinations(range(10), size)
        if all(not each.isdisjoint(chosen) for each in sets)
    )
    assert _smallest_hitting_set(sets) == next(candidates, None)
