"""Where two steps fall on one instant, either may come first: held against many orders of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batchsim import POLICIES, Scenario, load_scenario, scenario_from_data, simulate, verdicts_of
from batchsim.analysis.window import NoWindow, WindowStanding, find_window, smallest_change, solve, standing
from batchsim.analysis.window.assignments import Durations, means_of, with_ties
from batchsim.analysis.window.cases import Case
from batchsim.analysis.window.changes import changed
from batchsim.analysis.window.conditions import Always, Condition, within
from batchsim.analysis.window.deriving import case_of
from batchsim.analysis.window.legs import Leg
from batchsim.analysis.window.measuring import Measure
from batchsim.analysis.window.sums import Instant
from batchsim.batch.policy import Policy
from batchsim.engines.zones import Range
from batchsim.scenario import varied
from tests.trying import examples

pytestmark = pytest.mark.usefixtures("few_runs_of_a_window")

SEEDS = 40
COUNT = "redis.enqueued_count"


def scenario_of(operations: dict[str, Any], **fields: Any) -> Scenario:
    """One item; latencies are as long as each other, so that many steps fall on one instant."""
    equal = {"request": "1 ms", "response": "1 ms"}
    data = {
        "name": "ties",
        "batch": {"items": 1, "call": fields.pop("call", "batchTrigger")},
        "consumers": fields.pop("consumers", 2),
        "items": {"execution": "1 ms", **fields},
        "latency": {
            "redis": equal,
            "postgres": equal,
            "http": equal,
            "operations": {"queue.take": equal, "queue.push": equal, "sdk.backoff": "2 ms", **operations},
        },
    }
    return scenario_from_data(data)


def seen(scenario: Scenario, policy: Policy, verdict: str) -> set[bool]:
    """Whether the verdict is given, over many orders of the steps at one instant."""
    runs = (simulate(with_ties(scenario, number), policy, keep=frozenset()) for number in range(SEEDS))
    return {verdict in verdicts_of(each.outcome) for each in runs}


SEEN_IN = {WindowStanding.OPEN: {True}, WindowStanding.CLOSED: {False}, WindowStanding.EITHER: {True, False}}


@pytest.mark.parametrize(
    ("count_us", "stands", "relation"),
    [(12_999, WindowStanding.CLOSED, 1), (13_000, WindowStanding.EITHER, 0), (13_001, WindowStanding.OPEN, -1)],
)
def test_at_equality_the_formula_leaves_open_what_runs_leave_open(
    count_us: int, stands: WindowStanding, relation: int
) -> None:
    """Fourteen legs of 1 ms lie between the push and the cleanup; the count is sent 1 ms after the push."""
    scenario = scenario_of(
        {COUNT: {"request": f"{count_us} us", "response": "1 ms"}, "jobs.take_completion": "1 s"}
    )
    window = find_window(scenario, POLICIES["pre3427"], "false_failure")
    assert standing(window, window.values) is stands
    assert seen(scenario, window.policy, "false_failure") == SEEN_IN[stands]
    assert (0 < window.failed < window.tried) == (stands is WindowStanding.EITHER)
    shown = window.cases_within or (window.nearest,)
    ((condition,),) = ((*each.conditions, *each.settled) for each in shown if each)
    slack_us = condition.slack_us(Durations(scenario, window.values))
    assert ((slack_us < 0) - (slack_us > 0), condition.holds_at_equality) == (relation, False)
    assert [bool(each.settled) for each in window.cases_within] == ([] if relation > 0 else [relation < 0])


def test_orders_that_make_no_difference_leave_nothing_open() -> None:
    """A tie that the conditions see, and that decides nothing: whichever comes first, the count is late."""
    scenario = scenario_of({COUNT: {"request": "1 s", "response": "1 ms"}, "jobs.take_completion": "5 s"})
    window = find_window(scenario, POLICIES["pre3427"], "false_failure")
    (leg, other) = (Leg(name, "request", "consumer", None, None, 0) for name in ("redis.record", "redis.cleanup"))
    tie = Condition("a", "b", instant(leg), instant(other), decides=True, holds_at_equality=False)
    tied = replace(window, cases=(Case((tie,)),))
    assert tied.slack_us(tied.values) == 0
    assert standing(tied, tied.values) is WindowStanding.OPEN


def test_a_condition_that_holds_at_equality_is_no_limit_there() -> None:
    latencies = [
        Leg(name, "request", "consumer", None, None, 0)
        for name in ("redis.record", "redis.cleanup", "http.deliver")
    ]
    scenario = scenario_of({"http.deliver": {"request": "4 ms", "response": "1 ms"}})
    short, alike, longer = map(instant, latencies)
    turn = Condition("a", "b", short, alike, decides=False, holds_at_equality=True)
    race = Condition("a", "c", short, longer, decides=True, holds_at_equality=False)
    values = means_of(scenario)
    measure = Measure(scenario)
    for conditions, slack_us in (((turn, race), 3000), ((turn,), 1), ((), 1)):
        assert Case(conditions).slack_us(Durations(scenario, values)) == slack_us
        assert measure.of_conditions(conditions, measure.rows([values])).tolist() == [slack_us]


def test_of_two_consumers_who_are_free_at_one_instant_each_can_be_the_one() -> None:
    scenario = varied(
        load_scenario("scenarios/incident.yaml"),
        ["batch.items=5", "items.upload=1 ms", f"latency.operations.{COUNT}.request=9 s"],
    )
    trace = simulate(scenario, POLICIES["pre3427"])
    first = {step.name: step.number for step in reversed(trace.steps)}
    case = case_of(
        trace, scenario.system(POLICIES["pre3427"]), [(first["redis.cleanup"], first["redis.enqueued_count"])]
    )
    turns = [each for each in case.conditions if each.earlier.startswith("the answer to")]
    assert turns
    assert {each.holds_at_equality for each in turns} == {True}
    assert {each.holds_at_equality for each in case.conditions if each.decides} == {False}


def instant(leg: Leg) -> Instant:
    return frozenset([frozenset([(leg, 1)])])


def test_a_change_settles_what_the_means_leave_open() -> None:
    scenario = scenario_of({COUNT: {"request": "13 ms", "response": "1 ms"}, "jobs.take_completion": "1 s"})
    window = find_window(scenario, POLICIES["pre3427"], "false_failure")
    change = smallest_change(window)
    assert change is not None
    assert (abs(change.by_us), change.one_less) == (1, WindowStanding.EITHER)
    after = standing(window, changed(window.values, change.latency, change.by_us))
    assert after is (WindowStanding.OPEN if change.opens else WindowStanding.CLOSED)


def test_a_value_with_which_either_may_come_first_counts_as_failing() -> None:
    """So the shortest value that is solved for is one microsecond beyond the tie, not at it."""
    solution = solve(
        scenario_of({"jobs.take_completion": "1 s"}), POLICIES["pre3427"], f"latency.operations.{COUNT}.request"
    )
    assert solution.fails == (Range(13_000, None),)
    assert solution.failing is not None
    assert (solution.failing.value_us, solution.failing.is_tied) == (13_000, True)


LEGS = st.fixed_dictionaries({part: st.sampled_from(["0 us", "1 ms", "2 ms"]) for part in ("request", "response")})
SWITCHES = (
    "has_reaper",
    "guards_completion",
    "keeps_tombstone",
    "seals_at_finalize",
    "enqueues_atomically",
    "records_with_meta_only",
    "guards_completion_update",
    "creates_runs_once",
)


@st.composite
def tied(draw: st.DrawFn) -> tuple[Scenario, Policy]:
    """Few lengths, so that many steps fall on one instant."""
    waits = {"jobs.take_completion": (0, 5), "jobs.take_expiry": (0, 30), "redis.expire": (0, 10)}
    operations: dict[str, Any] = {name: f"{draw(st.integers(*ends))} ms" for name, ends in waits.items()}
    operations[COUNT] = {"request": f"{draw(st.integers(8, 22))} ms", "response": "1 ms"}
    operations |= draw(st.dictionaries(st.sampled_from(["queue.take", "queue.push", "postgres.seal"]), LEGS))
    scenario = scenario_of(
        operations,
        call=draw(st.sampled_from(["batchTrigger", "batchTriggerAndWait"])),
        consumers=draw(st.integers(1, 2)),
        kind=draw(st.sampled_from(["ok", "ok", "pre_failed"])),
        execution=draw(st.sampled_from(["0 ms", "1 ms", "5 ms"])),
    )
    switches = draw(st.sets(st.sampled_from(SWITCHES), max_size=3))
    policy = draw(st.sampled_from(list(POLICIES.values())))
    on: dict[str, Any] = dict.fromkeys(switches, True)
    return scenario, replace(policy, name="drawn", **on)


@settings(max_examples=examples(4, searched=12))
@given(tied(), st.sampled_from(["false_failure", "silent_abort", "stuck"]))
def test_with_constant_latencies_a_window_says_what_runs_do(drawn: tuple[Scenario, Policy], verdict: str) -> None:
    scenario, policy = drawn
    try:
        window = find_window(scenario, policy, verdict)
    except NoWindow:
        assume(False)
        return
    stands = standing(window, window.values)
    assert seen(scenario, policy, verdict) == SEEN_IN[stands]
    if any(not case.conditions for case in window.cases_within):
        assert stands is WindowStanding.OPEN
    if not window.cases_within:
        assert stands is WindowStanding.CLOSED


A, B, C = (Leg(name, "request", "consumer", None, None, 0) for name in "abc")


@pytest.mark.parametrize(
    ("a_us", "b_us", "if_either", "if_alike"),
    [
        ((1, 1), (2, 2), True, True),
        ((1, 1), (1, 1), None, True),
        ((0, 2), (2, 4), None, True),
        ((3, 3), (2, 2), False, False),
    ],
)
def test_bounds_settle_a_condition_only_where_it_is_so_at_equality(
    a_us: tuple[int, int], b_us: tuple[int, int], if_either: bool | None, if_alike: bool | None
) -> None:
    """`None`: it is left open."""
    left, right = instant(A), instant(B)
    for holds_at_equality, expected in ((False, if_either), (True, if_alike)):
        condition = Condition("a", "b", left, right, decides=True, holds_at_equality=holds_at_equality)
        found = within(condition, {A: a_us, B: b_us})
        assert (found.holds if isinstance(found, Always) else None) is expected


def test_sums_that_happen_to_be_equal_both_stay() -> None:
    left = frozenset([frozenset([(A, 1)]), frozenset([(C, 1)])])
    condition = Condition("a", "b", left, instant(B), decides=True, holds_at_equality=False)
    found = within(condition, {A: (3, 3), C: (3, 3), B: (1, 9)})
    assert isinstance(found, Condition)
    assert found.sides[0] == left
