"""What is written beside the steps of the whole run: the few words that each deserves, longest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from batchsim.analysis.batch.answering import answering_steps
from batchsim.analysis.batch.whose import is_reaper
from batchsim.analysis.lanes import ActorLane
from batchsim.analysis.runs import PolicyRun
from batchsim.batch.operations import (
    IS_REJECTED,
    Abort,
    Backoff,
    Cleanup,
    CleanupWithTombstone,
    CompleteWaitpoint,
    CompletionUpdate,
    CreateRun,
    Deliver,
    Drop,
    Enqueued,
    EnqueuedCount,
    EnqueueItem,
    ExpireRun,
    ExpireTombstone,
    FindBatch,
    FinishRun,
    GetMeta,
    ReadMessage,
    Redeliver,
    RetryMessage,
    Seal,
    SetCompleted,
    TakeExpiry,
    Upload,
)
from batchsim.batch.steps import BodyNotRead
from batchsim.batch.trace import WAITPOINT, Answered, Trace
from batchsim.model.operation import Operation, Raised, Stopped
from batchsim.model.run import Step
from batchsim.report.phrases import answer
from batchsim.report.words import caller_got
from batchsim.rounding import rounded

Texts = tuple[str, ...]

END, DECISIVE, ANSWER, TURN, WRITE, BAR = 6, 5, 4, 3, 2, 1
"""Weights of captions."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The words for a stretch of a lane."""

    from_us: int
    to_us: int
    texts: Texts
    """The longest that fits is taken."""
    weight: int
    """Where there is no room for all, the heaviest stay."""
    is_end: bool = False
    """Whether it tells how the call ended."""


def captions_of(run: PolicyRun, lanes: Iterable[ActorLane]) -> dict[str, list[Caption]]:
    """The captions of some lanes, by actor, the most important first."""
    if not isinstance(run.trace, Trace):
        return {lane.actor: _in_order(_of_any_steps(lane, run)) for lane in lanes}
    answers = answering_steps(run.trace)
    return {lane.actor: _in_order([*_of_steps(lane, run, answers), *_of_waitpoint(lane, run)]) for lane in lanes}


def _of_any_steps(lane: ActorLane, run: PolicyRun) -> Iterator[Caption]:
    """Of a system of the user's own: what each step is, and what it was answered."""
    for step in lane.steps:
        name = step.name.partition(".")[2] or step.name
        texts: Texts = (f"{name}: {step.description}", name) if step.description else (name,)
        texts = texts if step.raised is None else _of_failure(step.name, step.raised)
        weight = DECISIVE if step.number in run.decisive else WRITE if step.keys_written else BAR
        yield Caption(step.at_us, step.at_us, texts, weight if step.raised is None else TURN)


def _in_order(captions: Iterable[Caption]) -> list[Caption]:
    return sorted(captions, key=lambda caption: (-caption.weight, caption.from_us))


def _of_steps(lane: ActorLane, run: PolicyRun, answers: Mapping[int, Answered]) -> Iterator[Caption]:
    for step in lane.steps:
        if isinstance(step.operation, Deliver) and step.raised is None:
            yield _of_answer(step, step.operation.attempt, run)
        elif texts := _texts(step, answers):
            weight = ANSWER if step.number in answers else _weight(step)
            yield Caption(_since(step), step.at_us, texts, DECISIVE if step.number in run.decisive else weight)


def _since(step: Step) -> int:
    return step.issued_us if isinstance(step.operation, _BARS) else step.at_us


def _weight(step: Step) -> int:
    if step.raised is not None:
        return TURN
    return TURN if isinstance(step.operation, _TURNS) else WRITE if isinstance(step.operation, _WRITES) else BAR


def _texts(step: Step, answers: Mapping[int, Answered]) -> Texts:
    texts = _of_failure(step.name, step.raised) if step.raised is not None else _of_effect(step)
    if step.number in answers:
        return (*(f"{words} → {answer(answers[step.number])}" for words in texts), *texts)
    # The rows that others read settle nothing.
    is_read_by_others = isinstance(step.operation, FindBatch) and not is_reaper(step.actor) and step.raised is None
    return () if is_read_by_others else texts


def _of_effect(step: Step) -> Texts:
    wording = _WORDINGS.get(type(step.operation))
    return () if wording is None else wording(step)


def _of_failure(operation: str, raised: Raised) -> Texts:
    if raised.error is Stopped:
        return f"stops before {operation}", "stops"
    if issubclass(raised.error, BodyNotRead):
        return "body not read", "cut"
    return f"{operation} raises {'after' if raised.took_effect else 'before'} its effect", "raises"


def _of_answer(step: Step, attempt: int, run: PolicyRun) -> Caption:
    texts: Texts = (
        f"attempt {attempt}: {step.description}",
        f"{attempt}: {step.answer.status or 'lost'}",
        f"{attempt}",
    )
    is_end = attempt == run.trace.outcome.call.attempts and not step.answer.sealed
    if is_end:
        error = caller_got(run.trace)
        texts = (f"attempt {attempt} → {error}", f"{attempt} → {error}", error)
    return Caption(step.issued_us, step.at_us, texts, END if is_end else WRITE, is_end)


def _of_waitpoint(lane: ActorLane, run: PolicyRun) -> Iterator[Caption]:
    for leg in lane.legs:
        if leg.operation == WAITPOINT:
            result = caller_got(run.trace)
            texts = (f"waits for its runs → {result}", f"waits → {result}", f"→ {result}")
            yield Caption(leg.from_us, leg.to_us, texts, END, is_end=True)


def _of_backoff(step: Step) -> Texts:
    return f"backoff {rounded(step.at_us - step.issued_us)}", rounded(step.at_us - step.issued_us)


_BARS = (Upload, FinishRun, ExpireRun, Backoff, TakeExpiry)
_TURNS = (
    Drop,
    Redeliver,
    EnqueuedCount,
    Seal,
    Cleanup,
    CleanupWithTombstone,
    SetCompleted,
    Abort,
    CompleteWaitpoint,
)
_WRITES = (CompletionUpdate, RetryMessage, ExpireTombstone)
_WORDINGS: dict[type[Operation[object]], Callable[[Step], Texts]] = {
    Backoff: _of_backoff,
    Drop: lambda _: ("connection drops", "drops"),
    Redeliver: lambda _: ("comes back",),
    ReadMessage: lambda step: ("message gone",) if step.answer is None else (),
    CreateRun: lambda step: (
        (f"run {step.answer} of item {step.operation.item}",)
        if step.answer > 1
        else ("rejected",)
        if step.answer == IS_REJECTED
        else ()
    ),
    FindBatch: lambda step: (f"finds {step.answer.status}",),
    Upload: lambda step: (f"upload {step.operation.item}", f"{step.operation.item}"),
    GetMeta: lambda step: ("no meta",) if step.answer is None else (),
    EnqueueItem: lambda step: ("no meta",) if step.answer is Enqueued.NOT_INITIALIZED else (),
    EnqueuedCount: lambda step: (f"count {step.answer}",),
    Seal: lambda step: ("seal",) if step.answer else ("seal lost",),
    RetryMessage: lambda step: (f"item {step.operation.item} failed",),
    CompletionUpdate: lambda step: (f"update: {step.description}",),
    Cleanup: lambda _: ("cleanup",),
    CleanupWithTombstone: lambda _: ("cleanup",),
    ExpireTombstone: lambda _: ("tombstone expires",),
    FinishRun: lambda step: (f"executes {rounded(step.at_us - step.issued_us)}",),
    ExpireRun: lambda step: (f"expires after {rounded(step.at_us - step.issued_us)}", "expires"),
    SetCompleted: lambda step: ("COMPLETED",) if step.answer else (),
    TakeExpiry: lambda step: (f"waits {rounded(step.at_us)}",),
    Abort: lambda step: ("ABORTED",) if step.answer else (),
    CompleteWaitpoint: lambda step: (f"waitpoint {step.description if step.answer else 'not pending'}",),
}
