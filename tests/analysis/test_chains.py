"""Causal chains: the legs that led to a step, without gaps and without overlaps."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim.analysis.chains import Stretch, any_of, cause_of, folded, last_common_cause, legs_between, spans_of
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.trace import Trace
from batchsim.engines.timed import simulate
from batchsim.model.run import Step
from batchsim.scenario import Scenario
from tests.strategies import policies, request_leg, scenarios, timeless
from tests.trying import examples


def assert_contiguous(legs: tuple[Stretch, ...], from_us: int, to_us: int) -> None:
    instant_us = from_us
    for leg in legs:
        assert leg.from_us == instant_us <= leg.to_us
        instant_us = leg.to_us
    assert instant_us == to_us
    assert sum(leg.duration_us for leg in legs) == to_us - from_us


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies())
def test_the_legs_since_the_start_fill_the_time_until_a_step(scenario: Scenario, policy: Policy) -> None:
    trace = simulate(scenario, policy)
    for step in trace.steps:
        assert_contiguous(legs_between(trace.steps, None, step), 0, step.at_us)


@settings(max_examples=examples(40, searched=80))
@given(scenarios(), policies())
def test_two_steps_part_at_their_last_common_cause(scenario: Scenario, policy: Policy) -> None:
    trace = simulate(scenario, policy)
    for first, second in zip(trace.steps, trace.steps[5:], strict=False):
        cause = last_common_cause(trace.steps, first, second)
        from_us = 0 if cause is None else cause.at_us
        for step in (first, second):
            assert_contiguous(legs_between(trace.steps, cause, step), from_us, step.at_us)
        common = causes(trace, first) & causes(trace, second)
        assert (None if cause is None else cause.number) == max(common, default=None)


def causes(trace: Trace, step: Step) -> set[int]:
    found = {step.number}
    while (number := cause_of(step)) is not None:
        found.add(number)
        step = trace.steps[number]
    return found


def first(trace: Trace, name: str) -> Step:
    return next(step for step in trace.steps if step.name == name)


def legs_to(trace: Trace, name: str) -> list[tuple[str, str, str, int]]:
    legs = legs_between(trace.steps, None, first(trace, name))
    return [(leg.actor, leg.operation, leg.part, leg.duration_us) for leg in legs if leg.duration_us]


SCENARIO = timeless(
    {
        "http.deliver": {"request": "10 us", "response": "70 us"},
        "redis.get_meta": {"request": "20 us", "response": "30 us"},
        "queue.take": {"response": "40 us"},
        "postgres.create_run": {"request": "5 us", "response": "500 us"},
        "redis.cleanup": request_leg("600 us"),
        "jobs.take_completion": request_leg("100 us"),
    },
    items={"execution": "50 us"},
)
TO_PUSH = [
    ("handler-1", "http.deliver", "request", 10),
    ("handler-1", "redis.get_meta", "request", 20),
    ("handler-1", "redis.get_meta", "response", 30),
]
TO_RUN = [
    *TO_PUSH,
    ("consumer-0", "queue.take", "response", 40),
    ("consumer-0", "redis.get_meta", "request", 20),
    ("consumer-0", "redis.get_meta", "response", 30),
    ("consumer-0", "postgres.create_run", "request", 5),
]


def test_the_legs_are_those_of_the_actors_on_the_way() -> None:
    trace = simulate(SCENARIO, POLICIES["pr3766"])
    assert legs_to(trace, "queue.push") == TO_PUSH
    assert legs_to(trace, "postgres.create_run") == TO_RUN


def test_an_actor_that_an_effect_lets_begin_does_not_wait_for_its_answer() -> None:
    trace = simulate(SCENARIO, POLICIES["pr3766"])
    assert legs_to(trace, "run.finish") == [*TO_RUN, ("run-0", "run.finish", "request", 50)]


def test_what_an_operation_waited_for_is_one_leg() -> None:
    trace = simulate(SCENARIO, POLICIES["pr3766"])
    take = first(trace, "jobs.take_completion")
    assert legs_to(trace, "jobs.take_completion")[-1] == ("job-0", "jobs.take_completion", "wait", 100)
    assert take.at_us == sum(duration_us for *_, duration_us in legs_to(trace, "jobs.take_completion"))
    assert legs_to(trace, "http.deliver") == [*TO_PUSH, ("sdk", "http.deliver", "wait", 70)]


def test_a_step_and_its_cause_part_at_the_cause() -> None:
    trace = simulate(SCENARIO, POLICIES["pr3766"])
    push, take = first(trace, "queue.push"), first(trace, "queue.take")
    assert cause_of(take) == push.number
    assert last_common_cause(trace.steps, push, take) == push
    assert legs_between(trace.steps, push, push) == ()


def test_neighbouring_legs_of_an_operation_are_one_span() -> None:
    legs = (
        Stretch("a", "x", "request", 0, 3),
        Stretch("a", "x", "response", 3, 5),
        Stretch("b", "x", "request", 5, 6),
        Stretch("b", "y", "request", 6, 6),
        Stretch("a", "x", "request", 6, 9),
    )
    spans = [(span.actor, span.operation, span.duration_us) for span in spans_of(legs)]
    assert spans == [("a", "x", 5), ("b", "x", 1), ("a", "x", 3)]


# -- repetitions -----------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=4), st.integers(1, 6))))
def test_folded_is_the_same_chain_and_repeats_only_what_is_alike(parts: list[tuple[list[str], int]]) -> None:
    kinds = [kind for part, times in parts for kind in part * times]
    folds = folded(list(enumerate(kinds)), lambda link: link[1])
    unfolded = [
        fold.cycle[place][time] for fold in folds for time in range(fold.times) for place in range(len(fold.cycle))
    ]
    assert unfolded == list(enumerate(kinds))
    assert all(len({kind for _, kind in place}) == 1 for fold in folds for place in fold.cycle)
    assert all(fold.times > 2 or (fold.times, len(fold.cycle)) == (1, 1) for fold in folds)


@pytest.mark.parametrize(
    ("kinds", "cycles"),
    [
        ("abc", "a1 b1 c1"),
        ("abab", "a1 b1 a1 b1"),
        ("xababab", "x1 ab3"),
        ("aaaab", "a4 b1"),
        ("aaabaaabaaab" + "c" * 5, "aaab3 c5"),
        ("x" + "abcdefgh" * 998 + "a", "x1 abcdefgh998 a1"),
    ],
)
def test_cycles(kinds: str, cycles: str) -> None:
    folds = folded(kinds, lambda kind: kind)
    assert " ".join("".join(place[0] for place in fold.cycle) + str(fold.times) for fold in folds) == cycles


def test_items_and_lanes_are_alike() -> None:
    assert any_of("handler-1.17") == any_of("handler-2.3") == "handler-*.*"
