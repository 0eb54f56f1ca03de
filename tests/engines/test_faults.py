"""Faults in both engines: against a naive enumerator, against each other, and each by what it changes."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import batchsim.engines.exhaustive.explore  # noqa: F401  (the function of that name hides the module)
from batchsim.batch.client import Result
from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.operations import EnqueuedCount, GetMeta
from batchsim.batch.policies import POLICIES
from batchsim.batch.system import class_of
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.exhaustive import Bounds, Exploration, explore
from batchsim.engines.exhaustive.following import follow
from batchsim.engines.exhaustive.sampling_walks import Walker
from batchsim.engines.exhaustive.task import Task
from batchsim.engines.timed import simulate
from batchsim.engines.zones import explore_timed
from batchsim.model.faults import Effect, Fault
from batchsim.model.operation import Raised, Stopped, StoreFailure, for_each
from batchsim.scenario import Scenario, scenario_from_data
from tests.engines.test_exhaustive import counted, enumerated, scenario
from tests.strategies import CONSUMER_OPERATIONS, HANDLER_OPERATIONS, request_leg, timeless
from tests.trying import examples

LINEAGE = ("pre3427", "pr3427_count_only", "pr3427", "pr3766", "pr3777", "pr4397")
explore_module = sys.modules["batchsim.engines.exhaustive.explore"]
SEARCHES = 2_500
"""More schedules than this take the naive enumerator too long."""
STATES_MAX = 60_000
SECOND_US = 1_000_000


def with_faults(subject: Scenario, *faults: Fault) -> Scenario:
    return replace(subject, setting=replace(subject.setting, faults=faults))


ACTORS = st.sampled_from([None, "handler", "consumer", "handler-1", "consumer-0", "dispatcher", "job", "run"])
PINNED: SearchStrategy[Fault] = st.one_of(
    st.builds(LostResponse, attempt=st.just(1)),
    st.builds(Cut, attempt=st.just(1), after_items=st.just(0)),
    st.builds(Redeliver, item=st.just(0)),
    st.builds(Crash, actor=st.sampled_from(["handler-1"]), before=st.sampled_from(HANDLER_OPERATIONS)),
    st.builds(Crash, actor=st.sampled_from(["consumer-0"]), before=st.sampled_from(CONSUMER_OPERATIONS)),
    st.builds(
        StoreError,
        actor=st.sampled_from(["consumer", None]),
        operation=st.sampled_from(CONSUMER_OPERATIONS),
        effect=st.sampled_from([None, *Effect]),
    ),
    st.builds(
        StoreError,
        actor=st.sampled_from(["handler", "handler-1"]),
        operation=st.sampled_from(HANDLER_OPERATIONS),
        effect=st.sampled_from([None, *Effect]),
    ),
)
BUDGETS: SearchStrategy[Fault] = st.one_of(
    st.builds(LostResponse, at_most=st.sampled_from([1, 2])),
    st.builds(Disconnect, at_most=st.just(1)),
    st.builds(Cut, at_most=st.just(1)),
    st.builds(Redeliver, at_most=st.just(1)),
    st.builds(Crash, at_most=st.just(1), actor=ACTORS),
    st.builds(StoreError, at_most=st.just(1), actor=ACTORS, effect=st.sampled_from([None, *Effect])),
)


def schedules_without(exploration: Exploration, number: int) -> int:
    """How many schedules there are in which a fault does not happen, by the steps in which one does."""
    graph = exploration.graph
    counts = [1] + [0] * (graph.states - 1)
    for level in graph.topological_levels:
        for edge in graph.edges_of(level).tolist():
            if graph.labels[graph.edge_labels[edge]].fault != number:
                counts[graph.targets[edge]] += counts[graph.sources[edge]] * int(graph.weights[edge])
    return sum(counts[state] for state in graph.terminals)


# -- the laws of the engines, with faults ----------------------------------------------------------


@settings(deadline=None, max_examples=examples(9, searched=24))
@given(
    st.lists(st.one_of(PINNED, BUDGETS), min_size=1, max_size=2),
    st.integers(1, 2),
    st.sampled_from(["pre_failed", "rejected"]),
    st.sampled_from(sorted(POLICIES)),
)
@example([Crash(actor="consumer-0", before="redis.record")], 2, "rejected", "pr3766")
@example([Redeliver(at_most=1)], 1, "rejected", "local_count")
@example([StoreError(operation="queue.take")], 2, "rejected", "local_count")
@example([StoreError(operation="queue.complete", at_most=1)], 1, "rejected", "pr3766")
@example([Cut(attempt=1, after_items=0)], 1, "rejected", "pr3766")
@example([Cut(at_most=1, after_items=0), Crash(before="postgres.seal")], 1, "rejected", "local_count")
def test_schedules_under_faults_are_those_of_the_naive_enumerator(
    faults: list[Fault], consumers: int, kind: str, policy: str
) -> None:
    subject = with_faults(scenario(1, consumers, items={"kind": kind}), *faults)
    exploration = explore(subject, POLICIES[policy], bounds=Bounds(states_max=2_000))
    assume(exploration.is_complete)
    assert exploration.schedules is not None
    if exploration.schedules <= SEARCHES:
        assert counted(exploration) == enumerated(subject, policy)
    for number, fault in enumerate(exploration.faults):
        avoiding = schedules_without(exploration, number)
        assert (fault.occurs, fault.schedules) == (
            avoiding < exploration.schedules,
            exploration.schedules - avoiding,
        )
    for each in exploration.outcomes:
        trace = simulate(subject, POLICIES[policy], order=each.witness)
        assert trace.outcome == each.outcome
        happened = Counter(step.fault for step in each.witness)
        assert trace.faults == tuple(happened[number] for number in range(len(faults)))
        # Whoever sees a fault after it happened does not let it happen again.
        assert all(times <= fault.times_max for times, fault in zip(trace.faults, faults, strict=True))
        assert [(step.actor, step.name, step.alternative) for step in trace.steps] == [
            (step.actor, step.name, step.alternative) for step in each.witness
        ]


def lost(keys: str, **fields: Any) -> dict[str, Any]:
    return {"lost_state": {"keys": keys, **fields}}


LOSSES = st.builds(
    lost,
    st.sampled_from(["queue", "batch:B:meta", "batch:B:enqueued_items", "batch:B:pro*", "batch:B:*", "*"]),
    at_most=st.sampled_from([1, 2]),
)
UNDONE = st.builds(lambda loss, count: lost(**loss["lost_state"], last_writes=count), LOSSES, st.integers(1, 5))
BESIDE = st.sampled_from(
    [
        {"redeliver": {"at_most": 1}},
        {"disconnect": {"at_most": 1}},
        {"cut": {"attempt": 1, "after_items": 0}},
        {"lost_response": {"at_most": 1}},
        {"outage": {"group": "redis", "at_most": 1}},
        {"outage": {"group": "postgres", "at_most": 1}},
        {"crash": {"actor": "consumer", "at_most": 1}},
        {"store_error": {"actor": "consumer", "at_most": 2}},
    ]
)


@settings(deadline=None, max_examples=examples(8, searched=60))
@given(
    st.lists(st.one_of(LOSSES, UNDONE), min_size=1, max_size=2),
    st.lists(BESIDE, max_size=1),
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from([{"kind": "rejected"}, {"kind": "pre_failed"}, {"failed_attempts": 1}]),
    st.sampled_from(["done", "stepwise"]),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
    st.sampled_from(sorted(POLICIES)),
)
@example([lost("queue", last_writes=1)], [], 1, 2, {}, "done", "batchTrigger", "pr3766")
@example([lost("batch:B:meta", last_writes=1)], [], 1, 1, {}, "done", "batchTrigger", "pre3427")
@example([lost("batch:B:enqueued_items")], [], 1, 2, {}, "done", "batchTrigger", "pr4397")
def test_whatever_is_lost_there_is_room_for_every_run_of_an_item(
    losses: list[Any],
    beside: list[Any],
    items: int,
    consumers: int,
    kinds: dict[str, Any],
    phase_1: str,
    call: str,
    policy: str,
) -> None:
    batch = {"items": items, "phase_1": phase_1, "call": call}
    faults = [*losses, *beside]
    fields = {"name": "x", "batch": batch, "consumers": consumers, "items": kinds, "faults": faults}
    subject = scenario_from_data(fields)
    explore(subject, POLICIES[policy], bounds=Bounds(states_max=1_500))
    walker = Walker(subject.system(POLICIES[policy]))  # which goes to the end of very large graphs, too
    walks = [walker.walk(number) for number in range(30)]
    assert simulate(subject, POLICIES[policy], order=walks[-1].steps).outcome == walks[-1].outcome


@pytest.mark.parametrize(
    ("loss", "faults"),
    [
        (lost("batch:B:enqueued_items"), []),
        (
            lost("queue", last_writes=1),
            [{"crash": {"actor": "consumer-0", "before": "redis.record"}}],
        ),
    ],
)
def test_what_is_lost_gives_the_schedules_of_the_naive_enumerator(loss: Any, faults: list[Any]) -> None:
    subject = scenario(1, 1, items={"kind": "rejected"}, faults=[loss, *faults])
    exploration = explore(subject, POLICIES["local_count"])
    assert 3_000 < (exploration.schedules or 0) < 7_000
    assert counted(exploration) == enumerated(subject, "local_count")


@settings(deadline=None, max_examples=examples(4, searched=12))
@given(
    st.lists(BUDGETS, min_size=1, max_size=2),
    st.sampled_from(["ok", "pre_failed", "rejected"]),
    st.sampled_from(sorted(POLICIES)),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
)
def test_a_reduced_exploration_under_faults_finds_the_same_outcomes(
    faults: list[Fault], kind: str, policy: str, call: str
) -> None:
    subject = with_faults(scenario(1, 2, items={"kind": kind}, call=call), *faults)
    full = explore(subject, POLICIES[policy], bounds=Bounds(states_max=STATES_MAX))
    assume(full.is_complete)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explore_module, "WHOLE_STATES_MAX", 0)
        reduced = explore(subject, POLICIES[policy], reduces=True)
    assert set(counted(reduced)) == set(counted(full))


@settings(deadline=None, max_examples=examples(8, searched=36))
@given(
    PINNED,
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from(["ok", "pre_failed", "rejected"]),
    st.sampled_from(LINEAGE),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
    st.integers(0, 10**6),
)
def test_a_timed_run_under_faults_is_a_path_of_the_graph(
    fault: Fault, items: int, consumers: int, kind: str, policy: str, call: str, seed: int
) -> None:
    call = call if items == 1 else "batchTrigger"
    latency = {"operations": {"redis.enqueued_count": {"request": "20 ms", "response": 0}}}
    fields = {"items": {"kind": kind}, "latency": latency, "seed": seed}
    subject = with_faults(scenario(items, consumers, call=call, **fields), fault)
    exploration = explore(subject, POLICIES[policy], bounds=Bounds(states_max=STATES_MAX))
    assume(exploration.is_complete)
    trace = simulate(subject, POLICIES[policy])
    edges = follow(exploration.graph, trace.steps)
    assert int(exploration.graph.targets[edges[-1]]) in exploration.graph.terminals
    assert class_of(trace.outcome, verdicts_of(trace.outcome)) in counted(exploration)
    observed = simulate(subject, POLICIES[policy], observer=lambda *_: None)
    assert observed == trace


@pytest.mark.parametrize("operation", ["redis.get_meta", "redis.mark_enqueued"])
def test_a_lane_that_crashes_stops_its_handler_and_not_the_answer_that_was_given(operation: str) -> None:
    """One lane of an ingest raises, so the handler answers; another one crashes meanwhile."""
    subject = scenario(2, 1, ingest_concurrency=2, items={"kind": "pre_failed"})
    error = StoreError(actor="handler", operation=operation, item=0)
    subject = with_faults(subject, error, Crash(actor="handler-1", before="redis.mark_enqueued", item=1))
    exploration = explore(subject, POLICIES["pr4397"])
    answers = set()
    for seed in range(40):
        trace = simulate(replace(subject, seed=seed), POLICIES["pr4397"])
        edges = follow(exploration.graph, trace.steps)
        assert int(exploration.graph.targets[edges[-1]]) in exploration.graph.terminals
        answers.add(trace.answers[0].status)
    assert answers == {None, 500}


async def _lanes_that_nobody_waits_for() -> None:
    async def lane(index: int) -> None:
        await GetMeta(index)

    with suppress(StoreFailure):
        await for_each(2, 2, lane)
    await EnqueuedCount()


def test_who_stops_in_a_lane_that_nobody_waits_for_stops_altogether() -> None:
    task = Task(_lanes_that_nobody_waits_for())
    task.answer(0, Raised(StoreFailure))
    assert [pending.operation for pending in task.pending] == [EnqueuedCount(), GetMeta(1)]
    task.answer(1, Raised(Stopped))
    assert task.has_ended
    assert not task.pending


def test_a_connection_drops_only_until_the_handler_has_decided_on_its_answer() -> None:
    fields: dict[str, Any] = {"operations": {"postgres.seal": {"request": "1 s", "response": "1 s"}}}
    fields["items"] = {"execution": "1 h"}
    early, late = (Disconnect(attempt=1, at_us=at_us) for at_us in (SECOND_US - 1, SECOND_US + 1))
    policy = POLICIES["pr3766"]
    assert len(simulate(with_faults(timeless(**fields), early), policy).answers) == 2
    assert len(simulate(with_faults(timeless(**fields), late), policy).answers) == 1


def test_a_scenario_without_faults_explores_what_it_explored_before() -> None:
    usual = explore(scenario(2, 2), POLICIES["pr3427"])
    emptied = explore(with_faults(scenario(2, 2)), POLICIES["pr3427"])
    assert (usual.schedules, usual.states) == (4_105_035_217_026_951_610, 3696)
    assert counted(usual) == counted(emptied)


@pytest.mark.parametrize(
    ("fault", "schedules", "states", "transitions"),
    [
        (LostResponse(at_most=1), 62_380_887_692, 2_347, 5_973),
        (Redeliver(at_most=1), 142_241_391_193_504_328, 11_505, 35_815),
        (Crash(at_most=1), 5_864_192_492_970_018, 7_075, 19_530),
    ],
)
def test_exact_counts_under_faults_so_that_nobody_changes_granularity_by_accident(
    fault: Fault, schedules: int, states: int, transitions: int
) -> None:
    exploration = explore(with_faults(scenario(1, 1), fault), POLICIES["pr3427"])
    assert (exploration.schedules, exploration.states, exploration.transitions) == (schedules, states, transitions)


@pytest.mark.parametrize(
    ("fault", "items", "policy", "schedules", "states", "transitions"),
    [
        (LostResponse(at_most=1), 1, "pr3766", 6_091_615_498, 1_297, 3_518),
        (LostResponse(at_most=1), 1, "tombstone", 114_923_135_348, 2_745, 7_278),
        (Disconnect(at_most=1), 1, "pr4397", 7_989_037_997_707_332, 12_106, 39_812),
        (Disconnect(at_most=1), 1, "proposed", 120_942_106_099_574, 6_664, 21_811),
        (Cut(at_most=1), 2, "proposed", 477_756_724_838_501_624, 22_830, 80_189),
        (Cut(at_most=1), 2, "local_count", 50_569_788_807_011_803_578, 26_136, 92_355),
    ],
)
def test_a_fault_of_the_network_makes_no_step_of_the_queue_visible(
    fault: Fault, items: int, policy: str, schedules: int, states: int, transitions: int
) -> None:
    """Nothing comes back, so there is no dispatcher, and a run is in the run queue when it is inserted."""
    subject = with_faults(scenario(items, 3 - items, ingest_concurrency=1), fault)
    exploration = explore(subject, POLICIES[policy])
    assert (exploration.schedules, exploration.states, exploration.transitions) == (schedules, states, transitions)


@pytest.mark.parametrize("policy", LINEAGE)
def test_a_crash_never_loses_a_message_for_good(policy: str) -> None:
    subject = with_faults(scenario(1, 2, items={"kind": "pre_failed"}), Crash(actor="consumer", at_most=1))
    exploration = explore(subject, POLICIES[policy])
    for each in exploration.outcomes:
        assert each.outcome.items_without_run == 0
        world = exploration.graph.world(each.witness[-1].target)
        assert world.queue.in_flight(0) is None
        assert not world.queue.visible()


# -- each fault by itself: where it changes the outcome, and where it must not ----------------------


@pytest.mark.parametrize(
    ("policy", "changes", "must_not"),
    [
        ("pre3427", LostResponse(attempt=1), LostResponse(attempt=2)),
        ("pre3427", Disconnect(attempt=1), Disconnect(attempt=2)),
        ("pr3766", Cut(attempt=1, after_items=1), Cut(attempt=2, after_items=1)),
        ("pr3766", Redeliver(item=0, at_us=SECOND_US // 2), Redeliver(item=0, at_us=90 * SECOND_US)),
        ("pr3766", Crash(before="redis.cleanup"), Crash(before="redis.cleanup", item=0)),
        ("pr3766", StoreError(operation="redis.cleanup"), StoreError(operation="queue.retry")),
    ],
)
def test_each_fault_changes_the_outcome_in_one_run_and_not_in_another(
    policy: str, changes: Fault, must_not: Fault
) -> None:
    fields: dict[str, Any] = {"batch": {"items": 2}, "consumers": 2}
    fields["operations"] = {"postgres.create_run": request_leg("1 s")}
    usual = simulate(with_faults(timeless(**fields)), POLICIES[policy]).outcome
    assert verdicts_of(usual) == ("ok",)
    assert simulate(with_faults(timeless(**fields), changes), POLICIES[policy]).outcome != usual
    assert simulate(with_faults(timeless(**fields), must_not), POLICIES[policy]).outcome == usual


def test_a_redelivery_that_is_due_comes_as_soon_as_the_message_is_in_flight() -> None:
    """It was to come after half a second; the message is taken after a second, and comes back at once."""
    subject = with_faults(
        timeless({"redis.mark_enqueued": request_leg("1 s")}, batch={"items": 1}, consumers=2),
        Redeliver(item=0, at_us=SECOND_US // 2),
    )
    steps = simulate(subject, POLICIES["pr3766"]).steps
    times = {
        name: [step.at_us for step in steps if step.name == name] for name in ("queue.take", "queue.redeliver")
    }
    assert times == {"queue.take": [SECOND_US, SECOND_US], "queue.redeliver": [SECOND_US]}


def test_a_lost_connection_is_retried_and_raises_after_the_last_attempt() -> None:
    lost = [LostResponse(attempt=attempt) for attempt in range(1, 6)]
    trace = simulate(with_faults(timeless(), *lost), POLICIES["pr3766"])
    assert trace.outcome.call.result is Result.API_CONNECTION_ERROR
    assert (trace.outcome.call.status, trace.outcome.call.attempts) == (None, 5)
    assert [answer.status for answer in trace.answers] == [None] * 5


def test_a_handler_whose_client_is_gone_goes_on_beside_the_retrys() -> None:
    slow = timeless(items={"upload": "3 s"})
    trace = simulate(with_faults(slow, Disconnect(attempt=1, at_us=SECOND_US)), POLICIES["pr3766"])
    pushes = [step for step in trace.steps if step.name == "queue.push"]
    drop = next(step for step in trace.steps if step.name == "network.drop")
    assert (drop.at_us, [push.actor for push in pushes]) == (SECOND_US, ["handler-1"])
    assert {step.actor for step in trace.steps if step.at_us > drop.at_us} >= {"handler-1", "handler-2"}


def test_what_a_crashed_consumer_held_comes_back_after_the_visibility_timeout() -> None:
    crash = Crash(actor="consumer-0", before="redis.record")
    trace = simulate(with_faults(timeless(consumers=2), crash), POLICIES["pr3766"])
    taken = [step for step in trace.steps if step.name == "queue.take"]
    assert [step.actor for step in taken] == ["consumer-0", "consumer-1"]
    # 60 s from its claim, and a scan every 5 s.
    assert 60 * SECOND_US <= taken[1].at_us <= 65 * SECOND_US
    assert verdicts_of(trace.outcome) == ("duplicate_run",)


def test_a_crashed_handlers_client_sees_a_lost_connection() -> None:
    trace = simulate(with_faults(timeless(), Crash(before="queue.push")), POLICIES["pr3766"])
    assert [answer.status for answer in trace.answers] == [None, 200]
    assert trace.steps[3].description == "stops for good"
    assert trace.outcome.items_without_run == 1


def test_a_raising_store_is_answered_500_and_the_item_of_a_consumer_is_retried() -> None:
    errors = (StoreError(operation="redis.enqueued_count"), StoreError(operation="postgres.create_run"))
    trace = simulate(with_faults(timeless(), *errors), POLICIES["pr3766"])
    assert trace.answers[0].status == 500
    assert [step.description for step in trace.steps if step.name == "queue.retry"] == ["item 0 failed attempt 1"]
    assert trace.outcome.runs_total == 1


def test_a_probability_is_drawn_from_a_stream_that_shifts_nobody_elses() -> None:
    usual = simulate(scenario(20, 3), POLICIES["pr3766"])
    hit = simulate(with_faults(scenario(20, 3), StoreError(probability=0.1)), POLICIES["pr3766"])
    never = simulate(with_faults(scenario(20, 3), LostResponse(probability=1e-12)), POLICIES["pr3766"])
    assert [step for step in hit.steps if step.answer.__class__.__name__ == "Raised"]
    assert never.steps == usual.steps


def test_who_crashes_before_it_takes_a_message_leaves_it_to_another_who_waits() -> None:
    subject = timeless(consumers=2, items={"upload": "3 s"})
    trace = simulate(with_faults(subject, Crash(actor="consumer-0", before="queue.take")), POLICIES["pr3766"])
    assert verdicts_of(trace.outcome) == ("ok",)
    assert [step.actor for step in trace.steps if step.name == "queue.take"] == ["consumer-0", "consumer-1"]


# -- a body that is cut ----------------------------------------------------------------------------


def test_how_far_a_lane_has_read_survives_until_the_connection_breaks() -> None:
    """Two lanes read side by side: what one of them has read cannot be said to have been cut off by the other."""
    fields: dict[str, Any] = {"items": {"kind": "pre_failed", "upload": "1 s"}, "ingest_concurrency": 2}
    exploration = explore(with_faults(scenario(2, 1, **fields), Cut(attempt=1)), POLICIES["pr3766"])
    assert (exploration.schedules, exploration.states) == (1_065_797_689_616_914, 11_660)


@pytest.mark.parametrize("policy", ["pr3766", "proposed", "atomic"])
def test_what_was_cut_off_is_not_enqueued_by_that_request(policy: str) -> None:
    atomic = replace(POLICIES["pre3427"], name="atomic", enqueues_atomically=True)
    subject = with_faults(scenario(2, 1), Cut(attempt=1, after_items=1))
    trace = simulate(subject, POLICIES.get(policy, atomic))
    enqueued = [
        (step.actor.partition(".")[0], step.operation.item)
        for step in trace.steps
        if step.name == "redis.mark_enqueued" and not (step.raised or "already there" in step.description)
    ]
    assert enqueued == [("handler-1", 0), ("handler-2", 1)]
    assert verdicts_of(trace.outcome) == ("ok",)


def test_a_lane_whose_item_never_arrives_waits_for_no_turn() -> None:
    faults = [{"crash": {"actor": "handler", "at_most": 1}}, {"cut": {"at_most": 1}}]
    subject = scenario_from_data({"name": "x", "batch": {"items": 3}, "consumers": 1, "faults": faults})
    walker = Walker(subject.system(POLICIES["pr3777"]))
    for number in range(30, 50):
        walk = walker.walk(number)
        assert simulate(subject, POLICIES["pr3777"], order=walk.steps).outcome == walk.outcome


def test_a_lane_that_a_cut_held_back_goes_on_once_there_can_be_none() -> None:
    """The connection drops before the cut is met: the whole body has arrived then."""
    drop = {"disconnect": {"attempt": 1, "at": "50 ms"}}
    cut = {"cut": {"attempt": 1, "after_items": 0}}
    late = {"slow": {"operation": "redis.get_meta", "item": 0, "actor": "handler-1", "delay": "300 ms"}}
    latency = {"http": {"request": "1 ms", "response": "200 ms"}}
    data = {"name": "x", "batch": {"items": 2}, "latency": latency, "faults": [drop, cut, late]}
    trace = simulate(scenario_from_data(data), POLICIES["pr3777"])
    assert trace.faults == (1, 0, 1)
    pushed = [step.actor for step in trace.steps if step.name == "queue.push"]
    assert pushed == ["handler-1.1", "handler-1.0"]


def test_who_is_held_back_for_good_is_not_the_only_one_to_step(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = with_faults(scenario(2, 1, items={"kind": "rejected"}), Cut(attempt=1, after_items=1))
    full = explore(subject, POLICIES["pr3777"])
    monkeypatch.setattr(explore_module, "WHOLE_STATES_MAX", 0)
    reduced = explore(subject, POLICIES["pr3777"], reduces=True)
    assert set(counted(reduced)) == set(counted(full))
    assert reduced.states < full.states


# -- a message that is held until the batch is finalized --------------------------------------------

UPDATE_FAILS = StoreError(operation="postgres.completion_update", effect=Effect.BEFORE)
NEVER = Redeliver(item=0, at_us=36_000 * SECOND_US)


def test_a_failed_completion_update_brings_the_message_back_that_is_still_held() -> None:
    """In runs, in every order, and in all time: whether an idle redelivery is listed or not."""
    policy = POLICIES["proposed"]
    for faults in ((UPDATE_FAILS,), (UPDATE_FAILS, NEVER)):
        subject = with_faults(scenario(1, 3), *faults)
        steps = simulate(subject, policy).steps
        first, second = [step.at_us // SECOND_US for step in steps if step.name == "queue.take"]
        assert first == 0
        assert 60 <= second <= 65
        assert verdicts_of(simulate(subject, policy).outcome) == ("ok",)
        assert {each.verdicts for each in explore_timed(subject, policy).outcomes} == {("ok",)}
    exploration = explore(with_faults(scenario(1, 3), UPDATE_FAILS), policy)
    assert {each.verdicts for each in exploration.outcomes} == {("ok",)}
    assert exploration.schedules == 45_032_104_960
