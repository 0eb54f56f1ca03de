"""An actor's coroutine, outside of any clock: what it awaits, and what becomes of it with an answer.

A coroutine cannot be copied, but the answers that it got determine it. So a task is made anew and fed
the same answers wherever it is needed again; `key` says whether two of them are at the same point.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from enum import Enum
from types import FrameType
from typing import Any, NamedTuple, Protocol

from batchsim.engines.frames import frames_of, place_of
from batchsim.engines.own_errors import ToldError, is_own, no_operation, place_of_await, placed, told
from batchsim.exact import exact
from batchsim.model.operation import (
    Both,
    EndsEarly,
    ForEach,
    Operation,
    Program,
    ProtocolError,
    Stopped,
    give_up,
    stops,
)

Expose = Callable[[Operation[Any]], Operation[Any]]
"""Adds to an operation the faults that can befall it."""


def _as_it_is(operation: Operation[Any]) -> Operation[Any]:
    return operation


Path = tuple[Operation[Any], ...]
"""Steps that a strand takes one after the other; all but the last of them may stand for time that passes."""


class Pace(Protocol):
    """Where time passes on the way of a coroutine, as steps of their own."""

    def before_beginning(self) -> Path:
        """What passes before the actor begins."""

    def to(self, operation: Operation[Any]) -> Path:
        """What passes from when an operation is issued until it takes effect, which is the last step."""

    def back_from(self, operation: Operation[Any], *, ends_actor: bool) -> Path:
        """What passes from the effect of an operation until the coroutine acts again, or ends."""


class _Timeless:
    def before_beginning(self) -> Path:
        return ()

    def to(self, operation: Operation[Any]) -> Path:
        return (operation,)

    def back_from(self, operation: Operation[Any], *, ends_actor: bool) -> Path:
        return ()


TIMELESS: Pace = _Timeless()
"""No time passes anywhere."""


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
    """The first that raised: who awaits them goes on, with its exception, or they all stop."""


class Task:
    """One actor, from its beginning to its end."""

    def __init__(
        self,
        program: Program[Any],
        expose: Expose = _as_it_is,
        pace: Pace = TIMELESS,
        *,
        catches: bool = False,
    ) -> None:
        self.expose = expose
        self.pace = pace
        self.catches = catches
        """Whether an error of the coroutine's own is an end of the actor; otherwise whoever feeds it gets it."""
        self.raised: ToldError | None = None
        """The error that ended it, if one did."""
        self._strands: list[_Strand] = []
        """Those that await an operation."""
        self.groups = 0
        """How many coroutines have been awaited together with others, so far."""
        self.has_ended = False
        self.result: Any = None
        self.join: Join | None = None
        """What the last answer brought about, where it ended a coroutine that runs side by side with others."""
        self._root = _Strand(self, program, "", None, 0)
        self._root.approach(pace.before_beginning(), _BEGINNING)

    @property
    def pending(self) -> tuple[Pending, ...]:
        """What it awaits, in a fixed order."""
        return tuple(Pending(each.lane, each.awaited(), each.site()) for each in self._in_order())

    def place_of(self, position: int) -> str:
        """The line of the user's that awaits the operation at a position, `own.py:7: `; empty: there is none."""
        return self._in_order()[position].place()

    def frames(self) -> list[list[FrameType]]:
        """For each of `pending`, every frame from the actor's own coroutine down to where it is awaited."""
        return [each.frames() for each in self._in_order()]

    def answer(self, position: int, answer: Any) -> None:
        """The operation at this position of `pending` takes effect, with this answer."""
        strand = self._in_order()[position]
        self.join = None
        self._strands.remove(strand)
        strand.take_step(answer)

    def key(self) -> Hashable:
        """The same for two tasks of one program that will do the same from now on.

        It holds the position in the code and the local variables of every frame on the way to what is awaited.
        """
        orphans = (strand for strand in self._in_order() if strand.is_orphan)
        return exact((self._root.key(), self.result, tuple((s.number, s.key()) for s in orphans)))

    def close(self) -> None:
        """Give up every coroutine."""
        for strand in (self._root, *self._strands):
            strand.close()

    def await_operation(self, strand: _Strand) -> None:
        """A strand awaits an operation."""
        self._strands.append(strand)

    def give_up(self, strand: _Strand) -> None:
        """A strand goes no further."""
        self._strands.remove(strand)
        strand.close()

    def end(self, result: Any) -> None:
        """The actor's own coroutine has ended."""
        self.has_ended = True
        self.result = result

    def stop(self) -> None:
        """The actor stops for good, and what it runs side by side with it."""
        self._strands.clear()
        self.join = Join.FAILED
        self.end(None)

    def fail(self, error: Exception) -> None:
        """An error that nobody handled ends the actor, and what it runs side by side with it."""
        self._strands.clear()
        self.join = Join.FAILED
        self.raised = told(error)
        if not self.has_ended:
            self.end(None)

    def kept_after(self, position: int, answer: Any) -> dict[int, int]:
        """Answer as in `answer`; by position before: the position now of each other operation that still waits."""
        before = self._in_order()
        self.answer(position, answer)
        places = {id(strand): place for place, strand in enumerate(self._in_order())}
        others = (each for each in enumerate(before) if each[0] != position)
        return {place: places[id(strand)] for place, strand in others if id(strand) in places}

    def _in_order(self) -> list[_Strand]:
        # Whom nobody waits for any longer may have the number of one who was begun after him.
        return sorted(self._strands, key=lambda strand: (strand.number, strand.of_group))


class _Ending(NamedTuple):
    """How a coroutine has ended."""

    result: Any
    failure: Exception | None
    after: Operation[Any] | None = None
    """The operation whose answer has yet to pass on its way back, if whoever handles the failure goes on."""


class _Beginning(NamedTuple):
    """A coroutine that has not begun."""


_BEGINNING = _Beginning()


class _Strand:
    """One coroutine of a task: its own, or one that it runs side by side with others."""

    def __init__(self, task: Task, program: Program[Any], lane: str, group: _Group | None, number: int) -> None:
        self._task = task
        self._program = program
        self.lane = lane
        self._group = group
        self.number = number
        self.of_group = 0 if group is None else group.number
        self._path: Path = ()
        """The steps that it still has to take before it comes to its goal."""
        self._goal: Operation[Any] | _Group | _Ending | _Beginning = _BEGINNING

    @property
    def is_orphan(self) -> bool:
        """Whether nobody waits for it any longer."""
        return self._group is not None and self._group.has_failed

    def awaited(self) -> Operation[Any]:
        return self._path[0]

    def place(self) -> str:
        return place_of_await(self._program)

    def site(self) -> tuple[int, ...]:
        return tuple(frame.f_lasti for frame in frames_of(self._program))

    def frames(self) -> list[FrameType]:
        around = [] if self._group is None else self._group.parent.frames()
        return [*around, *frames_of(self._program)]

    def approach(self, path: Path, goal: Operation[Any] | _Group | _Ending | _Beginning) -> None:
        """Go on to a goal; an operation is the last step of the path to it."""
        self._path, self._goal = path, goal
        if path:
            self._task.await_operation(self)
        else:
            self._arrive(None)

    def take_step(self, answer: Any) -> None:
        """The next step of the path is taken."""
        self._path = self._path[1:]
        if self._path:
            self._task.await_operation(self)
        else:
            self._arrive(answer)

    def _arrive(self, answer: Any) -> None:
        goal = self._goal
        if isinstance(goal, Operation):
            self.resume(answer, after=goal)
        elif isinstance(goal, _Group):
            goal.begin()
        elif isinstance(goal, _Ending):
            self._end(*goal)
        else:
            self.resume(None)

    def resume(self, answer: Any, failure: Exception | None = None, after: Operation[Any] | None = None) -> None:
        """Let the coroutine go on to what it awaits next; `after`: the operation that took effect."""
        if stops(answer):  # no `finally` of its own runs, no `except` meets it
            self._approach_end(_Ending(None, Stopped()), after)
            return
        try:
            awaited = self._program.send(answer) if failure is None else self._program.throw(failure)
        except StopIteration as end:
            self._approach_end(_Ending(end.value, None), after)
        except ProtocolError as raised:
            self._approach_end(_Ending(None, raised), after)
        except Exception as error:
            if not (self._task.catches and is_own(error)):
                raise placed(error) from error.__cause__
            # As in a timed run the coroutine has gone on at the effect already, and its actor ends then.
            self.approach((), _Ending(None, error, after))
        else:
            back = () if after is None else self._task.pace.back_from(after, ends_actor=False)
            if isinstance(awaited, Operation):
                operation = self._task.expose(awaited)
                self.approach((*back, *self._task.pace.to(operation)), operation)
            elif isinstance(awaited, Both | ForEach):
                self.approach(back, _Group(self._task, self, awaited))
            else:
                raise no_operation(self._program, awaited)

    def _approach_end(self, ending: _Ending, after: Operation[Any] | None) -> None:
        ends_badly = self._task.catches and ending.failure is not None and self._group is None
        if after is None or isinstance(ending.failure, Stopped) or ends_badly:
            self.approach((), ending)
        else:
            self.approach(self._task.pace.back_from(after, ends_actor=self._group is None), ending)

    def _end(self, result: Any, failure: Exception | None, after: Operation[Any] | None) -> None:
        if isinstance(failure, Stopped):
            self._task.stop()
        elif self._group is not None:
            self._group.note_end(self, result, failure, after)
        elif failure is not None and self._task.catches:
            self._task.fail(failure)
        elif failure is not None:
            raise failure
        else:
            self._task.end(result)

    def key(self) -> Hashable:
        goal = self._goal
        group = goal.key() if isinstance(goal, _Group) else None
        # What stands for an operation is known from where it is awaited; where one has ended, nothing is.
        ahead = self._path[:-1] if isinstance(goal, Operation) else self._path
        ending = (goal.result, type(goal.failure)) if isinstance(goal, _Ending) and ahead else None
        return (place_of(self._program), group, ahead, ending)

    def close(self) -> None:
        if isinstance(self._goal, _Group):
            self._goal.close()
        give_up(self._program)


class _Group:
    """Strands that are awaited together."""

    def __init__(self, task: Task, parent: _Strand, awaited: Both[Any, Any] | ForEach) -> None:
        task.groups += 1
        self.number = task.groups
        self._task = task
        self.parent = parent
        self._awaited = awaited
        self._count = awaited.count if isinstance(awaited, ForEach) else len(awaited.operations)
        self._limit = awaited.limit if isinstance(awaited, ForEach) else self._count
        self._begun = 0
        self._active: dict[int, _Strand] = {}
        self._results: list[Any] = [None] * self._count
        self.has_failed = False

    def begin(self) -> None:
        for _ in range(self._limit):
            if self._begun == self._count:  # one that ends without a step has let the next one begin
                return
            self._begin_next()

    def _begin_next(self) -> None:
        number = self._begun
        self._begun += 1
        lane, program = self._lane(number)
        strand = self._active[number] = _Strand(self._task, program, lane, self, number)
        strand.resume(None)

    def _lane(self, number: int) -> tuple[str, Program[Any]]:
        if isinstance(self._awaited, ForEach):
            return f"{self.parent.lane}.{number}", self._awaited.program(number)
        return self.parent.lane, _perform(self._awaited.operations[number])

    def note_end(
        self, strand: _Strand, result: Any, failure: Exception | None, after: Operation[Any] | None
    ) -> None:
        del self._active[strand.number]
        self._results[strand.number] = result
        if self.has_failed:
            if failure is not None and not isinstance(failure, ProtocolError):
                self._task.fail(failure)  # nobody is left to handle it
            return
        if failure is not None:
            self.has_failed = True
            self._task.join = Join.FAILED
            if isinstance(failure, EndsEarly):
                self._give_up(failure.arrived)
                if isinstance(self._awaited, ForEach) and self._awaited.is_over(failure, self._active):
                    self.parent.resume(failure.arrived, None, after)
                    return
            self.parent.resume(None, failure, after)
        elif self._begun < self._count:
            self._begin_next()
        elif self._active:
            self._task.join = Join.EARLY
        else:
            self._task.join = Join.LAST
            self.parent.resume(tuple(self._results))

    def _give_up(self, arrived: int) -> None:
        """Those beyond the end have nothing to do: they never began."""
        for number in [each for each in self._active if each >= arrived]:
            self._task.give_up(self._active.pop(number))

    def key(self) -> Hashable:
        active = tuple((number, strand.key()) for number, strand in sorted(self._active.items()))
        return (self._begun, tuple(self._results), active)

    def close(self) -> None:
        for strand in self._active.values():
            strand.close()


async def _perform(operation: Operation[Any]) -> Any:
    return await operation
