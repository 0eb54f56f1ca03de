"""What time does to the steps: waits, timers, twins, items side by side; instants worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import mean
from typing import Any

import pytest

from batchsim.batch.client import CallResult, Result
from batchsim.batch.operations import CompleteWaitpoint, EnqueuedCount
from batchsim.batch.policies import POLICIES
from batchsim.batch.stores import Status, Waitpoint
from batchsim.batch.trace import Answered, Trace
from batchsim.engines.timed import simulate
from batchsim.model.cells import UndeclaredKeyError
from batchsim.model.operation import Footprint
from batchsim.model.run import Step
from batchsim.scenario import Scenario
from tests.strategies import request_leg, timeless

MS = 1_000
S = 1_000 * MS
MIN = 60 * S


def run(scenario: Scenario, policy: str = "pr3766") -> Trace:
    return simulate(scenario, POLICIES[policy])


def named(trace: Trace, name: str) -> list[Step]:
    return [step for step in trace.steps if step.name == name]


def times_ms(trace: Trace, name: str) -> list[float]:
    return [step.at_us / MS for step in named(trace, name)]


# -- legs --------------------------------------------------------------------------------------


def test_a_round_trip_is_spent_half_before_and_half_after_the_effect() -> None:
    scenario = timeless({"postgres.find_batch": "5 us", "redis.get_meta": request_leg("10 us")})
    first, second = run(scenario).steps[:2]
    assert (first.name, first.issued_us, first.at_us, first.answered_us) == ("postgres.find_batch", 0, 2, 5)
    assert (second.name, second.issued_us, second.at_us, second.answered_us) == ("redis.get_meta", 5, 15, 15)


def test_http_takes_a_leg_to_the_handler_and_a_leg_back() -> None:
    scenario = timeless({"http.deliver": {"request": "30 ms", "response": "50 ms"}})
    trace = run(scenario)
    assert trace.steps[0].at_us == 30 * MS
    assert times_ms(trace, "http.deliver") == [80]
    assert trace.answers == (Answered(1, 200, True, 80 * MS),)
    assert trace.called_back_us == 80 * MS


def test_the_way_there_and_the_way_back_are_halves_of_one_round_trip() -> None:
    trace = run(timeless({"http.deliver": {"uniform": ["0 us", "1 h"]}}))
    entry, back = trace.steps[0], named(trace, "http.deliver")[0]
    assert back.woken_by is not None
    way_back_us = back.at_us - trace.steps[back.woken_by].answered_us
    assert entry.issued_us > MIN
    assert 0 <= way_back_us - entry.issued_us <= 1


def test_the_answer_leaves_after_the_last_response_leg_of_the_handler() -> None:
    scenario = timeless({"postgres.seal": "20 ms", "http.deliver": {"response": "5 ms"}})
    trace = run(scenario)
    assert times_ms(trace, "postgres.seal") == [10]
    assert times_ms(trace, "http.deliver") == [25]


def test_a_call_that_waits_returns_when_the_waitpoint_is_completed() -> None:
    trace = run(
        timeless({"http.deliver": {"response": "5 ms"}}, batch={"items": 1, "call": "batchTriggerAndWait"})
    )
    assert times_ms(trace, "http.deliver") == [5]
    assert times_ms(trace, "postgres.complete_waitpoint") == [700]
    assert trace.called_back_us == 700 * MS
    assert trace.outcome.call == CallResult(Result.OK, 200, attempts=1)


# -- retries -----------------------------------------------------------------------------------


def test_retries_come_after_their_backoffs() -> None:
    """The count comes long after cleanup, and the row is completed only later: not sealed, then 500."""
    scenario = timeless(
        {"redis.enqueued_count": request_leg("1 s"), "http.deliver": {"request": "7 ms"}},
        items={"execution": "10 min"},
    )
    trace = run(scenario, "pre3427")
    assert [(each.status, each.sealed) for each in trace.answers] == [(200, False)] + [(500, None)] * 4
    assert trace.outcome.call == CallResult(Result.API_ERROR, 500, attempts=5)
    assert trace.outcome.spurious_retry
    backoffs = named(trace, "sdk.backoff")
    for k, (step, answered) in enumerate(zip(backoffs, trace.answers, strict=False), start=1):
        assert 2 ** (k - 1) * S <= step.at_us - answered.at_us <= 2**k * S
    entries = [step for step in named(trace, "postgres.find_batch") if step.actor == "handler-3"]
    assert [step.at_us for step in entries] == [backoffs[1].at_us + 7 * MS]


# -- waiting -----------------------------------------------------------------------------------


def test_a_consumer_takes_a_message_as_soon_as_it_is_pushed() -> None:
    scenario = timeless({"redis.mark_enqueued": request_leg("3 ms")}, batch={"items": 3}, consumers=1)
    trace = run(scenario)
    assert times_ms(trace, "queue.push") == times_ms(trace, "queue.take") == [3, 6, 9]
    pushes, takes = named(trace, "queue.push"), named(trace, "queue.take")
    assert [take.woken_by for take in takes] == [push.number for push in pushes]
    assert [take.answer.item for take in takes] == [0, 1, 2]


def test_of_idle_consumers_the_one_with_the_lowest_number_is_woken() -> None:
    scenario = timeless(
        {"redis.mark_enqueued": request_leg("3 ms"), "postgres.create_run": request_leg("7 ms")},
        batch={"items": 5},
        consumers=3,
    )
    takes = named(run(scenario), "queue.take")
    assert [(take.actor, take.at_us // MS) for take in takes] == [
        ("consumer-0", 3),
        ("consumer-1", 6),
        ("consumer-2", 9),
        ("consumer-0", 12),
        ("consumer-1", 15),
    ]


def test_busy_consumers_let_messages_wait_in_their_order() -> None:
    scenario = timeless(
        {"postgres.create_run": request_leg("10 ms")},
        batch={"items": 4},
        consumers=2,
        items={"upload": "0 us"},
    )
    trace = run(scenario)
    assert [take.answer.item for take in named(trace, "queue.take")] == [0, 1, 2, 3]
    assert times_ms(trace, "queue.take") == [0, 0, 10, 10]


def test_a_message_that_was_put_back_comes_again_after_its_backoff() -> None:
    scenario = timeless(
        {"queue.retry": request_leg("40 ms")}, consumers=1, items={"failed_attempts": 2, "upload": "5 ms"}
    )
    trace = run(scenario)
    assert times_ms(trace, "queue.retry") == [5, 45]
    assert times_ms(trace, "queue.take") == [5, 45, 85]
    assert [take.answer.attempt for take in named(trace, "queue.take")] == [1, 2, 3]
    assert named(trace, "queue.take")[2].woken_by == named(trace, "queue.retry")[1].number


def takes_of(scenario: Scenario) -> list[tuple[int, int]]:
    return [(take.answer.item, take.at_us // MS) for take in named(run(scenario), "queue.take")]


def test_a_message_that_was_put_back_is_claimed_with_one_that_is_pushed_meanwhile() -> None:
    fields = {"batch": {"items": 3}, "items": {"overrides": [{"index": 0, "failed_attempts": 1}]}}
    slowly_pushed = {"queue.retry": request_leg("100 ms"), "redis.mark_enqueued": request_leg("10 ms")}
    assert takes_of(timeless(slowly_pushed, **fields)) == [(0, 10), (1, 20), (0, 20), (2, 30)]
    # What waits for a consumer when it is put back was claimed already, and cuts its backoff short no more.
    slowly_taken = {"queue.retry": request_leg("100 ms"), "queue.take": {"request": 0, "response": "10 ms"}}
    assert takes_of(timeless(slowly_taken, **fields, consumers=1)) == [(0, 0), (1, 10), (2, 20), (0, 110)]


def test_all_that_were_put_back_come_with_the_first_whose_backoff_has_passed() -> None:
    operations = {
        "queue.retry": {"request": {"uniform": ["100 ms", "900 ms"]}, "response": 0},
        "queue.take": {"request": 0, "response": "10 ms"},
    }
    takes = takes_of(timeless(operations, batch={"items": 3}, consumers=3, items={"failed_attempts": 1}))
    assert [at_ms for _, at_ms in takes[:3]] == [0, 0, 0]
    assert takes[3][1] == takes[4][1] == takes[5][1] >= 110


@pytest.mark.parametrize("seed", range(10))
def test_messages_of_failed_attempts_come_when_they_come_with_a_dispatcher(seed: int) -> None:
    random = Random(seed)
    items = [{"index": index, "failed_attempts": random.randrange(4)} for index in range(4)]
    fields: dict[str, Any] = {
        "batch": {"items": 4},
        "consumers": random.choice([1, 2, 4]),
        "items": {"overrides": items, "upload": random.choice(["1 s", "3 s", "7 s"])},
    }
    never: dict[str, Any] = {"faults": [{"redeliver": {"item": 0, "at": "10 h"}}]}
    legs: dict[str, Any] = {"queue.retry": request_leg("1700 ms"), "postgres.create_run": request_leg("200 ms")}
    no_time: dict[str, Any] = {"queue.claim": 0, "queue.offer": 0, "queue.read": 0}
    alone, with_dispatcher = timeless(legs, **fields), timeless({**legs, **no_time}, **fields, **never)
    assert sorted(takes_of(alone)) == sorted(takes_of(with_dispatcher))


# -- jobs --------------------------------------------------------------------------------------


def test_the_completion_job_is_put_off_each_time_it_is_asked_for() -> None:
    """Finalize at 0 asks for 200 ms, the runs at 100 and 250 ms move it: picked up at 450 ms, once."""
    scenario = timeless(
        batch={"items": 2},
        items={"execution": "100 ms", "overrides": [{"index": 1, "execution": "250 ms"}]},
    )
    trace = run(scenario)
    assert times_ms(trace, "jobs.schedule_completion") == [0, 100, 250]
    assert times_ms(trace, "jobs.take_completion") == [450]


def test_a_completion_job_that_was_put_off_once_is_picked_up() -> None:
    trace = run(timeless(items={"execution": "100 ms"}))
    assert times_ms(trace, "jobs.schedule_completion") == [0, 100]
    assert times_ms(trace, "jobs.take_completion") == [300]


def test_a_completion_job_that_is_asked_for_again_with_a_shorter_delay_comes_sooner() -> None:
    """It is put off to a delay after 99 ms, whatever delay it had before: half of those are over by 649 ms."""
    scenario = timeless(
        {"jobs.take_completion": {"request": {"uniform": ["100 ms", "1 s"]}, "response": 0}},
        items={"execution": "99 ms"},
    )
    takes = [times_ms(run(replace(scenario, seed=seed)), "jobs.take_completion") for seed in range(100)]
    assert all(len(each) == 1 and each[0] >= 199 for each in takes)
    assert 35 <= sum(each[0] < 649 for each in takes) <= 65


def test_jobs_that_are_asked_for_far_apart_are_picked_up_each() -> None:
    scenario = timeless(items={"execution": "300 ms"})
    trace = run(scenario)
    assert times_ms(trace, "jobs.take_completion") == [200, 500]
    assert [step.answer for step in named(trace, "postgres.find_runs")] == [(0, 1), (1, 1)]


def test_several_jobs_may_run_at_the_same_time() -> None:
    """Each takes a second; a job is waiting again before the first is done."""
    scenario = timeless(
        {"postgres.find_runs": request_leg("1 s"), "jobs.take_completion": request_leg("10 ms")},
        batch={"items": 2},
        items={"execution": "100 ms", "overrides": [{"index": 1, "execution": "200 ms"}]},
    )
    takes = named(run(scenario), "jobs.take_completion")
    assert [(take.actor, take.at_us // MS) for take in takes] == [
        ("job-0", 10),
        ("job-1", 110),
        ("job-2", 210),
    ]


def test_a_completion_job_is_picked_up_its_delay_after_it_was_asked_for() -> None:
    """The delay is drawn once: a worker adds nothing of its own, however long it has been there."""
    scenario = timeless(
        {"jobs.take_completion": {"request": {"uniform": ["1 ms", "900 ms"]}, "response": "3 ms"}},
        items={"execution": "2 s"},
    )
    trace = run(scenario)
    for take in named(trace, "jobs.take_completion"):
        assert take.woken_by is not None
        assert trace.steps[take.woken_by].name == "jobs.schedule_completion"
        assert MS <= take.at_us - trace.steps[take.woken_by].at_us <= 900 * MS
        assert take.answered_us == take.at_us + 3 * MS
    assert len(named(trace, "jobs.take_completion")) == 2


def test_the_delay_of_the_reaper_has_the_distribution_that_was_asked_for() -> None:
    """The longer of two draws, 40 min on average, would be wrong."""

    def taken_us(seed: int) -> int:
        scenario = timeless(
            {"jobs.take_expiry": {"uniform": ["0 us", "1 h"]}},
            batch={"items": 1, "call": "batchTriggerAndWait"},
            seed=seed,
        )
        (take,) = named(run(scenario, "pr4397"), "jobs.take_expiry")
        return take.at_us

    assert mean(taken_us(seed) for seed in range(200)) == pytest.approx(30 * MIN, rel=0.1)


def test_a_tombstone_expires_its_grace_time_after_cleanup() -> None:
    scenario = timeless({"redis.expire": request_leg("1 min"), "redis.cleanup": request_leg("2 s")})
    trace = run(scenario, "tombstone")
    assert times_ms(trace, "redis.cleanup") == [2_000]
    assert times_ms(trace, "redis.expire") == [62_000]
    assert trace.outcome.leaked_keys == ()


def test_a_reaper_ends_a_batch_that_is_not_sealed_after_half_an_hour() -> None:
    scenario = timeless(batch={"items": 1, "call": "batchTriggerAndWait"}, items={"upload": "1 h"})
    trace = run(scenario, "pr4397")
    assert times_ms(trace, "postgres.abort") == [30 * MIN / MS]
    (waitpoint,) = named(trace, "postgres.complete_waitpoint")
    assert waitpoint.operation == CompleteWaitpoint(Waitpoint.FAILED)
    # That rejects no call (3.1): once the batch is streamed and the run is final, it returns with its result.
    assert trace.outcome.call.result is Result.OK
    assert trace.called_back_us == 60 * MIN + 500 * MS
    assert [step.answer for step in named(trace, "parent.resume")] == [(0,)]
    assert times_ms(run(scenario, "pr3766"), "postgres.abort") == []


# -- items side by side ------------------------------------------------------------------------


def ingest(limit: int, uploads_ms: list[int], latency: dict[str, object] | None = None) -> Trace:
    overrides = [{"index": i, "upload": f"{ms} ms"} for i, ms in enumerate(uploads_ms)]
    return run(
        timeless(
            latency,
            batch={"items": len(uploads_ms)},
            items={"overrides": overrides, "execution": "1 h"},
            ingest_concurrency=limit,
            consumers=1,
        ),
        "pre3427",
    )


def pushed(trace: Trace) -> list[tuple[str, int]]:
    return [(step.actor, step.at_us // MS) for step in named(trace, "queue.push")]


def test_at_most_so_many_items_are_in_progress_at_once() -> None:
    trace = ingest(2, [30, 10, 10, 5])
    assert pushed(trace) == [
        ("handler-1.1", 10),
        ("handler-1.2", 20),
        ("handler-1.3", 25),
        ("handler-1.0", 30),
    ]
    assert times_ms(trace, "redis.enqueued_count") == [30]


def test_one_at_a_time_is_a_loop() -> None:
    trace = ingest(1, [30, 10, 10, 5])
    assert pushed(trace) == [("handler-1", 30), ("handler-1", 40), ("handler-1", 50), ("handler-1", 55)]


def test_the_first_failing_item_ends_the_request_and_those_in_progress_go_on() -> None:
    """The second attempt, long after cleanup: item 1 fails first, item 2 is never begun, item 0 goes on."""
    trace = ingest(
        2,
        [30, 10, 10],
        {"redis.enqueued_count": request_leg("1 s"), "sdk.backoff": request_leg("1 s")},
    )
    assert trace.answers[1].status == 500
    second = [step for step in trace.steps if step.actor.startswith("handler-2")]
    began_us = second[0].at_us
    assert [(step.actor, step.name, (step.at_us - began_us) // MS) for step in second[1:]] == [
        ("handler-2.1", "store.upload", 10),
        ("handler-2.1", "redis.get_meta", 10),
        ("handler-2.0", "store.upload", 30),
        ("handler-2.0", "redis.get_meta", 30),
    ]
    assert trace.answers[1].at_us - began_us == 10 * MS


def test_reads_that_are_issued_together_take_effect_in_either_order() -> None:
    def reads(runs: str, failures: str) -> tuple[list[str], float]:
        latency = {"redis.read_runs": request_leg(runs), "redis.read_failures": request_leg(failures)}
        trace = run(timeless(latency))
        names = [step.name for step in trace.steps if step.name.startswith("redis.read")]
        return names, times_ms(trace, "postgres.completion_update")[0]

    assert reads("3 ms", "8 ms") == (["redis.read_runs", "redis.read_failures"], 8)
    assert reads("9 ms", "8 ms") == (["redis.read_failures", "redis.read_runs"], 9)


# -- footprints --------------------------------------------------------------------------------


def test_a_footprint_that_is_too_small_is_noticed_while_somebody_watches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scenario = timeless()
    monkeypatch.setattr(EnqueuedCount, "footprint_of_class", Footprint())
    with pytest.raises(UndeclaredKeyError, match=r"redis\.enqueued_count reads batch:B:enqueued_items"):
        simulate(scenario, POLICIES["pr3766"], observer=lambda _world, _step, _operation: None)


def test_a_batch_whose_items_are_all_rejected_is_aborted() -> None:
    scenario = timeless({"redis.enqueued_count": request_leg("1 s")}, items={"kind": "rejected"})
    trace = run(scenario)
    assert trace.outcome.batch.status is Status.ABORTED
    assert [(each.status, each.sealed) for each in trace.answers] == [(422, None)]
    assert named(trace, "jobs.schedule_completion") == []
