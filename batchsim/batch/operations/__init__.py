"""Every operation of the protocol, by who does it."""

from __future__ import annotations

from typing import Any

from batchsim.batch.operations.completion import (
    CompleteRunWaitpoint,
    CompleteWaitpoint,
    EndOfRun,
    ExpireRun,
    FindRuns,
    FindWaitpoint,
    FinishRun,
    Resume,
    RetryJob,
    ReturnJob,
    RunTally,
    SetCompleted,
    TakeCompletion,
    TakeJob,
)
from batchsim.batch.operations.consumer import (
    GONE,
    IS_ABORTED,
    IS_REJECTED,
    IS_THERE,
    BlockParent,
    Cleanup,
    CleanupWithTombstone,
    CompleteMessage,
    CompletionUpdate,
    CreateRun,
    ExpireTombstone,
    Heartbeat,
    PublishRun,
    ReadFailures,
    ReadMessage,
    ReadRuns,
    Record,
    RetryMessage,
    ScheduleCompletion,
    TakeKey,
    TakeMessage,
    message_alternative,
)
from batchsim.batch.operations.dispatcher import (
    ClaimMessages,
    OfferMessage,
    Redeliver,
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
    "GONE",
    "IS_ABORTED",
    "IS_REJECTED",
    "IS_THERE",
    "OPERATIONS",
    "TOMBSTONE",
    "TYPES",
    "Abort",
    "Backoff",
    "BlockParent",
    "ClaimMessages",
    "Cleanup",
    "CleanupWithTombstone",
    "CompleteMessage",
    "CompleteRunWaitpoint",
    "CompleteWaitpoint",
    "CompletionUpdate",
    "CreateRun",
    "Deliver",
    "Drop",
    "EndOfRun",
    "EnqueueItem",
    "Enqueued",
    "EnqueuedCount",
    "ExpireRun",
    "ExpireTombstone",
    "FindBatch",
    "FindRuns",
    "FindWaitpoint",
    "FinishRun",
    "GetMeta",
    "Heartbeat",
    "MarkEnqueued",
    "OfferMessage",
    "PublishRun",
    "PushMessage",
    "ReadFailures",
    "ReadMessage",
    "ReadRuns",
    "Record",
    "Redeliver",
    "Resume",
    "RetryJob",
    "RetryMessage",
    "ReturnJob",
    "RunTally",
    "ScheduleCompletion",
    "Seal",
    "SetCompleted",
    "TakeCompletion",
    "TakeExpiry",
    "TakeJob",
    "TakeKey",
    "TakeMessage",
    "Upload",
    "message_alternative",
    "names_befallen",
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
    ClaimMessages,
    OfferMessage,
    TakeKey,
    TakeMessage,
    ReadMessage,
    Heartbeat,
    CompleteMessage,
    RetryMessage,
    Redeliver,
    CreateRun,
    BlockParent,
    PublishRun,
    Record,
    ReadRuns,
    ReadFailures,
    CompletionUpdate,
    ScheduleCompletion,
    CleanupWithTombstone,
    Cleanup,
    ExpireTombstone,
    FinishRun,
    ExpireRun,
    CompleteRunWaitpoint,
    TakeCompletion,
    FindRuns,
    SetCompleted,
    FindWaitpoint,
    CompleteWaitpoint,
    RetryJob,
    ReturnJob,
    TakeExpiry,
    Abort,
    Resume,
    Drop,
)
"""Every operation."""
OPERATIONS: dict[str, type[Operation[Any]]] = {each.name: each for each in TYPES}
"""Every operation by its name; of several that have it, the last one."""


def names_done_by(*kinds: str) -> tuple[str, ...]:
    """The names of what actors of these kinds do, under one policy or another."""
    return tuple(dict.fromkeys(each.name for each in TYPES if not set(kinds).isdisjoint(each.done_by)))


def names_befallen(*kinds: str) -> tuple[str, ...]:
    """Those of them that an actor can crash before, and that can raise: no run is befallen while it executes."""
    return tuple(name for name in names_done_by(*kinds) if not issubclass(OPERATIONS[name], EndOfRun))
