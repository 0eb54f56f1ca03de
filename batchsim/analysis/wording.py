"""Words that the sentences of a story share."""

from __future__ import annotations

from batchsim.rounding import instant
from batchsim.trace import Step

Told = tuple[int, str]
"""A sentence, and the instant that it belongs to, in microseconds."""


def at(step: Step) -> str:
    """The instant of effect of a step."""
    return instant(step.at_us)


def raised(step: Step) -> str:
    """What a step did that raised: `raised before its effect`."""
    return f"raised {'after' if step.took_effect else 'before'} its effect"


def doing(step: Step) -> str:
    """A step by its operation and item: `queue.push of item 2`."""
    item = step.operation.item
    return step.name if item is None else f"{step.name} of item {item}"
