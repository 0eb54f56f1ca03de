"""Consumers: they process the items, and the last one finalizes the batch (protocol.md §3.3)."""

from __future__ import annotations

from contextlib import suppress
from enum import Enum

from batchsim.batch.operations import (
    ClaimMessage,
    Cleanup,
    CleanupWithTombstone,
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
from batchsim.batch.policy import Policy
from batchsim.batch.setting import ATTEMPTS_MAX, Deliveries, Kind, Setting
from batchsim.batch.stores import Claim, Message, Status
from batchsim.model.operation import StoreFailure, both


class Work(Enum):
    """What a consumer made of a message."""

    PUT_BACK = "put back"
    DONE = "done"
    LAST = "done, and its item was the last one of the batch"


async def consume(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Take message after message."""
    consume_one = _consume_holding if policy.completes_message_last else _consume
    while True:
        # A failure is logged; a message that is still in flight comes back after its visibility timeout.
        with suppress(StoreFailure):
            await consume_one(setting, policy, deliveries)


async def _consume(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    if await _handle_message(setting, policy, deliveries) is Work.LAST:
        await _finalize_batch(policy, None)


async def _handle_message(setting: Setting, policy: Policy, deliveries: Deliveries) -> Work:
    message = await _take_message(setting, policy, deliveries)
    work = await _work_on(setting, policy, deliveries, message)
    if work is not Work.PUT_BACK:
        await _complete(policy, deliveries, message)
    return work


async def _consume_holding(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """As `_consume`, and complete the message last: until then it can come back."""
    message = await _take_message(setting, policy, deliveries)
    work = await _work_on(setting, policy, deliveries, message)
    if work is Work.PUT_BACK:
        return
    if work is Work.LAST:
        await _finalize_batch(policy, Claim(message.item, message.delivery))
    await _complete(policy, deliveries, message)


async def _take_message(setting: Setting, policy: Policy, deliveries: Deliveries) -> Message:
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
    item, delivery = await _claim(setting, policy, deliveries)
    attempt = await ReadMessage(item, delivery=delivery)
    if attempt is not None:
        return Message(item, attempt, delivery)
    await CompleteMessage(item, policy.claims_have_tokens, delivery=delivery)
    return None


async def _claim(setting: Setting, policy: Policy, deliveries: Deliveries) -> Claim:
    """Take a message; of which delivery it is only where somebody may ask for it."""
    claim = await ClaimMessage(setting.run_count)
    return claim if deliveries.can_be_left or policy.claims_have_tokens else Claim(claim.item, 1)


async def _work_on(setting: Setting, policy: Policy, deliveries: Deliveries, message: Message) -> Work:
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
    if kind is not Kind.REJECTED and not await _create_run(setting, policy, message):
        return Work.DONE
    return await _record(setting, policy, message, success=kind is not Kind.REJECTED)


async def _create_run(setting: Setting, policy: Policy, message: Message) -> bool:
    """Insert the child run of an item; whether it has one now."""
    index, _, delivery = message
    copy = await CreateRun(
        index,
        final=setting.items[index].kind is Kind.PRE_FAILED,
        copies=setting.run_copies_max,
        once=policy.creates_runs_once,
        delivery=delivery,
    )
    return copy > 0


async def _record(
    setting: Setting, policy: Policy, message: Message, *, success: bool, is_last_resort: bool = False
) -> Work:
    index, _, delivery = message
    processed = await Record(
        index,
        success=success,
        is_last_resort=is_last_resort,
        needs_meta=policy.records_with_meta_only,
        delivery=delivery,
    )
    return Work.LAST if processed == setting.run_count else Work.DONE


async def _put_back(deliveries: Deliveries, message: Message) -> Work:
    index, attempt, delivery = message
    await RetryMessage(index, attempt, is_in_flight=deliveries.can_repeat, delivery=delivery)
    return Work.PUT_BACK


async def _complete(policy: Policy, deliveries: Deliveries, message: Message) -> None:
    """Complete a message: a step only where somebody can see it."""
    if deliveries.can_repeat:
        await CompleteMessage(message.item, policy.claims_have_tokens, delivery=message.delivery)


async def _finalize_batch(policy: Policy, held: Claim | None) -> None:
    if await _update_batch(policy, held) is not Status.ABORTED:
        await ScheduleCompletion(held=held)
    await (CleanupWithTombstone(held=held) if policy.keeps_tombstone else Cleanup(held=held))


async def _update_batch(policy: Policy, held: Claim | None) -> Status:
    runs, failures = await both(ReadRuns(held=held), ReadFailures(held=held))
    status = status_after_processing(runs, failures)
    guarded, seals = policy.guards_completion_update, policy.seals_at_finalize
    await CompletionUpdate(status, runs, failures, seals=seals, guarded=guarded, held=held)
    return status


def status_after_processing(runs: int, failures: int) -> Status:
    """The status that the completion update writes; PENDING: the runs still have to finish."""
    if not failures:
        return Status.PENDING
    return Status.PARTIAL_FAILED if runs else Status.ABORTED
