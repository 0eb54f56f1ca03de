"""Timed exploration against exploration without time, against timed runs, and against every latency one by one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim.batch.faults import Crash, Disconnect, LostResponse
from batchsim.batch.operations import OPERATIONS
from batchsim.batch.policies import POLICIES
from batchsim.batch.stores import ENQUEUED_ITEMS
from batchsim.batch.system import class_of
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.exhaustive import Bounds, Exploration, explore
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.search import UNBOUNDED
from batchsim.engines.timed import simulate
from batchsim.engines.zones import TimedExploration, bracketing, explore_timed
from batchsim.engines.zones.bounds import first_of, with_instants
from batchsim.engines.zones.layout import TimedLayout
from batchsim.engines.zones.merging import merged
from batchsim.engines.zones.search import ZoneSearch
from batchsim.engines.zones.state_class import Guide
from batchsim.engines.zones.step import ZoneStepper
from batchsim.engines.zones.windows import NEVER_US, DelayWindow, Windows, leg_windows
from batchsim.model.faults import Fault, LostState, Outage
from batchsim.scenario import (
    Constant,
    Exponential,
    InvalidScenario,
    Latency,
    Legs,
    Scenario,
    Slow,
    Uniform,
    load_scenario,
    scenario_from_data,
)
from batchsim.scenario.scenario import LatencyTable
from tests.strategies import delays_of_timed_exploration, faults_of_timed_exploration
from tests.trying import examples

ZONES_MAX = 1_000
ZONES_MAX_UNDER_FAULTS = 300
"""A scenario with more takes too long here."""


def scenario(count: int = 1, consumers: int = 1, call: str = "batchTrigger", /, **fields: Any) -> Scenario:
    return scenario_from_data(
        {"name": "x", "batch": {"items": count, "call": call}, "consumers": consumers, **fields}
    )


def with_latencies(subject: Scenario, of_operation: dict[str, Latency]) -> Scenario:
    return replace(subject, latencies=LatencyTable(of_operation, {}))


def classes(exploration: TimedExploration | Exploration) -> set[Hashable]:
    return {class_of(each.outcome, each.verdicts) for each in exploration.outcomes}


def told(step: Any) -> tuple[Any, ...]:
    return step.actor, step.operation, step.answer, step.issued_us, step.at_us, step.answered_us


def classes_without_time(subject: Scenario, policy: str) -> set[Hashable]:
    return classes(explore(subject, POLICIES[policy], reduces=True))


def class_of_run(subject: Scenario, policy: str) -> Hashable:
    outcome = simulate(subject, POLICIES[policy]).outcome
    return class_of(outcome, verdicts_of(outcome))


def check_witnesses(subject: Scenario, policy: str, exploration: TimedExploration) -> None:
    for each in exploration.outcomes:
        steps, draws = each.witness
        trace = simulate(subject, POLICIES[policy], order=steps, draws=draws)
        assert trace.outcome == each.outcome
        for fault, times in zip(exploration.faults, trace.faults, strict=True):
            assert fault.occurs or not times
        assert [told(step) for step in trace.steps] == [told(step) for step in steps]
        for draw in draws:
            windows = leg_windows(subject.latency_of(draw.latency, draw.item, draw.attempt))
            is_within = windows.response.min_us <= draw.response_us <= windows.response.max_us
            assert is_within or draw.response_us == 0 or subject.injected_delays


uniforms = st.tuples(st.sampled_from([0, 0, 1, 1_000]), st.sampled_from([0, 1, 3, 3_000, 1_000_000])).map(
    lambda ends: Uniform(ends[0], ends[0] + ends[1])
)
tables = st.fixed_dictionaries({name: st.builds(Legs, uniforms, uniforms) for name in OPERATIONS})
fields_of_items = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["ok", "pre_failed", "rejected"]),
        "upload": st.sampled_from([0, "1 s"]),
        "failed_attempts": st.sampled_from([0, 0, 1]),
    }
)
sizes = st.sampled_from([(1, 1), (1, 2), (2, 1), (2, 2)])
crowds = st.sampled_from([1, bracketing.CROWDED])
"""From how many zones of a situation on a search is bracketed."""
policy_names = st.sampled_from(sorted(POLICIES))
calls = st.sampled_from(["batchTrigger", "batchTriggerAndWait"])


@settings(deadline=None, max_examples=examples(4, searched=20))
@given(sizes, fields_of_items, policy_names, calls, st.sampled_from([None, 2]), tables, crowds)
def test_it_holds_every_timed_run_and_no_outcome_that_no_interleaving_has(
    size: tuple[int, int],
    items: dict[str, Any],
    policy: str,
    call: str,
    ingest: int | None,
    table: dict[str, Latency],
    crowded: int,
) -> None:
    fields = {} if ingest is None else {"ingest_concurrency": ingest}
    subject = with_latencies(scenario(*size, call, items=items, **fields), table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bracketing, "CROWDED", crowded)
        exploration = explore_timed(subject, POLICIES[policy], bounds=Bounds(states_max=ZONES_MAX))
    check_witnesses(subject, policy, exploration)
    if exploration.is_complete:
        found = classes(exploration)
        assert found <= classes_without_time(subject, policy)
        assert {class_of_run(replace(subject, seed=seed), policy) for seed in range(40)} <= found


@settings(deadline=None, max_examples=examples(5, searched=25))
@given(
    st.sampled_from([(1, 1), (1, 1), (1, 2), (2, 1)]),
    fields_of_items,
    policy_names,
    st.sampled_from([None, 2]),
    tables,
    st.lists(faults_of_timed_exploration(), max_size=2),
    st.lists(delays_of_timed_exploration(), max_size=1),
    crowds,
)
def test_under_faults_too(
    size: tuple[int, int],
    items: dict[str, Any],
    policy: str,
    ingest: int | None,
    table: dict[str, Latency],
    faults: list[Fault],
    delays: list[Slow],
    crowded: int,
) -> None:
    fields = {} if ingest is None else {"ingest_concurrency": ingest}
    subject = with_latencies(scenario(*size, items=items, **fields), table)
    subject = replace(
        subject, setting=replace(subject.setting, faults=tuple(faults)), injected_delays=tuple(delays)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bracketing, "CROWDED", crowded)
        exploration = explore_timed(subject, POLICIES[policy], bounds=Bounds(states_max=ZONES_MAX_UNDER_FAULTS))
    check_witnesses(subject, policy, exploration)
    if exploration.is_complete:
        found, without_time = classes(exploration), explore(subject, POLICIES[policy], reduces=True)
        assert found <= classes(without_time)
        possible = [each.occurs for each in exploration.faults]
        for can, could in zip(possible, without_time.faults, strict=True):
            assert could.occurs in (None, True) or not can
        if not any(fault.at_most for fault in faults):
            for seed in range(25):
                trace = simulate(replace(subject, seed=seed), POLICIES[policy])
                assert class_of(trace.outcome, verdicts_of(trace.outcome)) in found
                assert all(can or not times for can, times in zip(possible, trace.faults, strict=True))


def test_which_of_the_child_runs_that_are_alike_ends_first_is_one_step() -> None:
    latency = {"redis": {"uniform": ["1 ms", "3 ms"]}, "postgres": {"uniform": ["1 ms", "3 ms"]}}
    subject = scenario(2, 2, latency=latency)
    # One that is given a latency of its own, the same as that of the others, is nobody's like.
    told_apart = replace(
        subject,
        latencies=replace(
            subject.latencies, of_item={"run.finish": {0: subject.latency_of("run.finish", item=1)}}
        ),
    )
    found, found_apart = (explore_timed(each, POLICIES["pr3427"]) for each in (subject, told_apart))
    assert classes(found) == classes(found_apart)
    assert (found.state_classes, found.zones) < (found_apart.state_classes, found_apart.zones)
    assert found.transitions < found_apart.transitions
    check_witnesses(subject, "pr3427", found)


def test_a_witness_tells_which_child_run_ends_first_where_it_began_last() -> None:
    """Item 0 fails at first, so that its run begins after that of item 1: the two are exchanged."""
    runs = {"operations": {"run.finish": {"uniform": ["1 s", "10 s"]}}}
    subject = scenario(2, 2, latency=runs, items={"overrides": [{"index": 0, "failed_attempts": 1}]})
    check_witnesses(subject, "pr3427", explore_timed(subject, POLICIES["pr3427"]))


def search_of(subject: Scenario, policy: str) -> ZoneSearch:
    guide = Guide(StepTable(TimedLayout(subject.system(POLICIES[policy]), subject)))
    search = ZoneSearch(ZoneStepper(guide, Windows(subject.latency_of)))
    search.run(UNBOUNDED)
    return search


def test_lanes_that_are_alike_keep_their_order() -> None:
    search = search_of(scenario(3), "pr4397")
    layout = search.stepper.first()[0].state_class.guide.layout
    column = layout.column_of[ENQUEUED_ITEMS]
    marked = [layout.values_of_column(column).value(node.state_class.row[column]) for node in search.nodes]
    assert {frozenset(each or ()) for each in marked} == {frozenset(range(count)) for count in range(4)}


def test_a_lane_that_takes_longer_is_nobodys_like() -> None:
    """Its item is marked after the others for certain, and it is the first one by number."""
    subject = scenario(3)
    late = {"redis.mark_enqueued": {0: Legs(Constant(50_000), Constant(0))}}
    subject = replace(subject, latencies=replace(subject.latencies, of_item=late))
    found = explore_timed(subject, POLICIES["pr4397"])
    assert found.verdicts == {"ok"}
    check_witnesses(subject, "pr4397", found)


def with_items_told_apart(subject: Scenario) -> Scenario:
    """The same latencies, given for each item by itself: nobody is anybody's like."""
    of_item: Any = {}
    for index in range(subject.setting.run_count):
        of_item[f"of item {index}"] = {index: Legs(Constant(0), Constant(0))}
    return replace(subject, latencies=replace(subject.latencies, of_item={**subject.latencies.of_item, **of_item}))


@settings(deadline=None, max_examples=examples(2, searched=20))
@given(
    st.sampled_from([(2, 1), (2, 2), (3, 1)]),
    fields_of_items,
    st.sampled_from(["pr3777", "pr4397", "pr4569", "proposed"]),
    calls,
    st.sampled_from([2, 10]),
    tables,
    crowds,
)
def test_lanes_in_order_come_to_what_lanes_in_any_order_come_to(
    size: tuple[int, int],
    items: dict[str, Any],
    policy: str,
    call: str,
    ingest: int,
    table: dict[str, Latency],
    crowded: int,
) -> None:
    subject = with_latencies(scenario(*size, call, items=items, ingest_concurrency=ingest), table)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bracketing, "CROWDED", crowded)
        found, found_apart = (
            explore_timed(each, POLICIES[policy], bounds=Bounds(states_max=ZONES_MAX))
            for each in (subject, with_items_told_apart(subject))
        )
    check_witnesses(subject, policy, found)
    if found_apart.is_complete:
        assert found.is_complete
        assert classes(found) == classes(found_apart)


def test_two_timers_that_ran_out_before_anybody_asked_keep_their_own_times() -> None:
    at_once, takes_1_ms = Legs(Constant(0), Constant(0)), Legs(Constant(0), Constant(1_000))
    table: dict[str, Latency] = {
        **dict.fromkeys(OPERATIONS, at_once),
        "redis.get_meta": takes_1_ms,
        "redis.mark_enqueued": takes_1_ms,
        "queue.push": Legs(Uniform(1_000, 4_000), Constant(0)),
        "queue.take": Legs(Constant(0), Constant(1)),
        "queue.read": takes_1_ms,
    }
    faults = [{"redeliver": {"at": "5 ms"}}, {"redeliver": {"at": "5 ms"}}]
    subject = with_latencies(scenario(items={"failed_attempts": 1}, faults=faults), table)
    check_witnesses(subject, "local_count", explore_timed(subject, POLICIES["local_count"]))


def test_the_moment_of_who_awaits_several_has_another_name_than_that_of_who_arrives() -> None:
    up_to_3_ms = {"uniform": [0, "3 ms"]}
    push = {"queue.push": {"request": up_to_3_ms, "response": up_to_3_ms}}
    latency: Any = {"redis": "1 ms", "postgres": "1 ms", "http": "1 ms", "operations": push}
    subject = scenario(3, 2, latency=latency)
    exploration = explore_timed(subject, POLICIES["pr3777"], bounds=Bounds(states_max=3_000))
    assert exploration.is_complete
    check_witnesses(subject, "pr3777", exploration)


@pytest.mark.parametrize(
    "fault",
    [
        {"crash": {"actor": "job", "before": "jobs.take_completion"}},
        {"store_error": {"actor": "job", "operation": "jobs.take_completion", "effect": "before"}},
        # Pinned to a moment before the job can be picked up: it is met when somebody looks.
        {"store_error": {"operation": "jobs.take_completion", "effect": "after", "at": "1 ms"}},
    ],
    ids=["crash", "store error", "with a moment"],
)
def test_what_befalls_a_wait_in_its_place_is_not_before_its_timer(fault: dict[str, object]) -> None:
    table: dict[str, Latency] = {name: Legs(Constant(1_000), Constant(0)) for name in OPERATIONS}
    subject = with_latencies(scenario(1, 1, items={"kind": "pre_failed"}, faults=[fault]), table)
    check_witnesses(subject, "pr3766", explore_timed(subject, POLICIES["pr3766"]))


def test_a_timer_is_about_the_same_whatever_else_its_step_may_leave() -> None:
    """Two messages are claimed one by one, or together; what a crash before that leaves is no part of it."""
    faults = [{"crash": {"before": "queue.claim"}}]
    subject = scenario(2, 1, items={"failed_attempts": 1, "kind": "pre_failed"}, faults=faults)
    check_witnesses(subject, "pre3427", explore_timed(subject, POLICIES["pre3427"]))


@pytest.mark.parametrize(("at", "verdict"), [("1 s", "ok"), ("1 ms", "stuck")])
def test_what_befalls_an_arrival_at_a_moment_waits_for_it(at: str, verdict: str) -> None:
    """The answer arrives within 200 ms; one verdict is that of the run, too."""
    fault = {"crash": {"actor": "sdk", "before": "http.deliver", "at": at}}
    subject = scenario(1, 1, "batchTriggerAndWait", items={"kind": "pre_failed"}, faults=[fault])
    found = explore_timed(subject, POLICIES["pr3766"])
    assert found.verdicts == set(verdicts_of(simulate(subject, POLICIES["pr3766"]).outcome)) == {verdict}
    check_witnesses(subject, "pr3766", found)


def test_a_replay_lets_nobody_look_at_what_cannot_be_there_yet() -> None:
    """The error is pinned to 3 s, when the message waits for its backoff: it comes with the next claim."""
    fault = {"actor": "dispatcher", "operation": "queue.claim", "effect": "before", "at": "3 s"}
    subject = scenario(1, 1, items={"failed_attempts": 2}, faults=[{"store_error": fault}])
    check_witnesses(subject, "local_count", explore_timed(subject, POLICIES["local_count"]))


@pytest.mark.parametrize(
    "fault",
    [
        LostResponse(attempt=1),
        Disconnect(at_most=1),
        Crash(at_most=1, actor="handler"),
        Outage(group="postgres", at_most=1),
        LostState(keys=("batch:B:meta",), at_most=1),
    ],
)
def test_latencies_without_bounds_allow_what_interleavings_allow_under_faults(fault: Fault) -> None:
    endless = Legs(Exponential(5, min_us=1), Exponential(5, min_us=1))
    subject = with_latencies(scenario(items={"kind": "rejected"}), dict.fromkeys(OPERATIONS, endless))
    subject = replace(subject, setting=replace(subject.setting, faults=(fault,)))
    exploration = explore_timed(subject, POLICIES["seal_at_finalize"])
    assert exploration.is_complete
    assert classes(exploration) == classes_without_time(subject, "seal_at_finalize")


@settings(deadline=None, max_examples=examples(3, searched=15))
@given(st.sampled_from(["ok", "pre_failed", "rejected"]), policy_names, st.sampled_from([1, 2]))
def test_latencies_without_bounds_allow_what_interleavings_allow(kind: str, policy: str, consumers: int) -> None:
    endless = Legs(Exponential(5), Exponential(5))
    subject = with_latencies(scenario(1, consumers, items={"kind": kind}), dict.fromkeys(OPERATIONS, endless))
    exploration = explore_timed(subject, POLICIES[policy])
    assert exploration.is_complete
    assert classes(exploration) == classes_without_time(subject, policy)


@settings(deadline=None, max_examples=examples(3, searched=12))
@given(policy_names, calls, st.sampled_from(sorted(OPERATIONS)), tables)
def test_a_tighter_interval_adds_no_outcome(policy: str, call: str, name: str, table: dict[str, Latency]) -> None:
    subject = scenario(1, 1, call, items={"kind": "pre_failed"})
    wide = explore_timed(with_latencies(subject, table), POLICIES[policy])
    windows = leg_windows(table[name])
    tight = {**table, name: Legs(Constant(windows.request.max_us), Constant(windows.response.min_us))}
    assert classes(explore_timed(with_latencies(subject, tight), POLICIES[policy])) <= classes(wide)


def test_a_budget_may_be_left_unspent_at_a_timer_that_has_run_out_for_certain() -> None:
    record = {"redis.record": {"request": {"uniform": ["70 s", "90 s"]}, "response": "1 ms"}}
    subject = scenario(1, 2, latency={"operations": record}, faults=[{"redeliver": {"at_most": 1}}])
    exploration = explore_timed(subject, POLICIES["pr4397"])
    assert {each.outcome.runs_total for each in exploration.outcomes} == {1, 2}


@pytest.mark.parametrize("policy", ["pre3427", "pr3766"])
def test_every_latency_of_a_small_grid_one_by_one(policy: str) -> None:
    """The count against the consumer, on whole microseconds: the same outcomes, and both ends of the race."""
    of_operation: dict[str, Latency] = dict.fromkeys(OPERATIONS, Legs(Constant(0), Constant(0)))
    of_operation |= {
        "redis.enqueued_count": Legs(Uniform(0, 3), Constant(0)),
        "queue.take": Legs(Constant(0), Uniform(1, 2)),
        "redis.cleanup": Legs(Uniform(0, 2), Constant(0)),
        "sdk.backoff": Legs(Uniform(3, 4), Constant(0)),
        "jobs.take_completion": Legs(Constant(2), Constant(0)),
    }
    subject = scenario(items={"kind": "pre_failed"})
    found = classes(explore_timed(with_latencies(subject, of_operation), POLICIES[policy]))
    grid = set()
    for count, take, cleanup, backoff in product(range(4), (1, 2), range(3), (3, 4)):
        of_operation["redis.enqueued_count"] = Legs(Constant(count), Constant(0))
        of_operation["queue.take"] = Legs(Constant(0), Constant(take))
        of_operation["redis.cleanup"] = Legs(Constant(cleanup), Constant(0))
        of_operation["sdk.backoff"] = Legs(Constant(backoff), Constant(0))
        point = with_latencies(subject, dict(of_operation))
        grid |= {class_of_run(replace(point, seed=seed), policy) for seed in range(12)}
    assert found == grid
    assert len(found) > 1


def test_every_latency_of_items_side_by_side_one_by_one() -> None:
    """Each item has its own times on the grid, whichever of them is the first one."""
    at_once = Legs(Constant(0), Constant(0))
    of_operation: dict[str, Latency] = dict.fromkeys(OPERATIONS, at_once)
    of_operation |= {
        "queue.push": Legs(Uniform(0, 2), Constant(0)),
        "redis.enqueued_count": Legs(Uniform(0, 3), Constant(0)),
        "queue.take": Legs(Constant(0), Uniform(1, 2)),
        "sdk.backoff": Legs(Constant(4), Constant(0)),
    }
    subject = scenario(2, 2, items={"kind": "pre_failed"}, ingest_concurrency=2)
    found = classes(explore_timed(with_latencies(subject, of_operation), POLICIES["pre3427"]))
    grid = set()
    for count, pushes, takes in product(range(4), product(range(3), repeat=2), product((1, 2), repeat=2)):
        of_operation["redis.enqueued_count"] = Legs(Constant(count), Constant(0))
        of_item: dict[str, Mapping[int, Latency]] = {
            "queue.push": {item: Legs(Constant(us), Constant(0)) for item, us in enumerate(pushes)},
            "queue.take": {item: Legs(Constant(0), Constant(us)) for item, us in enumerate(takes)},
        }
        point = replace(subject, latencies=LatencyTable(dict(of_operation), of_item))
        grid |= {class_of_run(replace(point, seed=seed), "pre3427") for seed in range(4)}
    assert found == grid
    assert len(found) > 1


@pytest.mark.parametrize(("longest", "is_possible"), [("500 us", False), ("80 ms", True)])
def test_a_race_is_lost_only_where_the_latencies_allow_it(longest: str, is_possible: bool) -> None:
    count = {"request": {"uniform": ["200 us", longest]}, "response": 0}
    latency = {"redis": "1 ms", "postgres": "1 ms", "http": "1 ms", "operations": {"redis.enqueued_count": count}}
    exploration = explore_timed(scenario(latency=latency), POLICIES["pr3427"])
    assert ("false_failure" in exploration.verdicts) == is_possible
    check_witnesses(scenario(latency=latency), "pr3427", exploration)


def test_a_bound_makes_it_incomplete() -> None:
    exploration = explore_timed(scenario(2, 2), POLICIES["pr3427"], bounds=Bounds(states_max=20))
    assert (exploration.is_complete, exploration.stopped_by) == (False, "stopped at 20 zones (--max-states)")


# -- faults ------------------------------------------------------------------------------------

SHIPPED = sorted(Path("scenarios").glob("*.yaml"))
FAULTY = [file for file in SHIPPED if "faults:" in file.read_text() and "- cut:" not in file.read_text()]


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.stem)
def test_a_shipped_scenario_with_faults_may_come_to_what_its_timed_run_comes_to(file: Path) -> None:
    subject = load_scenario(file)
    for policy in subject.policies:
        exploration = explore_timed(subject, POLICIES[policy])
        assert exploration.is_complete
        assert class_of_run(subject, policy) in classes(exploration)
        assert exploration.verdicts <= subject.expect_explore.get(policy, exploration.verdicts)
        check_witnesses(subject, policy, exploration)


def verdicts_with(*faults: dict[str, Any], policy: str = "pr3766", **fields: Any) -> frozenset[str]:
    found = explore_timed(scenario(1, 2, faults=list(faults), **fields), POLICIES[policy])
    assert found.is_complete
    return found.verdicts


@pytest.mark.parametrize(("timeout", "is_possible"), [("60 s", False), ({"uniform": ["1 ms", "60 s"]}, True)])
def test_a_message_comes_back_only_if_its_visibility_timeout_can_pass(timeout: Any, is_possible: bool) -> None:
    latency = {"operations": {"queue.redeliver": timeout}}
    found = verdicts_with({"redeliver": {"at_most": 1}}, latency=latency, items={"kind": "pre_failed"})
    assert ("duplicate_run" in found) == is_possible
    assert "ok" in found


def test_a_backoff_is_over_when_another_message_is_pushed_meanwhile() -> None:
    """Else the second backoff of item 0 lasted longer than the count of the handler in most runs."""
    failing = {"overrides": [{"index": 0, "failed_attempts": 2}], "upload": "3 s"}
    subject = scenario(2, 1, items=failing, latency={"stream_end": "500 ms"})
    exploration = explore_timed(subject, POLICIES["pre3427"])
    assert exploration.is_complete
    assert exploration.verdicts == {"false_failure"}
    check_witnesses(subject, "pre3427", exploration)


@pytest.mark.parametrize(("at", "is_hit"), [("0 s", True), ("21 ms", True), ("1 h", False)])
def test_a_fault_comes_at_the_first_moment_from_its_time_on(at: str, is_hit: bool) -> None:
    crash = {"crash": {"actor": "handler-1", "before": "queue.push", "at": at}}
    late = {"operations": {"redis.mark_enqueued": "5 ms"}}
    assert ("lost_item" in verdicts_with(crash, latency=late)) == is_hit
    assert ("ok" in verdicts_with(crash, latency=late)) != is_hit


def test_a_budget_may_be_left_unspent_and_a_pinned_fault_may_not() -> None:
    assert verdicts_with({"crash": {"actor": "handler-1", "before": "queue.push"}}).isdisjoint({"ok"})
    found = verdicts_with({"crash": {"actor": "handler-1", "at_most": 1}})
    assert {"ok", "lost_item"} <= found


@pytest.mark.parametrize(("delay", "is_possible"), [("100 us", False), ("300 ms", True)])
def test_the_race_is_lost_only_if_the_count_is_slow_enough(delay: str, is_possible: bool) -> None:
    latency = {"redis": "1 ms", "postgres": "1 ms", "http": "1 ms", "operations": {"queue.take": "1 ms"}}
    slow = {"slow": {"operation": "redis.enqueued_count", "delay": delay}}
    assert ("false_failure" in verdicts_with(slow, policy="pr3427", latency=latency)) == is_possible
    elsewhere = {"slow": {**slow["slow"], "attempt": 2}}
    assert verdicts_with(elsewhere, policy="pr3427", latency=latency) == {"ok"}


def test_who_is_slow_by_name_is_nobodys_twin() -> None:
    slow = {"slow": {"operation": "queue.take", "actor": "consumer-1", "delay": "1 h"}}
    found = explore_timed(scenario(2, 2, faults=[slow], items={"kind": "rejected"}), POLICIES["pr3766"])
    takers = [step.actor for each in found.outcomes for step in each.witness.steps if step.name == "queue.take"]
    assert set(takers) == {"consumer-0"}


def test_only_the_first_answer_is_slow() -> None:
    faults = [{"lost_response": {"attempt": 1}}, {"slow": {"operation": "http.deliver", "delay": "1 h"}}]
    found = explore_timed(scenario(faults=faults), POLICIES["pr3766"])
    for each in found.outcomes:
        lost, sealed = (step.at_us for step in each.witness.steps if step.name == "http.deliver")
        assert 3_600_000_000 < lost < sealed < 3_610_000_000


def test_a_connection_may_drop_as_soon_as_its_request_is_sent() -> None:
    """Nothing takes time: the network acts at the instant at which it begins."""
    nothing: dict[str, Latency] = dict.fromkeys(OPERATIONS, Legs(Constant(0), Constant(0)))
    fields: dict[str, Any] = {"faults": [{"disconnect": {"attempt": 1}}], "items": {"kind": "rejected"}}
    subject = with_latencies(scenario(**fields), nothing)
    exploration = explore_timed(subject, POLICIES["pr3766"])
    check_witnesses(subject, "pr3766", exploration)
    assert {class_of_run(replace(subject, seed=seed), "pr3766") for seed in range(5)} <= classes(exploration)


def test_nothing_happens_before_what_made_it_possible() -> None:
    """The crash abandons a message: its visibility timeout may have passed, and the queue have been busy then."""
    table: dict[str, Latency] = dict.fromkeys(OPERATIONS, Legs(Constant(0), Constant(0)))
    table["queue.take"] = Legs(Constant(0), Uniform(1_000, 4_000))
    table["queue.redeliver"] = Legs(Uniform(1, 1_000_001), Uniform(0, 1_000_000))
    faults = [{"redeliver": {"item": 0, "at": "1 ms"}}, {"crash": {"actor": "consumer-0", "at_most": 1}}]
    subject = scenario(faults=faults, items={"kind": "pre_failed", "failed_attempts": 1})
    subject = with_latencies(subject, table)
    check_witnesses(subject, "pre3427", explore_timed(subject, POLICIES["pre3427"]))


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        ({"lost_response": {"probability": 0.5}}, "faults[0].lost_response.probability"),
        ({"slow": {"operation": "postgres.seal", "delay": "1 s", "probability": 0.5}}, "slow postgres.seal"),
        ({"cut": {"attempt": 1, "after_items": 0}}, "faults[0].cut"),
    ],
)
def test_what_it_cannot_do_it_refuses(entry: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidScenario) as refused:
        explore_timed(scenario(faults=[entry]), POLICIES["pr3766"])
    assert field in str(refused.value)


# -- zones -------------------------------------------------------------------------------------

points = np.array(list(product(range(6), repeat=2)))


def zone(x: tuple[int, int], y: tuple[int, int], closer: int) -> Any:
    """Instants x and y, each within a window after a first one; y at most so much after x."""
    zones = with_instants(np.zeros((1, 1, 1), dtype=np.int64), [(0, DelayWindow(*x)), (0, DelayWindow(*y))])
    zones = zones.copy()
    zones[:, 2, 1] = np.minimum(zones[:, 2, 1], closer)
    for k in range(3):
        zones = np.minimum(zones, zones[:, :, k, None] + zones[:, None, k, :])
    return zones


def holds(zones: Any) -> set[tuple[int, int]]:
    return {
        (x, y)
        for x, y in points.tolist()
        if any((np.subtract.outer([0, x, y], [0, x, y]) <= each).all() for each in zones)
    }


ends = st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (min(pair), max(pair)))


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(ends, ends, st.integers(-3, 5)), min_size=1, max_size=5))
def test_merging_keeps_every_whole_instant_and_adds_none(shapes: list[Any]) -> None:
    zones = np.concatenate([zone(*shape) for shape in shapes])
    zones = zones[(np.diagonal(zones, axis1=1, axis2=2) >= 0).all(axis=1)]
    if len(zones):
        fewer, members = merged(zones, [[number] for number in range(len(zones))])
        assert holds(fewer) == holds(zones)
        assert len(members) == len(fewer) <= len(zones)


@given(ends, ends)
def test_the_first_of_two_instants(x: tuple[int, int], y: tuple[int, int]) -> None:
    zones = zone(x, y, NEVER_US)
    assert holds(first_of(zones, 1, [2])[0]) == {(a, b) for a, b in holds(zones) if a <= b} or x[0] > y[1]


@pytest.mark.parametrize(("at", "verdicts"), [("15 ms", ("stuck",)), ("30 ms", ("ok",))])
def test_what_befalls_an_answer_on_its_way_does_so_when_it_arrives(at: str, verdicts: tuple[str, ...]) -> None:
    """It is there at 9 ms, and arrives at 19 ms."""
    crash = {"crash": {"actor": "sdk", "before": "http.deliver", "at": at}}
    latency = {"redis": "1 ms", "postgres": "2 ms", "http": {"request": "1 ms", "response": "10 ms"}}
    data = {"name": "x", "batch": {"items": 1}, "consumers": 1, "latency": latency, "faults": [crash]}
    subject = scenario_from_data(data)
    (found,) = explore_timed(subject, POLICIES["pre3427"]).outcomes
    assert (found.verdicts, found.outcome) == (verdicts, simulate(subject, POLICIES["pre3427"]).outcome)


def test_what_a_timeout_is_about_does_not_depend_on_whom_faults_wake() -> None:
    """Under an outage a claim may make other messages visible again, too."""
    outage = {"outage": {"group": "redis", "at": "60 ms", "lasts": "50 ms"}}
    latency = {"redis": "1 ms", "postgres": "1 ms", "http": "1 ms"}
    items = {"kind": "rejected", "failed_attempts": 1}
    data = {"name": "x", "batch": {"items": 2}, "consumers": 1, "items": items, "latency": latency}
    subject = scenario_from_data({**data, "faults": [outage]})
    (found,) = explore_timed(subject, POLICIES["pr3766"]).outcomes
    assert found.outcome == simulate(subject, POLICIES["pr3766"]).outcome


def test_what_a_timeout_is_about_does_not_depend_on_what_was_claimed_with_it() -> None:
    """Two messages are claimed together in some orders, and one by one in others."""
    subject = scenario(
        2,
        items={"kind": "pre_failed"},
        faults=[{"redeliver": {"item": 0, "at": "70 s"}}],
        latency={"postgres": {"exponential": {"mean": "3 ms"}}},
    )
    exploration = explore_timed(subject, POLICIES["pr3766"], bounds=Bounds(states_max=3_000))
    assert exploration.outcomes
    check_witnesses(subject, "pr3766", exploration)
