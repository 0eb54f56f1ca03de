"""A window says exactly when a verdict is given: held against the timed engine, draw by draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest

from batchsim import POLICIES, Scenario, load_scenario, scenario_from_data, simulate
from batchsim.analysis.window import Condition, NoWindow, Window, find_window, smallest_change
from batchsim.analysis.window.assignments import (
    Intervals,
    drawer,
    latencies_of,
    support_of,
)
from batchsim.analysis.window.causes import Causes
from batchsim.analysis.window.changes import changed, given
from batchsim.analysis.window.finding import TRIES_MAX
from batchsim.analysis.window.legs import LatencyLeg, durations_of
from batchsim.analysis.window.measuring import Measure
from batchsim.analysis.window.sums import instant_us
from batchsim.report.formulas import formula
from batchsim.scenario import varied
from tests.trying import examples

pytestmark = pytest.mark.usefixtures("few_runs_of_a_window")

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


def with_operations(
    operations: dict[str, Any], call: str = "batchTrigger", items: int = 1, execution: str = "60 ms"
) -> Scenario:
    latency = {**DATA["latency"], "operations": {**DATA["latency"]["operations"], **operations}}
    fields = {"batch": {"items": items, "call": call}, "items": {"execution": between("0 ms", execution)}}
    return scenario_from_data({**DATA, **fields, "latency": latency})


def between(shortest: str, longest: str) -> dict[str, Any]:
    return {"uniform": [shortest, longest]}


def incident() -> Scenario:
    return load_scenario("scenarios/incident.yaml")


GRACE = {"redis.expire": between("0 ms", "90 ms")}
LATE_SEAL = {"postgres.seal": {"request": between("0 ms", "120 ms"), "response": 0}}
REAPER = {"jobs.take_expiry": between("400 ms", "700 ms")}
AND_WAIT = "batchTriggerAndWait"

Case = tuple[str, Callable[[], Scenario], int]
LINEAGE: list[Case] = [
    ("pre3427", scenario_of, 3000),
    ("pr3427_count_only", scenario_of, 2000),
    ("pr3427", scenario_of, 3000),
    ("pr3427", partial(with_operations, {}, AND_WAIT), 500),
    ("pre3427", partial(scenario_of, 2, 1), 500),
    ("pre3427", partial(scenario_of, 2, 2), 300),
    ("pr3427", partial(with_operations, {}, items=2), 500),  # a debounce of 2 ms, so several jobs
    ("pre3427", incident, 100),
    ("pr3427", incident, 100),
]
OTHERS: list[Case] = [
    ("pr4397", partial(with_operations, REAPER, AND_WAIT, execution="600 ms"), 3000),
    ("tombstone", partial(with_operations, GRACE), 3000),
    ("local_count", partial(with_operations, LATE_SEAL, execution="20 ms"), 2000),
    ("seal_at_finalize", partial(with_operations, LATE_SEAL, execution="20 ms"), 2000),
]


@pytest.mark.parametrize("cases", [LINEAGE, OTHERS])
def test_there_are_ten_thousand_draws_of_each_kind(cases: list[Case]) -> None:
    """The fixes of the count race; and reapers, and alternatives that nobody deployed. A search tries them all."""
    assert sum(count for *_, count in cases) >= 10_000


@pytest.mark.hypothesis
@pytest.mark.parametrize(("policy", "scenario", "count"), LINEAGE + OTHERS)
def test_inside_the_condition_runs_fail_and_outside_they_do_not(
    policy: str, scenario: Callable[[], Scenario], count: int
) -> None:
    """Draws that the window was not made from; where two steps fall on one instant, either may come first."""
    subject = scenario()
    count = examples(max(60, count // 12), searched=count)
    # The reaper rejects no call: what it aborts returns.
    verdict = "silent_abort" if policy == "pr4397" else "false_failure"
    window = find_window(subject, POLICIES[policy], verdict)
    values = [*map(drawer(subject), range(TRIES_MAX, TRIES_MAX + count))]
    measure = Measure(subject)
    slacks = measure.of_cases(window.cases_within, measure.rows(values)).tolist()
    fails = [given(window, each) for each in values]
    wrong = [
        (TRIES_MAX + number, slack_us, failed)
        for number, (slack_us, failed) in enumerate(zip(slacks, fails, strict=True))
        if slack_us and (slack_us > 0) != failed
    ]
    assert wrong == []
    assert count // 30 < sum(fails) < count - count // 30


def test_a_reaper_that_found_nothing_to_reap_might_have_come_first() -> None:
    """It takes no part in the runs that fail here; in the others it aborts the batch before the handler looks."""
    operations = {
        "redis.enqueued_count": {"request": "5 ms", "response": "300 us"},
        "postgres.seal": between("0 us", "40 ms"),
        "jobs.take_expiry": "400 ms",
    }
    scenario = varied(with_operations(operations, AND_WAIT), ["items.kind=pre_failed"])
    policy = replace(POLICIES["seal_at_finalize"], has_reaper=True)
    window = find_window(scenario, policy, "false_failure")
    assert "postgres.find_batch (reaper)" in {each.later for each in conditions(window)}


def conditions(window: Window) -> list[Condition]:
    return [condition for case in window.cases for condition in case.conditions]


def test_slacks_of_many_points_are_those_of_each() -> None:
    window = window_of("pr3427")
    values = [drawer(window.scenario)(number) for number in range(50)]
    measure = Measure(window.scenario)
    slacks = measure.of_cases(window.cases, measure.rows(values)).tolist()
    assert slacks == [window.slack_us(each) for each in values]


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


def test_a_backoff_that_others_may_cut_short_has_no_window() -> None:
    fields = {"items": {"overrides": [{"index": 0, "failed_attempts": 1}]}, "consumers": 1}
    alone, beside_another = (
        scenario_from_data({"name": "x", "batch": {"items": items}, **fields}) for items in (1, 2)
    )
    assert find_window(alone, POLICIES["pre3427"], "false_failure").reasons
    with pytest.raises(NoWindow, match="other items may cut the backoff of a failed attempt short"):
        find_window(beside_another, POLICIES["pre3427"], "false_failure")


def test_faults_have_no_window() -> None:
    scenario = scenario_from_data({**DATA, "faults": [{"lost_response": {"attempt": 1}}]})
    with pytest.raises(NoWindow, match="faults"):
        find_window(scenario, POLICIES["pre3427"], "false_failure")


def test_draws_lie_within_the_intervals_and_reach_their_ends() -> None:
    scenario = scenario_of()
    latency = LatencyLeg("redis.enqueued_count", "request", None, None)
    assert latency in latencies_of(scenario)
    seen = [values[latency] for values in map(drawer(scenario), range(100))]
    assert (min(seen), max(seen)) == support_of(scenario, latency) == (200, 120_000)


def test_a_case_says_nothing_of_a_run_without_its_legs() -> None:
    assert window_of("pre3427").cases[0].slack_us({}) is None
