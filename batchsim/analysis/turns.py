"""What turned a run, beside the answers to its attempts: ends of the batch that are none, and mishaps."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.analysis.status_writes import status_writes
from batchsim.analysis.wording import at, doing, raised
from batchsim.protocol.mishaps import IN_HANDS
from batchsim.protocol.operation import Stopped, StoreFailure
from batchsim.protocol.operations import (
    Abort,
    ClaimMessage,
    Cleanup,
    CleanupWithTombstone,
    CompleteMessage,
    CompleteWaitpoint,
    CompletionUpdate,
    CreateRun,
    MarkEnqueued,
    PushMessage,
    ReadFailures,
    ReadMessage,
    ReadRuns,
    Record,
    Redeliver,
    RetryMessage,
    ScheduleCompletion,
)
from batchsim.protocol.stores import Status, Waitpoint
from batchsim.rounding import rounded
from batchsim.trace import Step, Trace

Turn = tuple[Step, str]
"""A step, and the sentence that tells it."""

_FINALIZING = (ReadRuns, ReadFailures, CompletionUpdate, ScheduleCompletion, Cleanup, CleanupWithTombstone)


def turns(trace: Trace) -> Iterator[Turn]:
    """What was written over the end of the batch, or failed the wait. Needs a trace with all steps."""
    for write in status_writes(trace):
        step, before, after = write
        if isinstance(step.operation, Abort):
            yield step, f"the reaper made the batch ABORTED at {at(step)}: it was {before} and not sealed."
        elif write.is_regression:
            yield step, f"{step.actor} overwrote {before} with {after} at {at(step)}."
        elif after is Status.ABORTED:
            yield step, f"{step.actor} made the batch ABORTED at {at(step)}: every item was rejected."
    for step in trace.steps:
        match step.operation:
            case CompleteWaitpoint(waitpoint=Waitpoint.FAILED) if step.effect:
                yield step, f"the waitpoint was completed with an error at {at(step)}."


def mishaps(trace: Trace) -> Iterator[Turn]:
    """What went wrong on the way, and what it led to. Needs a trace with all steps."""
    for step in trace.steps:
        if step.raised is not None and step.raised.error is Stopped:
            yield (
                step,
                f"{step.actor} stopped for good at {at(step)}, before {doing(step)}{_unfinished(trace, step)}.",
            )
        elif step.raised is not None and step.raised.error is StoreFailure:
            yield step, f"{doing(step)} by {step.actor} {raised(step)} at {at(step)}{_missed(trace, step)}."
    yield from _of_messages(trace)
    yield from _doubled(trace)
    yield from _of_keys(trace)


# -- what a failure leads to -------------------------------------------------------------------


def _missed(trace: Trace, failure: Step) -> str:
    """What an actor did about an exception."""
    following = next((each for each in _later(trace, failure) if each.actor == failure.actor), None)
    if following is not None and isinstance(following.operation, RetryMessage):
        return ", and the item was tried again"
    return _unfinished(trace, failure)


def _unfinished(trace: Trace, failure: Step) -> str:
    if not isinstance(failure.operation, _FINALIZING) or (failure.took_effect and _is_cleanup(failure)):
        return ""
    cleaned = any(_is_cleanup(each) for each in trace.steps)
    return "" if cleaned else "; nobody cleaned up"


def _later(trace: Trace, step: Step) -> Iterator[Step]:
    return iter(trace.steps[step.number + 1 :])


def _is_cleanup(step: Step) -> bool:
    return isinstance(step.operation, Cleanup | CleanupWithTombstone) and step.took_effect


# -- messages ----------------------------------------------------------------------------------


def _of_messages(trace: Trace) -> Iterator[Turn]:
    """Messages that came back, and those that were gone; by item, who took it last and who gave it up."""
    holders: dict[int, str] = {}
    enders: dict[int, Step] = {}
    for step in trace.steps:
        match step.operation:
            case ClaimMessage() if step.took_effect:
                holders[step.effect.item] = step.actor
            case CompleteMessage(index=index) | RetryMessage(index=index) if step.effect:
                enders[index] = step
            case Redeliver(index=index):
                yield step, _came_back(step, index, holders.get(index, "nobody"))
                enders[index] = step
            case ReadMessage(index=index) if step.took_effect and step.effect is None:
                yield (
                    step,
                    f"{step.actor} found the message of item {index} gone at {at(step)}{_by(enders, index)}.",
                )


def _came_back(step: Step, index: int, holder: str) -> str:
    if (step.alternative or "").startswith(IN_HANDS):
        return (
            f"the visibility timeout of item {index} passed at {at(step)}, while {holder} worked on its message."
        )
    return f"the message of item {index}, left in flight by {holder}, came back at {at(step)}."


def _by(enders: dict[int, Step], index: int) -> str:
    step = enders.get(index)
    if step is None:
        return ""
    who = "it went back to the queue" if isinstance(step.operation, Redeliver) else f"{step.actor} completed it"
    return f": {who} at {at(step)}"


def _counts(update: Step) -> str:
    operation = update.operation
    assert isinstance(operation, CompletionUpdate)
    return f"with {operation.successful} successful and {operation.failed} failed"


def _doubled(trace: Trace) -> Iterator[Turn]:
    """Second child runs of an item, and second completion updates."""
    updates = 0
    for step in trace.steps:
        match step.operation:
            case CreateRun(index=index) if (step.effect or 0) > 1:
                yield step, f"{step.actor} created child run number {step.effect} of item {index} at {at(step)}."
            case CompletionUpdate() if step.took_effect:
                updates += 1
                if updates > 1:
                    yield (
                        step,
                        f"{step.actor} made completion update number {updates} at {at(step)}, {_counts(step)}.",
                    )


# -- keys --------------------------------------------------------------------------------------


def _of_keys(trace: Trace) -> Iterator[Turn]:
    """Items that are marked and have no message, and keys that came back after cleanup."""
    yield from _taken_for_enqueued(trace)
    cleanup = next((step for step in reversed(trace.steps) if _is_cleanup(step)), None)
    if cleanup is None or not trace.outcome.leaked_keys:
        return
    for step in _later(trace, cleanup):
        after = rounded(step.at_us - cleanup.at_us)
        match step.operation:
            case MarkEnqueued(index=index) if step.effect:
                yield step, f"{step.actor} marked item {index} as enqueued at {at(step)}, {after} after cleanup."
            case Record(index=index) if step.took_effect:
                yield step, f"{step.actor} recorded item {index} at {at(step)}, {after} after cleanup."


def _taken_for_enqueued(trace: Trace) -> Iterator[Turn]:
    pushed: set[int | None] = {
        step.operation.item for step in trace.steps if isinstance(step.operation, PushMessage) and step.took_effect
    }
    for step in trace.steps:
        if isinstance(step.operation, MarkEnqueued) and step.effect is False and step.operation.item not in pushed:
            item = step.operation.item
            yield (
                step,
                f"{step.actor} took item {item} for enqueued at {at(step)}: it was marked, and never pushed.",
            )
