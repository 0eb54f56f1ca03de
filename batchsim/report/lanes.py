"""A schedule as text: a column for each actor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class StepInLane(Protocol):
    """A step of a schedule."""

    @property
    def actor(self) -> str:
        """Who takes it."""

    @property
    def name(self) -> str:
        """Of its operation."""

    @property
    def way(self) -> str | None:
        """How it turned out, where the description does not say so; `None`: as usual."""

    @property
    def description(self) -> str:
        """How it turned out."""


def lanes(steps: Sequence[StepInLane], *, has_headings: bool = True) -> list[str]:
    """A column for each actor; who takes a step and what it came to stand at the end of the line.

    `has_headings`: whether the columns have names above them, a line for each. On a terminal they would take half
    of the screen, and each step names its actor.
    """
    actors = list(dict.fromkeys(step.actor for step in steps))
    width = max((len(step.name) for step in steps), default=0)
    lines = [f"{'| ' * place}{actor}" for place, actor in enumerate(actors)] if has_headings else []
    for step in steps:
        place = actors.index(step.actor)
        lane = f"{'| ' * place}o {'| ' * (len(actors) - place - 1)}"
        way = f" [{step.way}]" if step.way else ""
        lines.append(f"{lane} {step.name:<{width}}  {step.actor}: {step.description or 'done'}{way}")
    return lines
