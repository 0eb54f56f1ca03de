"""Why a run ended as it did, in a few sentences: its attempts, what else turned it, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.analysis.batch.creation import creation_in_words
from batchsim.analysis.batch.facts import AtEnd, Clause, Fact, Got, Held, LeftOver, Sentence
from batchsim.analysis.batch.margins import race_margin_in, seal_margin_in
from batchsim.analysis.batch.refusals import Refusal, refusals, refusals_in_words
from batchsim.analysis.batch.turning_points import faults_met, turning_points
from batchsim.analysis.batch.wording import at, of
from batchsim.analysis.effects import Effects, reads_only
from batchsim.analysis.explanation import Explanation
from batchsim.batch.client import Result
from batchsim.batch.operations import CallAgain, CompleteWaitpoint, Resume
from batchsim.batch.stores import (
    BATCH_EDGE,
    BATCH_ROW,
    CREATION_TRIES,
    MAX_ATTEMPTS,
    WAITPOINT,
    Waitpoint,
    of_second_batch,
    of_try,
)
from batchsim.batch.trace import Trace
from batchsim.model.cells import Key
from batchsim.rounding import instant


def explain(trace: Trace, verdicts: tuple[str, ...]) -> Explanation:
    """All that is said of a run. Needs a trace with all steps."""
    effects = Effects(trace)
    return Explanation(
        explanation_in(effects, verdicts),
        decisive_in(effects),
        race_margin_in(effects),
        seal_margin_in(effects),
    )


def explanation_of(trace: Trace, verdicts: tuple[str, ...]) -> tuple[str, ...]:
    """The sentences, in the order of time; none where all went well. Needs a trace with all steps."""
    return explanation_in(Effects(trace), verdicts)


def explanation_in(effects: Effects, verdicts: tuple[str, ...]) -> tuple[str, ...]:
    """The sentences, in the order of time; none where all went well."""
    return () if verdicts == ("ok",) else tuple(sentence.text for sentence in sentences(effects))


def sentences(effects: Effects) -> tuple[Sentence, ...]:
    """What there is to tell, whatever the verdict, in the order of time."""
    trace = effects.trace
    refused = refusals(effects)
    told = [
        *creation_in_words(effects),
        *refusals_in_words(refused),
        *_hollow_success(trace),
        *_turning_points_in_words(effects, refused),
    ]
    return (*sorted(told, key=lambda each: each.at_us), _ending(trace))


def decisive_steps(trace: Trace) -> frozenset[int]:
    """The numbers of the steps that the explanation turns on."""
    return decisive_in(Effects(trace))


def decisive_in(effects: Effects) -> frozenset[int]:
    """The numbers of the steps that the explanation turns on."""
    turned = (step.number for step, _ in (*turning_points(effects), *faults_met(effects)))
    return frozenset((*_told_of_attempts(refusals(effects)), *turned))


def _told_of_attempts(refused: tuple[Refusal, ...]) -> frozenset[int]:
    return frozenset(number for refusal in refused for number in refusal.reason.steps)


def _turning_points_in_words(effects: Effects, refused: tuple[Refusal, ...]) -> Iterator[Sentence]:
    told = _told_of_attempts(refused)
    for _, sentence in turning_points(effects):
        yield sentence
    for step, sentence in faults_met(effects):
        if step.number not in told:
            yield sentence


def _hollow_success(trace: Trace) -> Iterator[Sentence]:
    """An answer "sealed" by which nobody had sealed the row."""
    answered = trace.answers[-1] if trace.answers else None
    if answered is None or not answered.sealed:
        return
    own = [step for step in trace.steps if step.actor == f"handler-{answered.attempt}"]
    last = own[-1]
    if last.raised is None and reads_only(last, BATCH_ROW) and not last.answer.sealed:
        words = (
            f"attempt {answered.attempt} got 200 sealed, although no row was sealed: "
            f"the row that it read at {at(last)} was {last.description}"
        )
        yield of(last, words, Held(last.number, BATCH_ROW, last.answer)).ends(
            answered.at_us, Got(answered.attempt, answered.status, answered.sealed)
        )


# -- the end -----------------------------------------------------------------------------------


def _ending(trace: Trace) -> Sentence:
    outcome = trace.outcome
    facts: list[Fact] = [*_row_at_end(trace), *map(LeftOver, outcome.leaked_keys)]
    if _waits(trace) and _batch_waitpoint_is_pending(trace):
        facts.append(AtEnd(_of_last_batch(trace, WAITPOINT), Waitpoint.PENDING))
    elif _waits(trace) and (orphan := _orphan_waited_for(trace)) is not None:
        facts.append(AtEnd(of_try(WAITPOINT, orphan), Waitpoint.PENDING))
    batch = "the second batch" if _of_last_batch(trace, BATCH_ROW) != BATCH_ROW else "the batch"
    row = (
        "there is no batch"
        if not outcome.has_batch
        else f"{batch} ended {outcome.batch.status}, {'sealed' if outcome.batch.sealed else 'not sealed'}"
    )
    leaked = f"; left in Redis: {', '.join(outcome.leaked_keys)}" if outcome.leaked_keys else ""
    words = f"{_call_in_words(trace)}; {_runs_in_words(trace)}, and {row}{leaked}"
    return Clause(words, facts=tuple(facts)).ends(max(trace.called_back_us, trace.ended_us))


def _row_at_end(trace: Trace) -> Iterator[Fact]:
    # A call that came to no batch is judged by the row of an orphan.
    if trace.outcome.call.attempts:
        yield AtEnd(_of_last_batch(trace, BATCH_ROW), trace.outcome.batch)


def _of_last_batch(trace: Trace, key: Key) -> Key:
    """A cell of the batch that the outcome is about."""
    return of_second_batch(key) if trace.setting.has_second_batch and _calls_again(trace) else key


def _calls_again(trace: Trace) -> bool:
    return any(isinstance(each.operation, CallAgain) for each in trace.steps)


def _waits(trace: Trace) -> bool:
    """Whether the call still waits although the batch was streamed."""
    is_streamed = bool(trace.answers) and bool(trace.answers[-1].sealed)
    return trace.outcome.call.result is Result.WAITING and is_streamed and trace.setting.waits


def _batch_waitpoint_is_pending(trace: Trace) -> bool:
    key = _of_last_batch(trace, WAITPOINT)
    return not any(isinstance(step.operation, CompleteWaitpoint) and step.change_of(key) for step in trace.steps)


def _orphan_waited_for(trace: Trace) -> int | None:
    """The try of phase 1 whose batch nobody streams to, and which the parent waits for; `None`: there is none.

    Its waitpoint is pending at the end, and the edge to it is there.
    """
    for attempt in range(1, CREATION_TRIES + 1):
        waitpoint, edge = (_at_end(trace, of_try(key, attempt)) for key in (WAITPOINT, BATCH_EDGE))
        if waitpoint is Waitpoint.PENDING and edge is not None:
            return attempt
    return None


def _at_end(trace: Trace, key: Key) -> object:
    """What the last step that changed a cell left there; `None`: nothing, or none did."""
    changes = (step.change_of(key) for step in reversed(trace.steps))
    return next((change.after for change in changes if change is not None), None)


def _why_it_waits(trace: Trace) -> str:
    resumed = next((step for step in trace.steps if isinstance(step.operation, Resume)), None)
    if resumed is not None:
        results = len(resumed.answer)
        told = f"{results} result{'' if results == 1 else 's'}" if results else "no result"
        items = trace.setting.run_count
        return f"the parent got {told} for {items} item{'' if items == 1 else 's'}"
    if _batch_waitpoint_is_pending(trace):
        return "nobody completed the batch waitpoint"
    orphan = _orphan_waited_for(trace)
    if orphan is not None:
        return f"nobody completed the waitpoint of the batch of try {orphan}"
    return "the waitpoint of a child run was never completed"


def _runs_in_words(trace: Trace) -> str:
    outcome = trace.outcome
    runs = f"{outcome.runs_created} of {trace.setting.run_count} items have a child run"
    has_more = outcome.runs_total > outcome.runs_created
    return f"{runs}, {outcome.runs_total} runs in all" if has_more else runs


def _call_in_words(trace: Trace) -> str:
    call = trace.outcome.call
    attempts = f"{call.attempts} attempt{'s' if call.attempts > 1 else ''}"
    after = f"after {attempts}" if call.attempts else "in phase 1"
    when = instant(trace.called_back_us)
    match call.result:
        case Result.OK:
            return f"the call returned at {when} {after}"
        case Result.WAITING:
            why = f"attempt {call.attempts + MAX_ATTEMPTS * _calls_again(trace)} was never answered"
            if _waits(trace):
                why = _why_it_waits(trace)
            elif not trace.answers:
                why = "no attempt was answered"
            return f"the call never returned: {why}, and nothing moves after {when} ({attempts})"
        case Result.API_ERROR:
            return f"the call raised ApiError({call.status}) at {when} {after}"
        case _:
            return f"the call raised {call.result} at {when} {after}"
