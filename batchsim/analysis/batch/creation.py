"""What came of phase 1, where it has steps: which tries failed and why, what orphans did; and of a second call."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.analysis.batch.facts import Fact, Held, Sentence, Wrote
from batchsim.analysis.batch.wording import at, of, that_raised
from batchsim.analysis.effects import Effects
from batchsim.batch.fault_injection import LOST
from batchsim.batch.operations import (
    CallAgain,
    CompleteWaitpoint,
    CreateBatch,
    DeliverCreation,
    SaveIdempotencyKey,
)
from batchsim.batch.stores import CREATION_TRIES, UNIQUE_KEY, WAITPOINT, of_try
from batchsim.model.operation import Stopped
from batchsim.model.run import Step


def creation_in_words(effects: Effects) -> Iterator[Sentence]:
    """A sentence for each try that failed, for each orphan that was ended, and for a second call."""
    for step in effects.trace.steps:
        if isinstance(step.operation, DeliverCreation) and step.raised is None and step.answer.batch is None:
            yield _failure(effects, step, step.operation.attempt)
        elif isinstance(step.operation, CompleteWaitpoint):
            yield from _end_of_orphan(step)
        elif isinstance(step.operation, CallAgain):
            words = f"the first call failed, and the parent called again at {at(step)}: {step.description}"
            yield of(step, words).ends(step.at_us)


def _failure(effects: Effects, delivery: Step, attempt: int) -> Sentence:
    status = delivery.answer.status
    got = "no answer" if status is None else str(status)
    why = ""
    facts: tuple[Fact, ...] = ()
    steps = list(_steps_of(effects, attempt))
    last = steps[-1] if steps else delivery
    # Nobody awaits that the key is saved.
    failed = (step for step in steps if step.raised and not isinstance(step.operation, SaveIdempotencyKey))
    step = None if delivery.alternative == LOST else next(failed, None)
    if step is not None and step.raised is not None:
        has_stopped = step.raised.error is Stopped
        why = ": its handler had stopped" if has_stopped else ": an operation of its handler had raised"
        return of(step, f"try {attempt} of phase 1 got {got}{why}", that_raised(step)).ends(delivery.at_us)
    if isinstance(last.operation, CreateBatch) and status is not None and not last.answer:
        holder = next(effects.before(last, UNIQUE_KEY)).after
        why = f": the batch of try {holder} has its idempotency key"
        facts = (Held(last.number, UNIQUE_KEY, holder),)
    elif status is None:
        why = ": it was lost on its way"
    return of(last, f"try {attempt} of phase 1 got {got}{why}", *facts).ends(delivery.at_us)


def _steps_of(effects: Effects, attempt: int) -> Iterator[Step]:
    who = f"creator-{attempt}"
    return (step for step in effects.trace.steps if step.actor.partition(".")[0] == who)


def _end_of_orphan(step: Step) -> Iterator[Sentence]:
    for attempt in range(1, CREATION_TRIES + 1):
        key = of_try(WAITPOINT, attempt)
        change = step.change_of(key)
        if change is not None:
            words = (
                f"{step.actor} ended the batch of try {attempt}, which the parent waited for too, at {at(step)}"
            )
            yield of(step, words, Wrote(step.number, key, change.before, change.after)).ends(step.at_us)
