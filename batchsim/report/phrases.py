"""Longer phrases, for reports that are read rather than skimmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from batchsim.batch.client import Result
from batchsim.report.words import caller_got
from batchsim.rounding import rounded

if TYPE_CHECKING:
    from batchsim.analysis.margins import Margin
    from batchsim.analysis.runs import PolicyRun
    from batchsim.batch.trace import Answered
    from batchsim.model.run import Step

OF_AN_ORDER = "made to fit the order of the witness: a step that would come too early waits for its turn"
"""Of the times of a run whose order is given, and no times."""
OF_ZONES = (
    "situation: where every actor is, what the stores hold and what is under way; zone: a set of times at which "
    "it can be so"
)
"""What explorations with time count."""
_STRETCHES_MAX = 6


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 attempt`, `3 attempts`; `plural`: where it does not end in a further `s`."""
    return f"{count} {_noun(count, noun, plural)}"


def amount(count: int, noun: str) -> str:
    """`1 state`, `3,000 states`: of what there can be thousands."""
    return f"{count:,} {_noun(count, noun)}"


def _noun(count: int, noun: str, plural: str = "") -> str:
    return noun if count == 1 else plural or f"{noun}s"


def fails(count: int) -> str:
    """The verb for so many items."""
    return "fails" if count == 1 else "fail"


def times(count: int) -> str:
    """How often: `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def repeated(names: Sequence[str], times_: int) -> list[str]:
    """The links of a cycle that comes so often, tied together where there are several: `┌ a × 9`, `└ b × 9`."""
    if times_ == 1:
        return list(names)
    ties = [""] if len(names) == 1 else ["┌ ", *["│ "] * (len(names) - 2), "└ "]
    return [f"{tie}{name} × {times_}" for tie, name in zip(ties, names, strict=True)]


def items_in_words(items: Sequence[int]) -> str:
    """Some items, in order: `item 1`, `items 0 to 5, 8`; of many stretches only the first."""
    stretches: list[list[int]] = []
    for item in items:
        if stretches and stretches[-1][-1] == item - 1:
            stretches[-1][1:] = [item]
        else:
            stretches.append([item])
    shown = ", ".join(" to ".join(map(str, stretch)) for stretch in stretches[:_STRETCHES_MAX])
    more = ", …" if len(stretches) > _STRETCHES_MAX else ""
    return f"item{'' if len(items) == 1 else 's'} {shown}{more}"


def call_sentence(run: PolicyRun) -> str:
    """What became of the call, in a sentence."""
    call, at = run.trace.outcome.call, rounded(run.trace.called_back_us)
    attempts = counted(call.attempts, "attempt")
    match call.result:
        case Result.OK:
            return f"The call returned at {at} after {attempts}."
        case Result.WAITING:
            return f"The call never returned ({attempts})."
        case _:
            return f"The call raised {caller_got(run.trace)} at {at} after {attempts}."


def answer(answered: Answered) -> str:
    """An answer as the SDK saw it: `200 sealed`, `200 not sealed`, `500`, `connection lost`."""
    return answer_of(answered.status, answered.sealed)


def answer_of(status: int | None, sealed: bool | None) -> str:
    """The same of its parts."""
    if status is None:
        return "connection lost"
    if sealed is None:
        return str(status)
    return "200 sealed" if sealed else "200 not sealed"


def cause(margin: Margin) -> str:
    """The last common cause of a race: `queue.push of item 2`."""
    return "the start of the run" if margin.cause is None else step_and_item(margin.cause)


def step_and_item(step: Step) -> str:
    """A step by its operation and item: `queue.push of item 2`."""
    item = step.operation.item
    return step.name if item is None else f"{step.name} of item {item}"


def margin_sentence(margin: Margin) -> str:
    """Who came first by how much: `redis.cleanup 69.9 ms before redis.enqueued_count`."""
    first, second = margin.rival, margin.endpoint
    if margin.is_won:
        first, second = second, first
    if margin.margin_us == 0:
        return f"{first.name} before {second.name}, in the same microsecond"
    return f"{first.name} {rounded(abs(margin.margin_us))} before {second.name}"
