"""A function of a user's own, asked with care.

It has to be a function of what it is asked about, and of nothing else: engines remember answers, replay schedules,
and ask other processes. So it is asked several times, what it answers is compared with all that it answered
before, and while it is asked for the first time it is watched for a look at the clock or at chance, which need
not show in a few answers.

What is not found: state that has not changed any answer yet, and what differs only between two machines or two
days (a file that it reads, a setting of the environment). Answers of other processes are compared by
`Asked.compare`.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import repeat
from pathlib import Path
from types import CoroutineType, FrameType
from typing import Any, Generic, TypeVar

from batchsim.exact import exact
from batchsim.signals import is_real
from batchsim.user_code import (
    UserCodeError,
    last_of_the_users,
    lines_to,
    printing_to_stderr,
    told,
    users_frame,
    what_it_did,
)

A = TypeVar("A")
R = TypeVar("R")

CAREFUL_MAX = 16
"""The first of what it is asked about: here it is asked most often, and again with each that is new."""
TIMES, TIMES_LATER = 32, 2
"""How often it is asked about something new, among the first and later."""
PATIENCE_S = 0.1
"""After so long it has been asked often enough: it is slow."""

_CLOCK = frozenset(
    f"{clock}{unit}"
    for clock in ("time", "monotonic", "perf_counter", "process_time", "thread_time", "clock_gettime")
    for unit in ("", "_ns")
) | {"localtime", "gmtime", "ctime"}
_OUTSIDE = {"time": _CLOCK, "posix": frozenset({"getpid", "getrandom", "times", "urandom"})}
"""Built-in functions that answer differently each time, or in each process, by their modules."""
_OF_PROCESS = ("id", "hash")
"""Built-in functions whose answers depend on where a value lies, or on how this process hashes."""
_NEW = object()


class Asked(Generic[A, R]):
    """A function of a user's; `UserCodeError` is all that it raises.

    `what`: the file and the names to tell it by. `allowed`: what it may answer, by how that is written.
    `fresh`: a copy of what it is asked about, if that could be changed. `briefly`: the same in a few words.
    """

    def __init__(
        self,
        function: Callable[[A], R],
        what: str,
        allowed: dict[str, R],
        *,
        fresh: Callable[[A], A] | None = None,
        briefly: Callable[[A], str] = str,
    ) -> None:
        self._function = function
        self._what = what
        self._names = {id(answer): name for name, answer in allowed.items()}
        self._kinds = {type(answer) for answer in allowed.values()}
        self._fresh = fresh
        self._briefly = briefly
        self._answers: dict[Hashable, tuple[A, R]] = {}
        self._refusal: UserCodeError | None = None
        """Once it was refused, it is: whoever met it first may only have wanted to know what a run issues."""

    def __call__(self, subject: A) -> R:
        """Its answer."""
        if self._refusal is not None:
            raise self._refusal
        if exact(subject) not in self._answers:
            return self._first(subject)
        answer = self.ask(subject)
        self._check(subject, answer)
        return answer

    @property
    def answers(self) -> Iterable[tuple[A, R]]:
        """What it answered."""
        return self._answers.values()

    def compare(self, answers: Iterable[tuple[A, R]]) -> None:
        """Ask it what it was asked in another process; raises `UserCodeError` where the answers differ."""
        for subject, elsewhere in answers:
            answer = self(subject)
            if answer is not elsewhere:
                self._refuse(subject, answer, elsewhere, "in another process ")

    def _first(self, subject: A) -> R:
        seen: list[str] = []
        with _watching(seen):
            answer = self.ask(subject)
        begin = time.monotonic()  # being watched takes time of its own
        is_early = len(self._answers) < CAREFUL_MAX
        others = tuple([other for other, _ in self._answers.values()]) if is_early else ()
        self._answers[exact(subject)] = subject, answer
        for again in (*repeat(subject, (TIMES if is_early else TIMES_LATER) - 1), *others):
            self._check(again, self.ask(again))
            if time.monotonic() - begin > PATIENCE_S:
                break
        if seen:
            del self._answers[exact(subject)]  # so that it is watched again, should anybody ask again
            raise UserCodeError(
                f"{self._told(subject)} asks {seen[0]}; allowed: an answer that depends on its argument alone"
            )
        return answer

    def _check(self, subject: A, answer: R) -> None:
        _, known = self._answers.get(exact(subject), (subject, answer))
        if answer is not known:
            self._refuse(subject, known, answer, "")

    def _refuse(self, subject: A, known: R, answer: R, where: str) -> None:
        both = f"{self._names[id(known)]}, and {where}{self._names[id(answer)]}"
        text = f"{self._told(subject)} returned {both}; allowed: always the same answer"
        self._refusal = UserCodeError(text)
        raise self._refusal

    def ask(self, subject: A) -> R:
        """Its answer, asked once, and compared with none."""
        try:
            with printing_to_stderr():
                answer = self._function(subject if self._fresh is None else self._fresh(subject))
        except BaseException as error:  # `sys.exit` must not pass for an answer either
            if is_real(error):
                raise
            raise UserCodeError(f"{self._told(subject)} {what_it_did(error)}{self._defined(error)}") from None
        if id(answer) not in self._names:
            allowed = ", ".join(self._names.values())
            raise UserCodeError(f"{self._told(subject)} returned {self._told_answer(answer)}; allowed: {allowed}")
        return answer

    def _defined(self, error: BaseException) -> str:
        """Where the function is, if it takes other arguments: then no line of it was reached."""
        code = getattr(self._function, "__code__", None)
        if not isinstance(error, TypeError) or code is None or last_of_the_users(lines_to(error)):
            return ""
        return f" ({Path(code.co_filename).name}:{code.co_firstlineno}); allowed: a function of one argument"

    def _told(self, subject: A) -> str:
        return f"{self._what}({self._briefly(subject)})"

    def _told_answer(self, answer: object) -> str:
        if type(answer) is CoroutineType:
            answer.close()  # or Python complains that nobody awaited it
        kind = type(answer)
        if any(kind is each for each in self._kinds) or type.__dict__["__module__"].__get__(kind) == "builtins":
            return told(answer)
        return f"{told(answer)}, of type {told(kind, lambda it: f'{it.__module__}.{it.__qualname__}')}"


@contextmanager
def _watching(seen: list[str]) -> Iterator[None]:
    """Note each look at the clock or at chance, unless somebody else is watching already."""
    if sys.getprofile() is not None:
        yield
        return
    random = sys.modules.get("random")
    of_all = getattr(random, "_inst", None)

    def note(frame: FrameType, event: str, callee: Any) -> None:
        if event != "c_call":
            return
        what = _outside(callee, of_all) or _of_process(callee, frame)
        if what and not _is_of_logging(frame):
            seen.append(what)

    # Collecting garbage calls whatever code others have hung on to it, which is none of the function's doing.
    collects = gc.isenabled()
    gc.disable()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        if collects:
            gc.enable()


def _outside(callee: Any, random_of_all: object) -> str | None:
    """What a built-in function asks, if it is the clock or chance."""
    owner, name = callee.__self__, callee.__name__
    if random_of_all is not None and owner is random_of_all:
        return "for a random number"
    if issubclass(type(owner), type):
        return "the clock" if issubclass(owner, date) and name in ("now", "utcnow", "today") else None
    if name in _OUTSIDE.get(getattr(callee, "__module__", None) or "", ()):
        return f"{callee.__module__}.{name}".replace("posix.", "os.")
    return None


def _of_process(callee: Any, frame: FrameType) -> str | None:
    """What tells processes apart, if the user's code calls it itself: what prints a value does, too."""
    if callee.__name__ not in _OF_PROCESS or callee.__module__ != "builtins" or users_frame(frame) is not frame:
        return None
    # A `__hash__` of one's own decides nothing but where a value is kept.
    return None if frame.f_code.co_name == "__hash__" else f"for {callee.__name__}(…)"


def _is_of_logging(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] == "logging"
