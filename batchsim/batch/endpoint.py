"""The API: one handler for each phase-2 request (protocol.md §3.2)."""

from __future__ import annotations

from batchsim.batch.operations import (
    Enqueued,
    EnqueuedCount,
    EnqueueItem,
    FindBatch,
    GetMeta,
    MarkEnqueued,
    PushMessage,
    Seal,
    Upload,
)
from batchsim.batch.policy import Check, Decision, Policy
from batchsim.batch.setting import Setting
from batchsim.batch.steps import BodyNotRead
from batchsim.batch.stores import Answer
from batchsim.model.operation import ProtocolError, StoreFailure, for_each

SEALED = Answer(200, sealed=True)


class BatchNotInitializedError(ProtocolError):
    """The metadata of the batch is not in Redis: "batch not found or not initialized"."""


async def stream_batch_items(setting: Setting, policy: Policy) -> Answer | None:
    """Handle one phase-2 request; `None`: nobody is there to be answered."""
    try:
        return await _stream_batch_items(setting, policy)
    except StoreFailure:
        return Answer(500)
    except BodyNotRead:
        return None


async def _stream_batch_items(setting: Setting, policy: Policy) -> Answer:
    if answer := await _check(policy.on_entry):
        return answer
    if not await _enqueue_items(setting, policy):
        return Answer(500) if policy.on_missing_meta is None else await _answer_by(policy.on_missing_meta)
    if policy.counts_in_redis:
        count = await EnqueuedCount()
        if count != setting.run_count:
            return await _answer_by(policy.on_count_mismatch, count)
    return await _seal(policy)


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


async def _answer_by(check: Check, enqueued_count: int | None = None) -> Answer:
    answer = await _check(check, enqueued_count)
    assert answer is not None, "only the entry check may let a request proceed"
    return answer


async def _enqueue_items(setting: Setting, policy: Policy) -> bool:
    """Enqueue all items; whether the batch was there for each."""
    limit = min(setting.ingest_concurrency or policy.ingest_concurrency, setting.run_count)
    try:
        if limit > 1:
            await for_each(setting.run_count, limit, lambda index: _enqueue_item(setting, policy, index))
        else:
            for index in range(setting.run_count):
                await _enqueue_item(setting, policy, index)
    except BatchNotInitializedError:
        return False
    return True


async def _enqueue_item(setting: Setting, policy: Policy, index: int) -> None:
    if setting.items[index].offloaded:
        await Upload(index)
    if policy.enqueues_atomically:
        if await EnqueueItem(index, is_first=not setting.items[index].offloaded) is Enqueued.NOT_INITIALIZED:
            raise BatchNotInitializedError
        return
    if await GetMeta(index, is_first=not setting.items[index].offloaded) is None:
        raise BatchNotInitializedError
    if await MarkEnqueued(index):
        await PushMessage(index)


async def _seal(policy: Policy) -> Answer:
    if await Seal():
        return SEALED
    return await _answer_by(policy.on_seal_lost)
