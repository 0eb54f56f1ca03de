"""Whose turn it is to take a message: consumers are interchangeable, and the one who is free first takes it.

Which of several free ones it is makes no difference to anything. So each message is taken by whoever has been free
for longest; one who has done nothing yet has been free from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from batchsim.batch.operations import TakeMessage
from batchsim.batch.trace import Trace
from batchsim.model.run import Step


class Taker(NamedTuple):
    """Who takes a message."""

    freed: int | None
    """The step after which he was free; `None`: he had done nothing yet."""
    freed_later: tuple[int, ...]
    """Those after which the others were, or will be."""


def takers_of(trace: Trace) -> dict[int, Taker]:
    """By step that takes a message: whose turn it was."""
    free: list[int | None] = [None] * trace.setting.consumers
    takers: dict[int, Taker] = {}
    for step in trace.steps:
        if isinstance(step.operation, TakeMessage):
            first = min(free, key=lambda end: -1 if end is None else trace.steps[end].answered_us)
            free.remove(first)
            later = () if first is None else tuple(end for end in free if end is not None)
            takers[step.number] = Taker(first, later)
            free.append(_end_of_work(trace.steps, step))
    return takers


def _end_of_work(steps: Sequence[Step], take: Step) -> int:
    """The last step of a consumer before he wants the next message."""
    end = take.number
    for step in steps[take.number + 1 :]:
        if step.actor == take.actor:
            if isinstance(step.operation, TakeMessage):
                break
            end = step.number
    return end
