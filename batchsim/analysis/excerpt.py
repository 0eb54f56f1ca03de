"""An excerpt of a run: its beginning, its end, and what lies around the decisive steps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby

from batchsim.model.run import Step

ALL_MAX = 100
"""A run of so many steps is shown whole."""
_ENDS = 15
_AROUND = 3


def excerpt(steps: Sequence[Step], decisive: Collection[int]) -> tuple[Step | int, ...]:
    """The steps to show, and between them how many were left out; `steps`: all of the run, in order."""
    if len(steps) <= ALL_MAX:
        return tuple(steps)
    parts: list[Step | int] = []
    for is_shown, group in groupby(steps, key=lambda step: _is_near(step.number, len(steps), decisive)):
        members = list(group)
        parts.extend(members if is_shown else [len(members)])
    return tuple(parts)


def _is_near(number: int, count: int, decisive: Collection[int]) -> bool:
    at_ends = number < _ENDS or number >= count - _ENDS
    return at_ends or any(abs(number - each) <= _AROUND for each in decisive)
