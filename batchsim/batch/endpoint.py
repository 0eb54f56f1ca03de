"""The API: one handler for each phase-2 request (protocol.md §3.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from batchsim.batch.decision import Check, Decision
from batchsim.batch.operations import (
    Admit,
    EnqueuedCount,
    FindBatch,
    GetMeta,
    MarkEnqueued,
    PushMessage,
    ReadItem,
    Seal,
    Upload,
)
from batchsim.batch.setting import Setting
from batchsim.batch.steps import BodyNotRead
from batchsim.batch.stores import Answer
from batchsim.model.operation import ProtocolError, StoreFailure, for_each

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy

UPLOAD_TRIES = 4
SEALED = Answer(200, sealed=True)
"""What a request is answered that sealed the batch, or need not."""
LIMITED = Answer(429)
"""What a request is answered that the limiter refuses."""


class BatchNotInitializedError(ProtocolError):
    """The metadata of the batch is not in Redis: "batch not found or not initialized"."""


async def stream_batch_items(setting: Setting, policy: Policy, attempt: int = 1) -> Answer | None:
    """Handle the phase-2 request of an attempt; `None`: nobody is there to be answered."""
    try:
        return await _stream_batch_items(setting, policy, attempt)
    except StoreFailure:
        return Answer(500)
    except BodyNotRead:
        return None


async def _stream_batch_items(setting: Setting, policy: Policy, attempt: int) -> Answer:
    if setting.stream_requests is not None and not (await Admit(attempt, setting.stream_requests)).is_admitted:
        return LIMITED
    if answer := await _check(policy.on_entry):
        return answer
    try:
        arrived = await _enqueue_items(setting, policy, attempt)
    except BatchNotInitializedError:
        return Answer(500) if policy.on_missing_meta is None else await answer_by(policy.on_missing_meta)
    of_request = setting if arrived is None else replace(setting, arrived=arrived)
    sealed: Answer = await policy.count_and_seal(of_request, policy)
    return sealed


async def _check(check: Check, enqueued_count: int | None = None) -> Answer | None:
    match check(await FindBatch()):
        case Decision.OK:
            return SEALED
        case Decision.NOT_SEALED:
            return Answer(200, sealed=False, enqueued_count=enqueued_count)
        case Decision.REJECT:
            return Answer(422)
        case Decision.PROCEED:
            return None


async def answer_by(check: Check, enqueued_count: int | None = None) -> Answer:
    """Read the batch row, and answer as a check decides; `enqueued_count`: to be told if it is not sealed."""
    answer = await _check(check, enqueued_count)
    assert answer is not None, "only the entry check may let a request proceed"
    return answer


async def _enqueue_items(setting: Setting, policy: Policy, attempt: int) -> int | None:
    """Enqueue all items, or so many as the answer says; raises `BatchNotInitializedError` as `enqueue` does."""
    limit = min(setting.ingest_concurrency or policy.ingest_concurrency, setting.run_count)
    if limit == 1:
        for index in range(setting.run_count):
            await _enqueue_item(setting, policy, attempt, index)
        return None
    # A body that breaks off while nothing is in progress counts as the end of the stream (3.2.2).
    return await for_each(
        setting.run_count,
        limit,
        lambda index: _enqueue_item(setting, policy, attempt, index),
        may_end_early=True,
    )


async def _enqueue_item(setting: Setting, policy: Policy, attempt: int, index: int) -> None:
    if setting.has_request_timeout:
        await ReadItem(index, attempt)
    if setting.items[index].offloaded:
        await upload(index)
    await policy.enqueue(setting, index)


async def upload(index: int) -> None:
    """Upload the payload of an item; one that fails is tried again, `UPLOAD_TRIES` times in all (3.2.2a)."""
    for _ in range(UPLOAD_TRIES - 1):
        try:
            await Upload(index)
        except StoreFailure:
            continue
        return
    await Upload(index)


# -- the steps of a policy, as production has them -------------------------------------------------


async def enqueue(setting: Setting, index: int) -> None:
    """Enqueue an item in three steps; raises `BatchNotInitializedError` where the metadata are gone."""
    if await GetMeta(index, is_first=not setting.items[index].offloaded) is None:
        raise BatchNotInitializedError
    if await MarkEnqueued(index):
        await PushMessage(index)


async def count(setting: Setting) -> int:
    """Ask Redis how many items are enqueued."""
    return await EnqueuedCount()


async def seal() -> bool:
    """Seal the batch, where it is PENDING and not sealed; whether this did it."""
    return await Seal()


async def count_and_seal(setting: Setting, policy: Policy) -> Answer:
    """Compare the count with that of the batch, and seal the batch (3.2.3 … 3.2.6)."""
    enqueued = await policy.count(setting)
    if enqueued != setting.run_count:
        return await answer_by(policy.on_count_mismatch, enqueued)
    if await policy.seal():
        return SEALED
    return await answer_by(policy.on_seal_lost)
