"""Every verdict of protocol.md §7, at its boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from batchsim.batch.client import CallResult, Result
from batchsim.batch.history import rejected_key
from batchsim.batch.policies import POLICIES
from batchsim.batch.setting import Call, Item, Kind, Setting
from batchsim.batch.stores import (
    BATCH_ROW,
    META,
    QUEUE,
    RUNS,
    WAITPOINT,
    BatchRow,
    Status,
    Waitpoint,
    request_key,
    run_key,
)
from batchsim.batch.trace import Outcome, outcome_of
from batchsim.batch.verdicts import PROPERTIES, VERDICTS, verdicts_of
from batchsim.batch.world import World
from batchsim.engines.exhaustive import explore
from batchsim.model.cells import Cells
from batchsim.model.properties import Property
from batchsim.scenario import scenario_from_data

GOOD = Outcome(
    call=CallResult(Result.OK, 200, attempts=1),
    batch=BatchRow(Status.COMPLETED, sealed=True, processing_completed=True),
    runs_created=2,
    runs_total=2,
    items_without_run=0,
    runs_are_final=True,
    leaked_keys=(),
    spurious_retry=False,
    completion_updates=1,
    status_regression=False,
)
REJECTIONS = [
    Result.BATCH_NOT_SEALED_ERROR,
    Result.API_ERROR,
    Result.API_CONNECTION_ERROR,
    Result.WAITPOINT_ERROR,
]


def called(result: Result, outcome: Outcome = GOOD) -> Outcome:
    return replace(outcome, call=CallResult(result, None, attempts=1))


def with_status(status: Status, outcome: Outcome = GOOD) -> Outcome:
    return replace(outcome, batch=outcome.batch._replace(status=status))


RUNNING = replace(GOOD, runs_are_final=False)
ONE_LACKING = replace(GOOD, runs_created=1, runs_total=1, items_without_run=1)
ONE_REJECTED = replace(GOOD, runs_created=1, runs_total=1)
ALL_REJECTED = replace(GOOD, runs_created=0, runs_total=0)


def test_ok_means_none_of_the_others() -> None:
    assert verdicts_of(GOOD) == ("ok",)
    assert [name for name, verdict in VERDICTS.items() if verdict.holds(GOOD)] == ["ok"]
    bad = called(Result.API_ERROR)
    assert [name for name, verdict in VERDICTS.items() if verdict.holds(bad)] == ["false_failure"]


@pytest.mark.parametrize("result", REJECTIONS)
def test_a_failure_is_false_where_the_work_was_done(result: Result) -> None:
    assert verdicts_of(called(result)) == ("false_failure",)
    assert verdicts_of(called(result, ONE_REJECTED)) == ("false_failure",)


@pytest.mark.parametrize("result", REJECTIONS)
def test_a_failure_is_true_where_the_work_was_not_done(result: Result) -> None:
    assert verdicts_of(called(result, ONE_LACKING)) == ("true_failure",)
    assert verdicts_of(called(result, ALL_REJECTED)) == ("true_failure",)


@pytest.mark.parametrize("outcome", [GOOD, ONE_LACKING, ALL_REJECTED])
def test_a_call_that_still_waits_was_not_rejected(outcome: Outcome) -> None:
    verdicts = set(verdicts_of(called(Result.WAITING, outcome)))
    assert verdicts.isdisjoint({"false_failure", "true_failure"})


@pytest.mark.parametrize(
    ("result", "given"),
    [(Result.OK, True), (Result.WAITING, False), *((result, False) for result in REJECTIONS)],
)
def test_verdicts_on_a_success_need_a_success(result: Result, given: bool) -> None:
    bad = replace(with_status(Status.ABORTED, ONE_LACKING), spurious_retry=True)
    verdicts = set(verdicts_of(called(result, bad)))
    assert (verdicts & {"spurious_retry", "lost_item", "silent_abort"} != set()) == given


def test_a_success_after_a_needless_refusal_is_a_spurious_retry() -> None:
    assert verdicts_of(replace(GOOD, spurious_retry=True)) == ("spurious_retry",)


def test_an_item_without_a_run_is_lost_unless_it_was_rejected() -> None:
    assert verdicts_of(ONE_LACKING) == ("lost_item",)
    assert verdicts_of(ONE_REJECTED) == ("ok",)
    assert verdicts_of(ALL_REJECTED) == ("ok",)


@pytest.mark.parametrize("status", Status)
def test_only_an_aborted_batch_is_a_silent_abort(status: Status) -> None:
    assert ("silent_abort" in verdicts_of(with_status(status))) == (status is Status.ABORTED)


def test_two_runs_of_an_item_are_a_duplicate() -> None:
    assert verdicts_of(replace(GOOD, runs_total=3)) == ("duplicate_run",)


@pytest.mark.parametrize(
    ("outcome", "is_stuck"),
    [
        (with_status(Status.PENDING), True),
        (with_status(Status.PROCESSING), True),
        (with_status(Status.PARTIAL_FAILED), False),
        (with_status(Status.ABORTED), False),
        (with_status(Status.PENDING, RUNNING), True),
        (RUNNING, True),
        (called(Result.WAITING), True),
        (called(Result.WAITING, RUNNING), True),
        (called(Result.API_ERROR, RUNNING), True),
        (called(Result.API_ERROR), False),
        (called(Result.API_ERROR, with_status(Status.PENDING)), True),
        (with_status(Status.PENDING, ALL_REJECTED), True),
    ],
)
def test_a_batch_is_stuck_where_nothing_is_left_that_could_end_it(outcome: Outcome, is_stuck: bool) -> None:
    assert ("stuck" in verdicts_of(outcome)) == is_stuck


@pytest.mark.parametrize(
    ("result", "given"), [(Result.OK, True), (Result.WAITING, False), (Result.API_ERROR, False)]
)
def test_a_wrong_result_is_one_of_a_call_that_returned(result: Result, given: bool) -> None:
    outcome = with_results((0, 0, 2), CallResult(result, 200, attempts=1))
    assert ("wrong_result" in verdicts_of(outcome)) == given


def test_an_overwritten_end_state_is_a_regression() -> None:
    assert verdicts_of(replace(GOOD, status_regression=True)) == ("status_regression",)


@pytest.mark.parametrize(("updates", "doubled"), [(0, False), (1, False), (2, True)])
def test_more_than_one_completion_update_is_a_double_finalize(updates: int, doubled: bool) -> None:
    outcome = replace(GOOD, completion_updates=updates)
    assert verdicts_of(outcome) == (("double_finalize",) if doubled else ("ok",))


def test_keys_that_are_left_are_leaked() -> None:
    assert verdicts_of(replace(GOOD, leaked_keys=("batch:B:meta",))) == ("leaked_keys",)


def test_a_run_can_have_several_verdicts_and_some_of_the_users_own() -> None:
    hasty = Property("hasty", "One attempt was enough.", lambda outcome: outcome.call.attempts == 1)
    never = Property("never", "Never given.", lambda _outcome: False)
    bad = replace(called(Result.API_ERROR), leaked_keys=("batch:B:meta",), completion_updates=2)
    assert verdicts_of(bad, [never, hasty]) == ("false_failure", "double_finalize", "leaked_keys", "hasty")
    assert verdicts_of(GOOD, [never]) == ("ok",)


# -- what an outcome is read off ---------------------------------------------------------------

SETTING = Setting((Item(), Item(Kind.REJECTED), Item(Kind.PRE_FAILED)))
STREAMED = CallResult(Result.OK, 200, attempts=2)


def at_quiescence(cells: Mapping[str, object], streamed: CallResult | None = STREAMED) -> Outcome:
    return outcome_of(World(Cells({BATCH_ROW: BatchRow(), **cells})), SETTING, streamed)


def with_results(results: tuple[int, ...] | None, streamed: CallResult | None = STREAMED) -> Outcome:
    """What comes of *AndWait* for three items, where the parent got the results of these items, by place."""
    setting = Setting((Item(),) * 3, call=Call.TRIGGER_AND_WAIT)
    return outcome_of(World(Cells({BATCH_ROW: BatchRow()})), setting, streamed, results)


@pytest.mark.parametrize(
    ("runs", "created", "lacking", "final"),
    [
        ({}, 0, 2, True),
        ({0: False}, 1, 1, False),
        ({0: True}, 1, 1, True),
        ({0: True, 2: True}, 2, 0, True),
        ({0: True, 1: False, 2: True}, 3, 0, False),
    ],
)
def test_runs_are_counted_by_item(runs: dict[int, bool], created: int, lacking: int, final: bool) -> None:
    rows: dict[str, object] = {run_key(index): is_final for index, is_final in runs.items()}
    outcome = at_quiescence({**rows, rejected_key(1): True})
    assert (outcome.runs_created, outcome.runs_total) == (created, created)
    assert (outcome.items_without_run, outcome.runs_are_final) == (lacking, final)


def test_an_item_counts_as_rejected_when_it_was() -> None:
    assert at_quiescence({run_key(0): True, run_key(2): True}).items_without_run == 1
    # Item 1 is of that kind, and the reaper ended the batch before anybody processed it.
    data: dict[str, Any] = {"name": "x", "batch": {"items": 2, "call": "batchTriggerAndWait"}, "consumers": 1}
    data["items"] = {"overrides": [{"index": 1, "kind": "rejected"}]}
    found = explore(scenario_from_data(data), POLICIES["proposed"])
    aborted = [each for each in found.outcomes if each.outcome.call_rejected and each.outcome.runs_created == 1]
    assert {each.verdicts for each in aborted if each.outcome.items_without_run} == {("true_failure",)}
    # Or somebody had: then only the run that `proposed` gives it was refused.
    rejected = [each for each in aborted if not each.outcome.items_without_run]
    assert all("no run 1: rejected" in " ".join(step.description for step in each.witness) for each in rejected)


def test_keys_of_the_batch_are_leaked_and_no_others() -> None:
    left = {RUNS: {}, META: 3, QUEUE: [], run_key(0): True}
    assert at_quiescence(left).leaked_keys == (META, RUNS)


@pytest.mark.parametrize(
    ("results", "result", "is_wrong"),
    [
        (None, Result.WAITING, False),  # something that it waits for was never complete
        ((), Result.WAITING, False),
        ((0, 2), Result.WAITING, False),  # index 2 never resolves
        ((0, 1, 2), Result.OK, False),
        ((0, 0, 1, 2), Result.OK, True),
        ((0, 1, 1), Result.OK, True),
        ((0, 1, 2, 2), Result.OK, False),  # nothing comes after the last item
    ],
)
def test_results_are_numbered_by_place_and_one_that_no_run_fills_is_waited_for(
    results: tuple[int, ...] | None, result: Result, is_wrong: bool
) -> None:
    outcome = with_results(results)
    assert outcome.call == CallResult(result, 200, attempts=2)
    assert outcome.wrong_result == is_wrong


def test_a_call_whose_streaming_failed_does_not_wait() -> None:
    raised = CallResult(Result.API_ERROR, 422, attempts=1)
    assert with_results(None, raised).call == raised


@pytest.mark.parametrize("waitpoint", list(Waitpoint))
def test_no_waitpoint_rejects_a_call(waitpoint: Waitpoint) -> None:
    """Neither does its error, nor does a call that does not wait look at one."""
    assert at_quiescence({WAITPOINT: waitpoint}).call == STREAMED
    assert with_results((0, 1, 2)).call == STREAMED


@pytest.mark.parametrize("sent", [1, 2, 5])
def test_a_call_that_was_never_answered_still_waits(sent: int) -> None:
    requests = {request_key(attempt): True for attempt in range(1, sent + 1)}
    assert at_quiescence(requests, None).call == CallResult(Result.WAITING, None, attempts=sent)


def test_the_verdicts_are_those_of_protocol_md() -> None:
    assert list(VERDICTS) == [
        "ok",
        "false_failure",
        "true_failure",
        "spurious_retry",
        "lost_item",
        "silent_abort",
        "wrong_result",
        "duplicate_run",
        "stuck",
        "status_regression",
        "double_finalize",
        "leaked_keys",
    ]
    assert [verdict.name for verdict in PROPERTIES] == list(VERDICTS)[1:]
