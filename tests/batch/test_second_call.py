"""A parent that calls again: which batch its second call gets, and what verdicts are about."""

from __future__ import annotations

from dataclasses import replace
from re import sub
from typing import Any

import pytest

from batchsim.batch.client import CallResult, Result
from batchsim.batch.policies import POLICIES
from batchsim.engines.exhaustive import explore
from batchsim.engines.exhaustive.sampling_walks import Walker
from batchsim.engines.timed import simulate
from batchsim.scenario import InvalidScenario, Scenario, scenario_from_data
from tests.engines.test_exhaustive import counted, enumerated

ALL_LOST = [{"lost_response": {"attempt": attempt}} for attempt in range(1, 6)]
"""Of the first call."""
ENDS_OF_GRANT = ("parent.call_again", "limiter.end_grant")
LATE = {"operations": {"redis.enqueued_count": {"request": "100 ms", "response": "1 ms"}}}


def scenario(
    *faults: dict[str, Any], count: int = 1, items: Any = None, latency: Any = None, **batch: Any
) -> Scenario:
    data = {"items": items or {}, "latency": latency or {}, "faults": list(faults)}
    batch = {"items": count, "calls": 2, **batch}
    return scenario_from_data({"name": "x", "batch": batch, "consumers": 1, **data})


@pytest.mark.parametrize("call", ["batchTrigger", "batchTriggerAndWait"])
def test_a_call_that_returns_is_not_made_again(call: str) -> None:
    twice = explore(scenario(call=call), POLICIES["pr3777"])
    once = explore(scenario(call=call, calls=1), POLICIES["pr3777"])
    assert counted(twice) == counted(once)


@pytest.mark.parametrize("call", ["batchTrigger", "batchTriggerAndWait"])
@pytest.mark.parametrize("policy", ["pr3777", "pr4397", "tombstone", "proposed"])
def test_without_a_key_it_makes_a_second_batch_and_all_items_run_twice(policy: str, call: str) -> None:
    trace = simulate(scenario(*ALL_LOST, count=2, call=call), POLICIES[policy])
    assert trace.outcome.call == CallResult(Result.OK, 200, 1)
    assert (trace.outcome.runs_created, trace.outcome.runs_total) == (2, 4)
    # All that is done for the first batch is done for the second.
    done = [(step.actor, step.name) for step in trace.steps]
    for first, second in (("handler-1", "handler-6"), ("run-0", "run-0:2"), ("job-0", "job@2-0")):
        names = [[name for actor, name in done if actor == each] for each in (first, second)]
        assert set(names[0]) <= {*names[1], "postgres.find_waitpoint", "postgres.complete_waitpoint"}, first
    assert trace.outcome.batch.sealed


def test_the_verdicts_are_those_of_the_last_call() -> None:
    for policy, result, runs in (("pre3427", Result.API_ERROR, 2), ("pr3777", Result.OK, 1)):
        trace = simulate(scenario(latency=LATE), POLICIES[policy])
        assert (trace.outcome.call.result, trace.outcome.runs_total) == (result, runs)
    # In other orders the second call of the bug returns.
    verdicts = {each.verdicts for each in explore(scenario(), POLICIES["pre3427"]).outcomes}
    assert verdicts == {("ok",), ("duplicate_run",), ("false_failure", "duplicate_run")}


def test_a_key_that_works_gives_it_the_same_batch() -> None:
    trace = simulate(scenario(*ALL_LOST, idempotency_key="working"), POLICIES["pr3777"])
    assert (trace.outcome.call, trace.outcome.runs_total) == (CallResult(Result.OK, 200, 1), 1)
    # Up to #3427 a batch that is done is an error.
    trace = simulate(scenario(latency=LATE, idempotency_key="working"), POLICIES["pr3427"])
    assert (trace.outcome.call, trace.outcome.runs_total) == (CallResult(Result.API_ERROR, 422, 1), 1)


def test_the_key_as_upstream_has_it_refuses_it() -> None:
    trace = simulate(scenario(*ALL_LOST, idempotency_key="upstream"), POLICIES["pr3777"])
    assert (trace.outcome.call, trace.outcome.runs_total) == (CallResult(Result.API_ERROR, 422, 0), 1)


@pytest.mark.parametrize("policy", ["pre3427", "pr3427"])
def test_every_witness_replays_to_its_outcome(policy: str) -> None:
    for each in explore(scenario(), POLICIES[policy]).outcomes:
        assert simulate(scenario(), POLICIES[policy], order=each.witness).outcome == each.outcome


def test_a_consumer_of_both_batches_is_merged_as_any_other() -> None:
    subject = scenario(items={"kind": "rejected"})
    merged = explore(subject, POLICIES["pr3777"])
    assert counted(merged) == counted(explore(subject, POLICIES["pr3777"], merges=False))
    assert merged.schedules == 52_588
    # With a key there is one batch, and few enough schedules to go through each.
    subject = scenario(items={"kind": "rejected"}, idempotency_key="working")
    assert counted(explore(subject, POLICIES["pr3777"])) == enumerated(subject, "pr3777")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"faults": [{"redeliver": {"at_most": 1}}]}, r"faults\[0\]: found redeliver; allowed: lost_response"),
        (
            {"faults": [{"crash": {"actor": "consumer", "at_most": 1}}]},
            "found crash of consumer; allowed: lost_resp",
        ),
        (
            {"batch": {"calls": 2, "phase_1": "stepwise"}},
            r"batch\.calls: found 2; allowed: 1 where batch\.phase_1",
        ),
        ({"batch": {"idempotency_key": "working"}}, r"found working; allowed: a key where .* batch\.calls is 2"),
    ],
)
def test_what_it_cannot_be_combined_with_is_refused(data: dict[str, Any], message: str) -> None:
    batch = {"items": 1, **data.get("batch", {"calls": 2})}
    with pytest.raises(InvalidScenario, match=message):
        scenario_from_data({"name": "x", **data, "batch": batch})


@pytest.mark.parametrize(
    "fault",
    [
        {"redeliver": {"at_most": 1}},
        {"lost_state": {"keys": "batch:B:meta", "at_most": 1}},
        {"crash": {"actor": "consumer", "at_most": 1}},
        {"outage": {"group": "redis", "at_most": 1}},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_with_a_key_there_is_one_batch_and_any_fault_can_befall_it(fault: dict[str, Any]) -> None:
    subject = scenario(fault, items={"kind": "pre_failed"}, idempotency_key="working")
    found = explore(subject, POLICIES["pre3427"])
    names = set()
    for each in found.outcomes:
        trace = simulate(subject, POLICIES["pre3427"], order=each.witness)
        assert trace.outcome == each.outcome
        names |= {step.name for step in trace.steps}
    assert "parent.call_again" in names
    # The fault happens: there are verdicts that are not there without it.
    without = explore(scenario(items={"kind": "pre_failed"}, idempotency_key="working"), POLICIES["pre3427"])
    assert found.verdicts > without.verdicts


def test_a_crash_with_a_key_counts_as_many_schedules_as_there_are() -> None:
    crash = {"crash": {"actor": "consumer", "before": "queue.complete", "at_most": 1}}
    subject = scenario(crash, items={"kind": "rejected"}, idempotency_key="upstream")
    assert counted(explore(subject, POLICIES["pre3427"])) == enumerated(subject, "pre3427")


def test_handlers_of_either_call_can_crash() -> None:
    crash = {"crash": {"actor": "handler", "before": "postgres.seal", "at_most": 1}}
    assert explore(scenario(crash), POLICIES["pr3777"]).is_complete


def test_the_requests_of_the_second_call_time_out_too() -> None:
    data = {"name": "x", "batch": {"items": 2, "calls": 2}, "items": {"upload": "5 s"}, "consumers": 1}
    trace = simulate(scenario_from_data({**data, "limits": {"request_timeout": "4 s"}}), POLICIES["pr3766"])
    assert [answer.status for answer in trace.answers] == [408] * 10


@pytest.mark.parametrize(
    ("fault", "after_s"),
    [
        ({"crash": {"actor": "job", "before": "postgres.set_completed", "at": "20 s"}}, 30.0),
        ({"store_error": {"actor": "reaper", "operation": "postgres.find_batch", "at": "1810 s"}}, 2.0),
    ],
    ids=["crash", "store_error"],
)
def test_a_job_of_the_second_batch_that_fails_comes_back(fault: dict[str, Any], after_s: float) -> None:
    subject = scenario(*ALL_LOST, fault, call="batchTriggerAndWait")
    steps = simulate(subject, POLICIES["pr4397"]).steps
    (place,) = (place for place, step in enumerate(steps) if step.raised)
    failed = steps[place]
    assert failed.actor in ("job@2-0", "reaper@2")
    taken = next(each for each in steps[place:] if each.actor == failed.actor and "jobs.take" in each.name)
    assert after_s - 1 <= (taken.at_us - failed.at_us) / 1_000_000 <= after_s


def test_whoever_works_for_either_batch_can_be_befallen() -> None:
    faults = [{"crash": {"actor": kind, "at_most": 1}} for kind in ("job", "run")]
    subject = scenario(*ALL_LOST, *faults)
    walker = Walker(subject.system(POLICIES["pr4397"]))
    crashed = set()
    for walk in map(walker.walk, range(8)):
        assert simulate(subject, POLICIES["pr4397"], order=walk.steps).outcome == walk.outcome
        crashed |= {
            sub(r"-\d+", "", step.actor) for step in walk.steps if (step.alternative or "").startswith("crash")
        }
    assert crashed == {"job", "job@2", "run", "run:2"}


def test_the_second_batch_has_a_grant_of_its_own() -> None:
    policy = replace(POLICIES["pr4397"], stream_grant=5)
    limits = {"stream": {"requests": 1, "others": 1}}
    batch = {"items": 1, "calls": 2, "call": "batchTriggerAndWait"}
    data: dict[str, Any] = {"name": "x", "batch": batch, "limits": limits, "faults": ALL_LOST}
    steps = simulate(scenario_from_data(data), policy).steps
    admitted = [step.description for step in steps if step.name == "redis.admit"]
    assert admitted == [f"attempt {number}, by the grant" for number in range(1, 7)]
    (called,), (ended,) = ([step for step in steps if step.name == name] for name in ENDS_OF_GRANT)
    assert (ended.actor, ended.at_us - called.at_us) == ("grant@2", 30 * 60 * 1_000_000)


def test_a_message_of_the_second_batch_that_was_put_back_has_the_backoff_of_its_attempt() -> None:
    trace = simulate(scenario(*ALL_LOST, items={"failed_attempts": 1}), POLICIES["pr3777"])
    retried = [step.at_us for step in trace.steps if step.name == "queue.retry"]
    taken = [step.at_us for step in trace.steps if step.name == "queue.take"]
    assert (len(retried), len(taken)) == (2, 4)
    assert all(
        1_000_000 <= again - put_back <= 2_100_000 for put_back, again in zip(retried, taken[1::2], strict=True)
    )


def test_the_call_raises_when_the_second_phase_1_was_answered() -> None:
    trace = simulate(scenario(latency=LATE, idempotency_key="upstream"), POLICIES["pre3427"])
    (again,) = [step for step in trace.steps if step.name == "parent.call_again"]
    assert trace.outcome.call.status == 422
    assert trace.called_back_us == again.at_us


def test_faults_of_the_second_call_are_named_by_its_attempts() -> None:
    lost = {"lost_response": {"attempt": 7}}
    crash = {"crash": {"actor": "handler-6", "before": "postgres.find_batch"}}
    failed = {"crash": {"actor": "handler", "before": "postgres.find_batch", "at": "0 ms"}}
    once = {"name": "x", "batch": {"items": 1}}
    for fault, why in ((lost, "found 7; allowed: a whole number from 1 to 5"), (crash, "handler-1 to handler-5")):
        with pytest.raises(InvalidScenario, match=f"{why}, as batch.calls is 1"):
            scenario_from_data({**once, "faults": [fault]})
    trace = simulate(scenario(*ALL_LOST, lost, crash, failed, idempotency_key="working"), POLICIES["pre3427"])
    assert trace.faults[5:7] == (1, 1)
