"""Phase 1 as steps: their order, its retries, its idempotency key, and what is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from batchsim.batch.client import CallResult, Result
from batchsim.batch.operations import BackoffCreation, DeliverCreation
from batchsim.batch.policies import POLICIES
from batchsim.batch.trace import Trace
from batchsim.batch.views import views_of
from batchsim.engines.exhaustive import explore
from batchsim.engines.timed import simulate
from batchsim.scenario import InvalidScenario, Scenario, scenario_from_data
from tests.engines.test_exhaustive import counted, enumerated

LOST = {"lost_response": {"phase": 1, "attempt": 1}}
ALL_LOST = {"lost_response": {"phase": 1, "probability": "100%"}}


def scenario(
    *faults: dict[str, Any], count: int = 1, items: Any = None, latency: Any = None, **batch: Any
) -> Scenario:
    data = {"name": "x", "consumers": 1, "items": items or {}, "faults": list(faults), "latency": latency or {}}
    return scenario_from_data({**data, "batch": {"items": count, "phase_1": "stepwise", **batch}})


def steps_of(trace: Trace, kind: str) -> list[str]:
    return [step.name for step in trace.steps if step.actor.startswith(kind)]


def test_its_steps_are_those_of_the_protocol_in_their_order() -> None:
    of_waiting = ["jobs.schedule_expiry", "postgres.create_waitpoint", "postgres.block_on_batch"]
    for call, policy, between in (
        ("batchTrigger", "pr4397", []),
        ("batchTriggerAndWait", "pr3777", of_waiting[1:]),
        ("batchTriggerAndWait", "pr4397", of_waiting),
    ):
        trace = simulate(scenario(call=call), POLICIES[policy])
        assert steps_of(trace, "creator") == ["postgres.create_batch", *between, "redis.set_meta"]
        assert trace.outcome.call == CallResult(Result.OK, 200, 1)


@pytest.mark.parametrize("call", ["batchTrigger", "batchTriggerAndWait"])
@pytest.mark.parametrize("policy", ["pre3427", "pr3427", "pr3777", "local_count"])
def test_where_nothing_goes_wrong_in_it_every_number_of_schedules_stays(policy: str, call: str) -> None:
    done = explore(scenario(count=2, call=call, phase_1="done"), POLICIES[policy])
    stepwise = explore(scenario(count=2, call=call), POLICIES[policy])
    assert counted(stepwise) == counted(done)


def test_a_lost_connection_is_retried_five_times_with_the_backoff_of_phase_1() -> None:
    trace = simulate(scenario(ALL_LOST), POLICIES["pr4397"])
    assert trace.outcome.call == CallResult(Result.API_CONNECTION_ERROR, None, 0)
    waited = [step.at_us - step.issued_us for step in trace.steps if isinstance(step.operation, BackoffCreation)]
    assert waited == [1_000_000, 1_600_000, 2_560_000, 4_096_000]
    assert sum(isinstance(step.operation, DeliverCreation) for step in trace.steps) == 5
    assert trace.outcome.leaked_keys == tuple(f"batch:B:meta:{number}" for number in range(1, 6))


@pytest.mark.parametrize(
    ("fault", "batch", "status", "has_batch"),
    [
        ({"store_error": {"operation": "postgres.create_batch", "effect": "before"}}, {}, 500, False),
        ({"store_error": {"operation": "redis.set_meta", "effect": "after"}}, {}, 500, True),
        (LOST, {"idempotency_key": "upstream"}, 422, True),
    ],
)
def test_other_failures_of_it_are_not_retried(
    fault: dict[str, Any], batch: dict[str, Any], status: int, has_batch: bool
) -> None:
    for policy in ("pre3427", "proposed"):
        (end,) = explore(scenario(fault, **batch), POLICIES[policy]).outcomes
        assert end.outcome.call == CallResult(Result.API_ERROR, status, 0)
        assert (end.outcome.has_batch, "stuck" in end.verdicts) == (has_batch, has_batch)


def test_the_parent_waits_for_the_waitpoint_of_an_orphan_too() -> None:
    orphaned = scenario(LOST, call="batchTriggerAndWait")
    assert all("ok" not in each.verdicts for each in explore(orphaned, POLICIES["pr3777"]).outcomes)
    trace = simulate(orphaned, POLICIES["pr4397"])
    assert trace.outcome.call.result is Result.OK
    assert trace.called_back_us > 1_800_000_000
    of_reaper = [(step.actor, step.name) for step in trace.steps if step.name == "postgres.complete_waitpoint"]
    assert [actor for actor, _ in of_reaper] == ["job-0", "reaper-1"]


def test_a_waitpoint_without_an_edge_blocks_nobody() -> None:
    for before, verdict in (("postgres.block_on_batch", "ok"), ("redis.set_meta", "stuck")):
        crash = {"crash": {"actor": "creator-1", "before": before}}
        ends = explore(scenario(crash, call="batchTriggerAndWait"), POLICIES["pr3777"]).outcomes
        assert {each.verdicts for each in ends} == {(verdict,)}


def test_saving_the_key_races_the_retry_and_nothing_else() -> None:
    exploration = explore(scenario(LOST, idempotency_key="working"), POLICIES["pr3766"])
    failed = [each for each in exploration.outcomes if each.outcome.call.result is not Result.OK]
    assert [each.outcome.call.status for each in failed] == [422]
    names = [step.name for step in failed[0].witness]
    assert names.index("redis.find_idempotency_key", 1) < names.index("redis.save_idempotency_key")


def test_a_key_that_is_not_saved_fails_nothing_by_itself() -> None:
    error = {"store_error": {"operation": "redis.save_idempotency_key"}}
    explored = explore(scenario(error, idempotency_key="working"), POLICIES["pr3766"])
    assert explored.verdicts == {"ok"}


@pytest.mark.parametrize("policy", ["pr3766", "pr4397", "proposed"])
def test_every_witness_replays_to_its_outcome(policy: str) -> None:
    for subject in (
        scenario(LOST, call="batchTriggerAndWait"),
        scenario(LOST, call="batchTriggerAndWait", idempotency_key="working"),
    ):
        for each in explore(subject, POLICIES[policy]).outcomes:
            assert simulate(subject, POLICIES[policy], order=each.witness).outcome == each.outcome


def test_a_naive_enumerator_finds_the_same_schedules() -> None:
    rejected = scenario(LOST, items={"kind": "rejected"}, idempotency_key="working")
    assert counted(explore(rejected, POLICIES["pr3777"])) == enumerated(rejected, "pr3777")


@pytest.mark.parametrize("fields", [{}, {"last_writes": 1}])
@pytest.mark.parametrize(("at", "until"), [("350 ms", "http.deliver_creation"), ("600 ms", "postgres.find_batch")])
def test_the_metadata_are_lost_whether_the_sdk_knows_of_the_batch_or_not(
    fields: dict[str, Any], at: str, until: str
) -> None:
    loss = {"lost_state": {"keys": "batch:B:meta", "at": at, **fields}}
    trace = simulate(scenario(loss, latency={"http": "500 ms"}), POLICIES["pr3766"])
    names = [step.name for step in trace.steps]
    assert names.index("redis.set_meta") < names.index("lost_state.begin") == names.index(until) - 1
    found = [step.answer for step in trace.steps if step.name == "redis.get_meta"]
    assert (found, trace.outcome.leaked_keys) == ([None] * 5, ())


def test_what_was_cleaned_up_of_an_orphan_comes_back_under_its_own_name() -> None:
    loss = {"lost_state": {"keys": "batch:B:*", "last_writes": 1, "at": "1 h"}}
    for faults, left in (([LOST], ()), ([LOST, loss], ("batch:B:meta:1",))):
        trace = simulate(scenario(*faults, call="batchTriggerAndWait"), POLICIES["proposed"])
        assert trace.outcome.leaked_keys == left


def test_what_is_of_no_use_without_its_steps_is_refused() -> None:
    with pytest.raises(InvalidScenario, match=r"lost_response\.phase.*1 where batch\.phase_1 is stepwise, or 2"):
        scenario(LOST, phase_1="done")
    with pytest.raises(InvalidScenario, match=r"idempotency_key.*where batch\.phase_1 is stepwise"):
        scenario(phase_1="done", idempotency_key="working")


def test_views_hold_before_there_is_a_row_too() -> None:
    subject = scenario()
    graph = explore(subject, POLICIES["pr3766"]).graph
    values = [
        {view.name: view.value(graph.world(state)) for view in views_of(subject.setting)} for state in (0, 1, 2, 3)
    ]
    assert values[0] == {
        "items without a run": [0],
        "keys of the batch in Redis": "0 of 6",
        "a seal would change the row": False,
    }
    assert [each["a seal would change the row"] for each in values] == [False, True, True, True]
