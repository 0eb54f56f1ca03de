"""Consumers: they process the items, and the last one finalizes the batch (protocol.md §3.3)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from batchsim.batch.operations import (
    IS_ABORTED,
    IS_FINAL,
    IS_THERE,
    BlockParent,
    Cleanup,
    CompleteMessage,
    CompleteRunWaitpoint,
    CompletionUpdate,
    CreateRun,
    GetMeta,
    PublishRun,
    ReadFailures,
    ReadMessage,
    ReadRuns,
    Record,
    RetryMessage,
    ScheduleCompletion,
    TakeKey,
    TakeMessage,
)
from batchsim.batch.setting import ATTEMPTS_MAX, Deliveries, Kind, Setting
from batchsim.batch.stores import Claim, Message, Status, Waits
from batchsim.model.operation import StoreFailure, both

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy


class Work(Enum):
    """What a consumer made of a message."""

    PUT_BACK = "put back"
    DONE = "done"
    LAST = "done, and its item was the last one of the batch"
    DROPPED = "left alone, as it is somebody else's by now"


class Processed(Enum):
    """What became of an item that was processed (3.3.3)."""

    SUCCESS = "it has a child run"
    FAILURE = "it has none, which is recorded"
    GIVEN_UP = "it can have none: no attempt is left, and a failure is recorded"
    NOTHING = "there is no batch any more to record it in"
    DROPPED = "its message is no longer in flight, so the result is dropped"


def _success(has_run: bool) -> Processed:
    return Processed.SUCCESS if has_run else Processed.NOTHING


async def consume(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Take message after message."""
    while True:
        try:
            await policy.consume(setting, policy, deliveries)
        except StoreFailure:
            continue  # it is logged; a message that is still in flight comes back after its visibility timeout


async def complete_and_finalize(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Work on one message, complete it, and then finalize the batch if its item was the last one."""
    if await _worked_and_completed(setting, policy, deliveries) is Work.LAST:
        await policy.finalize(policy, None)


# A coroutine of its own, so that nothing is known of the message any more when the batch is finalized.
async def _worked_and_completed(setting: Setting, policy: Policy, deliveries: Deliveries) -> Work:
    message = await take_message(setting, policy, deliveries)
    work = await work_on(setting, policy, deliveries, message)
    if work in (Work.DONE, Work.LAST):
        await complete_message(policy, deliveries, message)
    return work


async def take_message(setting: Setting, policy: Policy, deliveries: Deliveries) -> Message:
    """Take a message, and its data."""
    if not deliveries.can_repeat:
        taken = await TakeMessage()
        return taken._replace(leaves_claimed=False) if taken.leaves_claimed else taken  # it plays no part any more
    message = None
    while message is None:
        message = await _claimed_message(setting, policy, deliveries)
    return message


# A coroutine of its own, so that nothing stays in its variables that plays no part any more: a consumer that waits
# is at one local state then, whatever it did before.
async def _claimed_message(setting: Setting, policy: Policy, deliveries: Deliveries) -> Message | None:
    """Take a message and read it; `None`: it was completed meanwhile."""
    item, delivery = await policy.claim(setting, deliveries)
    attempt = await policy.read(Claim(item, delivery))
    if attempt is not None:
        return Message(item, attempt, delivery)
    await policy.complete(item, delivery)
    return None


async def work_on(setting: Setting, policy: Policy, deliveries: Deliveries, message: Message) -> Work:
    """Process the item of a message, if its batch is there, and record what became of it."""
    index, attempt, delivery = message.item, message.attempt, message.delivery
    held = Claim(index, delivery)
    if await GetMeta(index, held) is None:
        return Work.DONE
    if attempt <= setting.items[index].failed_attempts:
        return await _put_back(deliveries, message)
    try:
        processed = await policy.process(setting, policy, deliveries, message)
    except StoreFailure:
        if attempt < ATTEMPTS_MAX:
            return await _put_back(deliveries, message)
        processed = await _given_up(setting, policy, message)
    if processed is Processed.NOTHING:
        return Work.DONE
    if processed is Processed.DROPPED:
        return Work.DROPPED
    return await _record(setting, policy, deliveries, message, processed)


async def _given_up(setting: Setting, policy: Policy, message: Message) -> Processed:
    """The last attempt has raised: insert a pre-failed run instead, unless the item was to be one."""
    if setting.items[message.item].kind is Kind.PRE_FAILED:
        return Processed.GIVEN_UP
    try:
        return _success(await policy.create_pre_failed_run(setting, message))
    except StoreFailure:
        return Processed.GIVEN_UP


async def _record(
    setting: Setting, policy: Policy, deliveries: Deliveries, message: Message, processed: Processed
) -> Work:
    is_last_resort = processed is Processed.GIVEN_UP
    success = processed is Processed.SUCCESS
    try:
        recorded = await policy.record(message, success=success, is_last_resort=is_last_resort)
    except StoreFailure:
        if message.attempt < ATTEMPTS_MAX:
            return await _put_back(deliveries, message)
        if is_last_resort:
            raise
        # There is no other attempt: whatever it was, it is recorded as a failure.
        recorded = await policy.record(message, success=False, is_last_resort=True)
    return Work.LAST if recorded == setting.run_count else Work.DONE


async def _put_back(deliveries: Deliveries, message: Message) -> Work:
    index, attempt, delivery = message.item, message.attempt, message.delivery
    await RetryMessage(index, attempt, is_in_flight=deliveries.can_repeat, delivery=delivery)
    return Work.PUT_BACK


async def complete_message(policy: Policy, deliveries: Deliveries, message: Message) -> None:
    """Complete a message: a step only where somebody can see it."""
    if deliveries.can_repeat:
        await policy.complete(message.item, message.delivery)


# -- the steps of a policy, as production has them -------------------------------------------------


async def claim(setting: Setting, deliveries: Deliveries) -> Claim:
    """Take the key of a message from the worker list."""
    return await TakeKey(setting.run_count, is_held=deliveries.can_be_left)


async def read(claim: Claim) -> int | None:
    """Read the data of a message in flight: which attempt it is, or `None` where it is gone."""
    return await ReadMessage(claim.item, delivery=claim.delivery)


async def complete(item: int, delivery: int) -> None:
    """Delete the in-flight record of a message, whoever claimed it last."""
    await CompleteMessage(item, delivery=delivery)


async def process(setting: Setting, policy: Policy, deliveries: Deliveries, message: Message) -> Processed:
    """Process an item by its kind (3.3.3)."""
    if setting.items[message.item].kind is Kind.REJECTED:
        await CreateRun(message.item, final=False, rejected=True, delivery=message.delivery)
        return Processed.FAILURE
    return _success(await policy.create_run(setting, message))


async def create_run(setting: Setting, message: Message) -> bool:
    """Insert a child run of an item, block the parent, and publish the run; whether it has one now."""
    return await insert_run(setting, message, final=setting.items[message.item].kind is Kind.PRE_FAILED) > 0


async def create_pre_failed_run(setting: Setting, message: Message) -> bool:
    """Insert a run of an item that is final from the start, as it cannot be triggered; whether it has one now."""
    return await insert_run(setting, message, final=True) > 0


async def insert_run(setting: Setting, message: Message, *, final: bool, once: bool = False) -> int:
    """Insert a child run, under a key or not, with all that belongs to it; what `CreateRun` answers."""
    index, delivery = message.item, message.delivery
    in_steps = setting.creates_in_steps
    waits = setting.waits_kept
    copy = await CreateRun(
        index,
        final,
        setting.run_copies_max,
        once=once,
        waits=waits,
        is_published=not in_steps,
        delivery=delivery,
    )
    if not in_steps or copy == IS_ABORTED:
        return copy
    if copy in (IS_THERE, IS_FINAL):
        # What is left to do of the one that is there is done again, as what it is.
        copy, final = 1, copy == IS_FINAL
    if waits is Waits.BY_STEPS:
        await BlockParent(index, copy, delivery=delivery)
    if not final:
        await PublishRun(index, copy, delivery=delivery)
    elif waits is Waits.BY_STEPS:
        await CompleteRunWaitpoint(index, copy, Claim(index, delivery))
    return copy


async def record(message: Message, *, success: bool, is_last_resort: bool) -> int | None:
    """Record what became of an item; how many are recorded, or `None` where nothing can be.

    `is_last_resort`: processing has failed for the last time.
    """
    index, delivery = message.item, message.delivery
    return await Record(index, success=success, is_last_resort=is_last_resort, delivery=delivery)


async def finalize(policy: Policy, held: Claim | None) -> None:
    """What follows the last item; `held`: the message that is yet to be completed, if any."""
    if await policy.update_batch(held) is not Status.ABORTED:
        await ScheduleCompletion(held=held)
    await policy.cleanup(held)


async def update_batch(held: Claim | None) -> Status:
    """The completion update, unconditionally; the status that it writes."""
    return await update_batch_with(held)


async def update_batch_with(held: Claim | None, *, seals: bool = False, guarded: bool = False) -> Status:
    """A completion update that sets `sealed` too, or that leaves alone what has one or has ended."""
    runs, failures = await both(ReadRuns(held=held), ReadFailures(held=held))
    status = status_after_processing(runs, failures)
    await CompletionUpdate(status, runs, failures, seals=seals, guarded=guarded, held=held)
    return status


async def cleanup(held: Claim | None) -> None:
    """Delete all six keys of the batch at once."""
    await Cleanup(held=held)


def status_after_processing(runs: int, failures: int) -> Status:
    """The status that the completion update writes; PENDING: the runs still have to finish."""
    if not failures:
        return Status.PENDING
    return Status.PARTIAL_FAILED if runs else Status.ABORTED
