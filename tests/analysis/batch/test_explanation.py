"""Why a run ended as it did: whole explanations of hand-built runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchsim.analysis.batch.explanation import decisive_steps, explanation_of
from batchsim.batch.client import Result
from batchsim.batch.policies import POLICIES
from batchsim.batch.trace import Trace
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.timed import simulate
from batchsim.model.changes import Journal
from batchsim.scenario import Scenario
from tests.strategies import request_leg, timeless

BACKOFF = {"sdk.backoff": request_leg("1 s")}
CLEANUP_FIRST = {
    "redis.enqueued_count": request_leg("5 ms"),
    "redis.cleanup": request_leg("3 ms"),
    **BACKOFF,
}
AND_WAIT = {"items": 1, "call": "batchTriggerAndWait"}
STILL_RUNNING = timeless(CLEANUP_FIRST, items={"execution": "10 min"})
SOON_COMPLETED = timeless(CLEANUP_FIRST)
SEAL_TOO_LATE = timeless(
    {
        "redis.cleanup": request_leg("1 s"),
        "postgres.seal": request_leg("12 ms"),
        "jobs.take_completion": request_leg("10 ms"),
    },
    items={"kind": "pre_failed"},
)
REAPED_BEFORE_ENTRY = timeless(
    {"jobs.take_expiry": request_leg("10 ms"), "http.deliver": request_leg("20 ms")}, batch=AND_WAIT
)
ABORTED_TWICE = timeless(
    {
        "postgres.completion_update": request_leg("7 ms"),
        "redis.cleanup": request_leg("1 h"),
        "jobs.take_expiry": request_leg("1 ms"),
        "postgres.abort": request_leg("10 ms"),
        "postgres.seal": request_leg("20 ms"),
    },
    batch=AND_WAIT,
    items={"kind": "rejected"},
)
TOMBSTONE_EXPIRED = timeless(
    {"redis.enqueued_count": request_leg("1 s"), "redis.expire": request_leg("400 ms"), **BACKOFF},
    items={"execution": "10 min"},
)


def run(scenario: Scenario, policy: str) -> Trace:
    return simulate(scenario, POLICIES[policy])


def told(trace: Trace) -> list[str]:
    return list(explanation_of(trace, verdicts_of(trace.outcome)))


def turned(trace: Trace) -> list[tuple[str, str]]:
    return [(trace.steps[number].actor, trace.steps[number].name) for number in sorted(decisive_steps(trace))]


def test_not_sealed_and_then_without_metadata() -> None:
    trace = run(STILL_RUNNING, "pre3427")
    assert told(trace) == [
        "attempt 1 got 200 not sealed: it counted 0 of 1 at 5.000 ms: "
        "cleanup had deleted the set 2 ms before, "
        "and the row that it read at 5.000 ms was PENDING, not sealed, processing completed.",
        "attempts 2 to 5 got 500: the metadata of the batch was gone since cleanup at 3.000 ms.",
        "the call raised ApiError(500) at 4.005 s after 5 attempts; 1 of 1 items have a child run, "
        "and the batch ended COMPLETED, not sealed.",
    ]
    assert turned(trace) == [
        ("consumer-0", "redis.cleanup"),
        ("handler-1", "redis.enqueued_count"),
        ("handler-1", "postgres.find_batch"),
        *((f"handler-{attempt}", "redis.get_meta") for attempt in (2, 3, 4, 5)),
    ]


def test_a_completed_batch_on_entry() -> None:
    trace = run(SOON_COMPLETED, "pr3427_count_only")
    assert told(trace)[1:] == [
        "attempt 2 got 422: the batch was COMPLETED since 700.000 ms.",
        "the call raised ApiError(422) at 1.005 s after 2 attempts; 1 of 1 items have a child run, "
        "and the batch ended COMPLETED, not sealed.",
    ]
    assert turned(trace)[-2:] == [
        ("job-0", "postgres.set_completed"),
        ("handler-2", "postgres.find_batch"),
    ]


def test_a_lost_seal() -> None:
    trace = run(SEAL_TOO_LATE, "pre3427")
    assert told(trace) == [
        "attempt 1 got 422: its seal at 12.000 ms changed no row: "
        "job-0 had made the batch COMPLETED 2 ms before, "
        "and the row that it read at 12.000 ms was COMPLETED, not sealed, processing completed.",
        "the call raised ApiError(422) at 12.000 ms after 1 attempt; 1 of 1 items have a child run, "
        "and the batch ended COMPLETED, not sealed.",
    ]
    assert turned(trace) == [
        ("job-0", "postgres.set_completed"),
        ("handler-1", "postgres.seal"),
        ("handler-1", "postgres.find_batch"),
    ]


def test_the_reaper_was_first() -> None:
    trace = run(REAPED_BEFORE_ENTRY, "pr4397")
    assert told(trace) == [
        "the reaper made the batch ABORTED at 10.000 ms: it was PENDING and not sealed.",
        "the batch waitpoint was completed with an error at 10.000 ms, which rejects no call.",
        "attempt 1 got 422: the batch was ABORTED since 10.000 ms.",
        "the call raised ApiError(422) at 20.000 ms after 1 attempt; 0 of 1 items have a child run, "
        "and the batch ended ABORTED, not sealed; left in Redis: batch:B:meta.",
    ]
    assert turned(trace) == [
        ("reaper", "postgres.abort"),
        ("reaper", "postgres.complete_waitpoint"),
        ("handler-1", "postgres.find_batch"),
    ]


def test_a_write_that_changed_no_row_is_blamed_for_nothing() -> None:
    """The reaper reads at 1 ms, and aborts at 11 ms what the completion update had aborted at 7 ms."""
    trace = run(ABORTED_TWICE, "pr4397")
    assert [step.answer for step in trace.steps if step.name == "postgres.abort"] == [False]
    assert told(trace)[0] == "consumer-0 made the batch ABORTED at 7.000 ms: every item was rejected."
    assert told(trace)[2] == (
        "attempt 1 got 422: its seal at 20.000 ms changed no row: consumer-0 had made the batch ABORTED 13 ms "
        "before, and the row that it read at 20.000 ms was ABORTED, not sealed, processing completed."
    )


def test_a_tombstone_that_expired_too_early() -> None:
    """Cleanup had kept the set: it was gone 600 ms before the count, when the grace time had passed."""
    trace = run(TOMBSTONE_EXPIRED, "tombstone")
    assert told(trace)[0] == (
        "attempt 1 got 200 not sealed: it counted 0 of 1 at 1.000 s: the set had expired 600 ms before, "
        "and the row that it read at 1.000 s was PENDING, not sealed, processing completed."
    )
    assert ("redis", "redis.expire") in turned(trace)


@pytest.mark.parametrize("policy", ["pr3766", "pr4397"])
def test_there_is_no_story_where_all_went_well(policy: str) -> None:
    trace = run(STILL_RUNNING, policy)
    assert told(trace) == []
    assert turned(trace) == []


def test_a_batch_that_was_aborted_under_a_call_that_succeeded() -> None:
    """The seal comes first, and every item is rejected."""
    sealed = timeless({"queue.take": request_leg("1 s")}, items={"kind": "rejected"})
    trace = run(sealed, "pr3766")
    (aborted,) = [sentence for sentence in told(trace) if "ABORTED at" in sentence]
    assert aborted.endswith(": every item was rejected.")
    assert [name for _, name in turned(trace)] == ["postgres.completion_update"]


def test_who_overwrote_an_end_of_the_batch() -> None:
    """The reaper aborts at 10 ms what it read as PENDING; the completion job, unguarded, completes it."""
    regression = timeless(
        {
            "jobs.take_expiry": request_leg("5 ms"),
            "jobs.take_completion": request_leg("20 ms"),
            "redis.enqueued_count": request_leg("1 s"),
        },
        batch=AND_WAIT,
        items={"execution": "1 ms"},
    )
    trace = simulate(regression, replace(POLICIES["pr4397"], guards_completion=False))
    assert "status_regression" in verdicts_of(trace.outcome)
    assert [sentence for sentence in told(trace) if "overwrote" in sentence] == [
        "job-0 overwrote ABORTED with COMPLETED at 21.000 ms."
    ]
    # The error of the waitpoint rejects no call: the parent has the result of every run (protocol.md §3.1).
    assert trace.outcome.call.result is Result.OK


def test_a_run_of_more_items_asks_no_more_often_what_a_collection_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """To build one takes as long as it has members: asked at each of its writes, a large batch never ends."""
    asked = 0
    original = Journal.value

    def value(journal: Journal, length: int) -> object:
        nonlocal asked
        asked += 1
        return original(journal, length)

    monkeypatch.setattr(Journal, "value", value)
    counts = []
    for items in (10, 40):
        scenario = timeless(CLEANUP_FIRST, batch={"items": items})
        trace = simulate(scenario, POLICIES["pre3427"])
        asked = 0
        list(explanation_of(trace, verdicts_of(trace.outcome)))
        counts.append(asked)
    assert counts[0] == counts[1]
