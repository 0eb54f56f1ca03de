"""A program that runs many times is learned: what it awaits after which answers is read, and not run again.

A coroutine is determined by the answers that it got. So the points that it can be at, and where an answer leads
from each, are the same in every run. Histories that lead to the same place in the code with the same local
variables lead to the same point (`frames.py`); so the points are few, however many runs there are.

Coroutines side by side may share variables, and what one finds there is then no matter of its own answers. Where
one of them changes such a variable there are no scripts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from types import FunctionType, MethodType, TracebackType
from typing import Any, NamedTuple

from batchsim.engines.frames import place_of
from batchsim.engines.own_errors import is_own, of_answer
from batchsim.exact import exact
from batchsim.model.operation import Awaited, ForEach, Program, ProtocolError

Notes = list[Any]
"""What a program writes down on its way, for whoever drives it."""


class Way(NamedTuple):
    """How a coroutine is resumed."""

    answer: Any
    failure: Exception | None = None
    """What is raised in it in place of an answer."""

    @property
    def key(self) -> Any:
        """The same for all that it cannot tell apart."""
        return exact(self.answer) if self.failure is None else _key_of(self.failure)

    def resume(self, program: Program[Any]) -> Awaited:
        """What the program awaits then."""
        return program.send(self.answer) if self.failure is None else program.throw(self.failure)


def _key_of(failure: Exception) -> Hashable:
    """The same for failures that a coroutine cannot tell apart: by their type, and what they hold."""
    try:
        key = exact((type(failure), failure.args, tuple(vars(failure).items())))
        hash(key)
    except Exception:  # it holds what has no hash: there is no other one like it
        return failure
    return key


BEGIN = Way(None)
BEGIN_KEY = BEGIN.key


class ScriptPoint:
    """A point that a program can be at."""

    __slots__ = ("awaited", "before", "error", "following", "has_ended", "noted", "result", "site", "trace", "way")

    def __init__(self, before: ScriptPoint | None = None, way: Way = BEGIN) -> None:
        self.before = before
        """The point before it, from which `way` leads there; `None`: it has not begun."""
        self.way = way
        self.awaited: Awaited = None
        self.has_ended = False
        self.result: Any = None
        """What it returned, if it has ended so."""
        self.error: type[ProtocolError] | Exception | None = None
        """What it raised, if it has ended so."""
        self.trace: TracebackType | None = None
        """The way to that, where it is an error of its own."""
        self.following: dict[Hashable, ScriptPoint] = {}
        """The next point, by the key of the way there."""
        self.noted: dict[Hashable, Notes] = {}
        """What is written down on the way there, if anything is."""
        self.site: Any = None
        """What a table has of it (`tabled.py`)."""


class SharedVariables(Exception):
    """Of coroutines side by side one changes a variable of all: no script knows what is in it."""


class _ClosedOver:
    """What the body of coroutines side by side has in common with them and with who awaits them."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._before = _held_by(body)

    def check(self) -> None:
        """Raise `SharedVariables` if it has changed."""
        if _held_by(self._body) != self._before:
            raise SharedVariables


def _held_by(body: Any) -> Any:
    """What a function is bound to or closes over, and the functions that it closes over."""
    found, functions = list[Any](), [body]
    for each in functions:
        if isinstance(each, partial):
            functions.append(each.func)
            found.append(_held((each.args, each.keywords)))
        if isinstance(each, MethodType):
            functions.append(each.__func__)
            found.append(_held(getattr(each.__self__, "__dict__", None)))
        for cell in getattr(each, "__closure__", None) or ():
            try:
                value = cell.cell_contents
            except ValueError:  # nothing yet
                continue
            found.append(_held(value))
            if isinstance(value, FunctionType | MethodType | partial) and not any(
                value is known for known in functions
            ):
                functions.append(value)
    return found


def _held(value: Any) -> Any:
    """What a collection holds now; anything else as it is."""
    match value:
        case tuple() | list() | deque():
            return type(value), [_held(each) for each in value]
        case set():
            return value.copy()
        case dict():
            return [(key, _held(each)) for key, each in value.items()]
    return value


class Script:
    """What is known of one program."""

    def __init__(
        self, program: Callable[[], Program[Any]], notes: Notes, closed_over: _ClosedOver | None = None
    ) -> None:
        self._program = program
        self._closed_over = closed_over
        """What it could change for others, if it runs side by side with them."""
        self.notes = notes
        self.beginning = ScriptPoint()
        self._points: dict[Hashable, ScriptPoint] = {}
        self._running: tuple[Program[Any], ScriptPoint] | None = None
        """The program itself, and where it is, having been asked last."""

    def begin(self) -> Program[Any]:
        """Begin the program, to all appearances."""
        return Reader(self)  # type: ignore[return-value]  # as much of a coroutine as whoever feeds one uses

    def learn(self, point: ScriptPoint, way: Way) -> ScriptPoint:
        """Where a way leads that nobody has gone before: ask the program itself.

        Raises `SharedVariables`.
        """
        if self._closed_over is not None:
            self._closed_over.check()
        program = self.coroutine_at(point)
        self._running = None
        following = ScriptPoint(point, way)
        noted = len(self.notes)
        place = exact(self._go(program, following))
        if self._closed_over is not None:
            self._closed_over.check()
        if len(self.notes) > noted:
            point.noted[way.key] = self.notes[noted:]
        following = point.following[way.key] = self._points.setdefault(place, following)
        self._running = program, following
        return following

    def coroutine_at(self, point: ScriptPoint) -> Program[Any]:
        """The program itself, having come to a point."""
        if self._running is not None and self._running[1] is point:
            return self._running[0]
        ways = []
        while point.before is not None:
            ways.append(point.way)
            point = point.before
        program, noted = self._program(), len(self.notes)
        for way in reversed(ways):
            way.resume(program)
        del self.notes[noted:]
        return program

    def _go(self, program: Program[Any], point: ScriptPoint) -> Hashable:
        """Go to a new point, and find out what it is; the same for points that need not be told apart."""
        try:
            point.awaited = self._with_scripts(point.way.resume(program))
        except StopIteration as end:
            point.has_ended, point.result = True, end.value
            return "returned", end.value
        except ProtocolError as raised:
            point.has_ended, point.error = True, type(raised)
            return "raised", type(raised)
        except Exception as error:
            if not is_own(error):
                raise
            point.has_ended, point.error, point.trace = True, error, error.__traceback__
            return "raised", point
        return place_of(program)

    def _with_scripts(self, awaited: Awaited) -> Awaited:
        """Programs that are to run side by side have scripts of their own."""
        if not isinstance(awaited, ForEach):
            return awaited
        # Ours share nothing, and those of a large batch are many.
        is_ours = str(getattr(awaited.body, "__module__", "")).partition(".")[0] == "batchsim"
        closed_over = None if is_ours else _ClosedOver(awaited.body)
        programs = [partial(awaited.program, number) for number in range(awaited.count)]
        scripts = [Script(program, self.notes, closed_over) for program in programs]
        return replace(awaited, body=lambda number: scripts[number].begin())


class Reader:
    """Stands for a coroutine of the program."""

    __slots__ = ("point", "script")

    def __init__(self, script: Script) -> None:
        self.script = script
        self.point = script.beginning

    @property
    def coroutine(self) -> Program[Any]:
        """The coroutine that it stands for, where it stands: for who wants to tell the line."""
        return self.script.coroutine_at(self.point)

    def send(self, answer: Any) -> Awaited:
        """As the coroutine would."""
        return self._come_to(self.after(Way(answer)))

    def throw(self, failure: Exception) -> Awaited:
        """As the coroutine would."""
        return self._come_to(self.after(Way(None, failure)))

    def begin(self) -> ScriptPoint:
        """Where it is first."""
        point = self.script.beginning
        following = point.following.get(BEGIN_KEY)
        return self.after(BEGIN) if following is None or point.noted else following

    def after(self, way: Way) -> ScriptPoint:
        """Where a way leads from here."""
        point = self.point
        try:
            key = way.key
            following = point.following.get(key)
        except Exception as error:
            raise of_answer(point.awaited, way.answer, error) from None
        if following is None:
            return self.script.learn(point, way)
        if point.noted:
            self.script.notes += point.noted.get(key, ())
        return following

    def _come_to(self, point: ScriptPoint) -> Awaited:
        self.point = point
        if not point.has_ended:
            return point.awaited
        failure = failure_of(point)
        if failure is not None:
            raise failure
        raise StopIteration(point.result)


def failure_of(point: ScriptPoint) -> Exception | None:
    """What a program raised that has ended at a point, if it did."""
    error = point.error
    if isinstance(error, Exception):
        return error.with_traceback(point.trace)
    return None if error is None else error()
