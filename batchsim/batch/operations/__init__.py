"""Every operation of the protocol, by who does it."""

from __future__ import annotations

from typing import Any

from batchsim.batch.operations.completion import (
    CompleteWaitpoint,
    FindRuns,
    FindWaitpoint,
    FinishRun,
    RunTally,
    SetCompleted,
    TakeCompletion,
    TakeJob,
)
from batchsim.batch.operations.consumer import (
    IS_ABORTED,
    IS_THERE,
    ClaimMessage,
    Cleanup,
    CleanupWithTombstone,
    CompleteMessage,
    CompletionUpdate,
    CreateRun,
    ExpireTombstone,
    ReadFailures,
    ReadMessage,
    ReadRuns,
    Record,
    Redeliver,
    RetryMessage,
    ScheduleCompletion,
    TakeMessage,
    message_alternative,
    visibility_timer,
)
from batchsim.batch.operations.endpoint import (
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
from batchsim.batch.operations.network import (
    Drop,
)
from batchsim.batch.operations.reaper import (
    Abort,
    TakeExpiry,
)
from batchsim.batch.operations.rows import TOMBSTONE
from batchsim.batch.operations.sdk import (
    Backoff,
    Deliver,
)
from batchsim.model.operation import Operation

__all__ = [
    "IS_ABORTED",
    "IS_THERE",
    "OPERATIONS",
    "TOMBSTONE",
    "TYPES",
    "Abort",
    "Backoff",
    "ClaimMessage",
    "Cleanup",
    "CleanupWithTombstone",
    "CompleteMessage",
    "CompleteWaitpoint",
    "CompletionUpdate",
    "CreateRun",
    "Deliver",
    "Drop",
    "EnqueueItem",
    "Enqueued",
    "EnqueuedCount",
    "ExpireTombstone",
    "FindBatch",
    "FindRuns",
    "FindWaitpoint",
    "FinishRun",
    "GetMeta",
    "MarkEnqueued",
    "PushMessage",
    "ReadFailures",
    "ReadMessage",
    "ReadRuns",
    "Record",
    "Redeliver",
    "RetryMessage",
    "RunTally",
    "ScheduleCompletion",
    "Seal",
    "SetCompleted",
    "TakeCompletion",
    "TakeExpiry",
    "TakeJob",
    "TakeMessage",
    "Upload",
    "message_alternative",
    "names_done_by",
    "visibility_timer",
]

TYPES: tuple[type[Operation[Any]], ...] = (
    Deliver,
    Backoff,
    FindBatch,
    Upload,
    GetMeta,
    EnqueueItem,
    MarkEnqueued,
    PushMessage,
    EnqueuedCount,
    Seal,
    ClaimMessage,
    TakeMessage,
    ReadMessage,
    CompleteMessage,
    RetryMessage,
    Redeliver,
    CreateRun,
    Record,
    ReadRuns,
    ReadFailures,
    CompletionUpdate,
    ScheduleCompletion,
    CleanupWithTombstone,
    Cleanup,
    ExpireTombstone,
    FinishRun,
    TakeCompletion,
    FindRuns,
    SetCompleted,
    FindWaitpoint,
    CompleteWaitpoint,
    TakeExpiry,
    Abort,
    Drop,
)
"""Every operation."""
OPERATIONS: dict[str, type[Operation[Any]]] = {each.name: each for each in TYPES}
"""Every operation by its name; of several that have it, the last one."""


def names_done_by(*kinds: str) -> tuple[str, ...]:
    """The names of what actors of these kinds do, under one policy or another."""
    return tuple(dict.fromkeys(each.name for each in TYPES if not set(kinds).isdisjoint(each.done_by)))
