"""Why a run ended as it did, in a few sentences.

An attempt is told by the steps of its handler that its answer turns on: the count, the read of the
batch row after it, the lost seal, the missing metadata. Attempts in a row that were refused for the same
reason share a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from batchsim.analysis.lanes import attempt_of
from batchsim.analysis.status_writes import status_writes
from batchsim.protocol.client import Result
from batchsim.protocol.operations import (
    Abort,
    Cleanup,
    CleanupWithTombstone,
    CompleteWaitpoint,
    EnqueuedCount,
    ExpireTombstone,
    FindBatch,
    GetMeta,
    Seal,
)
from batchsim.protocol.stores import BatchRow, Status, Waitpoint
from batchsim.rounding import instant, rounded
from batchsim.trace import Answered, Step, Trace

Told = tuple[int, str]
"""A sentence, and the instant that it belongs to, in microseconds."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why attempts in a row were refused."""

    status: int | None
    reason: str
    """Without the attempt, so that attempts with one reason can share a sentence."""
    decisive: tuple[int, ...]
    """The numbers of the steps that it turns on."""


def story(trace: Trace, verdicts: tuple[str, ...]) -> tuple[str, ...]:
    """The sentences, in the order of time; none where all went well. Needs a trace with all steps."""
    if verdicts == ("ok",):
        return ()
    told = [*_refusals_in_words(trace), *_hollow_success(trace), *_turns_in_words(trace)]
    return (*(sentence for _, sentence in sorted(told, key=lambda each: each[0])), _ending(trace))


def decisive_steps(trace: Trace) -> frozenset[int]:
    """The numbers of the steps that the story turns on."""
    refused = (answered for answered in trace.answers if not answered.sealed)
    of_attempts = (number for answered in refused for number in _refusal(trace, answered).decisive)
    return frozenset((*of_attempts, *(step.number for step, _ in _turns(trace))))


# -- attempts ----------------------------------------------------------------------------------


def _refusals_in_words(trace: Trace) -> Iterator[Told]:
    refused = ((answered, _refusal(trace, answered)) for answered in trace.answers if not answered.sealed)
    for (status, reason), group in groupby(refused, key=lambda pair: (pair[1].status, pair[1].reason)):
        answers = [answered for answered, _ in group]
        attempts = _attempts([answered.attempt for answered in answers])
        yield answers[0].at_us, f"{attempts} {_got(status)}: {reason}."


def _attempts(attempts: list[int]) -> str:
    if len(attempts) == 1:
        return f"attempt {attempts[0]}"
    return f"attempts {attempts[0]} to {attempts[-1]}"


def _got(status: int | None) -> str:
    return "got 200 not sealed" if status == 200 else f"got {status}"


def _refusal(trace: Trace, answered: Answered) -> Refusal:
    handled = [step for step in trace.steps if attempt_of(step.actor) == answered.attempt]
    count = _last(handled, EnqueuedCount)
    seal = _last(handled, Seal)
    row = _last(handled, FindBatch)
    meta = next((s for s in handled if isinstance(s.operation, GetMeta) and s.answer is None), None)
    if meta is not None:
        return _without_meta(trace, answered, meta)
    assert row is not None
    if seal is not None:
        return _with_lost_seal(trace, answered, seal, row)
    if count is not None:
        return _with_wrong_count(trace, answered, count, row)
    return _by_row(trace, answered, row)


def _last(steps: list[Step], operation: type) -> Step | None:
    return next((step for step in reversed(steps) if isinstance(step.operation, operation)), None)


def _without_meta(trace: Trace, answered: Answered, meta: Step) -> Refusal:
    cleanup = _last_before(trace, meta, Cleanup, CleanupWithTombstone)
    since = "" if cleanup is None else f" since cleanup at {_at(cleanup)}"
    reason = f"the metadata of the batch was gone{since}"
    return Refusal(answered.status, reason, _numbers(meta, cleanup))


def _with_wrong_count(trace: Trace, answered: Answered, count: Step, row: Step) -> Refusal:
    deletion = _last_before(trace, count, Cleanup, ExpireTombstone)
    why = ""
    if deletion is not None:
        what = "cleanup had deleted the set" if isinstance(deletion.operation, Cleanup) else "the set had expired"
        why = f": {what} {rounded(count.at_us - deletion.at_us)} before"
    reason = (
        f"it counted {count.answer} of {trace.setting.run_count} at {_at(count)}{why}, "
        f"and the row that it read at {_at(row)} was {row.description}"
    )
    return Refusal(answered.status, reason, _numbers(count, deletion, row))


def _with_lost_seal(trace: Trace, answered: Answered, seal: Step, row: Step) -> Refusal:
    writer = _writer_of_row(trace, seal)
    why = ""
    if writer is not None:
        before = rounded(seal.at_us - writer.at_us)
        why = f": {writer.actor} had made the batch {writer.description} {before} before"
    read = f"the row that it read at {_at(row)} was {row.description}"
    reason = f"its seal at {_at(seal)} changed no row{why}, and {read}"
    return Refusal(answered.status, reason, _numbers(seal, writer, row))


def _by_row(trace: Trace, answered: Answered, row: Step) -> Refusal:
    writer = _writer_of_row(trace, row)
    since = "" if writer is None else f" since {_at(writer)}"
    reason = f"the batch was {_words_of(row.answer)}{since}"
    return Refusal(answered.status, reason, _numbers(row, writer))


def _words_of(row: BatchRow) -> str:
    return f"{row.status}, sealed" if row.sealed else str(row.status)


def _writer_of_row(trace: Trace, before: Step) -> Step | None:
    """The last step before this one that wrote the status of the batch row."""
    earlier = [write.step for write in status_writes(trace) if write.step.number < before.number]
    return earlier[-1] if earlier else None


def _last_before(trace: Trace, before: Step, *operations: type) -> Step | None:
    earlier = reversed(trace.steps[: before.number])
    return next((step for step in earlier if isinstance(step.operation, operations)), None)


def _numbers(*steps: Step | None) -> tuple[int, ...]:
    return tuple(step.number for step in steps if step is not None)


def _hollow_success(trace: Trace) -> Iterator[Told]:
    """An answer "sealed" by which nobody had sealed the row."""
    answered = trace.answers[-1] if trace.answers else None
    if answered is None or not answered.sealed:
        return
    handled = [step for step in trace.steps if attempt_of(step.actor) == answered.attempt]
    row = _last(handled, FindBatch)
    if row is not None and row is handled[-1] and not row.answer.sealed:
        yield (
            answered.at_us,
            f"attempt {answered.attempt} got 200 sealed, although no row was sealed: "
            f"the row that it read at {_at(row)} was {row.description}.",
        )


# -- the end -----------------------------------------------------------------------------------


def _turns_in_words(trace: Trace) -> Iterator[Told]:
    return ((step.at_us, sentence) for step, sentence in _turns(trace))


def _turns(trace: Trace) -> Iterator[tuple[Step, str]]:
    """What else turned the run: ends of the batch that are none, and a wait that failed."""
    for write in status_writes(trace):
        step, before, after = write
        if isinstance(step.operation, Abort):
            yield step, f"the reaper made the batch ABORTED at {_at(step)}: it was {before} and not sealed."
        elif write.is_regression:
            yield step, f"{step.actor} overwrote {before} with {after} at {_at(step)}."
        elif after is Status.ABORTED:
            yield step, f"{step.actor} made the batch ABORTED at {_at(step)}: every item was rejected."
    for step in trace.steps:
        match step.operation:
            case CompleteWaitpoint(waitpoint=Waitpoint.FAILED) if step.answer:
                yield step, f"the waitpoint was completed with an error at {_at(step)}."


def _ending(trace: Trace) -> str:
    outcome = trace.outcome
    runs = f"{outcome.runs_created} of {trace.setting.run_count} items have a child run"
    row = f"the batch ended {outcome.batch.status}, {'sealed' if outcome.batch.sealed else 'not sealed'}"
    leaked = f"; left in Redis: {', '.join(outcome.leaked_keys)}" if outcome.leaked_keys else ""
    return f"{_call_in_words(trace)}; {runs}, and {row}{leaked}."


def _call_in_words(trace: Trace) -> str:
    call = trace.outcome.call
    attempts = f"{call.attempts} attempt{'s' if call.attempts > 1 else ''}"
    at = instant(trace.called_back_us)
    match call.result:
        case Result.OK:
            return f"the call returned at {at} after {attempts}"
        case Result.WAITING:
            why = "nobody completed its waitpoint" if trace.answers else "no attempt was answered"
            return f"the call never returned: {why}, and nothing moves after {at} ({attempts})"
        case Result.API_ERROR:
            return f"the call raised ApiError({call.status}) at {at} after {attempts}"
        case _:
            return f"the call raised {call.result} at {at} after {attempts}"


def _at(step: Step) -> str:
    return instant(step.at_us)
