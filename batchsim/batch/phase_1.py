"""Phase 1 as steps (protocol.md §3.1): a handler for each `POST /batches`, and the batches they leave."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from batchsim.batch.operations import (
    BlockOnBatch,
    CreateBatch,
    CreateWaitpoint,
    DeliverCreation,
    FindIdempotencyKey,
    SaveIdempotencyKey,
    ScheduleExpiry,
    SetMeta,
)
from batchsim.batch.operations.phase_1 import MADE
from batchsim.batch.renaming import renamed
from batchsim.batch.setting import Setting
from batchsim.batch.stores import (
    BATCH_ROW,
    CREATION_TRIES,
    EXPIRY_JOB,
    JOBS,
    META,
    REDIS_KEYS,
    STATE_KEYS,
    STREAMED_BATCH,
    BatchRow,
    Creation,
    IdempotencyKey,
    creation_answer_key,
    creation_request_key,
    of_second_batch,
    of_try,
    tries_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Cells, IfListed, Key
from batchsim.model.operation import ProtocolError, StoreFailure, for_each
from batchsim.model.system import Actor, LegOf

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy

CREATED = 202
TRIES = range(1, CREATION_TRIES + 1)


class _Created(ProtocolError):
    """The request is answered; whoever saves its key goes on."""


async def create_batch(setting: Setting, attempt: int, *, is_reaped: bool) -> Creation:
    """Handle one phase-1 request; `is_reaped`: whether a batch that is waited for gets a reaper."""
    try:
        return await _create_batch(setting, attempt, is_reaped)
    except StoreFailure:
        return Creation(500)


async def _create_batch(setting: Setting, attempt: int, is_reaped: bool) -> Creation:
    is_saved = setting.idempotency_key is IdempotencyKey.WORKING
    if is_saved and (batch := await FindIdempotencyKey()) is not None:
        return Creation(CREATED, batch)
    if not await CreateBatch(attempt, has_key=setting.idempotency_key is not None):
        return Creation(422)
    if not is_saved:
        await _complete_batch(setting, attempt, is_reaped)
        return Creation(CREATED, attempt)
    with suppress(_Created):
        await for_each(2, 2, lambda lane: _save_beside(setting, attempt, is_reaped, lane))
    return Creation(CREATED, attempt)


async def _save_beside(setting: Setting, attempt: int, is_reaped: bool, lane: int) -> None:
    """Saving the key is started and not awaited: the request ends with its own last step."""
    if lane == 0:
        # A failure is logged.
        with suppress(StoreFailure):
            await SaveIdempotencyKey(attempt)
        return
    await _complete_batch(setting, attempt, is_reaped)
    raise _Created


async def _complete_batch(setting: Setting, attempt: int, is_reaped: bool) -> None:
    """All that a batch needs beside its row."""
    if setting.waits:
        if is_reaped:
            await ScheduleExpiry(attempt)
        await CreateWaitpoint(attempt)
        await BlockOnBatch(attempt)
    await SetMeta(attempt, setting.run_count)


# -- what it comes to ------------------------------------------------------------------------------


def batch_judged(world: World) -> BatchRow | None:
    """The row of the batch that the SDK streams to; of a call that came to none, the last one that it made."""
    rows = (world.cells.read(key) for key in (BATCH_ROW, *(of_try(BATCH_ROW, each) for each in reversed(TRIES))))
    return next((row for row in rows if row is not None), None)


def keys_left(world: World) -> Iterator[Key]:
    """The Redis keys that are left, of the batch, of orphans, and of the batch of a second call."""
    orphaned = (of_try(META, attempt) for attempt in TRIES)
    of_second = map(of_second_batch, REDIS_KEYS)
    return (key for key in (*REDIS_KEYS, *orphaned, *of_second) if key in world.cells)


def redis_keys_of(setting: Setting) -> dict[Key, Key]:
    """The cells of a setting that are keys in Redis, or the queue, each with the name of the key.

    Those of a batch have the number of the try that made it until the SDK has the answer, and so have an orphan's.
    """
    tries = TRIES if setting.is_stepwise else ()
    return {**{key: key for key in STATE_KEYS}, **{of_try(META, attempt): META for attempt in tries}}


# -- who takes part --------------------------------------------------------------------------------


def creators(setting: Setting, policy: Policy) -> Iterator[Actor]:
    """The handlers of phase-1 requests, where it has steps."""
    if not setting.is_stepwise:
        return
    is_reaped = has_reaper(setting, policy)
    for attempt in TRIES:
        yield Actor(
            "creator",
            attempt,
            partial(create_batch, setting, attempt, is_reaped=is_reaped),
            begins_with=creation_request_key(attempt),
            begins_after_leg_of=LegOf("sdk", DeliverCreation.name, attempt),
            returns_to=creation_answer_key(attempt),
        )


def has_reaper(setting: Setting, policy: Policy) -> bool:
    """Whether phase 1 schedules the job of a reaper."""
    return any(map(_is_reaper, _all_actors(setting, policy)))


def actors_of_policy(setting: Setting, policy: Policy) -> Iterator[Actor]:
    """Who else acts under a policy. Where phase 1 has steps, each batch that it makes has a reaper of its own."""
    for actor in _all_actors(setting, policy):
        if not (setting.is_stepwise and _is_reaper(actor)):
            yield actor
            continue
        for attempt in TRIES:
            yield actor._replace(
                number=attempt,
                first_cells=tuple(each for each in actor.first_cells if each[0] != EXPIRY_JOB),
                timers=tuple((_own_job(timer, attempt), name) for timer, name in actor.timers),
                adapts=partial(renamed, OfTry(attempt)),
            )


def _all_actors(setting: Setting, policy: Policy) -> Iterator[Actor]:
    for actors in policy.actors:
        yield from actors(setting, policy)


def _is_reaper(actor: Actor) -> bool:
    """Whether its job is scheduled in phase 1."""
    return any(cell == EXPIRY_JOB for cell, _ in actor.first_cells)


def _own_job(key: Key, attempt: int) -> Key:
    return of_try(key, attempt) if key == EXPIRY_JOB else key


def jobs_of(setting: Setting) -> tuple[Key, ...]:
    """All jobs that can be scheduled."""
    if not setting.is_stepwise:
        return JOBS
    others = tuple(job for job in JOBS if job != EXPIRY_JOB)
    return (*others, *(of_try(EXPIRY_JOB, attempt) for attempt in TRIES))


@dataclass(frozen=True, slots=True)
class OfTry:
    """The cells of the batch that a try made: *the* cells of the batch if the SDK streams to it."""

    attempt: int

    def looks_at(self) -> tuple[Key, ...]:
        """Which batch it streams to."""
        return (STREAMED_BATCH,)

    def names(self, key: Key) -> tuple[Key, ...]:
        """The orphan's, which comes first, and that of the batch; the job is always that of the try."""
        if key == EXPIRY_JOB:
            return (of_try(key, self.attempt),)
        if key == tries_key(EXPIRY_JOB):
            return (tries_key(of_try(EXPIRY_JOB, self.attempt)),)
        if not _is_of_batch(key):
            return (key,)
        return (self._of_orphan(key), key)

    def name(self, key: Key, cells: Cells) -> Key:
        """That of the orphan, unless the SDK streams to the batch."""
        names = self.names(key)
        if len(names) == 1:
            return names[0]
        return names[1] if cells.read(STREAMED_BATCH) == self.attempt else names[0]

    def woken(self, key: Key) -> tuple[Key, ...]:
        """Under every name."""
        return self.names(key)

    def _of_orphan(self, key: Key) -> Key:
        # Nobody streams to an orphan: it has nothing but what phase 1 made.
        return of_try(key, self.attempt) if key in MADE else IfListed(f"{key}:of_try:{self.attempt}")


def _is_of_batch(key: Key) -> bool:
    return key in MADE or key.startswith(
        ("batch:B:", "postgres:run:", "postgres:edge:", "postgres:run_waitpoint:")
    )
