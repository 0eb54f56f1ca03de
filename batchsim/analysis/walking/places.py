"""Where actors are in their code: the source lines on the way to what each of them awaits.

A coroutine is determined by the answers that it got. So nothing has to be watched while a run goes on: each actor
is begun once more, and is fed the answers that the steps of the run had.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

import batchsim.engines
import batchsim.model.operation
from batchsim.engines.exhaustive.task import Task
from batchsim.model.operation import Operation
from batchsim.model.system import Actor
from batchsim.user_code import UserCodeError
from batchsim.user_code import told as value_told

_MACHINERY = (batchsim.engines.__path__[0], str(batchsim.model.operation.__file__))
"""Where frames come from that are nobody's protocol: who drives coroutines, and how an operation is awaited."""


class Line(NamedTuple):
    """A line of code."""

    code: CodeType
    """Of the function that it stands in."""
    number: int
    """In the file, from 1."""

    @property
    def file(self) -> str:
        """The name of the file; where it is on this machine is nobody's business."""
        return Path(self.code.co_filename).name

    @property
    def function(self) -> str:
        """The name of the function, with what it is defined in."""
        return self.code.co_qualname.replace(".<locals>", "")


class Place(NamedTuple):
    """Where a lane of an actor is: what it awaits, and the lines on the way there, the outermost first."""

    lane: str
    """Of the coroutines that the actor runs side by side, which: `.2`; empty: its own."""
    awaits: str
    """The name of the operation."""
    lines: tuple[Line, ...]


Places = tuple[Place, ...]
"""Of one actor; empty: it has ended."""


@lru_cache(maxsize=4096)
def _is_machinery(file: str) -> bool:
    return file.startswith(_MACHINERY)


def lines_of(frames: Iterable[FrameType]) -> tuple[Line, ...]:
    """The lines at which frames stand, those of the machinery left out."""
    return tuple(
        Line(frame.f_code, frame.f_lineno) for frame in frames if not _is_machinery(frame.f_code.co_filename)
    )


def places_in(task: Task) -> Places:
    """Where the lanes of an actor are."""
    return tuple(
        Place(pending.lane, pending.operation.bare.name, lines_of(frames))
        for pending, frames in zip(task.pending, task.frames(), strict=True)
    )


class Strayed(Exception):
    """A step is not what its actor awaits: code asked for something else than its arguments and answers."""


class Follower:
    """One actor, fed the answers of its steps."""

    def __init__(self, actor: Actor, *, catches: bool) -> None:
        self.actor = actor
        self._task = Task(actor.program(), actor.expose, catches=catches)

    @property
    def places(self) -> Places:
        """Where it is."""
        return places_in(self._task)

    @property
    def has_ended(self) -> bool:
        """Whether its coroutine has ended."""
        return self._task.has_ended

    @property
    def result(self) -> Any:
        """What it returned, once it has ended."""
        return self._task.result

    def awaited(self, lane: str, operation: Operation[Any]) -> Operation[Any]:
        """An operation that it awaits, with the faults that can befall it.

        Raises `Strayed` where it does not, and `UserCodeError` where that is a user's doing.
        """
        return self._task.pending[self._position(lane, operation)].operation

    def awaited_by_name(self, lane: str, name: str) -> Operation[Any]:
        """Likewise, by the name of the operation: a lane awaits one at a time."""
        for pending in self._task.pending:
            if pending.lane == lane and pending.operation.bare.name == name:
                return pending.operation
        raise self._strayed(lane, name)

    def take(self, lane: str, operation: Operation[Any], answer: Any) -> None:
        """It takes a step; raises `Strayed` where it awaits no such thing."""
        self._task.answer(self._position(lane, operation), answer)

    def _position(self, lane: str, operation: Operation[Any]) -> int:
        for position, pending in enumerate(self._task.pending):
            if pending.lane == lane and pending.operation.bare == operation:
                return position
        raise self._strayed(lane, value_told(operation))

    def _strayed(self, lane: str, operation: str) -> Exception:
        """What is raised where it does not await what it took a step of in the same place before."""
        who = f"{self.actor.name}{lane}"
        for position, pending in enumerate(self._task.pending):
            place = self._task.place_of(position)
            if pending.lane == lane and place:
                awaits = value_told(pending.operation.bare)
                return UserCodeError(
                    f"{place}{who} awaits {awaits}, and {operation} after the same answers; allowed: "
                    "always the same (no clock, no random numbers, nothing kept between runs)"
                )
        return Strayed(f"{who} does not await {operation}")

    def close(self) -> None:
        """Give up its coroutine."""
        self._task.close()
