"""Why a run under faults ended as it did: whole explanations of hand-built runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from batchsim.analysis.batch.answering import answering_steps
from batchsim.analysis.batch.explanation import explanation_of
from batchsim.analysis.batch.margins import race_margin, seal_margin
from batchsim.analysis.batch.status_writes import status_writes
from batchsim.analysis.lanes import lanes_of
from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.policies import POLICIES
from batchsim.batch.stores import Status
from batchsim.batch.trace import Trace
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.timed import simulate
from batchsim.model.faults import Effect, Fault
from tests.strategies import request_leg, timeless

TWO_ITEMS: Mapping[str, Any] = {"batch": {"items": 2}}


def run(
    *faults: Fault, policy: str = "pre3427", operations: Mapping[str, Any] | None = None, **fields: Any
) -> Trace:
    usual = {"sdk.backoff": request_leg("1 s"), "queue.take": {"response": "1 s"}, **(operations or {})}
    subject = timeless(usual, **fields)
    return simulate(replace(subject, setting=replace(subject.setting, faults=faults)), POLICIES[policy])


def told(trace: Trace) -> list[str]:
    return list(explanation_of(trace, verdicts_of(trace.outcome)))


def test_an_answer_that_was_lost() -> None:
    assert told(run(LostResponse(attempt=1)))[:2] == [
        "attempt 1 lost the connection: the answer was lost on its way; "
        "the handler had sealed the batch at 0.000 ms.",
        "attempt 2 got 422: the batch was PENDING since 1.000 s and sealed since 0.000 ms.",
    ]


def test_a_connection_that_dropped_while_the_handler_worked() -> None:
    late = {"redis.enqueued_count": request_leg("30 s")}
    assert told(run(Disconnect(attempt=1, at_us=500_000), operations=late))[0] == (
        "attempt 1 lost the connection: it dropped at 500.000 ms; "
        "the handler went on, and counted 0 of 1 at 30.000 s."
    )


def test_a_body_that_was_cut() -> None:
    late = {"redis.enqueued_count": request_leg("9 s")}
    sentences = told(run(Cut(attempt=1, after_items=1), operations=late, **TWO_ITEMS))
    assert sentences[0] == "attempt 1 lost the connection: it was cut after 1 item."


def test_a_handler_that_crashed_between_mark_and_push() -> None:
    assert told(run(Crash(actor="handler-1", before="queue.push"))) == [
        "attempt 1 lost the connection: handler-1 stopped for good at 0.000 ms, before queue.push of item 0.",
        "handler-2 took item 0 for enqueued at 1.000 s: it was marked, and never pushed.",
        "the call returned at 1.000 s after 2 attempts; 0 of 1 items have a child run, "
        "and the batch ended PROCESSING, sealed; left in Redis: batch:B:meta, batch:B:enqueued_items.",
    ]


@pytest.mark.parametrize(
    ("effect", "said"),
    [(Effect.BEFORE, "raised before its effect"), (Effect.AFTER, "raised after its effect")],
)
def test_a_request_that_failed_by_its_store(effect: Effect, said: str) -> None:
    trace = run(StoreError(operation="postgres.seal", effect=effect))
    assert told(trace)[0] == f"attempt 1 got 500: postgres.seal {said} at 0.000 ms."
    (seal,) = [step for step in trace.steps if step.actor == "handler-1" and step.name == "postgres.seal"]
    assert answering_steps(trace)[seal.number].status == 500
    is_written = Status.PROCESSING in [write.after for write in status_writes(trace) if write.step is seal]
    assert is_written == seal.took_effect == (effect is Effect.AFTER)
    margin = seal_margin(trace)
    assert margin is not None
    assert (margin.endpoint is seal) == (effect is Effect.AFTER)


def test_a_consumer_that_crashed_and_what_it_held() -> None:
    timeout = {"queue.redeliver": request_leg("60 s")}
    trace = run(Crash(actor="consumer-0", before="redis.record"), operations=timeout, consumers=2)
    assert told(trace)[:3] == [
        "consumer-0 stopped for good at 1.000 s, before redis.record of item 0.",
        "the message of item 0, left in flight by consumer-0, came back at 60.000 s.",
        "consumer-1 created child run number 2 of item 0 at 61.000 s.",
    ]
    assert "1 of 1 items have a child run, 2 runs in all, and the batch ended COMPLETED" in told(trace)[-1]


def test_a_finalization_that_nobody_finished() -> None:
    trace = run(StoreError(operation="postgres.completion_update", effect=Effect.BEFORE))
    assert told(trace)[0] == (
        "postgres.completion_update by consumer-0 raised before its effect at 1.000 s; nobody cleaned up."
    )
    assert race_margin(trace) is None
    assert [write.step.name for write in status_writes(trace)] == ["postgres.seal"]


def test_an_item_that_was_tried_again() -> None:
    trace = run(StoreError(operation="postgres.create_run", effect=Effect.AFTER))
    assert told(trace)[0] == (
        "postgres.create_run of item 0 by consumer-0 raised after its effect at 1.000 s, "
        "and its message went back to the queue."
    )


def test_a_message_that_came_back_and_two_finalizations() -> None:
    slow = {"queue.complete": request_leg("61 s")}
    trace = run(Redeliver(item=0, at_us=60_000_000), operations=slow, consumers=2)
    assert [each.partition(" at ")[0] for each in told(trace)[:2]] == [
        "the visibility timeout of item 0 passed",
        "consumer-1 created child run number 2 of item 0",
    ]
    assert any("made completion update number 2" in each for each in told(trace))


def test_lanes_of_second_runs_and_of_those_who_crashed() -> None:
    unheard = {"redis.record": {"response": "5 s"}}
    trace = run(Crash(actor="consumer-0", before="redis.record"), operations=unheard, consumers=2)
    lanes = {lane.actor: lane for lane in lanes_of(trace)}
    actors = ["sdk", "handler-1", "consumer-0", "consumer-1", "run-0", "run-0:2", "job-0", "dispatcher", "queue-0"]
    assert list(lanes) == actors
    assert max(leg.to_us for leg in lanes["consumer-0"].legs) == lanes["consumer-0"].steps[-1].at_us


def test_an_idle_consumer_is_no_bar_where_messages_can_come_back() -> None:
    trace = run(Redeliver(item=0, at_us=90_000_000), operations={"http.deliver": {"request": "9 s"}})
    (lane,) = [lane for lane in lanes_of(trace) if lane.actor == "consumer-0"]
    assert lane.legs[0].from_us == 9_000_000
    assert "wait" not in {leg.part for leg in lane.legs}


def test_an_answer_of_phase_1_that_was_lost_whatever_its_handler_raised() -> None:
    creation: dict[str, Any] = {"batch": {"items": 1, "phase_1": "stepwise", "idempotency_key": "working"}}
    not_saved = StoreError(actor="creator-1", operation="redis.save_idempotency_key")
    sentences = told(run(not_saved, LostResponse(phase=1, attempt=1), **creation))
    assert "try 1 of phase 1 got no answer: it was lost on its way." in sentences


def test_an_attempt_of_the_second_call_that_was_never_answered() -> None:
    again: dict[str, Any] = {"batch": {"items": 1, "calls": 2, "idempotency_key": "working"}}
    slow = {"redis.enqueued_count": request_leg("2 s"), "parent.call_again": request_leg("100 s")}
    crash = Crash(actor="sdk", before="http.deliver", at_us=50_000_000)
    (*_, last) = told(run(crash, operations=slow, **again))
    assert "attempt 6 was never answered" in last


def test_a_failover_that_brings_a_key_back_marks_nothing() -> None:
    lost = {"keys": "batch:B:enqueued_items", "last_writes": 1, "at": "9 s"}
    sentences = told(simulate(timeless(faults=[{"lost_state": lost}]), POLICIES["pre3427"]))
    assert any("lost_state-0 brought back batch:B:enqueued_items" in each for each in sentences)
    assert not any("lost_state-0 marked" in each for each in sentences)


def test_an_item_that_is_lost_with_the_metadata_is_told_with_whoever_dropped_it() -> None:
    late = {"queue.take": {"request": 0, "response": "5 s"}}
    lost = {"keys": "batch:B:meta", "at": "2 s"}
    trace = simulate(timeless(late, faults=[{"lost_state": lost}]), POLICIES["pr4397"])
    assert told(trace)[0] == (
        "consumer-0 dropped the message of item 0 at 5.000 s: "
        "the metadata of the batch was gone since lost_state.begin at 2.000 s."
    )


def test_a_message_that_somebody_else_claimed_is_not_gone() -> None:
    late = {"queue.read": request_leg("5 s")}
    trace = run(
        Redeliver(item=0, at_us=100_000), policy="proposed", operations=late, batch={"items": 1}, consumers=2
    )
    sentences = explanation_of(trace, ("stuck",))  # as if it had: of a run that is ok less is said
    assert any("found at 6.000 s that the message of item 0 had been claimed again" in each for each in sentences)


AND_WAIT: Mapping[str, Any] = {"batch": {"items": 1, "call": "batchTriggerAndWait", "phase_1": "stepwise"}}


def test_a_parent_that_waits_for_an_orphan_alone() -> None:
    (*_, last) = told(run(LostResponse(phase=1, attempt=1), policy="pr3766", **AND_WAIT))
    assert "the call never returned: nobody completed the waitpoint of the batch of try 1, and" in last


def test_a_reaper_of_a_try_of_phase_1_is_one() -> None:
    crash = Crash(actor="handler-1", before="postgres.seal")
    trace = run(crash, policy="pr4397", items={"execution": "2 h"}, **AND_WAIT)
    assert "the reaper made the batch ABORTED at 1800.000 s: it was PENDING and not sealed." in told(trace)


def test_what_is_said_of_the_batch_is_about_the_first_one_unless_it_says_the_second() -> None:
    crashes = [Crash(actor="handler-1", before="queue.push")]
    crashes += [Crash(actor=f"handler-{attempt}", before="postgres.find_batch") for attempt in range(2, 6)]
    trace = run(*crashes, policy="pr4397", batch={"items": 1, "calls": 2})
    assert (race_margin(trace), seal_margin(trace)) == (None, None)
    sentences = told(trace)
    assert not any(each.startswith("handler-6") for each in sentences)
    assert "the second batch ended COMPLETED, sealed" in sentences[-1]
