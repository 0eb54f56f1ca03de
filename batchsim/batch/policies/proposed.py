"""Our proposal: the latest design, and what closes the failures that faults leave open in it.

Each of its steps closes something by itself; `reports/findings.md` shows what comes back without it.
"""

from __future__ import annotations

from dataclasses import replace

from batchsim.batch.completion import settle_waitpoint
from batchsim.batch.consumer import Work, complete_message, take_message, update_batch_with, work_on
from batchsim.batch.endpoint import BatchNotInitializedError
from batchsim.batch.operations import (
    IS_ABORTED,
    ClaimMessage,
    Cleanup,
    CompleteMessage,
    CreateRun,
    Enqueued,
    EnqueueItem,
    Record,
    TakeExpiry,
)
from batchsim.batch.policies.decisions import ok_if_done_on_count_mismatch
from batchsim.batch.policies.pr4397 import PR4397
from batchsim.batch.policy import Policy
from batchsim.batch.reaper import is_aborted
from batchsim.batch.setting import Deliveries, Kind, Setting
from batchsim.batch.stores import Claim, Message, Status, Waitpoint


async def enqueue_in_one_script(setting: Setting, index: int) -> None:
    """Find the metadata, mark the item and push its message in one script: no crash falls between."""
    if await EnqueueItem(index, is_first=not setting.items[index].offloaded) is Enqueued.NOT_INITIALIZED:
        raise BatchNotInitializedError


async def finalize_and_complete(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Complete the message last: until the batch is finalized, a consumer that crashes is followed by another."""
    message = await take_message(setting, policy, deliveries)
    work = await work_on(setting, policy, deliveries, message)
    if work is Work.PUT_BACK:
        return
    if work is Work.LAST:
        await policy.finalize(policy, Claim(message.item, message.delivery))
    await complete_message(policy, deliveries, message)


async def claim_with_token(setting: Setting, deliveries: Deliveries) -> Claim:
    """Take a message, and remember which delivery of it that is."""
    return await ClaimMessage(setting.run_count)


async def complete_own_claim(item: int, delivery: int) -> None:
    """Delete the in-flight record of one's own delivery only: a later one is somebody else's."""
    await CompleteMessage(item, has_token=True, delivery=delivery)


async def create_run_once(setting: Setting, message: Message) -> bool:
    """Insert the child run under a key: an item gets one at most, and none once the batch is ABORTED."""
    index, _, delivery = message
    final = setting.items[index].kind is Kind.PRE_FAILED
    created = await CreateRun(index, final, setting.run_copies_max, once=True, delivery=delivery)
    return created != IS_ABORTED


async def record_while_batch_is_there(message: Message, *, success: bool, is_last_resort: bool) -> int | None:
    """Record nothing once the metadata are gone: nobody would ever delete it."""
    index, _, delivery = message
    return await Record(index, success=success, is_last_resort=is_last_resort, needs_meta=True, delivery=delivery)


async def update_batch_once(held: Claim | None) -> Status:
    """The completion update leaves a row alone that has one already, or has ended."""
    return await update_batch_with(held, guarded=True)


async def reap_sparing_work(setting: Setting) -> None:
    """End a batch that lacks a child run, and no other; delete its keys too, which nobody else will."""
    await TakeExpiry()
    if await is_aborted(setting.run_count):
        await settle_waitpoint(Waitpoint.FAILED)
        await Cleanup()


PROPOSED = replace(
    PR4397,
    name="proposed",
    summary="Proposal: pr4397, with atomic enqueueing, idempotent processing and a reaper that spares work.",
    enqueue=enqueue_in_one_script,
    on_missing_meta=ok_if_done_on_count_mismatch,
    consume=finalize_and_complete,
    claim=claim_with_token,
    complete=complete_own_claim,
    create_run=create_run_once,
    record=record_while_batch_is_there,
    update_batch=update_batch_once,
    reap=reap_sparing_work,
)
