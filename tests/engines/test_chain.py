"""The chain: its probabilities are those of timed runs, of a hand computation, and of exact fractions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import replace
from fractions import Fraction
from math import exp, lgamma, log
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchsim import (
    POLICIES,
    ExactExploration,
    Policy,
    Scenario,
    explore,
    explore_exact,
    scenario_from_data,
    verdicts_of,
)
from batchsim.analysis.sweep.together import Together
from batchsim.batch.faults import BEFALLEN
from batchsim.batch.operations import ScheduleCompletion, names_befallen, names_done_by
from batchsim.batch.setting import Setting
from batchsim.batch.system import class_of
from batchsim.engines.chain import absorption
from batchsim.engines.chain.fitness import check_for_chain
from batchsim.engines.chain.steps import mean_us_of
from batchsim.engines.exhaustive import Bounds
from batchsim.scenario import InvalidScenario
from tests.trying import examples

RUNS = examples(200, searched=2000)
"""Timed runs of each scenario under each policy."""
SHARES = examples(5, searched=1)
"""Each scenario is held against one of so many shares of the policies, in turn."""
TAIL = 0.0005
"""Of each side of a 99.9 % interval."""
Data = dict[str, Any]


def exponential(mean_ms: float) -> Data:
    return {"exponential": {"mean": f"{round(1000 * mean_ms)} us"}}


def legs(request_ms: float, response_ms: float = 0) -> Data:
    return {
        "request": exponential(request_ms) if request_ms else "0 ms",
        "response": exponential(response_ms) if response_ms else "0 ms",
    }


def memoryless(operations: Data | None = None, latency: Data | None = None, **fields: Any) -> Scenario:
    """One item, short timers, a late count: so that every policy that can fail does."""
    usual = {
        "redis.enqueued_count": legs(6),
        "sdk.backoff": exponential(12),
        "queue.take": legs(0, 2),
        "jobs.take_completion": exponential(4),
        "jobs.take_expiry": exponential(40),
        "queue.retry": exponential(5),
        "redis.expire": exponential(9),
    }
    groups = {"redis": legs(1), "postgres": legs(2), "http": legs(3, 1)} | (latency or {})
    data: Data = {"name": "memoryless", "batch": {"items": 1}, "consumers": 1}
    data |= {
        "items": {"execution": exponential(3)},
        "latency": {**groups, "operations": usual | (operations or {})},
    }
    for field, value in fields.items():
        data[field] = {**data[field], **value} if isinstance(value, dict) and field in data else value
    return scenario_from_data(data)


AND_WAIT = {"items": 1, "call": "batchTriggerAndWait"}
SCENARIOS = {
    "as it is": memoryless(),
    "response legs": memoryless(latency={"redis": legs(1, 1), "postgres": legs(2, 1)}),
    "late answers": memoryless({"postgres.find_batch": legs(1, 30)}),
    "late takes": memoryless({"queue.take": legs(15)}, consumers=2),
    "and wait, reaped": memoryless(batch=AND_WAIT),
    "rejected": memoryless(items={"kind": "rejected"}),
    "pre-failed, uploaded": memoryless(items={"kind": "pre_failed", "upload": exponential(4)}),
    "fails two attempts": memoryless(items={"failed_attempts": 2}, consumers=2),
    "two items": memoryless(batch={"items": 2}, operations={"postgres.find_runs": legs(0)}),
    "two items, one rejected": memoryless(
        batch={"items": 2}, items={"overrides": [{"index": 0, "kind": "rejected"}]}, consumers=2
    ),
    "two items, each at its own pace": memoryless(
        batch={"items": 2},
        items={"kind": "pre_failed", "overrides": [{"index": 1, "failed_attempts": 1}]},
        ingest_concurrency=2,
        consumers=2,
    ),
    "first response lost": memoryless(faults=[{"lost_response": {"attempt": 1}}]),
    "last response lost, if there is one": memoryless(faults=[{"lost_response": {"attempt": 3}}]),
    "errors at random": memoryless(
        faults=[
            {"lost_response": {"probability": "20%"}},
            {"store_error": {"operation": "redis.mark_enqueued", "actor": "handler", "probability": "30%"}},
        ]
    ),
}


def tails(hits: int, runs: int, probability: float) -> tuple[float, float]:
    """How likely so few hits are, and so many: the exact value is in the Clopper-Pearson interval of a level
    if neither is below half of what is left of it."""
    if not 0 < probability < 1:
        return float(hits == runs * probability), float(hits == runs * probability)
    weights = [
        exp(
            lgamma(runs + 1) - lgamma(k + 1) - lgamma(runs - k + 1)
            + k * log(probability) + (runs - k) * log(1 - probability)
        )
        for k in range(runs + 1)
    ]  # fmt: skip
    return sum(weights[: hits + 1]), sum(weights[hits:])


def swept(scenario: Scenario, policies: list[Policy]) -> list[Counter[Hashable]]:
    """How often a sweep comes to what, and each fault happens, by policy: from the runs that it makes."""
    runs = Together(scenario, policies).ends(range(RUNS))
    counted: list[Counter[Hashable]] = []
    for ends in zip(*runs, strict=True):
        counted.append(Counter(class_of(each.outcome, verdicts_of(each.outcome)) for each in ends))
        counted[-1].update(f"fault {number}" for each in ends for number in each.faults)
    return counted


def classes(exploration: ExactExploration) -> dict[Hashable, float]:
    """How likely it comes to what, and each fault happens."""
    found = {class_of(each.outcome, each.verdicts): each.probability for each in exploration.outcomes}
    happens = {f"fault {number}": each.probability for number, each in enumerate(exploration.faults)}
    return {**found, **{name: each for name, each in happens.items() if each is not None}}


@pytest.mark.hypothesis
@pytest.mark.parametrize(("number", "name"), [*enumerate(SCENARIOS)])
def test_the_interval_of_a_sweep_holds_the_exact_probability(number: int, name: str) -> None:
    scenario, policies = SCENARIOS[name], list(POLICIES.values())[number % SHARES :: SHARES]
    for policy, counted in zip(policies, swept(scenario, policies), strict=True):
        exact = classes(explore_exact(scenario, policy))
        assert counted.keys() <= exact.keys(), policy.name
        for alike, probability in exact.items():
            assert min(tails(counted[alike], RUNS, min(1.0, probability))) > TAIL, (
                policy.name,
                alike,
                probability,
            )


def test_the_fault_of_an_edge_is_that_of_its_step() -> None:
    """Of several faults of one label, which one it is depends on who was there before."""
    faults = [{"store_error": {"operation": "redis.get_meta", "actor": "handler"}}] * 3
    scenario = memoryless(batch={"items": 2}, ingest_concurrency=2, faults=faults)
    graph = explore_exact(scenario, POLICIES["pre3427"], bounds=Bounds(states_max=4_000)).graph
    found = set()
    for edge, number in enumerate(graph.edge_labels.tolist()):
        label = graph.labels[number]
        row = graph.row(graph.sources[edge])
        moves = label.kind.moves(tuple(row[column] for column in label.kind.columns))
        assert label.fault in {move.fault for move in moves if move.label == label.alternative}
        found.add((label.alternative, label.fault))
    assert {("raises before", 1), ("raises before", 2)} <= found


def test_the_scenarios_are_about_something() -> None:
    shares = [
        explore_exact(SCENARIOS[name], POLICIES["pr3427"]).probability_of("false_failure")
        for name in ("as it is", "and wait, reaped", "two items")
    ]
    assert all(0.05 < share < 0.95 for share in shares)


def test_nothing_is_proved_under_a_fault_that_never_happens() -> None:
    """Under this policy the first attempt is well: there is no third one whose response could be lost."""
    subject = SCENARIOS["last response lost, if there is one"]
    missing, met = (explore_exact(subject, POLICIES[name]) for name in ("proposed", "pre3427"))
    assert (missing.is_complete, missing.missing_faults, missing.is_proof) == (True, (0,), False)
    assert (met.is_complete, met.missing_faults, met.is_proof) == (True, (), True)


def test_two_racing_exponentials() -> None:
    """Nothing takes time but the handler's count (mean 3 ms) and the consumer's record (mean 1 ms)."""
    operations = {"redis.enqueued_count": legs(3), "redis.record": legs(1), "queue.take": legs(0)}
    scenario = memoryless(operations, NO_TIME, items={"kind": "rejected"})
    exploration = explore_exact(scenario, POLICIES["pr3766"])
    assert exploration.probability_of("true_failure") == pytest.approx(3 / 4, rel=1e-14)
    assert exploration.probability_of("silent_abort") == pytest.approx(1 / 4, rel=1e-14)
    assert exploration.verdicts == {"true_failure", "silent_abort"}


NO_TIME = {"redis": legs(0), "postgres": legs(0), "http": legs(0)}


def test_steps_at_one_instant_whose_order_matters_are_refused() -> None:
    operations = {"redis.enqueued_count": legs(0), "redis.record": legs(0), "queue.take": legs(0)}
    with pytest.raises(InvalidScenario, match=r"both take effect at one instant, and which comes first matters"):
        explore_exact(memoryless(operations, NO_TIME, items={"kind": "rejected"}), POLICIES["pr3766"])


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
@pytest.mark.parametrize("call", ["batchTrigger", "batchTriggerAndWait"])
def test_with_every_leg_positive_the_outcomes_are_those_of_exploration(call: str, policy: Policy) -> None:
    operations = {"queue.take": legs(1), "redis.enqueued_count": legs(1)}
    scenario = memoryless(operations, batch={"items": 1, "call": call}, consumers=2)
    untimed = {class_of(each.outcome, each.verdicts) for each in explore(scenario, policy).outcomes}
    assert classes(explore_exact(scenario, policy)).keys() == untimed


@pytest.mark.parametrize("name", ["rejected", "as it is"])
def test_the_error_of_rounding_is_within_its_bound(name: str) -> None:
    exploration = explore_exact(SCENARIOS[name], POLICIES["pre3427"])
    graph = exploration.graph
    probability = [Fraction(0)] * graph.states
    probability[0] = Fraction(1)
    for state in (state for level in graph.topological_levels for state in level.tolist()):
        edges = range(*graph.edges_begin[state : state + 2].tolist())
        means = [mean_us_of(graph.labels[graph.edge_labels[edge]].kind.operation) for edge in edges]
        rates = [Fraction(int(graph.weights[edge]), mean or 1) for edge, mean in zip(edges, means, strict=True)]
        for edge, rate in zip(edges, rates, strict=True):
            probability[graph.targets[edge]] += probability[state] * rate / sum(rates)
    fractions: dict[Hashable, Fraction] = {}
    for state in graph.terminals.tolist():
        outcome = graph.outcome(state)
        alike = class_of(outcome, verdicts_of(outcome))
        fractions[alike] = fractions.get(alike, Fraction(0)) + probability[state]
    assert sum(fractions.values()) == 1
    for alike, found in classes(exploration).items():
        assert abs(Fraction(found) / fractions[alike] - 1) <= exploration.relative_error_max < 1e-12


@pytest.mark.parametrize("name", SCENARIOS)
def test_probabilities_sum_to_1(name: str) -> None:
    exploration = explore_exact(SCENARIOS[name], POLICIES["pr4397"])
    total = sum(each.probability for each in exploration.outcomes)
    assert abs(total - 1) <= exploration.relative_error_max


subjects = st.builds(
    lambda items, consumers, kinds, paces, response_ms, call, faults: memoryless(
        {"postgres.find_batch": legs(1, response_ms)},
        {"redis": legs(1), "postgres": legs(2, 1)},
        batch={"items": items, "call": call},
        items={
            "overrides": [
                {"index": place, "kind": kinds[place], "execution": exponential(paces[place])}
                for place in range(items)
            ]
        },
        consumers=consumers,
        faults=faults,
    ),
    st.integers(1, 3),
    st.integers(1, 2),
    st.lists(st.sampled_from(["ok", "ok", "ok", "pre_failed"]), min_size=3, max_size=3),
    st.lists(st.sampled_from([3, 3, 8]), min_size=3, max_size=3),
    st.sampled_from([0, 30]),
    st.sampled_from(["batchTrigger", "batchTrigger", "batchTriggerAndWait"]),
    st.sampled_from([[], [{"lost_response": {"probability": "20%"}}], [{"lost_response": {"attempt": 1}}]]),
)


@settings(deadline=None, max_examples=examples(2, searched=60))
@given(subjects, st.sampled_from(sorted(POLICIES)))
@example(memoryless(batch={"items": 2}, latency={"postgres": legs(2, 1)}, consumers=2), "pr3427")
@example(
    memoryless(batch={"items": 2}, items={"overrides": [{"index": 1, "execution": exponential(9)}]}), "pr3427"
)
def test_merging_changes_no_probability(subject: Scenario, policy: str) -> None:
    bounds = Bounds(states_max=25_000)  # the examples above have no more
    whole = explore_exact(subject, POLICIES[policy], bounds=bounds, merges=False)
    if whole.is_complete:
        merged = explore_exact(subject, POLICIES[policy], bounds=bounds)
        assert classes(merged) == pytest.approx(classes(whole), rel=1e-12, abs=0)
        assert merged.states <= whole.states


@pytest.mark.parametrize("name", ["two items", "response legs"])
def test_states_are_merged(name: str) -> None:
    """Those that differ in which child run is where, and those in who is on its way back."""
    merged, whole = (explore_exact(SCENARIOS[name], POLICIES["pr3427"], merges=each) for each in (True, False))
    assert merged.states < 0.8 * whole.states


async def ask_twice(setting: Setting, index: int, copy: int) -> None:
    await ScheduleCompletion()
    await ScheduleCompletion()


def test_workers_who_are_too_few_are_not_idle_at_once() -> None:
    """Two workers and three jobs: the third one waits until somebody is back."""
    subject = memoryless({"jobs.take_completion": exponential(1)}, {"postgres": legs(2, 40)})
    policy = replace(POLICIES["pr3427"], after_run=ask_twice)
    merged, whole = (explore_exact(subject, policy, merges=merges) for merges in (True, False))
    assert (classes(merged), merged.states) == (classes(whole), whole.states)


def test_probabilities_do_not_depend_on_how_many_outcomes_are_worked_out_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together = explore_exact(memoryless(), POLICIES["pre3427"])
    assert len(together.outcomes) > 3
    monkeypatch.setattr(absorption, "CLASSES_AT_ONCE", 2)
    assert classes(explore_exact(memoryless(), POLICIES["pre3427"])) == classes(together)


def test_a_bound_leaves_lower_bounds() -> None:
    scenario, policy = SCENARIOS["as it is"], POLICIES["pre3427"]
    whole = explore_exact(scenario, policy)
    most = whole.states * 2 // 3
    part = explore_exact(scenario, policy, bounds=Bounds(most))
    assert (part.is_complete, part.stopped_by) == (False, f"stopped at {most:,} states (--max-states)")
    assert 0 < part.unresolved < 1
    assert all(probability <= classes(whole)[alike] for alike, probability in classes(part).items())


@pytest.mark.parametrize(
    ("latency", "message"),
    [
        ({"redis": "1 ms"}, r"redis.get_meta .constant, 1 ms.*allowed: 0, or an exponential"),
        ({"redis": {"uniform": ["1 ms", "40 ms"]}}, r"redis.get_meta .uniform, 1 ms … 40 ms."),
        ({"redis": exponential(1)}, r"latencies of other kinds: redis.get_meta"),
        (
            {"http": legs(1) | {"response": {"exponential": {"mean": "1 ms", "max": "9 ms"}}}},
            r"exponential, 0 us … 9 ms",
        ),
    ],
)
def test_other_latencies_are_refused(latency: Data, message: str) -> None:
    with pytest.raises(InvalidScenario, match=message):
        explore_exact(memoryless(latency=latency), POLICIES["pr3427"])


DONE_BY_OTHERS = names_befallen(*(kind for kind in BEFALLEN if kind != "handler"))
"""Where these raise, a message or a job may come back."""


def test_what_only_handlers_do_needs_no_actor() -> None:
    only = set(names_done_by("handler")) - set(DONE_BY_OTHERS)
    assert "store.upload" in only
    for operation in sorted(only):
        check_for_chain(memoryless(faults=[{"store_error": {"operation": operation, "probability": "1%"}}]))
    for operation in DONE_BY_OTHERS:
        with pytest.raises(InvalidScenario, match="allowed: lost_response, and store_error of a handler"):
            check_for_chain(memoryless(faults=[{"store_error": {"operation": operation, "probability": "1%"}}]))


@pytest.mark.parametrize("operation", ["jobs.take_completion", "sdk.backoff"])
def test_timers_are_refused_by_name(operation: str) -> None:
    with pytest.raises(InvalidScenario, match=f"latency of {operation}: found constant, 7 ms;"):
        explore_exact(memoryless({operation: "7 ms"}), POLICIES["pr3427"])


@pytest.mark.parametrize(
    "fault",
    [
        {"redeliver": {"item": 0, "at": "1 s"}},
        {"crash": {"actor": "handler", "before": "postgres.seal"}},
        {"store_error": {"operation": "postgres.seal", "actor": "handler", "at": "1 s"}},
        {"slow": {"operation": "postgres.seal", "delay": "1 s"}},
        {"store_error": {"operation": "redis.record", "actor": "consumer", "probability": "1%"}},
    ],
)
def test_faults_that_are_no_part_of_a_chain_are_refused(fault: Data) -> None:
    with pytest.raises(InvalidScenario, match=r"faults.*allowed: lost_response, and store_error of a handler"):
        explore_exact(memoryless(faults=[fault]), POLICIES["pr3427"])


@pytest.mark.parametrize("operation", names_done_by("handler"))
def test_a_store_error_needs_no_actor_where_only_handlers_issue_its_operation(operation: str) -> None:
    """Who issues an operation is known without an `actor`; what others issue too stays refused."""
    (fault,) = memoryless(faults=[{"store_error": {"operation": operation}}]).setting.faults
    assert fault.is_memoryless == (operation not in DONE_BY_OTHERS)


def test_a_store_error_without_actor_is_as_likely_as_one_of_a_handler() -> None:
    error = {"operation": "store.upload", "probability": "1%"}
    without, of_handler = (
        explore_exact(
            memoryless(items={"upload": exponential(5)}, faults=[{"store_error": error | actor}]),
            POLICIES["pr3427"],
        )
        for actor in ({}, {"actor": "handler"})
    )
    likely = [(each.verdicts, each.probability) for each in without.outcomes]
    assert likely == [(each.verdicts, each.probability) for each in of_handler.outcomes]
    assert without.faults[0].probability == of_handler.faults[0].probability != 0
