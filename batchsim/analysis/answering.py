"""Why an attempt got its answer: the one step of its handler that tells most."""

from __future__ import annotations

from batchsim.analysis.lanes import attempt_of
from batchsim.protocol.operations import EnqueuedCount, FindBatch, GetMeta, Seal
from batchsim.trace import Answered, Step, Trace


def answering_steps(trace: Trace) -> dict[int, Answered]:
    """By the number of the step, the answer that it explains; one step for each attempt.

    That is the handler's last count, seal, missing metadata or failure; or its entry check, if it came no further.
    Attempts whose connection was lost have none: what their handlers did explains nothing.
    """
    answers = {answered.attempt: answered for answered in trace.answers if answered.status is not None}
    telling: dict[int, Step] = {}
    for step in trace.steps:
        attempt = attempt_of(step.actor)
        if attempt in answers and (_is_turn(step) or _is_entry(step, telling.get(attempt))):
            telling[attempt] = step
    return {step.number: answers[attempt] for attempt, step in telling.items()}


def _is_turn(step: Step) -> bool:
    if step.raised is not None:
        return True
    if isinstance(step.operation, GetMeta):
        return step.answer is None
    return isinstance(step.operation, EnqueuedCount | Seal)


def _is_entry(step: Step, before: Step | None) -> bool:
    return before is None and isinstance(step.operation, FindBatch)
