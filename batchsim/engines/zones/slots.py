"""Which instants a zone is about: what each of them is the instant of."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class InstantKind(IntEnum):
    """The kinds of instants."""

    OPERATION = 0
    """A pending operation takes effect; one that is blocked arrives."""
    END = 1
    """The last answer reaches a coroutine that has ended, while who awaits it waits for others."""
    TIMER = 2
    """A timer runs out."""
    URGENT = 3
    """Somebody who waits finds what he waits for."""
    MARK = 4
    """An end of a leg that is solved for (`parameter.py`); it is never forgotten."""
    BASE = 5
    """Within a step: the answer reaches the actor, which goes on."""
    LEG = 6
    """Within a step: a request reaches the actor that begins with it."""
    ARRIVAL = 7
    """Within a step: an operation arrives that was blocked until now."""
    PAST = 8
    """Within a step: it is none any longer."""


class Slot(NamedTuple):
    """One instant."""

    kind: InstantKind
    place: int
    """The column of the actor, the number of the timer or of the mark, or the first column of the role."""
    number: int = 0
    """The position of the operation, the number of the lane, or which end of a leg."""


BASE = Slot(InstantKind.BASE, 0)
ANSWER = Slot(InstantKind.BASE, 1)
"""The answer reaches a coroutine, which is awaited with others that may end later."""
START = Slot(InstantKind.BASE, -1)
"""The end of phase 1."""
