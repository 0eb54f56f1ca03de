"""Consumers: they process the items, and the last one finalizes the batch (protocol.md §3.3)."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from batchsim.batch.operations import (
    ClaimMessage,
    Cleanup,
    CompleteMessage,
    CompletionUpdate,
    CreateRun,
    GetMeta,
    ReadFailures,
    ReadMessage,
    ReadRuns,
    Record,
    RetryMessage,
    ScheduleCompletion,
    TakeMessage,
)
from batchsim.batch.setting import ATTEMPTS_MAX, Deliveries, Kind, Setting
from batchsim.batch.stores import Claim, Message, Status
from batchsim.model.operation import StoreFailure, both

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy


class Work(Enum):
    """What a consumer made of a message."""

    PUT_BACK = "put back"
    DONE = "done"
    LAST = "done, and its item was the last one of the batch"


async def consume(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Take message after message."""
    while True:
        # A failure is logged; a message that is still in flight comes back after its visibility timeout.
        with suppress(StoreFailure):
            await policy.consume(setting, policy, deliveries)


async def complete_and_finalize(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Work on one message, complete it, and then finalize the batch if its item was the last one."""
    if await _worked_and_completed(setting, policy, deliveries) is Work.LAST:
        await policy.finalize(policy, None)


# A coroutine of its own, so that nothing is known of the message any more when the batch is finalized.
async def _worked_and_completed(setting: Setting, policy: Policy, deliveries: Deliveries) -> Work:
    message = await take_message(setting, policy, deliveries)
    work = await work_on(setting, policy, deliveries, message)
    if work is not Work.PUT_BACK:
        await complete_message(policy, deliveries, message)
    return work


async def take_message(setting: Setting, policy: Policy, deliveries: Deliveries) -> Message:
    """Take a message, and its data."""
    if not deliveries.can_repeat:
        return await TakeMessage()
    message = None
    while message is None:
        message = await _claimed_message(setting, policy, deliveries)
    return message


# A coroutine of its own, so that nothing stays in its variables that plays no part any more: a consumer that waits
# is at one local state then, whatever it did before.
async def _claimed_message(setting: Setting, policy: Policy, deliveries: Deliveries) -> Message | None:
    """Take a message and read it; `None`: it was completed meanwhile."""
    item, delivery = await policy.claim(setting, deliveries)
    attempt = await ReadMessage(item, delivery=delivery)
    if attempt is not None:
        return Message(item, attempt, delivery)
    await policy.complete(item, delivery)
    return None


async def work_on(setting: Setting, policy: Policy, deliveries: Deliveries, message: Message) -> Work:
    """Process the item of a message, if its batch is there."""
    index, attempt, delivery = message
    if await GetMeta(index, delivery) is None:
        return Work.DONE
    if attempt <= setting.items[index].failed_attempts:
        return await _put_back(deliveries, message)
    try:
        return await _process(setting, policy, message)
    except StoreFailure:
        if attempt < ATTEMPTS_MAX:
            return await _put_back(deliveries, message)
        return await _record(setting, policy, message, success=False, is_last_resort=True)


async def _process(setting: Setting, policy: Policy, message: Message) -> Work:
    kind = setting.items[message.item].kind
    if kind is not Kind.REJECTED and not await policy.create_run(setting, message):
        return Work.DONE
    return await _record(setting, policy, message, success=kind is not Kind.REJECTED)


async def _record(
    setting: Setting, policy: Policy, message: Message, *, success: bool, is_last_resort: bool = False
) -> Work:
    processed = await policy.record(message, success=success, is_last_resort=is_last_resort)
    return Work.LAST if processed == setting.run_count else Work.DONE


async def _put_back(deliveries: Deliveries, message: Message) -> Work:
    index, attempt, delivery = message
    await RetryMessage(index, attempt, is_in_flight=deliveries.can_repeat, delivery=delivery)
    return Work.PUT_BACK


async def complete_message(policy: Policy, deliveries: Deliveries, message: Message) -> None:
    """Complete a message: a step only where somebody can see it."""
    if deliveries.can_repeat:
        await policy.complete(message.item, message.delivery)


# -- the steps of a policy, as production has them -------------------------------------------------


async def claim(setting: Setting, deliveries: Deliveries) -> Claim:
    """Take a message; which delivery of it that is plays no part but where a consumer can leave it for good."""
    claimed = await ClaimMessage(setting.run_count)
    return claimed if deliveries.can_be_left else Claim(claimed.item, 1)


async def complete(item: int, delivery: int) -> None:
    """Delete the in-flight record of a message, whoever claimed it last."""
    await CompleteMessage(item, delivery=delivery)


async def create_run(setting: Setting, message: Message) -> bool:
    """Insert a child run of an item; whether it has one now."""
    index, _, delivery = message
    final = setting.items[index].kind is Kind.PRE_FAILED
    return await CreateRun(index, final=final, copies=setting.run_copies_max, delivery=delivery) > 0


async def record(message: Message, *, success: bool, is_last_resort: bool) -> int | None:
    """Record what became of an item; how many are recorded, or `None` where nothing can be.

    `is_last_resort`: processing has failed for the last time.
    """
    index, _, delivery = message
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
