"""The SDK in the parent run: streams the batch, and retries."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from batchsim.batch.operations import (
    AwaitReset,
    Backoff,
    BackoffCreation,
    CallAgain,
    Deliver,
    DeliverCreation,
    DeliverInTime,
)
from batchsim.batch.stores import CREATION_TRIES, MAX_ATTEMPTS, Answer, IdempotencyKey
from batchsim.model.operation import Operation

LIMIT_EXCEEDED = 429
RETRYABLE_STATUSES = frozenset({408, 409, LIMIT_EXCEEDED})


class Result(StrEnum):
    """What a call of the SDK ended in."""

    OK = "ok"
    BATCH_NOT_SEALED_ERROR = "BatchNotSealedError"
    API_ERROR = "ApiError"
    API_CONNECTION_ERROR = "ApiConnectionError"
    WAITPOINT_ERROR = "WaitpointError"
    WAITING = "waiting"
    """It never returned."""


class CallResult(NamedTuple):
    """What the caller got."""

    result: Result
    status: int | None
    """The HTTP status of the last answer."""
    attempts: int
    """How many phase-2 requests were sent."""

    @property
    def is_success(self) -> bool:
        """Whether it returned."""
        return self.result is Result.OK


class Limits(NamedTuple):
    """What there is that limits requests."""

    can_time_out: bool = False
    """Whether the server gives a request so long to arrive."""
    has_limiter: bool = False
    """Whether a 429 tells when the limit is reset."""
    grant: int = 0
    """How many requests of a batch pass the limiter by."""


NO_LIMITS = Limits()


async def batch_trigger(run_count: int, limits: Limits = NO_LIMITS, *, before: int = 0) -> CallResult:
    """Stream the items of the batch, with retries; phase 1 is done.

    `before`: how many attempts the calls before it may have had.
    """
    deliver = DeliverInTime if limits.can_time_out else Deliver
    attempt = 1
    while True:
        following = _following(attempt, await deliver(before + attempt, run_count), limits, before)
        if isinstance(following, CallResult):
            return following
        await following
        attempt += 1


async def batch_trigger_from_phase_1(run_count: int, limits: Limits = NO_LIMITS) -> CallResult:
    """Make the batch, with retries, and stream its items."""
    failed = await _create()
    return await batch_trigger(run_count, limits) if failed is None else failed


async def _create() -> CallResult | None:
    """Phase 1, where it has steps; what the call ends in if it fails."""
    attempt = 1
    while True:
        status, batch = await DeliverCreation(attempt)
        if batch is not None:
            return None
        if attempt == CREATION_TRIES or not (status is None or status in RETRYABLE_STATUSES):
            result = Result.API_CONNECTION_ERROR if status is None else Result.API_ERROR
            return CallResult(result, status, 0)
        await BackoffCreation(attempt)
        attempt += 1


async def batch_trigger_twice(
    run_count: int, limits: Limits, *, waits: bool, is_reaped: bool, key: IdempotencyKey | None
) -> CallResult:
    """Stream the items; if that fails, so does the parent's attempt, and the next one triggers them again."""
    returned = await _unless_rejected(run_count, limits)
    if returned is not None:
        return returned
    if not await CallAgain(run_count, waits, is_reaped, key, limits.grant):
        return CallResult(Result.API_ERROR, 422, 0)
    return await batch_trigger(run_count, limits, before=MAX_ATTEMPTS)


# A coroutine of its own, so that nothing is known any more of how the first call failed.
async def _unless_rejected(run_count: int, limits: Limits) -> CallResult | None:
    result = await batch_trigger(run_count, limits)
    return result if result.is_success else None


def _following(attempt: int, answer: Answer, limits: Limits, before: int) -> CallResult | Operation[None]:
    """What the call ends in with this answer, or what it waits for before it is retried."""
    if attempt < MAX_ATTEMPTS and _is_worth_a_retry(answer):
        is_limited = limits.has_limiter and answer.status == LIMIT_EXCEEDED
        return AwaitReset(before + attempt) if is_limited else Backoff(attempt, before)
    return CallResult(_result_of(answer), answer.status, attempt)


def _is_worth_a_retry(answer: Answer) -> bool:
    if answer.status is None:
        return True
    if answer.status == 200:
        return not answer.sealed
    return answer.status >= 500 or answer.status in RETRYABLE_STATUSES


def _result_of(answer: Answer) -> Result:
    if answer.status is None:
        return Result.API_CONNECTION_ERROR
    if answer.status != 200:
        return Result.API_ERROR
    return Result.OK if answer.sealed else Result.BATCH_NOT_SEALED_ERROR
