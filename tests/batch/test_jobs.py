"""Jobs that raise or whose workers crash, and runs of which nobody learns (protocol.md §3.4, 3.5, 6)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from batchsim.batch.client import Result
from batchsim.batch.faults import Crash, StoreError
from batchsim.batch.operations import CompleteWaitpoint
from batchsim.batch.policies import LINEAGE, POLICIES
from batchsim.batch.stores import COMPLETION_JOB, Status, Waitpoint
from batchsim.batch.trace import Trace
from batchsim.batch.verdicts import verdicts_of
from batchsim.batch.world import World
from batchsim.engines.exhaustive import explore
from batchsim.engines.timed import simulate
from batchsim.model.cells import Cells
from batchsim.model.faults import Effect, Fault
from batchsim.scenario import scenario_from_data
from tests.strategies import SECOND_US, befallen

PRODUCTION = [*(policy.name for policy in LINEAGE), "pr4569"]
AND_WAIT = {"items": 1, "call": "batchTriggerAndWait"}


def run(*faults: Fault, policy: str = "pr4397", **fields: Any) -> Trace:
    return simulate(befallen(*faults, **fields), POLICIES[policy])


def taken_us(trace: Trace) -> list[int]:
    return [step.at_us for step in trace.steps if step.name == "jobs.take_completion"]


# -- a worker that crashes ---------------------------------------------------------------------------


@pytest.mark.parametrize("before", ["postgres.find_batch", "postgres.find_runs", "postgres.set_completed"])
def test_the_job_of_a_worker_that_crashed_comes_back_after_30_s(before: str) -> None:
    trace = run(Crash(actor="job", before=before), items={"kind": "pre_failed"})
    first, second = taken_us(trace)
    (crash,) = [step for step in trace.steps if step.raised]
    assert (crash.name, crash.at_us) == (before, first)
    assert second == first + 30 * SECOND_US
    assert verdicts_of(trace.outcome) == ("ok",)


@pytest.mark.parametrize("policy", [*PRODUCTION, "proposed"])
def test_a_crashed_worker_changes_no_verdict_of_a_batch_that_nobody_waits_for(policy: str) -> None:
    items = {"kind": "pre_failed"}
    usual, crashed = (
        {each.verdicts for each in explore(befallen(*faults, items=items, consumers=1), POLICIES[policy]).outcomes}
        for faults in ((), (Crash(actor="job", at_most=1),))
    )
    assert crashed == usual


@pytest.mark.parametrize("policy", PRODUCTION)
def test_a_waitpoint_stays_pending_if_its_job_is_interrupted_after_it_set_the_batch_completed(policy: str) -> None:
    """Try-complete cannot be resumed: a second try stops at COMPLETED."""
    for name in ("postgres.find_waitpoint", "postgres.complete_waitpoint"):
        for fault in (Crash(actor="job", before=name), StoreError(actor="job", operation=name)):
            trace = run(fault, batch=AND_WAIT, items={"kind": "pre_failed"}, policy=policy)
            assert trace.outcome.batch.status is Status.COMPLETED
            assert trace.outcome.call.result is Result.WAITING
            assert verdicts_of(trace.outcome) == ("stuck",)


def test_the_proposal_resumes_it() -> None:
    for name in ("postgres.find_waitpoint", "postgres.complete_waitpoint"):
        for fault in (Crash(actor="job", before=name), StoreError(actor="job", operation=name)):
            trace = run(fault, batch=AND_WAIT, policy="proposed")
            assert verdicts_of(trace.outcome) == ("ok",)


# -- a job that raises ---------------------------------------------------------------------------------


def raising(times: int) -> list[StoreError]:
    return [StoreError(actor="job", operation="postgres.find_batch")] * times


def test_a_job_that_raises_is_tried_twelve_times_after_longer_and_longer() -> None:
    """1 to 2 s at first, then twice as long each time."""
    trace = run(*raising(11), items={"kind": "pre_failed"})
    waits = [later - earlier for earlier, later in pairwise(taken_us(trace))]
    assert len(waits) == 11
    for failed, wait_us in enumerate(waits):
        assert 2**failed * SECOND_US <= wait_us <= 2 ** (failed + 1) * SECOND_US
    assert verdicts_of(trace.outcome) == ("ok",)


def test_the_twelfth_time_that_a_job_raises_discards_it() -> None:
    trace = run(*raising(12), items={"kind": "pre_failed"})
    assert len(taken_us(trace)) == 12
    assert verdicts_of(trace.outcome) == ("stuck",)


def test_a_crash_counts_no_try() -> None:
    crash = Crash(actor="job", before="postgres.find_batch", at_us=4 * SECOND_US)
    trace = run(*raising(11), crash, items={"kind": "pre_failed"})
    assert len(taken_us(trace)) == 13
    assert verdicts_of(trace.outcome) == ("ok",)


@pytest.mark.parametrize(("has_raised", "tries"), [(True, 1), (False, 0)])
def test_what_comes_back_overwrites_a_newer_schedule(has_raised: bool, tries: int) -> None:
    """There is one job of a batch, and its tries are counted on."""
    jobs = World(Cells()).jobs
    jobs.schedule(COMPLETION_JOB)
    jobs.take(COMPLETION_JOB)
    jobs.schedule(COMPLETION_JOB)
    assert jobs.put_back(COMPLETION_JOB, has_raised=has_raised) == tries
    jobs.take(COMPLETION_JOB)
    assert not jobs.is_waiting(COMPLETION_JOB)
    assert jobs.put_back(COMPLETION_JOB, has_raised=True) == tries + 1


# -- the reaper --------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", Effect)
def test_a_reaper_that_raises_is_tried_again_from_its_first_step(effect: Effect) -> None:
    """So an abort that was not heard is found, and the waitpoint is completed with an error."""
    unsealed = [Crash(actor=f"handler-{attempt}", before="postgres.find_batch") for attempt in range(1, 6)]
    error = StoreError(actor="reaper", operation="postgres.abort", effect=effect)
    trace = run(*unsealed, error, batch=AND_WAIT)
    first, second = [step.at_us for step in trace.steps if step.name == "jobs.take_expiry"]
    assert first == 1_800 * SECOND_US
    assert SECOND_US <= second - first <= 2 * SECOND_US
    assert trace.outcome.batch.status is Status.ABORTED
    (waitpoint,) = [step for step in trace.steps if step.name == "postgres.complete_waitpoint"]
    assert waitpoint.operation == CompleteWaitpoint(Waitpoint.FAILED)
    assert waitpoint.answer


# -- runs of which nobody learns -----------------------------------------------------------------------


@pytest.mark.parametrize("policy", PRODUCTION)
def test_a_run_that_expires_last_leaves_the_batch_uncompleted(policy: str) -> None:
    """It becomes final without asking for the completion job."""
    last = run(items={"kind": "expires"}, policy=policy)
    assert last.outcome.runs_are_final
    assert verdicts_of(last.outcome) == ("stuck",)
    assert len(taken_us(last)) == 1
    items = {"execution": "1 h", "overrides": [{"index": 1, "kind": "expires"}]}
    not_last = run(items=items, batch={"items": 2}, policy=policy)
    assert not_last.outcome.batch.status is Status.COMPLETED
    waiting = run(items={"kind": "expires"}, batch=AND_WAIT, policy=policy)
    assert waiting.outcome.call.result is Result.WAITING


@pytest.mark.parametrize("effect", [None, Effect.BEFORE])
def test_a_run_that_fails_to_ask_for_completion_does_too(effect: Effect | None) -> None:
    name = "jobs.schedule_completion"
    fault = Crash(actor="run", before=name) if effect is None else StoreError(actor="run", operation=name)
    trace = run(fault)
    assert trace.outcome.runs_are_final
    assert verdicts_of(trace.outcome) == ("stuck",)


@pytest.mark.parametrize("kind", ["ok", "expires"])
def test_the_proposal_asks_however_a_run_ended_and_asks_again_if_that_raises(kind: str) -> None:
    error = StoreError(actor="run", operation="jobs.schedule_completion")
    for faults in ((), (error,)):
        assert verdicts_of(run(*faults, items={"kind": kind}, policy="proposed").outcome) == ("ok",)


def test_a_job_that_comes_due_in_an_outage_is_picked_up_when_it_is_over() -> None:
    outage = {"outage": {"group": "redis", "at": "700 ms", "lasts": "1 s"}}
    data = {"name": "x", "batch": {"items": 1}, "consumers": 1, "faults": [outage]}
    trace = simulate(scenario_from_data(data), POLICIES["pr3766"])
    assert taken_us(trace)[-1] >= 1_700_000
    assert verdicts_of(trace.outcome) == ("ok",)


def test_a_pre_failed_run_in_the_place_of_one_that_executes_does_not_execute() -> None:
    """So it asks for no completion job, and where the consumer's own request fails, nobody does."""
    items = {"failed_attempts": 5}
    insert = StoreError(operation="postgres.create_run", effect=Effect.BEFORE)
    job = StoreError(actor="consumer", operation="jobs.schedule_completion", effect=Effect.BEFORE)
    alone = run(insert, policy="pr3766", items=items)
    assert verdicts_of(alone.outcome) == ("ok",)
    assert not [step for step in alone.steps if step.actor == "run-0"]
    assert verdicts_of(run(insert, job, policy="pr3766", items=items).outcome) == ("stuck", "leaked_keys")


def test_a_job_is_given_up_after_twelve_tries_in_exploration_too() -> None:
    fails = StoreError(actor="job", operation="postgres.find_batch", effect=Effect.BEFORE, at_most=9)
    found = explore(befallen(fails, fails, batch={"items": 1}, items={"kind": "pre_failed"}), POLICIES["pr3766"])
    rows = {(each.verdicts, each.outcome.batch.status) for each in found.outcomes}
    assert (("stuck",), Status.PENDING) in rows
    few = explore(befallen(fails, batch={"items": 1}, items={"kind": "pre_failed"}), POLICIES["pr3766"])
    assert {each.verdicts for each in few.outcomes} == {("ok",)}
