"""Who limits phase-2 requests, where a scenario asks for it (docs/phase-1.md)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from batchsim.batch.operations import Deliver, EndGrant, EndLaterGrant, ResetLimit, TimeOutRequest
from batchsim.batch.setting import Setting
from batchsim.batch.stores import GRANT, LIMITED, LIMITER, OF_SECOND, of_second_batch, request_key
from batchsim.model.cells import Key
from batchsim.model.system import Actor, LegOf

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy


def actors_of_limits(setting: Setting, policy: Policy) -> Iterator[Actor]:
    """The limiter's window and the batch's grant, and the server that watches over each request."""
    if setting.stream_requests is not None:
        yield Actor("limiter", None, _reset, timers=((LIMITER, ResetLimit.name),))
        if policy.stream_grant:
            yield Actor(
                "grant",
                None,
                _end_grant,
                first_cells=((GRANT, policy.stream_grant),),
                timers=((GRANT, EndGrant.name),),
            )
    if setting.has_request_timeout:
        for attempt in range(1, setting.attempts_max + 1):
            yield Actor(
                "server",
                attempt,
                partial(_time_out, attempt, setting.run_count),
                begins_with=request_key(attempt),
                begins_after_leg_of=LegOf("sdk", Deliver.name, attempt),
            )


async def _reset() -> None:
    while True:
        await ResetLimit()


async def _end_grant() -> None:
    await EndGrant()


def grant_of_second_batch(setting: Setting, policy: Policy) -> Iterator[Actor]:
    """Who ends the grant of a batch that a second call makes."""
    if grant_of(setting, policy):
        yield Actor(f"grant{OF_SECOND}", None, _end_later_grant, begins_with=of_second_batch(GRANT))


def grant_of(setting: Setting, policy: Policy) -> int:
    """How many requests of a batch pass the limiter by, if there is one."""
    return 0 if setting.stream_requests is None else policy.stream_grant


async def _end_later_grant() -> None:
    await EndLaterGrant()


async def _time_out(attempt: int, run_count: int) -> None:
    await TimeOutRequest(attempt, run_count)


def cells_of_limits(setting: Setting) -> Iterator[Key]:
    """What is kept for their sake; connections aside, which faults have too."""
    if setting.stream_requests is not None:
        yield from (LIMITER, LIMITED, GRANT)
