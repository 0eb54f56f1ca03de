"""The SDK's retries: every row of the table in protocol.md §3.1."""

from __future__ import annotations

import pytest

from batchsim.batch.client import CallResult, Result, batch_trigger
from batchsim.batch.operations import Backoff, Deliver
from batchsim.batch.stores import Answer
from tests.batch.by_hand import ByHand

ITEMS = 3
SEALED = Answer(200, sealed=True)
NOT_SEALED = Answer(200, sealed=False, enqueued_count=0)
RETRIED = [NOT_SEALED, *(Answer(status) for status in (408, 409, 429, 500, 502, 503, 504, 599))]
FINAL = [Answer(status) for status in (400, 401, 403, 404, 410, 413, 422, 499)]


def called() -> ByHand:
    return ByHand(batch_trigger(ITEMS))


def test_a_sealed_batch_returns_at_once() -> None:
    call = called()
    call.expect(Deliver(1, ITEMS), SEALED)
    assert call.result == CallResult(Result.OK, 200, attempts=1)


@pytest.mark.parametrize("answer", RETRIED, ids=str)
def test_the_sdk_backs_off_and_tries_again_after(answer: Answer) -> None:
    call = called()
    for attempt in (1, 2, 3, 4):
        call.expect(Deliver(attempt, ITEMS), answer)
        call.expect(Backoff(attempt))
    call.expect(Deliver(5, ITEMS), SEALED)
    assert call.result == CallResult(Result.OK, 200, attempts=5)


@pytest.mark.parametrize("answer", RETRIED, ids=str)
def test_the_fifth_attempt_is_the_last_after(answer: Answer) -> None:
    call = called()
    for attempt in (1, 2, 3, 4):
        call.expect(Deliver(attempt, ITEMS), answer)
        call.expect(Backoff(attempt))
    call.expect(Deliver(5, ITEMS), answer)
    error = Result.BATCH_NOT_SEALED_ERROR if answer.status == 200 else Result.API_ERROR
    assert call.result == CallResult(error, answer.status, attempts=5)


@pytest.mark.parametrize("answer", FINAL, ids=str)
def test_the_sdk_raises_at_once_after(answer: Answer) -> None:
    call = called()
    call.expect(Deliver(1, ITEMS), NOT_SEALED)
    call.expect(Backoff(1))
    call.expect(Deliver(2, ITEMS), answer)
    assert call.result == CallResult(Result.API_ERROR, answer.status, attempts=2)
