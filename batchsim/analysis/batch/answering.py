"""Why an attempt got its answer: the one step of its handler that tells most."""

from __future__ import annotations

from batchsim.analysis.batch.handling import handlings
from batchsim.analysis.effects import Effects
from batchsim.batch.trace import Answered, Trace


def answering_steps(trace: Trace) -> dict[int, Answered]:
    """By the number of the step, the answer that it explains; one step for each attempt.

    That is what raised or found the metadata gone, or the last seal or count; or the entry check, if the handler
    came no further. Attempts whose connection was lost have none: what their handlers did explains nothing.
    """
    handled = handlings(Effects(trace))
    telling = (
        (handled[each.attempt].telling, each)
        for each in trace.answers
        if each.status is not None and each.attempt in handled
    )
    return {step.number: answered for step, answered in telling if step is not None}
