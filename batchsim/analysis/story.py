"""Why a run ended as it did, in a few sentences: its attempts, what else turned it, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.analysis.refusals import handled_in, refusals, refusals_in_words
from batchsim.analysis.turns import mishaps, turns
from batchsim.analysis.wording import Told, at
from batchsim.protocol.client import Result
from batchsim.protocol.operations import FindBatch
from batchsim.rounding import instant
from batchsim.trace import Trace


def story(trace: Trace, verdicts: tuple[str, ...]) -> tuple[str, ...]:
    """The sentences, in the order of time; none where all went well. Needs a trace with all steps."""
    if verdicts == ("ok",):
        return ()
    told = [*refusals_in_words(trace), *_hollow_success(trace), *_turns_in_words(trace)]
    return (*(sentence for _, sentence in sorted(told, key=lambda each: each[0])), _ending(trace))


def decisive_steps(trace: Trace) -> frozenset[int]:
    """The numbers of the steps that the story turns on."""
    turned = (step.number for step, _ in (*turns(trace), *mishaps(trace)))
    return frozenset((*_told_of_attempts(trace), *turned))


def _told_of_attempts(trace: Trace) -> frozenset[int]:
    return frozenset(number for _, refusal in refusals(trace) for number in refusal.decisive)


def _turns_in_words(trace: Trace) -> Iterator[Told]:
    told = _told_of_attempts(trace)
    for step, sentence in turns(trace):
        yield step.at_us, sentence
    for step, sentence in mishaps(trace):
        if step.number not in told:
            yield step.at_us, sentence


def _hollow_success(trace: Trace) -> Iterator[Told]:
    """An answer "sealed" by which nobody had sealed the row."""
    answered = trace.answers[-1] if trace.answers else None
    if answered is None or not answered.sealed:
        return
    last = handled_in(trace, answered.attempt)[-1]
    if isinstance(last.operation, FindBatch) and not last.answer.sealed:
        yield (
            answered.at_us,
            f"attempt {answered.attempt} got 200 sealed, although no row was sealed: "
            f"the row that it read at {at(last)} was {last.description}.",
        )


# -- the end -----------------------------------------------------------------------------------


def _ending(trace: Trace) -> str:
    outcome = trace.outcome
    row = f"the batch ended {outcome.batch.status}, {'sealed' if outcome.batch.sealed else 'not sealed'}"
    leaked = f"; left in Redis: {', '.join(outcome.leaked_keys)}" if outcome.leaked_keys else ""
    return f"{_call_in_words(trace)}; {_runs_in_words(trace)}, and {row}{leaked}."


def _runs_in_words(trace: Trace) -> str:
    outcome = trace.outcome
    runs = f"{outcome.runs_created} of {trace.setting.run_count} items have a child run"
    has_more = outcome.runs_total > outcome.runs_created
    return f"{runs}, {outcome.runs_total} runs in all" if has_more else runs


def _call_in_words(trace: Trace) -> str:
    call = trace.outcome.call
    attempts = f"{call.attempts} attempt{'s' if call.attempts > 1 else ''}"
    when = instant(trace.called_back_us)
    match call.result:
        case Result.OK:
            return f"the call returned at {when} after {attempts}"
        case Result.WAITING:
            why = "nobody completed its waitpoint" if trace.answers else "no attempt was answered"
            return f"the call never returned: {why}, and nothing moves after {when} ({attempts})"
        case Result.API_ERROR:
            return f"the call raised ApiError({call.status}) at {when} after {attempts}"
        case _:
            return f"the call raised {call.result} at {when} after {attempts}"
