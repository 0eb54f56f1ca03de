"""The exhaustive engine against a naive enumerator, against itself without merging, and against time."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import batchsim.engines.exhaustive.explore  # noqa: F401  (the function of that name hides the module)
from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.policies import POLICIES
from batchsim.batch.system import class_of
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.exhaustive import Bounds, Exploration, explore
from batchsim.engines.exhaustive.following import NotASchedule, follow
from batchsim.engines.timed import OrderNotPossible, simulate
from batchsim.model.faults import Effect, Fault
from batchsim.model.properties import Property
from batchsim.scenario import Scenario, scenario_from_data
from tests.engines.naive import enumerate_schedules
from tests.trying import examples

explore_module = sys.modules["batchsim.engines.exhaustive.explore"]
SCHEDULES_MAX = examples(2_000, searched=12_000)
"""More than this take the naive enumerator too long."""
STATES_MAX = 1_500
"""A graph with more has more schedules than that."""


def scenario(count: int, consumers: int, /, **fields: Any) -> Scenario:
    call = fields.pop("call", "batchTrigger")
    return scenario_from_data(
        {"name": "x", "batch": {"items": count, "call": call}, "consumers": consumers, **fields}
    )


def counted(exploration: Exploration) -> Counter[Hashable]:
    counts: Counter[Hashable] = Counter()
    for each in exploration.outcomes:
        counts[class_of(each.outcome, each.verdicts)] += each.schedules or 0
    return counts


def enumerated(subject: Scenario, policy: str) -> Counter[Hashable]:
    counts: Counter[Hashable] = Counter()
    for outcome, schedules in enumerate_schedules(subject.setting, POLICIES[policy]).items():
        counts[class_of(outcome, verdicts_of(outcome))] += schedules
    return counts


small_items = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["pre_failed", "rejected"]),
        "upload": st.sampled_from([0, "1 s"]),
        "failed_attempts": st.sampled_from([0, 0, 1]),
    }
)
budgets = st.sampled_from(
    [
        LostResponse(attempt=1),
        LostResponse(at_most=1),
        Disconnect(attempt=1),
        Cut(attempt=1),
        Crash(actor="handler", at_most=1),
        Crash(actor="consumer-0", before="redis.record"),
        StoreError(actor="handler", at_most=1),
        StoreError(operation="redis.record", effect=Effect.AFTER, at_most=1),
        Redeliver(item=0),
    ]
)


def check_against_the_naive_enumerator(subject: Scenario, policy: str) -> None:
    exploration = explore(subject, POLICIES[policy], bounds=Bounds(states_max=STATES_MAX))
    assume(exploration.is_complete and (exploration.schedules or 0) <= SCHEDULES_MAX)
    assert counted(exploration) == enumerated(subject, policy)


@settings(
    deadline=None, max_examples=examples(8, searched=50), suppress_health_check=[HealthCheck.filter_too_much]
)
@given(
    st.sampled_from([1, 1, 1, 2]),
    st.integers(1, 2),
    small_items,
    st.sampled_from(sorted(POLICIES)),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
    st.sampled_from([None, 2]),
)
def test_schedules_are_those_of_the_naive_enumerator(
    items: int, consumers: int, kinds: dict[str, Any], policy: str, call: str, ingest: int | None
) -> None:
    fields = {} if ingest is None else {"ingest_concurrency": ingest}
    check_against_the_naive_enumerator(scenario(items, consumers, items=kinds, call=call, **fields), policy)


@settings(
    deadline=None, max_examples=examples(4, searched=25), suppress_health_check=[HealthCheck.filter_too_much]
)
@given(st.integers(1, 2), small_items, st.sampled_from(sorted(POLICIES)), budgets)
def test_under_a_fault_too(consumers: int, kinds: dict[str, Any], policy: str, fault: Fault) -> None:
    subject = scenario(1, consumers, items=kinds)
    subject = replace(subject, setting=replace(subject.setting, faults=(fault,)))
    check_against_the_naive_enumerator(subject, policy)


@pytest.mark.parametrize(
    ("items", "consumers", "kind", "policy"),
    [
        (1, 2, "pre_failed", "local_count"),
        (1, 2, "pre_failed", "pr3766"),
        (1, 1, "pre_failed", "seal_at_finalize"),
        (2, 1, "rejected", "local_count"),
        (1, 2, "expires", "local_count"),
    ],
)
def test_naive_enumerator_agrees_on_thousands_of_schedules(
    items: int, consumers: int, kind: str, policy: str
) -> None:
    subject = scenario(items, consumers, items={"kind": kind})
    exploration = explore(subject, POLICIES[policy])
    assert 1_000 < (exploration.schedules or 0) < 12_000
    assert counted(exploration) == enumerated(subject, policy)


@settings(deadline=None, max_examples=examples(8, searched=15))
@given(
    st.integers(1, 2),
    st.integers(1, 3),
    st.sampled_from(["ok", "pre_failed", "rejected"]),
    st.sampled_from(sorted(POLICIES)),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
)
def test_merging_of_local_states_changes_no_number(
    items: int, consumers: int, kind: str, policy: str, call: str
) -> None:
    items = 1 if call == "batchTriggerAndWait" else items
    subject = scenario(items, consumers, items={"kind": kind}, call=call)
    bounds = Bounds(states_max=20_000)
    merged = explore(subject, POLICIES[policy], bounds=bounds)
    apart = explore(subject, POLICIES[policy], bounds=bounds, merges=False)
    if apart.is_complete:
        assert counted(merged) == counted(apart)
        assert merged.states <= apart.states


@settings(deadline=None, max_examples=examples(6, searched=24))
@given(
    st.integers(1, 3),
    st.integers(1, 2),
    st.sampled_from(["ok", "pre_failed", "rejected"]),
    st.sampled_from([0, 1]),
    st.sampled_from(sorted(POLICIES)),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
)
def test_a_reduced_exploration_finds_the_same_outcomes(
    items: int, consumers: int, kind: str, failed_attempts: int, policy: str, call: str
) -> None:
    subject = scenario(
        items,
        consumers,
        items={"kind": kind, "failed_attempts": failed_attempts},
        call=call if items == 1 else "batchTrigger",
    )
    full = explore(subject, POLICIES[policy])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explore_module, "WHOLE_STATES_MAX", 0)
        reduced = explore(subject, POLICIES[policy], reduces=True)
    assert set(counted(reduced)) == set(counted(full))
    assert reduced.states <= full.states
    for each in reduced.outcomes:
        assert simulate(subject, POLICIES[policy], order=each.witness).outcome == each.outcome


@settings(deadline=None, max_examples=examples(8, searched=36))
@given(
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from(["ok", "pre_failed", "rejected"]),
    st.sampled_from([0, 1]),
    st.sampled_from(sorted(POLICIES)),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
    st.sampled_from(["100 us", "20 ms", "900 ms"]),
    st.integers(0, 10**6),
)
def test_a_timed_run_is_a_path_of_the_graph(
    items: int,
    consumers: int,
    kind: str,
    failed_attempts: int,
    policy: str,
    call: str,
    count: str,
    seed: int,
) -> None:
    subject = scenario(
        items,
        consumers,
        items={"kind": kind, "failed_attempts": failed_attempts, "execution": {"uniform": ["1 ms", "30 s"]}},
        call=call if items == 1 else "batchTrigger",
        latency={"operations": {"redis.enqueued_count": {"request": count, "response": 0}}},
        seed=seed,
    )
    trace = simulate(subject, POLICIES[policy])
    exploration = explore(subject, POLICIES[policy])
    edges = follow(exploration.graph, trace.steps)
    assert int(exploration.graph.targets[edges[-1]]) in exploration.graph.terminals
    assert class_of(trace.outcome, verdicts_of(trace.outcome)) in counted(exploration)


def test_a_sequence_that_is_no_schedule_is_refused() -> None:
    subject = scenario(1, 1)
    trace = simulate(subject, POLICIES["pr3427"])
    graph = explore(subject, POLICIES["pr3427"]).graph
    with pytest.raises(NotASchedule):
        follow(graph, trace.steps[1:])
    # Another step of the same actor, with the answer that the first one got.
    with pytest.raises(NotASchedule):
        follow(graph, [trace.steps[0]._replace(operation=trace.steps[1].operation), *trace.steps[1:]])


@pytest.mark.parametrize(
    ("items", "consumers", "policy", "kind", "schedules", "states", "transitions"),
    [
        (1, 1, "pre3427", "rejected", 346, 56, 86),
        (1, 1, "pr3427", "ok", 9_451_162_684, 1093, 2646),
        (2, 2, "pre3427", "ok", 4_105_115_681_980_085_460, 3696, 10_846),
        (2, 2, "pr3427_count_only", "ok", 4_105_035_217_026_951_610, 3736, 10_924),
        (2, 2, "pr3427", "ok", 4_105_035_217_026_951_610, 3696, 10_846),
        (2, 2, "pr3766", "ok", 2_278_157_510_781_802, 2136, 6_520),
        (2, 2, "pr4397", "ok", 20_528_078_726_433_908, 2233, 6_773),
        (2, 2, "tombstone", "ok", 6_540_509_405_476_216_542, 4226, 12_731),
        (2, 2, "local_count", "ok", 221_653_587_558_536, 1564, 4_718),
        (2, 2, "seal_at_finalize", "ok", 6_848_676_132_610_958, 2162, 6_741),
        (2, 2, "proposed", "ok", 1_351_262_706_670_080, 3125, 9_879),
        (3, 3, "pr3427", "ok", 40_964_195_289_978_313_986_717_503_532, 11_239, 39_387),
    ],
)
def test_exact_counts_so_that_nobody_changes_granularity_by_accident(
    items: int, consumers: int, policy: str, kind: str, schedules: int, states: int, transitions: int
) -> None:
    exploration = explore(scenario(items, consumers, items={"kind": kind}), POLICIES[policy])
    assert exploration.schedules == schedules
    assert (exploration.states, exploration.transitions) == (states, transitions)


def test_few_states_are_stepped_as_many_are(monkeypatch: pytest.MonkeyPatch) -> None:
    subject = scenario(2, 2, call="batchTriggerAndWait", items={"kind": "pre_failed"})
    found = []
    for few in (0, 1_000_000):
        for module in ("packing", "stepping"):
            monkeypatch.setattr(f"batchsim.engines.exhaustive.{module}.FEW", few)
        exploration = explore(subject, POLICIES["pr4397"])
        found.append((exploration.outcomes, [exploration.graph.row(state) for state in range(exploration.states)]))
    assert found[0] == found[1]


def test_shares_are_probabilities_of_a_random_walk() -> None:
    exploration = explore(scenario(1, 1), POLICIES["pr3427"])
    shares = [each.share or 0 for each in exploration.outcomes]
    assert sum(shares) == pytest.approx(1)
    assert all(0 < share < 1 for share in shares)


def test_a_bound_makes_an_exploration_incomplete() -> None:
    exploration = explore(scenario(2, 2), POLICIES["pr3427"], bounds=Bounds(states_max=500))
    assert not exploration.is_complete
    assert 500 < exploration.states < 3696


def test_what_decides_in_a_part_of_the_graph_decides_in_all_of_it() -> None:
    def decided(bounds: Bounds) -> Counter[tuple[str, str]]:
        edges: Counter[tuple[str, str]] = Counter()
        for each in explore(scenario(1, 1), POLICIES["pr3427"], bounds=bounds).decisive:
            edges[each.operation, each.actor] += each.edges
        return edges

    whole, *parts = (decided(Bounds(states_max=states_max)) for states_max in (None, 1040, 1092))
    assert any(parts)
    assert all(part <= whole for part in parts)


def test_false_failures_are_decided_by_the_read_after_an_overtaken_count() -> None:
    exploration = explore(scenario(1, 1), POLICIES["pre3427"])
    decided = {(each.operation, each.overtook) for each in exploration.decisive}
    assert ("redis.cleanup", ("redis.enqueued_count (handler-1)",)) in decided


def test_any_number_of_verdicts_can_be_decided() -> None:
    rejected = [
        Property(f"rejected_{n}", "It rejected.", lambda outcome: outcome.call_rejected) for n in range(70)
    ]
    exploration = explore(scenario(1, 1), POLICIES["pre3427"], properties=rejected)
    decided = Counter(each.verdict for each in exploration.decisive)
    assert {decided[each.name] for each in rejected} == {decided["false_failure"]}


def test_witnesses_are_shortest_and_end_in_their_class() -> None:
    exploration = explore(scenario(1, 1), POLICIES["pr3427"])
    for each in exploration.outcomes:
        edges = follow(exploration.graph, each.witness)
        assert len(edges) == exploration.graph.depth(each.witness[-1].target)
        assert exploration.graph.outcome(each.witness[-1].target) == each.outcome


@pytest.mark.parametrize(("call", "failed_attempts"), [("batchTrigger", 1), ("batchTriggerAndWait", 0)])
@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_every_witness_replays_to_its_outcome_in_the_timed_engine(
    policy: str, call: str, failed_attempts: int
) -> None:
    subject = scenario(1, 2, items={"failed_attempts": failed_attempts}, call=call)
    for each in explore(subject, POLICIES[policy]).outcomes:
        trace = simulate(subject, POLICIES[policy], order=each.witness)
        assert trace.outcome == each.outcome
        assert [(step.actor, step.name) for step in trace.steps] == [
            (step.actor, step.name) for step in each.witness
        ]
        assert trace == simulate(subject, POLICIES[policy], order=each.witness)


def test_an_order_that_no_times_fit_is_refused() -> None:
    subject = scenario(1, 1)
    witness = explore(subject, POLICIES["pr3427"]).outcomes[0].witness
    with pytest.raises(OrderNotPossible, match="cannot come next"):
        simulate(subject, POLICIES["pr3427"], order=witness[1:])
    with pytest.raises(OrderNotPossible, match="still takes effect after the last step"):
        simulate(subject, POLICIES["pr3427"], order=witness[:-3])
    with pytest.raises(
        OrderNotPossible, match=f"step {len(witness) + 1} of {len(witness) + 1}, .* cannot come next"
    ):
        simulate(subject, POLICIES["pr3427"], order=(*witness, witness[-1]))
