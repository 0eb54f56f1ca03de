"""Why a run ended as it did: whole stories of hand-built runs."""

from __future__ import annotations

import pytest

from batchsim.analysis.story import decisive_steps, story
from batchsim.engines.timed import simulate
from batchsim.policies import POLICIES
from batchsim.scenario import Scenario
from batchsim.trace import Trace
from batchsim.verdicts import verdicts_of
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
    return list(story(trace, verdicts_of(trace.outcome)))


def turns(trace: Trace) -> list[tuple[str, str]]:
    return [(trace.steps[number].actor, trace.steps[number].name) for number in sorted(decisive_steps(trace))]


def test_not_sealed_and_then_without_metadata() -> None:
    trace = run(STILL_RUNNING, "pre3427")
    assert told(trace) == [
        "attempt 1 got 200 not sealed: it counted 0 of 1 at 5.000 ms: "
        "cleanup had deleted the set 2 ms before, "
        "and the row was PENDING, not sealed, processing completed at 5.000 ms.",
        "attempts 2 to 5 got 500: the metadata of the batch was gone since cleanup at 3.000 ms.",
        "the call raised ApiError(500) at 4.005 s after 5 attempts; 1 of 1 items have a child run, "
        "and the batch ended COMPLETED, not sealed.",
    ]
    assert turns(trace) == [
        ("consumer-0", "redis.cleanup"),
        ("handler-1", "redis.enqueued_count"),
        ("handler-1", "postgres.find_batch"),
        *((f"handler-{attempt}", "redis.get_meta") for attempt in (2, 3, 4, 5)),
    ]


def test_a_completed_batch_on_entry() -> None:
    trace = run(SOON_COMPLETED, "pr3427_count_only")
    assert told(trace)[1:] == [
        "attempt 2 got 422: the row was COMPLETED, not sealed, processing completed since 700.000 ms.",
        "the call raised ApiError(422) at 1.005 s after 2 attempts; 1 of 1 items have a child run, "
        "and the batch ended COMPLETED, not sealed.",
    ]
    assert turns(trace)[-2:] == [("job-0", "postgres.set_completed"), ("handler-2", "postgres.find_batch")]


def test_a_lost_seal() -> None:
    trace = run(SEAL_TOO_LATE, "pre3427")
    assert told(trace) == [
        "attempt 1 got 422: its seal at 12.000 ms changed no row: "
        "job-0 had made the batch COMPLETED 2 ms before, "
        "and the row was COMPLETED, not sealed, processing completed at 12.000 ms.",
        "the call raised ApiError(422) at 12.000 ms after 1 attempt; 1 of 1 items have a child run, "
        "and the batch ended COMPLETED, not sealed.",
    ]
    assert turns(trace) == [
        ("job-0", "postgres.set_completed"),
        ("handler-1", "postgres.seal"),
        ("handler-1", "postgres.find_batch"),
    ]


def test_the_reaper_was_first() -> None:
    trace = run(REAPED_BEFORE_ENTRY, "pr4397")
    assert told(trace) == [
        "attempt 1 got 422: the row was ABORTED, not sealed, processing completed since 10.000 ms.",
        "the reaper made the batch ABORTED at 10.000 ms: it was still PENDING and not sealed.",
        "the waitpoint was completed with an error at 10.000 ms.",
        "the call raised ApiError(422) at 20.000 ms after 1 attempt; 0 of 1 items have a child run, "
        "and the batch ended ABORTED, not sealed; left in Redis: batch:B:meta.",
    ]
    assert turns(trace) == [
        ("reaper", "postgres.abort"),
        ("reaper", "postgres.complete_waitpoint"),
        ("handler-1", "postgres.find_batch"),
    ]


def test_a_write_that_changed_no_row_is_blamed_for_nothing() -> None:
    """The reaper reads at 1 ms, and aborts at 11 ms what the completion update had aborted at 7 ms."""
    trace = run(ABORTED_TWICE, "pr4397")
    assert [step.answer for step in trace.steps if step.name == "postgres.abort"] == [False]
    assert told(trace)[0] == (
        "attempt 1 got 422: its seal at 20.000 ms changed no row: consumer-0 had made the batch ABORTED 13 ms "
        "before, and the row was ABORTED, not sealed, processing completed at 20.000 ms."
    )


def test_a_tombstone_that_expired_too_early() -> None:
    """Cleanup had kept the set: it was gone 600 ms before the count, when the grace time had passed."""
    trace = run(TOMBSTONE_EXPIRED, "tombstone")
    assert told(trace)[0] == (
        "attempt 1 got 200 not sealed: it counted 0 of 1 at 1.000 s: the set had expired 600 ms before, "
        "and the row was PENDING, not sealed, processing completed at 1.000 s."
    )
    assert ("redis", "redis.expire") in turns(trace)


@pytest.mark.parametrize("policy", ["pr3766", "pr4397"])
def test_there_is_no_story_where_all_went_well(policy: str) -> None:
    trace = run(STILL_RUNNING, policy)
    assert told(trace) == []
    assert turns(trace) == []
