"""The shortest value of a parameter: held against explorations with a constant, value by value."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim import POLICIES, Scenario, explore_timed, load_scenario, scenario_from_data, simulate, solve
from batchsim.analysis.window import Solution
from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.zones import Range, united
from batchsim.engines.zones.parameter import values_in
from batchsim.engines.zones.slots import START, InstantKind, Slot
from batchsim.engines.zones.windows import NEVER_US, DelayWindow
from batchsim.engines.zones.zone_set import one_zone
from batchsim.scenario import varied
from tests.trying import examples

TOMBSTONE = "scenarios/tombstone.yaml"
WAITS = "latency.operations.jobs.take_completion"
REAPS = "latency.operations.jobs.take_expiry"
COUNTS = "latency.operations.redis.enqueued_count.request"


def verdicts_with(scenario: Scenario, policy: str, parameter: str, value_us: int) -> frozenset[str]:
    """Those that some latencies give with a constant."""
    exploration = explore_timed(varied(scenario, (f"{parameter}={value_us} us",)), POLICIES[policy])
    assert exploration.is_complete
    return exploration.verdicts


def edges_of(solution: Solution) -> set[int]:
    """The values at which a verdict begins or ceases to be possible, and their neighbours."""
    ends = {end for ranges in solution.values_of.values() for each in ranges for end in each if end is not None}
    return {value for end in ends for value in (end - 1, end, end + 1) if value >= solution.least_us}


def check_each_edge(scenario: Scenario, policy: str, solution: Solution, others: set[int]) -> None:
    for value_us in edges_of(solution) | others:
        expected = {
            name for name, ranges in solution.values_of.items() if any(value_us in each for each in ranges)
        }
        assert verdicts_with(scenario, policy, solution.parameter, value_us) == expected


def test_the_grace_time_covers_the_longest_way_to_the_count() -> None:
    """Until the count the push answers (0.5 ms) and its request travels (120 ms), since the same push.

    Until cleanup at least 2.9 ms pass: five Redis round trips and a leg, two PostgreSQL round trips.
    """
    scenario = load_scenario(TOMBSTONE)
    solution = solve(scenario, POLICIES["tombstone"], "tombstone.grace")
    assert solution.smallest_us == solution.always_from_us == 500 + 120_000 - 2_900 + 1
    assert solution.fails == (Range(0, 117_600),)
    assert solution.failing is not None
    assert (solution.failing.value_us, solution.failing.run.verdicts) == (117_600, ("false_failure",))
    check_each_edge(scenario, "tombstone", solution, {50_000, 10_000_000})


def test_the_reaper_waits_for_the_longest_run() -> None:
    scenario = load_scenario("scenarios/and-wait-two-hours.yaml", ("batch.items=1",))
    solution = solve(scenario, POLICIES["pr4397"], REAPS)
    assert solution.smallest_us == solution.always_from_us
    check_each_edge(scenario, "pr4397", solution, {1_800_000_000})
    early = solve(scenario, POLICIES["pr4397"], REAPS, verdict="true_failure")
    assert early.fails == solution.values_of["true_failure"] < solution.fails


def test_a_longer_value_need_not_be_a_safer_one() -> None:
    """A count that is late enough for the job to have been done finds the batch COMPLETED, and is answered OK."""
    scenario = load_scenario("tests/golden/one.yaml")
    solution = solve(scenario, POLICIES["pr3427"], COUNTS)
    assert (solution.smallest_us, solution.first_safe, solution.always_from_us) == (0, Range(0, 2_399), 765_901)
    assert solution.failing is not None
    assert solution.failing.value_us == 2_400
    check_each_edge(scenario, "pr3427", solution, {100_000})


uniforms = st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 3, 20])).map(
    lambda ends: {"uniform": [f"{ends[0]} us", f"{ends[0] + ends[1]} us"]}
)
legs = st.fixed_dictionaries({"request": uniforms, "response": uniforms})
tables = st.fixed_dictionaries(
    {
        "redis": legs,
        "postgres": legs,
        "http": legs,
        "operations": st.fixed_dictionaries(
            {
                "sdk.backoff": uniforms,
                "jobs.take_completion": uniforms,
                "queue.take": legs,
                "redis.expire": uniforms,
            }
        ),
    }
)
asked = st.sampled_from(
    [
        ("tombstone", "tombstone.grace"),
        ("tombstone", "latency.operations.redis.expire"),
        ("pr3427", COUNTS),
        ("pre3427", WAITS),
        ("pr3427_count_only", "latency.operations.sdk.backoff"),
        ("pr3427", "latency.http.request"),
        ("pr4397", "latency.operations.jobs.take_expiry"),
        ("pr3427", "latency.operations.queue.take.response"),
        ("pr3427", "latency.operations.postgres.find_batch.response"),
        ("pre3427", "items.execution"),
    ]
)


@settings(deadline=None, max_examples=examples(5, searched=12))
@given(asked, tables, st.sets(st.integers(1, 60), max_size=2))
def test_every_edge_is_where_explorations_with_a_constant_have_it(
    question: tuple[str, str], latency: dict[str, Any], others: set[int]
) -> None:
    policy, parameter = question
    data = {"name": "x", "batch": {"items": 1, "call": "batchTriggerAndWait"}, "consumers": 1, "latency": latency}
    scenario = scenario_from_data({**data, "items": {"execution": "5 us"}})
    solution = solve(scenario, POLICIES[policy], parameter, bounds=Bounds(states_max=500))
    if solution.is_complete:
        check_each_edge(scenario, policy, solution, others)


def test_several_items_take_equally_long() -> None:
    """Both messages, and all requests: zones in which they take differently long are of no value."""
    count = {"redis.enqueued_count": {"request": {"uniform": ["0 us", "40 us"]}, "response": 0}}
    latency = {
        "redis": "2 us",
        "postgres": "2 us",
        "http": {"request": "2 us", "response": 0},
        "operations": count,
    }
    scenario = scenario_from_data({"name": "x", "batch": {"items": 2}, "consumers": 2, "latency": latency})
    for parameter in ("latency.operations.queue.take.response", "latency.http.request"):
        solution = solve(scenario, POLICIES["pre3427"], parameter)
        assert solution.fails
        check_each_edge(scenario, "pre3427", solution, {0, 1, 2, 100})


def test_the_run_beside_the_answer_is_one_of_the_timed_engine() -> None:
    scenario = load_scenario(TOMBSTONE)
    failing = solve(scenario, POLICIES["tombstone"], "tombstone.grace").failing
    assert failing is not None
    steps, draws = failing.run.witness
    assert failing.value_us in [draw.request_us for draw in draws if draw.latency == "redis.expire"]
    trace = simulate(scenario, POLICIES["tombstone"], order=steps, draws=draws)
    assert (trace.outcome, len(trace.steps)) == (failing.run.outcome, len(steps))


def test_nothing_fails_and_everything_fails() -> None:
    scenario = load_scenario("tests/golden/one.yaml")
    never = solve(scenario, POLICIES["pr3766"], WAITS)
    assert (never.smallest_us, never.always_from_us, never.always_fails, never.failing) == (0, 0, False, None)
    late = varied(scenario, (f"{COUNTS}=60 ms",))
    always = solve(late, POLICIES["pre3427"], "latency.operations.jobs.take_completion")
    assert (always.smallest_us, always.always_from_us, always.always_fails) == (None, None, True)
    assert always.is_conclusive
    assert always.failing is not None


def test_what_no_run_depends_on_is_said() -> None:
    solution = solve(load_scenario(TOMBSTONE), POLICIES["pre3427"], "tombstone.grace")
    assert (solution.is_used, solution.always_fails) == (False, True)
    assert solve(load_scenario(TOMBSTONE), POLICIES["tombstone"], "tombstone.grace").is_used


def test_a_bound_leaves_it_open() -> None:
    solution = solve(
        load_scenario(TOMBSTONE), POLICIES["tombstone"], "tombstone.grace", bounds=Bounds(states_max=150)
    )
    assert (solution.is_conclusive, solution.smallest_us) == (False, None)
    assert solution.stopped_by == "stopped at 150 zones (--max-states)"


def test_no_upload_is_no_short_one() -> None:
    scenario = load_scenario("scenarios/tombstone.yaml", ("batch.items=1",))
    assert solve(scenario, POLICIES["tombstone"], "items.upload").least_us == 1


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("latency.redis", "found several lengths of redis"),
        ("jobs.take_expiry", "unknown key 'jobs'"),
        ("latency.operations.redis.expre", "did you mean 'redis.expire'"),
        ("batch.items", "found no length; allowed: the length"),
        ("", "found ''"),
        ("tombstone.grace=1", "found 'tombstone.grace=1'"),
    ],
)
def test_what_is_no_parameter_is_said(parameter: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as raised:
        solve(load_scenario(TOMBSTONE), POLICIES["tombstone"], parameter)
    assert str(raised.value).startswith(f"--solve {parameter}: ")


def test_a_changed_scenario_cannot_be_varied() -> None:
    scenario = load_scenario(TOMBSTONE)
    with pytest.raises(ValueError, match="changed since it was loaded"):
        solve(replace(scenario, name="other"), POLICIES["tombstone"], "tombstone.grace")


# -- ranges --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("longest_us", "is_possible"), [(4, False), (5, True)])
def test_zones_go_in_which_two_legs_cannot_be_equally_long(longest_us: int, is_possible: bool) -> None:
    zone_set = one_zone(START)
    for number, window in enumerate(
        (DelayWindow(2, longest_us, is_marked=True), DelayWindow(5, 9, is_marked=True))
    ):
        zone_set = zone_set.with_instants([(Slot(InstantKind.TIMER, number), START, window)])
    assert sum(name.kind is InstantKind.MARK for name in zone_set.names) == 4
    assert zone_set.with_like_marks().is_empty is not is_possible


bound = st.one_of(st.just(NEVER_US), st.integers(-4, 9))


@settings(deadline=None, max_examples=300)
@given(st.lists(bound, min_size=12, max_size=12))
def test_the_values_of_a_zone_are_those_with_which_it_has_a_point(bounds: list[int]) -> None:
    zone = np.zeros((4, 4), dtype=np.int64)
    zone[~np.eye(4, dtype=bool)] = bounds
    grid = range(-30, 31)
    possible = {
        value for value, begin in product(range(12), grid) if _fits(zone, (0, value, begin, begin + value))
    }
    found = values_in(zone)
    assert {value for value in range(12) if found is not None and value in found} == possible


def _fits(zone: Any, times: tuple[int, ...]) -> bool:
    return bool((np.subtract.outer(times, times) <= zone).all())


@given(st.lists(st.tuples(st.integers(0, 9), st.one_of(st.none(), st.integers(0, 9))), max_size=5))
def test_united_ranges_hold_the_same_values(ends: list[tuple[int, int | None]]) -> None:
    ranges = [Range(low, high if high is None else max(low, high)) for low, high in ends]
    union = united(ranges)
    assert [any(value in each for each in union) for value in range(12)] == [
        any(value in each for each in ranges) for value in range(12)
    ]
    assert all(first.max_us is not None and first.max_us + 1 < second.min_us for first, second in pairwise(union))
