"""The exhaustive engine against SPIN, on a model that follows protocol.md and shares no code with batchsim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import product

import pytest

from batchsim.batch.policies import POLICIES
from batchsim.batch.trace import Outcome
from batchsim.engines.exhaustive import Exploration, explore
from batchsim.scenario import scenario_from_data
from tests.peers.spin import MODEL, SpinOutcome, missing_tools, search, spin_is_installed, spin_outcomes

pytestmark = pytest.mark.skipif(
    not spin_is_installed(), reason=f"not compared with SPIN: {' and '.join(missing_tools())} not found"
)

MODELLED = ["pre3427", "pr3427_count_only", "pr3427", "pr3766"]


def exploration(
    kinds: Sequence[str],
    consumers: int,
    policy: str,
    *,
    call: str = "batchTrigger",
    reduces: bool = False,
    exchanges: bool = True,
) -> Exploration:
    overrides = [{"index": index, "kind": kind} for index, kind in enumerate(kinds)]
    data = {
        "name": "peer",
        "batch": {"items": len(kinds), "call": call},
        "items": {"overrides": overrides},
        "consumers": consumers,
    }
    return explore(scenario_from_data(data), POLICIES[policy], reduces=reduces, exchanges=exchanges)


def schedules(explored: Exploration) -> Counter[SpinOutcome]:
    counts: Counter[SpinOutcome] = Counter()
    for each in explored.outcomes:
        assert each.schedules is not None
        counts[as_spin_tells_it(each.outcome)] += each.schedules
    return counts


def as_spin_tells_it(outcome: Outcome) -> SpinOutcome:
    assert outcome.runs_total == outcome.runs_created
    return SpinOutcome(
        result=outcome.call.result.value,
        status=outcome.call.status,
        attempts=outcome.call.attempts,
        row_status=outcome.batch.status.value,
        sealed=outcome.batch.sealed,
        processing_completed=outcome.batch.processing_completed,
        runs_created=outcome.runs_created,
        leaked_keys=outcome.leaked_keys,
    )


@pytest.mark.parametrize("policy", MODELLED)
def test_outcomes_are_those_of_spin_and_no_reduction_loses_one(policy: str) -> None:
    outcomes = spin_outcomes(2, 2, policy)
    for reduces in (False, True):
        explored = exploration(["ok", "ok"], 2, policy, reduces=reduces)
        assert {as_spin_tells_it(each.outcome) for each in explored.outcomes} == outcomes
    assert set(search(["ok", "ok"], 2, policy, reduces=True).outcomes) == outcomes


@pytest.mark.parametrize(
    ("kinds", "consumers", "policy"),
    [
        *product([["rejected"]], [1], MODELLED),
        *product([["pre_failed"]], [2], MODELLED),
        (["rejected", "rejected"], 2, MODELLED[0]),
        (["rejected", "rejected"], 2, MODELLED[-1]),
    ],
)
def test_schedules_are_as_many_as_spin_goes_through(kinds: list[str], consumers: int, policy: str) -> None:
    explored = exploration(kinds, consumers, policy)
    assert schedules(explored) == search(kinds, consumers, policy, schedules_apart=True).outcomes


@pytest.mark.parametrize("policy", MODELLED)
@pytest.mark.parametrize(
    ("kinds", "consumers", "call"),
    [
        (["ok"], 1, "batchTriggerAndWait"),
        (["ok", "ok", "ok"], 3, "batchTrigger"),
        (["pre_failed", "ok"], 2, "batchTriggerAndWait"),
        (["rejected", "ok", "pre_failed"], 2, "batchTrigger"),
        (["ok", "expires"], 1, "batchTriggerAndWait"),
    ],
)
def test_the_graph_is_that_of_spin(kinds: list[str], consumers: int, call: str, policy: str) -> None:
    # The model sorts twins, and no child runs.
    explored = exploration(kinds, consumers, policy, call=call, exchanges=False)
    peer = search(kinds, consumers, policy, call=call, sorts_twins=True)
    ends = len(explored.graph.terminals)
    assert set(schedules(explored)) == set(peer.outcomes)
    # The model has one state before its processes are started, and one after printing each outcome.
    assert peer.states == explored.states + ends + 1
    # It goes once through a transition for each of the twins that could make it: its weight.
    assert peer.transitions == explored.graph.weights.sum() + ends + 2


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (":: enqueued_items == ALL_ITEMS -> at = SEAL", ":: true -> at = SEAL"),
        (":: meta -> at = MARK_ENQUEUED", ":: true -> at = MARK_ENQUEUED"),
        (":: !sealed && status == PENDING -> sealed = 1;", ":: !sealed -> sealed = 1;"),
        ("        enqueued_items = 0;\n", ""),
        ("attempt < MAX_ATTEMPTS &&", "attempt < MAX_ATTEMPTS - 1 &&"),
        ("        status = COMPLETED;\n", "        skip;\n"),
    ],
)
def test_a_wrong_model_is_told_apart(right: str, wrong: str) -> None:
    model = MODEL.read_text()
    assert model.count(right) == 1
    peer = search(["ok", "ok"], 2, "pr3427", model=model.replace(right, wrong))
    assert set(schedules(exploration(["ok", "ok"], 2, "pr3427"))) != set(peer.outcomes)


@pytest.mark.parametrize(("policy", "other"), [("pre3427", "pr3427"), ("pr3427", "pr3766")])
def test_a_wrong_policy_is_told_apart(policy: str, other: str) -> None:
    assert set(schedules(exploration(["ok"], 1, policy))) != spin_outcomes(1, 1, other)
