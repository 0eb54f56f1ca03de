"""Consumers: they process the items, and the last one finalizes the batch (protocol.md §3.3)."""

from __future__ import annotations

from batchsim.protocol.operation import StoreFailure, both
from batchsim.protocol.operations import (
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
from batchsim.protocol.policy import Policy
from batchsim.protocol.setting import Kind, Setting
from batchsim.protocol.stores import Message, Status

ATTEMPTS_MAX = 6
"""How often a consumer tries to process an item."""


async def consume(setting: Setting, policy: Policy) -> None:
    """Take message after message."""
    while True:
        try:
            if await _handle_message(setting, await _take_message(setting)):
                await _finalize_batch(policy)
        except StoreFailure:
            pass  # it is logged; a message that is still in flight comes back after its visibility timeout


async def _take_message(setting: Setting) -> Message:
    if not setting.shows_in_flight:
        return await TakeMessage()
    while True:
        item, delivery = await ClaimMessage(setting.run_count)
        attempt = await ReadMessage(item, delivery=delivery)
        if attempt is not None:
            return Message(item, attempt, delivery)
        await CompleteMessage(item, delivery=delivery)


async def _handle_message(setting: Setting, message: Message) -> bool:
    """Process a message; whether its item was the last one of the batch."""
    index, attempt, delivery = message
    if await GetMeta(index, delivery) is None:
        await _complete(setting, message)
        return False
    if attempt <= setting.items[index].failed_attempts:
        await _retry(setting, message)
        return False
    try:
        is_last = await _process(setting, message)
    except StoreFailure:
        if attempt < ATTEMPTS_MAX:
            await _retry(setting, message)
            return False
        processed = await Record(index, success=False, is_last_resort=True, delivery=delivery)
        is_last = processed == setting.run_count
    await _complete(setting, message)
    return is_last


async def _process(setting: Setting, message: Message) -> bool:
    index, _, delivery = message
    kind = setting.items[index].kind
    if kind is not Kind.REJECTED:
        final = kind is Kind.PRE_FAILED
        await CreateRun(index, final=final, copies=setting.run_copies_max, delivery=delivery)
    processed = await Record(index, success=kind is not Kind.REJECTED, delivery=delivery)
    return processed == setting.run_count


async def _retry(setting: Setting, message: Message) -> None:
    index, attempt, delivery = message
    await RetryMessage(index, attempt, is_in_flight=setting.shows_in_flight, delivery=delivery)


async def _complete(setting: Setting, message: Message) -> None:
    """Complete a message: a step only where somebody can see it."""
    if setting.shows_in_flight:
        await CompleteMessage(message.item, delivery=message.delivery)


async def _finalize_batch(policy: Policy) -> None:
    if await _update_batch(policy) is not Status.ABORTED:
        await ScheduleCompletion()
    await (CleanupWithTombstone() if policy.keeps_tombstone else Cleanup())


async def _update_batch(policy: Policy) -> Status:
    runs, failures = await both(ReadRuns(), ReadFailures())
    status = status_after_processing(runs, failures)
    await CompletionUpdate(status, runs, failures, seals=policy.seals_at_finalize)
    return status


def status_after_processing(runs: int, failures: int) -> Status:
    """The status that the completion update writes; PENDING: the runs still have to finish."""
    if not failures:
        return Status.PENDING
    return Status.PARTIAL_FAILED if runs else Status.ABORTED
