"""Consumers: they process the items, and the last one finalizes the batch (protocol.md §3.3)."""

from __future__ import annotations

from batchsim.protocol.operation import both
from batchsim.protocol.operations import (
    Cleanup,
    CleanupWithTombstone,
    CompletionUpdate,
    CreateRun,
    GetMeta,
    ReadFailures,
    ReadRuns,
    Record,
    RetryMessage,
    ScheduleCompletion,
    TakeMessage,
)
from batchsim.protocol.policy import Policy
from batchsim.protocol.setting import Kind, Setting
from batchsim.protocol.stores import Message, Status


async def consume(setting: Setting, policy: Policy) -> None:
    """Take message after message."""
    while True:
        if await _handle_message(setting, await TakeMessage()):
            await _finalize_batch(policy)


async def _handle_message(setting: Setting, message: Message) -> bool:
    """Process a message; whether its item was the last one of the batch."""
    index, attempt = message
    if await GetMeta(index) is None:
        return False
    if attempt <= setting.items[index].failed_attempts:
        await RetryMessage(index, attempt)
        return False
    kind = setting.items[index].kind
    if kind is not Kind.REJECTED:
        await CreateRun(index, final=kind is Kind.PRE_FAILED)
    return await Record(index, success=kind is not Kind.REJECTED) == setting.run_count


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
