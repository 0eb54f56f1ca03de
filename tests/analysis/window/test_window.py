"""A window says exactly when a verdict is given: held against the timed engine, draw by draw."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from batchsim import POLICIES, Scenario, load_scenario, scenario_from_data, simulate, verdicts_of
from batchsim.analysis.window import NoWindow, Window, find_window, smallest_change
from batchsim.analysis.window.assignments import (
    Durations,
    Intervals,
    Values,
    drawer,
    fixed,
    latencies_of,
    support_of,
)
from batchsim.analysis.window.causes import Causes
from batchsim.analysis.window.changes import changed, given
from batchsim.analysis.window.finding import TRIES_MAX
from batchsim.analysis.window.legs import Latency, durations_of
from batchsim.analysis.window.sums import instant_us
from batchsim.report.formulas import formula

FAST = {"request": {"uniform": ["100 us", "40 ms"]}, "response": {"uniform": ["0 us", "8 ms"]}}
DATA: dict[str, Any] = {
    "name": "s",
    "batch": {"items": 1},
    "consumers": 1,
    "latency": {
        "redis": {"uniform": ["200 us", "8 ms"]},
        "postgres": {"uniform": ["200 us", "8 ms"]},
        "operations": {
            "redis.enqueued_count": {"request": {"uniform": ["200 us", "120 ms"]}, "response": "300 us"},
            "queue.take": FAST,
            "jobs.take_completion": "2 ms",
            "sdk.backoff": {"uniform": ["1 ms", "30 ms"]},
        },
    },
    "items": {"execution": {"uniform": ["0 ms", "60 ms"]}},
}


def scenario_of(items: int = 1, consumers: int = 1) -> Scenario:
    """With several items the completion job waits as long as it does in production: that leaves fewer ways."""
    data = {**DATA, "batch": {"items": items}, "consumers": consumers}
    if items == 1:
        return scenario_from_data(data)
    latency = data["latency"]
    operations = {**latency["operations"], "jobs.take_completion": "200 ms"}
    return scenario_from_data({**data, "latency": {**latency, "operations": operations}})


@cache
def window_of(policy: str, items: int = 1, consumers: int = 1) -> Window:
    return find_window(scenario_of(items, consumers), POLICIES[policy], "false_failure")


@cache
def draws(items: int, consumers: int, count: int) -> list[tuple[Values, Scenario]]:
    """Draws that the window was not made from."""
    scenario = scenario_of(items, consumers)
    values = map(drawer(scenario), range(TRIES_MAX, TRIES_MAX + count))
    return [(each, fixed(scenario, each)) for each in values]


CASES = [
    ("pre3427", 1, 1, 5000),
    ("pr3427_count_only", 1, 1, 1000),
    ("pr3427", 1, 1, 1500),
    ("pre3427", 2, 1, 1250),
    ("pre3427", 2, 2, 1250),
]


def test_there_are_ten_thousand_draws() -> None:
    assert sum(count for *_, count in CASES) >= 10_000


@pytest.mark.parametrize(("policy", "items", "consumers", "count"), CASES)
def test_inside_the_condition_runs_fail_and_outside_they_do_not(
    policy: str, items: int, consumers: int, count: int
) -> None:
    window = window_of(policy, items, consumers)
    wrong, inside, failed = [], 0, 0
    for number, (values, scenario) in enumerate(draws(items, consumers, count)):
        durations = Durations(window.scenario, values)
        slacks = [case.slack_us(durations) for case in window.cases_within]
        slack_us = max((slack for slack in slacks if slack is not None), default=-1)
        trace = simulate(scenario, window.policy, keep=frozenset())
        fails = window.verdict in verdicts_of(trace.outcome)
        inside, failed = inside + (slack_us > 0), failed + fails
        if slack_us and (slack_us > 0) != fails:
            wrong.append((number, slack_us, fails))
    assert wrong == []
    assert inside > count // 20
    assert count - failed > count // 20


@pytest.mark.parametrize("policy", ["pre3427", "pr3427", "pr3766", "pr4397"])
@pytest.mark.parametrize("file", ["incident", "concurrent-ingest", "and-wait-two-hours", "failing-attempts"])
def test_the_instants_of_a_run_are_the_sums_of_its_legs(file: str, policy: str) -> None:
    scenario = load_scenario(f"scenarios/{file}.yaml")
    trace = simulate(scenario, POLICIES[policy])
    durations = durations_of(trace, scenario, POLICIES[policy])
    told = [instant_us(instant, durations) for instant in Causes(trace).instants]
    assert told == [step.at_us for step in trace.steps]


def test_the_formula_is_the_causal_chain_of_the_race() -> None:
    scenario = load_scenario("scenarios/incident.yaml")
    window = find_window(scenario, POLICIES["pre3427"], "false_failure")
    (case,) = window.cases_within
    (condition,) = case.conditions
    assert formula(condition, Intervals(scenario)) == (
        "take + get_meta + create_run + record + completion_update + schedule_completion + cleanup.request "
        "+ max(read_failures, read_runs) < enqueued_count.request + push.response"
    )


@pytest.mark.parametrize(("policy", "items"), [("pre3427", 1), ("pre3427", 2), ("pr3427", 1)])
def test_the_smallest_change_opens_or_closes_to_the_microsecond(policy: str, items: int) -> None:
    window = window_of(policy, items, items)
    values = window.values
    change = smallest_change(window)
    assert change is not None
    before, after = given(window, values), given(window, changed(values, change.latency, change.by_us))
    assert (before, after) == (not change.opens, change.opens)
    step = 1 if change.by_us > 0 else -1
    assert given(window, changed(values, change.latency, change.by_us - 2 * step)) == before


def test_a_verdict_that_no_schedule_gives_has_no_condition() -> None:
    window = find_window(scenario_of(), POLICIES["pr3766"], "false_failure")
    assert (window.reasons, window.cases, window.failed) == ((), (), 0)


def test_faults_have_no_window() -> None:
    scenario = scenario_from_data({**DATA, "faults": [{"lost_response": {"attempt": 1}}]})
    with pytest.raises(NoWindow, match="faults"):
        find_window(scenario, POLICIES["pre3427"], "false_failure")


def test_draws_lie_within_the_intervals_and_reach_their_ends() -> None:
    scenario = scenario_of()
    latency = Latency("redis.enqueued_count", "request", None, None)
    assert latency in latencies_of(scenario)
    seen = [values[latency] for values in map(drawer(scenario), range(100))]
    assert (min(seen), max(seen)) == support_of(scenario, latency) == (200, 120_000)


def test_a_case_says_nothing_of_a_run_without_its_legs() -> None:
    assert window_of("pre3427").cases[0].slack_us({}) is None
