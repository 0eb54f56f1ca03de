"""Why attempts were refused, or got no answer.

An attempt is told by the steps of its handler that its answer turns on: the count, the read of the
batch row after it, the lost seal, the missing metadata, what raised; and by whoever had left the cells as
they found them. Attempts in a row that were refused for the same reason share a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

from batchsim.analysis.batch.facts import (
    NOTHING,
    Clause,
    Counted,
    Deleted,
    Got,
    Held,
    LeftAlone,
    Sentence,
    Wrote,
    joined,
)
from batchsim.analysis.batch.handling import Handling, handlings
from batchsim.analysis.batch.wording import (
    at,
    briefly,
    doing,
    made,
    of,
    raised,
    row_read,
    set_deleted,
    that_raised,
)
from batchsim.analysis.effects import Effects, Write
from batchsim.batch.fault_injection import DROPPED, LOST
from batchsim.batch.operations import Admit, Deliver, TimeOutRequest
from batchsim.batch.stores import (
    BATCH_ROW,
    ENQUEUED_ITEMS,
    LIMITED,
    MAX_ATTEMPTS,
    META,
    BatchRow,
    Status,
    connection_key,
)
from batchsim.batch.trace import Answered
from batchsim.model.operation import Stopped
from batchsim.model.run import Step
from batchsim.rounding import rounded

LIMITS = (408, 429)
"""What a request is answered that a limit refuses."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt was refused."""

    answered: Answered
    reason: Clause
    """Without the attempt, so that attempts with one reason can share a sentence."""


def refusals(effects: Effects) -> tuple[Refusal, ...]:
    """The attempts that were not answered "sealed", each with the reason."""
    refused = [answered for answered in effects.trace.answers if not answered.sealed]
    handled = handlings(effects) if refused else {}
    return tuple(Refusal(each, _Attempt(effects, each, handled.get(each.attempt)).reason()) for each in refused)


def refusals_in_words(refused: tuple[Refusal, ...]) -> Iterator[Sentence]:
    """A sentence for all attempts in a row with the same reason."""
    for (status, words), group in groupby(refused, key=lambda each: (each.answered.status, each.reason.words)):
        together = list(group)
        answers = [each.answered for each in together]
        said = f"{_attempts([each.attempt for each in answers])} {_got(status)}: {words}"
        reasons = joined(each.reason for each in together)
        got = (Got(each.attempt, each.status, each.sealed) for each in answers)
        yield Clause(said, reasons.steps, reasons.facts).ends(answers[0].at_us, *got)


def _attempts(attempts: list[int]) -> str:
    if len(attempts) == 1:
        return f"attempt {attempts[0]}"
    return f"attempts {attempts[0]} to {attempts[-1]}"


def _got(status: int | None) -> str:
    if status is None:
        return "lost the connection"
    return "got 200 not sealed" if status == 200 else f"got {status}"


def is_sealable(row: BatchRow) -> bool:
    """Whether a seal would change the row."""
    return row.status is Status.PENDING and not row.sealed


class _Attempt:
    def __init__(self, effects: Effects, answered: Answered, handled: Handling | None) -> None:
        self._effects = effects
        self._answered = answered
        self._handled = handled
        self._run_count = effects.trace.setting.run_count
        is_second = effects.trace.setting.has_second_batch
        self._is_of_second_batch = is_second and answered.attempt > MAX_ATTEMPTS
        self._is_stepwise = effects.trace.setting.is_stepwise

    def reason(self) -> Clause:
        """Why it was refused, or got no answer."""
        if self._answered.status is None:
            return self._without_answer()
        if (limit := self._by_limit()) is not None:
            return limit
        if self._is_of_second_batch:
            return of(self._delivery(), "the steps of its handler, on the second batch, say why")
        handled = self._handled
        assert handled is not None, "only a handler answers"
        row = None if handled.row is None else row_read(handled.row)
        if handled.failure is not None:
            failure = handled.failure
            return of(failure, f"{doing(failure)} {raised(failure)} at {at(failure)}", that_raised(failure))
        if handled.lack is not None:
            return self._without_meta(handled.lack) + _and(row)
        if handled.seal is not None:
            return self._with_lost_seal(handled.seal) + _and(row)
        if handled.count is not None:
            return self._with_wrong_count(handled.count) + _and(row)
        assert handled.row is not None
        return self._by_row(handled.row)

    # -- answers -------------------------------------------------------------------------------

    def _by_limit(self) -> Clause | None:
        """Where a limit refused the request, which its handler had no part in."""
        if self._answered.status not in LIMITS:
            return None
        key = connection_key(self._answered.attempt)
        step = next(step for step in self._effects.trace.steps if self._is_refusal(step))
        if isinstance(step.operation, Admit):
            key, words = LIMITED, "the limiter had admitted as many requests as it may"
        else:
            words = "the body had not arrived as a whole in time"
        change = step.change_of(key)
        return of(step, words) if change is None else _that(Write(step, change), words)

    def _is_refusal(self, step: Step) -> bool:
        operation = step.operation
        if not isinstance(operation, Admit | TimeOutRequest) or operation.attempt != self._answered.attempt:
            return False
        return step.raised is None and not (isinstance(operation, Admit) and step.answer.is_admitted)

    def _without_meta(self, lack: Step) -> Clause:
        is_gone = next(self._effects.before(lack, META), None) is not None or not self._is_stepwise
        words = (
            "the metadata of the batch was gone" if is_gone else "phase 1 had not set the metadata of the batch"
        )
        gone = of(lack, words, Held(lack.number, META, None))
        deletion = self._effects.who_deleted(lack, META)
        if deletion is None:
            return gone
        since = f" since {briefly(deletion)} at {at(deletion)}"
        return gone + of(deletion, since, Deleted(deletion.number, META))

    def _with_wrong_count(self, count: Step) -> Clause:
        counted = f"it counted {count.answer} of {self._run_count} at {at(count)}"
        deletion = self._effects.last_deletion(count, ENQUEUED_ITEMS)
        return of(count, counted, Counted(count.number, ENQUEUED_ITEMS, count.answer)) + set_deleted(
            deletion, ENQUEUED_ITEMS, count
        )

    def _with_lost_seal(self, seal: Step) -> Clause:
        lost = of(seal, f"its seal at {at(seal)} changed no row", LeftAlone(seal.number, BATCH_ROW))
        writer = self._last_write(seal, lambda before, after: is_sealable(before) and not is_sealable(after))
        if writer is None:
            return lost
        ago = rounded(seal.at_us - writer.step.at_us)
        who = f": {writer.step.actor} had made the batch {made(writer.after)} {ago} before"
        return lost + _that(writer, who)

    def _by_row(self, row: Step) -> Clause:
        now: BatchRow = row.answer
        was = of(row, f"the batch was {now.status}", Held(row.number, BATCH_ROW, now))
        status = self._last_write(row, lambda before, after: before.status != after.status)
        seal = self._last_write(row, lambda before, after: before.sealed != after.sealed) if now.sealed else None
        if seal is None:
            return was + _since(status)
        # Mostly these are two moments: one for both would be wrong for one of them.
        together = status is None or status.step is seal.step
        return (was if together else was + _since(status)) + of(row, " and sealed") + _since(seal)

    def _last_write(self, before: Step, is_meant: Callable[[BatchRow, BatchRow], bool]) -> Write | None:
        writes = (write for write in self._effects.before(before, BATCH_ROW) if write.before is not None)
        return next((write for write in writes if is_meant(write.before, write.after)), None)

    # -- no answer -----------------------------------------------------------------------------

    def _without_answer(self) -> Clause:
        delivery = self._delivery()
        way = delivery.alternative or ""
        if way.startswith(LOST):
            work = self._work(-1)
            return of(delivery, "the answer was lost on its way") + _after("; the handler had ", work)
        if way.startswith(DROPPED):
            return self._dropped()
        if way:
            return of(delivery, f"it was {way}")
        stop = None if self._handled is None else self._handled.stop
        assert stop is not None, "a handler that answers nothing has stopped"
        words = f"{stop.actor} stopped for good at {at(stop)}, before {doing(stop)}"
        return of(stop, words, that_raised(stop))

    def _delivery(self) -> Step:
        steps: tuple[Step, ...] = self._effects.trace.steps
        return next(
            step
            for step in steps
            if isinstance(step.operation, Deliver) and step.operation.attempt == self._answered.attempt
        )

    def _dropped(self) -> Clause:
        key = connection_key(self._answered.attempt)
        writes = self._effects.of(key)
        drop = next(write for write in writes if write.after is not None and write.after.is_dropped)
        dropped = _that(drop, f"it dropped at {at(drop.step)}")
        handled = () if self._handled is None else self._handled.steps
        later = (step for step in handled if step.number > drop.step.number)
        if all(step.raised is not None and step.raised.error is Stopped for step in later):
            return dropped
        went_on = dropped + Clause("; the handler went on")
        return went_on + _after(", and ", self._work(drop.step.number))

    def _work(self, after: int) -> Clause | None:
        """What the work of a handler whose answer nobody got came to, after a step."""
        handled = self._handled
        if handled is None:
            return None
        step = handled.seal or handled.count
        if step is None or step.number <= after or not step.took_effect:
            return None
        if step is not handled.seal:
            words = f"counted {step.effect} of {self._run_count} at {at(step)}"
            return of(step, words, Counted(step.number, ENQUEUED_ITEMS, step.effect))
        change = step.change_of(BATCH_ROW)
        if change is None:
            return of(step, f"found no row to seal at {at(step)}", LeftAlone(step.number, BATCH_ROW))
        return _that(Write(step, change), f"sealed the batch at {at(step)}")


def _and(clause: Clause | None) -> Clause:
    return _after(", and ", clause)


def _after(words: str, clause: Clause | None) -> Clause:
    return Clause() if clause is None else Clause(words) + clause


def _since(write: Write | None) -> Clause:
    return NOTHING if write is None else _that(write, f" since {at(write.step)}")


def _that(write: Write, words: str) -> Clause:
    return of(write.step, words, Wrote(write.step.number, write.change.key, write.before, write.after))
