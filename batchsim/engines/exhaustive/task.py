"""An actor's coroutine, outside of any clock: what it awaits, and what becomes of it with an answer.

A coroutine cannot be copied, but the answers that it got determine it. So a task is made anew and fed
the same answers wherever it is needed again; `key` says whether two of them are at the same point.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from enum import Enum
from types import CoroutineType, FrameType, GeneratorType
from typing import Any, NamedTuple

from batchsim.protocol.operation import Both, ForEach, Operation, Program, ProtocolError, Stopped

Expose = Callable[[Operation[Any]], Operation[Any]]
"""Adds to an operation the faults that can befall it."""


def _as_it_is(operation: Operation[Any]) -> Operation[Any]:
    return operation


class Pending(NamedTuple):
    """An operation that was issued and has not taken effect."""

    lane: str
    """Of the lanes that an actor runs side by side, which: `.2`; empty: the actor itself."""
    operation: Operation[Any]
    site: tuple[int, ...]
    """Where in the code it is awaited: tells the same operation at two places apart, in the order of the code."""


class Join(Enum):
    """What the end of a coroutine is to those that it runs side by side with."""

    LAST = "last"
    """All others have ended before: who awaits them goes on."""
    EARLY = "early"
    """Others are in progress, and none is left to begin."""
    FAILED = "failed"
    """The first that raised: who awaits them goes on, with its exception."""


class Task:
    """One actor, from its beginning to its end."""

    def __init__(self, program: Program[Any], expose: Expose = _as_it_is) -> None:
        self.expose = expose
        self._strands: list[_Strand] = []
        """Those that await an operation."""
        self.has_ended = False
        self.result: Any = None
        self.join: Join | None = None
        """What the last answer brought about, where it ended a coroutine that runs side by side with others."""
        self._root = _Strand(self, program, "", None, 0)
        self._root.resume(None)

    @property
    def pending(self) -> tuple[Pending, ...]:
        """What it awaits, in a fixed order."""
        return tuple(Pending(each.lane, each.awaited(), each.site()) for each in self._in_order())

    def answer(self, position: int, answer: Any) -> None:
        """The operation at this position of `pending` takes effect, with this answer."""
        strand = self._in_order()[position]
        self.join = None
        self._strands.remove(strand)
        strand.resume(answer)

    def key(self) -> Hashable:
        """The same for two tasks of one program that will do the same from now on.

        It holds the position in the code and the local variables of every frame on the way to what is awaited.
        """
        orphans = (strand for strand in self._in_order() if strand.is_orphan)
        return (self._root.key(), self.result, tuple((s.number, s.key()) for s in orphans))

    def close(self) -> None:
        """Give up every coroutine."""
        for strand in (self._root, *self._strands):
            strand.close()

    def await_operation(self, strand: _Strand) -> None:
        """A strand awaits an operation."""
        self._strands.append(strand)

    def end(self, result: Any) -> None:
        """The actor's own coroutine has ended."""
        self.has_ended = True
        self.result = result

    def stop(self) -> None:
        """The actor stops for good, and what it runs side by side with it."""
        self._strands.clear()
        self.end(None)

    def _in_order(self) -> list[_Strand]:
        return sorted(self._strands, key=lambda strand: strand.number)


class _Strand:
    """One coroutine of a task: its own, or one that it runs side by side with others."""

    def __init__(self, task: Task, program: Program[Any], lane: str, group: _Group | None, number: int) -> None:
        self._task = task
        self._program = program
        self.lane = lane
        self._group = group
        self.number = number
        self._awaits: Operation[Any] | _Group | None = None

    @property
    def is_orphan(self) -> bool:
        """Whether nobody waits for it any longer."""
        return self._group is not None and self._group.has_failed

    def awaited(self) -> Operation[Any]:
        assert isinstance(self._awaits, Operation)
        return self._awaits

    def site(self) -> tuple[int, ...]:
        return tuple(frame.f_lasti for frame in _frames(self._program))

    def resume(self, answer: Any, failure: Exception | None = None) -> None:
        try:
            awaited = self._program.send(answer) if failure is None else self._program.throw(failure)
        except StopIteration as end:
            self._end(end.value, None)
        except ProtocolError as raised:
            self._end(None, raised)
        else:
            self._wait_for(awaited)

    def _wait_for(self, awaited: Any) -> None:
        if isinstance(awaited, Operation):
            self._awaits = self._task.expose(awaited)
            self._task.await_operation(self)
        else:
            self._awaits = group = _Group(self._task, self, awaited)
            group.begin()

    def _end(self, result: Any, failure: Exception | None) -> None:
        self._awaits = None
        if self._group is not None:
            self._group.note_end(self, result, failure)
        elif isinstance(failure, Stopped):
            self._task.stop()
        elif failure is not None:
            raise failure
        else:
            self._task.end(result)

    def key(self) -> Hashable:
        group = self._awaits.key() if isinstance(self._awaits, _Group) else None
        return (tuple(_frame_key(frame) for frame in _frames(self._program)), group)

    def close(self) -> None:
        if isinstance(self._awaits, _Group):
            self._awaits.close()
        self._program.close()


class _Group:
    """Strands that are awaited together."""

    def __init__(self, task: Task, parent: _Strand, awaited: Both[Any, Any] | ForEach) -> None:
        self._task = task
        self._parent = parent
        self._awaited = awaited
        self._count = awaited.count if isinstance(awaited, ForEach) else len(awaited.operations)
        self._limit = awaited.limit if isinstance(awaited, ForEach) else self._count
        self._begun = 0
        self._active: dict[int, _Strand] = {}
        self._results: list[Any] = [None] * self._count
        self.has_failed = False

    def begin(self) -> None:
        for _ in range(min(self._limit, self._count)):
            self._begin_next()

    def _begin_next(self) -> None:
        number = self._begun
        self._begun += 1
        lane, program = self._lane(number)
        strand = self._active[number] = _Strand(self._task, program, lane, self, number)
        strand.resume(None)

    def _lane(self, number: int) -> tuple[str, Program[Any]]:
        if isinstance(self._awaited, ForEach):
            return f"{self._parent.lane}.{number}", self._awaited.body(number)
        return self._parent.lane, _perform(self._awaited.operations[number])

    def note_end(self, strand: _Strand, result: Any, failure: Exception | None) -> None:
        del self._active[strand.number]
        self._results[strand.number] = result
        if self.has_failed:
            return
        if failure is not None:
            self.has_failed = True
            self._task.join = Join.FAILED
            self._parent.resume(None, failure)
        elif self._begun < self._count:
            self._begin_next()
        elif self._active:
            self._task.join = Join.EARLY
        else:
            self._task.join = Join.LAST
            self._parent.resume(tuple(self._results))

    def key(self) -> Hashable:
        active = tuple((number, strand.key()) for number, strand in sorted(self._active.items()))
        return (self._begun, tuple(self._results), active)

    def close(self) -> None:
        for strand in self._active.values():
            strand.close()


async def _perform(operation: Operation[Any]) -> Any:
    return await operation


def _frames(awaiting: Any) -> Iterator[FrameType]:
    """Each frame, from a coroutine down to what it awaits."""
    while isinstance(awaiting, CoroutineType | GeneratorType):
        if isinstance(awaiting, CoroutineType):
            frame, awaiting = awaiting.cr_frame, awaiting.cr_await
        else:
            frame, awaiting = awaiting.gi_frame, awaiting.gi_yieldfrom
        if frame is not None:
            yield frame


def _frame_key(frame: FrameType) -> Hashable:
    variables = tuple((name, _as_value(value)) for name, value in sorted(frame.f_locals.items()))
    return (frame.f_code, frame.f_lasti, variables)


def _as_value(value: Any) -> Hashable:
    # The body of a `ForEach` is a closure made anew each time; the frame around it says what it closes over.
    return (value.count, value.limit) if isinstance(value, ForEach) else value
