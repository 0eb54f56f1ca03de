"""Our proposal: the latest design, and what closes the failures that faults leave open in it.

Each of its steps closes something by itself; `reports/findings.md` shows what comes back without it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from batchsim.batch.completion import settle_waitpoint, try_complete_with
from batchsim.batch.consumer import (
    Processed,
    Work,
    complete_message,
    insert_run,
    process,
    take_message,
    update_batch_with,
    work_on,
)
from batchsim.batch.dispatcher import dispatch_with
from batchsim.batch.endpoint import BatchNotInitializedError
from batchsim.batch.operations import (
    IS_ABORTED,
    Cleanup,
    CompleteRunWaitpoint,
    Enqueued,
    EnqueueItem,
    Record,
    ScheduleCompletion,
    TakeExpiry,
)
from batchsim.batch.policies.decisions import ok_if_done_on_count_mismatch
from batchsim.batch.policies.pr4397 import PR4397
from batchsim.batch.policy import Policy
from batchsim.batch.reaper import is_aborted
from batchsim.batch.setting import Deliveries, Kind, Setting
from batchsim.batch.stores import Claim, Message, Status, Waitpoint
from batchsim.model.operation import StoreFailure

TRIES = 12
"""How often what follows the end of a run is tried, as jobs are."""


async def enqueue_in_one_script(setting: Setting, index: int) -> None:
    """Find the metadata, mark the item and push its message in one script: no crash falls between."""
    if await EnqueueItem(index, is_first=not setting.items[index].offloaded) is Enqueued.NOT_INITIALIZED:
        raise BatchNotInitializedError


async def finalize_and_complete(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Complete the message last: until the batch is finalized, a consumer that crashes is followed by another."""
    message = await take_message(setting, policy, deliveries)
    work = await work_on(setting, policy, deliveries, message)
    if work in (Work.PUT_BACK, Work.DROPPED):
        return
    if work is Work.LAST:
        await policy.finalize(policy, Claim(message.item, message.delivery))
    await complete_message(policy, deliveries, message)


async def dispatch_with_tokens(setting: Setting, deliveries: Deliveries) -> None:
    """Each claim has a token: reading, putting back and completing look at the record of that delivery only."""
    await dispatch_with(setting, deliveries, has_tokens=True)


async def create_run_once(setting: Setting, message: Message) -> bool:
    """Insert the child run under a key: an item gets one at most, and none once the batch is ABORTED.

    One that is there may not have been published: whoever comes next does what is left to do.
    """
    final = setting.items[message.item].kind is Kind.PRE_FAILED
    return await insert_run(setting, message, final=final, once=True) != IS_ABORTED


async def create_pre_failed_run_once(setting: Setting, message: Message) -> bool:
    """The same for the run that takes the place of one that cannot be triggered."""
    return await insert_run(setting, message, final=True, once=True) != IS_ABORTED


async def process_answering_all(
    setting: Setting, policy: Policy, deliveries: Deliveries, message: Message
) -> Processed:
    """An item that is rejected gets a pre-failed run: the parent waits for a result of every index."""
    processed = await process(setting, policy, deliveries, message)
    if processed is not Processed.FAILURE:
        return processed
    return Processed.SUCCESS if await policy.create_pre_failed_run(setting, message) else Processed.NOTHING


async def try_complete_again(setting: Setting, policy: Policy) -> None:
    """A try-complete goes on where one before it raised: a COMPLETED batch may have a pending waitpoint."""
    await try_complete_with(setting, policy, resumes=True)


async def ask_for_completion(setting: Setting, index: int, copy: int) -> None:
    """A run asks for the completion job however it ended, as it may be the last one, and again if that raises."""
    if setting.ends_runs_in_steps:
        for _ in range(TRIES):
            with suppress(StoreFailure):
                await CompleteRunWaitpoint(index, copy)
                break
    for _ in range(TRIES):
        with suppress(StoreFailure):
            await ScheduleCompletion()
            break


async def record_while_batch_is_there(message: Message, *, success: bool, is_last_resort: bool) -> int | None:
    """Record nothing once the metadata are gone: nobody would ever delete it."""
    index, delivery = message.item, message.delivery
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
    dispatch=dispatch_with_tokens,
    create_run=create_run_once,
    create_pre_failed_run=create_pre_failed_run_once,
    record=record_while_batch_is_there,
    update_batch=update_batch_once,
    reap=reap_sparing_work,
    process=process_answering_all,
    try_complete=try_complete_again,
    after_run=ask_for_completion,
)
