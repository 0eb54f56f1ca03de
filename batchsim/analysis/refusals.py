"""Why attempts were refused, or got no answer.

An attempt is told by the steps of its handler that its answer turns on: the count, the read of the
batch row after it, the lost seal, the missing metadata, what raised. Attempts in a row that were refused for
the same reason share a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from batchsim.analysis.lanes import attempt_of
from batchsim.analysis.status_writes import status_writes
from batchsim.analysis.wording import Told, at, doing, raised
from batchsim.protocol.mishaps import DROPPED, LOST
from batchsim.protocol.operations import (
    Cleanup,
    CleanupWithTombstone,
    Deliver,
    Drop,
    EnqueuedCount,
    ExpireTombstone,
    FindBatch,
    GetMeta,
    Seal,
)
from batchsim.protocol.stores import BatchRow
from batchsim.rounding import rounded
from batchsim.trace import Answered, Step, Trace


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt was refused."""

    status: int | None
    reason: str
    """Without the attempt, so that attempts with one reason can share a sentence."""
    decisive: tuple[int, ...]
    """The numbers of the steps that it turns on."""


def refusals(trace: Trace) -> Iterator[tuple[Answered, Refusal]]:
    """The attempts that were not answered "sealed", each with the reason. Needs a trace with all steps."""
    return ((answered, _refusal(trace, answered)) for answered in trace.answers if not answered.sealed)


def refusals_in_words(trace: Trace) -> Iterator[Told]:
    """A sentence for all attempts in a row with the same reason."""
    for (status, reason), group in groupby(refusals(trace), key=lambda pair: (pair[1].status, pair[1].reason)):
        answers = [answered for answered, _ in group]
        attempts = _attempts([answered.attempt for answered in answers])
        yield answers[0].at_us, f"{attempts} {_got(status)}: {reason}."


def _attempts(attempts: list[int]) -> str:
    if len(attempts) == 1:
        return f"attempt {attempts[0]}"
    return f"attempts {attempts[0]} to {attempts[-1]}"


def _got(status: int | None) -> str:
    if status is None:
        return "lost the connection"
    return "got 200 not sealed" if status == 200 else f"got {status}"


def _refusal(trace: Trace, answered: Answered) -> Refusal:
    handled = handled_in(trace, answered.attempt)
    if answered.status is None:
        return _without_answer(trace, answered, handled)
    failure = _failure(handled)
    if failure is not None:
        return _without_meta(trace, answered, failure) if failure.raised is None else _raised(answered, failure)
    count, seal, row = (_last(handled, kind) for kind in (EnqueuedCount, Seal, FindBatch))
    assert row is not None
    if seal is not None:
        return _with_lost_seal(trace, answered, seal, row)
    if count is not None:
        return _with_wrong_count(trace, answered, count, row)
    return _by_row(trace, answered, row)


def handled_in(trace: Trace, attempt: int) -> list[Step]:
    """The steps of the handler of an attempt."""
    return [step for step in trace.steps if attempt_of(step.actor) == attempt]


def _last(steps: Sequence[Step], operation: type) -> Step | None:
    return next((step for step in reversed(steps) if isinstance(step.operation, operation)), None)


def _failure(handled: Sequence[Step]) -> Step | None:
    """The step by which the request failed: of items handled side by side, the first whose answer arrived."""
    failures = (step for step in handled if step.raised is not None or _lacks_meta(step))
    return min(failures, key=lambda step: (step.answered_us, step.number), default=None)


def _lacks_meta(step: Step) -> bool:
    return isinstance(step.operation, GetMeta) and step.answer is None


# -- answers -----------------------------------------------------------------------------------


def _raised(answered: Answered, failure: Step) -> Refusal:
    return Refusal(answered.status, f"{doing(failure)} {raised(failure)} at {at(failure)}", (failure.number,))


def _without_meta(trace: Trace, answered: Answered, meta: Step) -> Refusal:
    cleanup = _last_before(trace, meta, Cleanup, CleanupWithTombstone)
    since = "" if cleanup is None else f" since cleanup at {at(cleanup)}"
    reason = f"the metadata of the batch was gone{since}"
    return Refusal(answered.status, reason, _numbers(meta, cleanup))


def _with_wrong_count(trace: Trace, answered: Answered, count: Step, row: Step) -> Refusal:
    deletion = _last_before(trace, count, Cleanup, ExpireTombstone)
    why = ""
    if deletion is not None:
        what = "cleanup had deleted the set" if isinstance(deletion.operation, Cleanup) else "the set had expired"
        why = f": {what} {rounded(count.at_us - deletion.at_us)} before"
    reason = (
        f"it counted {count.answer} of {trace.setting.run_count} at {at(count)}{why}, "
        f"and the row that it read at {at(row)} was {row.description}"
    )
    return Refusal(answered.status, reason, _numbers(count, deletion, row))


def _with_lost_seal(trace: Trace, answered: Answered, seal: Step, row: Step) -> Refusal:
    writer = _writer_of_row(trace, seal)
    why = ""
    if writer is not None:
        before = rounded(seal.at_us - writer.at_us)
        why = f": {writer.actor} had made the batch {writer.operation.describe(writer.effect)} {before} before"
    read = f"the row that it read at {at(row)} was {row.description}"
    reason = f"its seal at {at(seal)} changed no row{why}, and {read}"
    return Refusal(answered.status, reason, _numbers(seal, writer, row))


def _by_row(trace: Trace, answered: Answered, row: Step) -> Refusal:
    writer = _writer_of_row(trace, row)
    since = "" if writer is None else f" since {at(writer)}"
    reason = f"the batch was {_words_of(row.answer)}{since}"
    return Refusal(answered.status, reason, _numbers(row, writer))


def _words_of(row: BatchRow) -> str:
    return f"{row.status}, sealed" if row.sealed else str(row.status)


def _writer_of_row(trace: Trace, before: Step) -> Step | None:
    """The last step before this one that wrote the status of the batch row."""
    earlier = [write.step for write in status_writes(trace) if write.step.number < before.number]
    return earlier[-1] if earlier else None


def _last_before(trace: Trace, before: Step, *operations: type) -> Step | None:
    earlier = (step for step in reversed(trace.steps[: before.number]) if step.took_effect)
    return next((step for step in earlier if isinstance(step.operation, operations)), None)


def _numbers(*steps: Step | None) -> tuple[int, ...]:
    return tuple(step.number for step in steps if step is not None)


# -- no answer ---------------------------------------------------------------------------------


def _without_answer(trace: Trace, answered: Answered, handled: Sequence[Step]) -> Refusal:
    delivery = next(
        step
        for step in trace.steps
        if isinstance(step.operation, Deliver) and step.operation.attempt == answered.attempt
    )
    way = delivery.alternative or ""
    if way.startswith(LOST):
        work = _work(trace, handled)
        so_far = f"; the handler had {work}" if work else ""
        return _refusal_by(f"the answer was lost on its way{so_far}", delivery, handled)
    if way.startswith(DROPPED):
        drop = next(
            step
            for step in trace.steps
            if isinstance(step.operation, Drop) and step.operation.attempt == answered.attempt
        )
        work = _work(trace, handled)
        then = f", and {work}" if work else ""
        return _refusal_by(f"it dropped at {at(drop)}; the handler went on{then}", drop, handled)
    if way:
        return _refusal_by(f"it was {way}", delivery, ())
    failure = _failure(handled)
    assert failure is not None, "a handler that answers nothing has stopped"
    return Refusal(
        None, f"{failure.actor} stopped for good at {at(failure)}, before {doing(failure)}", (failure.number,)
    )


def _refusal_by(reason: str, cause: Step, handled: Sequence[Step]) -> Refusal:
    return Refusal(None, reason, _numbers(cause, _telling(handled)))


def _telling(handled: Sequence[Step]) -> Step | None:
    """What the work of a handler whose answer nobody got came to."""
    return _last(handled, Seal) or _last(handled, EnqueuedCount)


def _work(trace: Trace, handled: Sequence[Step]) -> str:
    step = _telling(handled)
    if step is None or not step.took_effect:
        return ""
    if isinstance(step.operation, Seal):
        return f"{'sealed the batch' if step.effect else 'found no row to seal'} at {at(step)}"
    return f"counted {step.effect} of {trace.setting.run_count} at {at(step)}"
