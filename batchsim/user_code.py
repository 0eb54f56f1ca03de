"""Objects from a user's own Python file, named `path/to/file.py:NAME`.

Whatever the file does, all that comes of it is the object or a `UserCodeError`: one line that can be shown. What
the file prints goes to standard error, since standard output is for results.
"""

from __future__ import annotations

import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import RLock
from types import FrameType, ModuleType, TracebackType
from typing import Any, ClassVar, TextIO, TypeVar, cast

from batchsim.bad_input import BadInputError
from batchsim.exact import COMPARABLE
from batchsim.reading import Unreadable, read_file
from batchsim.signals import is_real
from batchsim.user_imports import forget_what_changed, noting_imports
from batchsim.visible import in_one_line, visible, without_addresses

T = TypeVar("T")

BYTES_MAX = 1_000_000
SHOWN_MAX = 200
"""So many characters of what a user's code says are shown."""
REFERENCE_PATTERN = r"^.+\.py:[A-Za-z_][A-Za-z0-9_]*$"
_REFERENCE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_][A-Za-z0-9_]*)")
_MODULES: dict[str, ModuleType] = {}
"""Those that have run, by name."""
_MODULE = "batchsim_user_"
"""How the names of users' modules begin."""
_ENDS = ("_exit", "execv", "execve")
"""Functions of `os` that end the process at once, all others of the kind included, which call these."""
_ALLOWED = "allowed: to print to it"
_STREAMS = ("stdout", "stderr", "__stdout__", "__stderr__")
_OURS = str(Path(__file__).parent)


class UserCodeError(BadInputError):
    """Code of a user's cannot be used; the text is one printable line that says where, why, and what would do."""

    def __init__(self, text: str) -> None:
        super().__init__(in_one_line(text))


def is_reference(text: str) -> bool:
    """Whether `text` has the form `path/to/file.py:NAME`."""
    return _REFERENCE.fullmatch(text) is not None


def load_from_file(reference: str, directory: Path, expected: type[T], *, meant: tuple[type, ...] = ()) -> T:
    """The object `NAME` of `path/to/file.py:NAME`, relative to `directory`; raises `UserCodeError`.

    `meant`: of what is expected, the types of those that are of use; others are not proposed.
    """
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UserCodeError(f"found {reference!r}; allowed: path/to/file.py:NAME")
    path, name = directory / match["file"], match["name"]
    names = vars(_module(path, name))
    value: Any = names.get(name)
    if name in names and _is_a(value, expected):
        return cast(T, value)
    if name in names:
        raise UserCodeError(f"{path}: {name} is of type {type_name(value)}, not {expected.__name__}")
    kinds = meant or (expected,)
    known = [each for each, value in names.items() if _is_theirs(each, value) and _is_a(value, kinds)]
    raise UserCodeError(f"{path} has no {name}; {_instead(name, known, kinds)}")


def _is_theirs(name: object, value: object) -> bool:
    """Whether a name of a user's file is one that they gave, or took from elsewhere."""
    return type(name) is str and not name.startswith("__") and value is not _print


def located(reference: str, directory: Path) -> str:
    """A reference that is the same for all ways to write it: the real path of its file, and its name."""
    file, _, name = reference.rpartition(":")
    return f"{os.path.realpath(directory / file)}:{name}"


def content_of(reference: str, directory: Path) -> str:
    """16 hexadecimal digits that tell the content of the file in which `NAME` of a reference is."""
    from hashlib import sha256  # noqa: PLC0415 - mostly there is no code of a user's

    return sha256(_source(directory / reference.rpartition(":")[0])).hexdigest()[:16]


class OutputTaken(Exception):
    """A user's code closed or replaced what it may only print to; the text says what."""


class EndsProcess(UserCodeError):
    """A user's code wanted to end the process, unjudged and with an exit code of its own; the text says how."""


class _Printing:
    """Whether a user's code runs, in however many threads."""

    lock = RLock()
    depth = 0
    ours: ClassVar[dict[str, Any]] = {}
    """The streams that are ours, by their names in `sys`."""
    lent: ClassVar[dict[str, Any]] = {}
    """What stands in their places."""


@contextmanager
def printing_to_stderr() -> Iterator[None]:
    """While a user's code runs: what it prints is no result. Raises `OutputTaken`."""
    with _Printing.lock:
        if not _Printing.depth:
            _Printing.ours = {name: getattr(sys, name) for name in _STREAMS}
            _Printing.lent = {name: _Shared(sys.stderr) for name in _STREAMS}
            _lend()
        _Printing.depth += 1
    try:
        yield
        for name, stream in _Printing.lent.items():
            is_there = vars(sys).get(name) is stream
            if not is_there:
                raise OutputTaken(f"replaced sys.{name}; {_ALLOWED}")
            if stream.is_closed:
                raise OutputTaken(f"closed sys.{name}; {_ALLOWED}")
    finally:
        with _Printing.lock:
            _Printing.depth -= 1
            if _Printing.depth:
                _lend()
            else:
                vars(sys).update(_Printing.ours)


def check_output() -> None:
    """Whether what is ours can still be printed to, after code that nobody was lent anything for (a step).

    Raises `OutputTaken`.
    """
    for name in ("stdout", "stderr"):
        stream = vars(sys).get(name)
        if stream is None:
            vars(sys)[name] = vars(sys)[f"__{name}__"]
            raise OutputTaken(f"replaced sys.{name}; {_ALLOWED}")
        if stream.closed:
            raise OutputTaken(f"closed sys.{name}; {_ALLOWED}")


def _lend() -> None:
    for stream in _Printing.lent.values():
        stream.is_closed = False
    vars(sys).update(_Printing.lent)


def _print(*values: object, file: Any = None, **options: Any) -> None:
    """What `print` is in a user's file: its steps and threads run when nobody has lent it anything."""
    print(*values, file=_Shared(sys.stderr) if file is None else file, **options)


class _Shared(io.TextIOBase):
    """Standard error, to be written to; who closes it closes nothing."""

    is_closed = False
    """Whether somebody wanted to."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Pass it on, with no control character that a terminal would obey."""
        return self._stream.write(visible(text))

    def flush(self) -> None:
        """As the stream."""
        self._stream.flush()

    def fileno(self) -> int:
        """As the stream."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """As the stream."""
        return self._stream.isatty()

    def close(self) -> None:
        """Only that it was asked for: others write to it too."""
        self.is_closed = True


def told(value: object, how: Callable[[Any], str] = repr) -> str:
    """A value of a user's as a short line, even if it cannot show itself, and the same in every process."""
    try:
        text = how(value)
        # Of a subclass of `str`, whose own methods may do anything, the text itself.
        text = str.__getitem__(text, slice(SHOWN_MAX + 1))
    except BaseException as error:
        if is_real(error):
            raise
        return f"an unprintable {type_name(value)}"
    text = without_addresses(" ".join(text.split()))
    return in_one_line(text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…")


def told_error(error: BaseException) -> str:
    """An exception of a user's as a short line."""
    if isinstance(error, OutputTaken | EndsProcess):
        return str(error)
    text = told(error, lambda it: it.msg if isinstance(it, SyntaxError) else str(it))
    return f"{type_name(error)}: {text}".removesuffix(": ")


def what_it_did(error: BaseException) -> str:
    """What a user's code did instead of coming to an end, and where: `raised ValueError: … (own.py:7)`."""
    if isinstance(error, OutputTaken | EndsProcess):
        return told_error(error)
    place = last_of_the_users(lines_to(error))
    return f"raised {told_error(error)}{place and f' ({place})'}"


def check_comparable(value: object, what: str) -> None:
    """Whether states can be told apart by a value; raises `UserCodeError`. `what`: whose it is, in messages."""
    said = f"{what} returned {told(value)}, which"
    try:
        hash(value)
        is_one = bool(value == value)  # noqa: PLR0124 - the user's own code decides that
    except Exception as error:
        raise UserCodeError(f"{said} {what_it_did(error)}; allowed: {COMPARABLE}") from None
    if not is_one:
        raise UserCodeError(f"{said} is not equal to itself; allowed: {COMPARABLE}")


def lines_to(error: BaseException) -> list[tuple[str, int]]:
    """The files and lines on the way to an error, from the outermost one."""
    return [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]


def last_of_the_users(lines: Iterable[tuple[str, int]]) -> str:
    """Of files and lines the last one of the user's own code: `own.py:7`; empty: none is."""
    own = [each for each in lines if not each[0].startswith((_OURS, "<", *_libraries()))]
    return f"{in_one_line(_from_here(own[-1][0]))}:{own[-1][1]}" if own else ""


def users_frame(frame: FrameType | None) -> FrameType | None:
    """Of a frame and those that called it the last one that is in a user's file; `None`: none is."""
    while frame is not None and not str(frame.f_globals.get("__name__")).startswith(_MODULE):
        frame = frame.f_back
    return frame


def place_of_frame(frame: FrameType) -> str:
    """Where a frame is now: `own.py:7`."""
    return f"{in_one_line(_from_here(frame.f_code.co_filename))}:{frame.f_lineno}"


def of_users(error: BaseException) -> UserCodeError | None:
    """The error as one of a user's code, with the line that led there; `None`: none of theirs is on the way."""
    place = last_of_the_users(lines_to(error))
    return UserCodeError(f"{place}: raised {told_error(error)}") if place else None


def _from_here(file: str) -> str:
    """A file below the current directory by its way from there: workers know it by its whole path."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return file


@cache
def _libraries() -> tuple[str, ...]:
    import sysconfig  # noqa: PLC0415 - mostly nothing goes wrong

    return tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def place_in_batchsim(trace: TracebackType | None) -> str | None:
    """The last line of batchsim on the way to an error; `None`: only other people's code was."""
    place = None
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(_OURS):
            place = f"batchsim{name.removeprefix(_OURS)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def was_raised_here(error: BaseException) -> bool:
    """Whether it was a line of batchsim that raised it, and not one of a user's."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code.co_filename.startswith(_OURS)


def type_name(value: object) -> str:
    """The name of a value's type."""
    name = type.__dict__["__name__"].__get__(type(value))
    return in_one_line(str(name))


def _is_a(value: object, expected: type | tuple[type, ...]) -> bool:
    # Not `isinstance`, which asks the value what it says it is.
    return issubclass(type(value), expected)


def _instead(name: str, known: list[str], kinds: tuple[type, ...]) -> str:
    of_kinds = "" if kinds == (object,) else f"of type {' or '.join(each.__name__ for each in kinds)} "
    if not known:
        return f"nothing in it is {of_kinds}".rstrip() if of_kinds else "it has no names"
    has = f"{of_kinds}it has {', '.join(known)}"
    import difflib  # noqa: PLC0415 - likewise

    near = difflib.get_close_matches(name, known, n=1)
    return f"{has}; did you mean '{near[0]}'?" if near else has


def _module(path: Path, wanted: str) -> ModuleType:
    """Run the file once as a module of its own; no byte code is written and `sys.path` stays as it is."""
    source = _source(path)
    name = _module_name(path, source)
    _guard_ends()
    if forget_what_changed():
        for known in _MODULES:
            sys.modules.pop(known, None)
        _MODULES.clear()
    if name not in _MODULES:
        module = ModuleType(name)
        module.__file__ = str(path)
        vars(module)["print"] = _print
        # Registered before it runs: dataclasses look their module up by its name.
        sys.modules[name] = module
        try:
            with printing_to_stderr(), noting_imports():
                exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
        except BaseException as error:
            sys.modules.pop(name, None)
            if is_real(error):
                raise
            why = f"{told_error(error)}{_stands_alone(path, error)}"
            raise UserCodeError(f"{path}{_line(path, error)}: no {wanted}: {why}") from None
        _MODULES[name] = module
    return _MODULES[name]


def _stands_alone(path: Path, error: BaseException) -> str:
    """What would do where the file wants to import one that lies beside it."""
    name = error.name.partition(".")[0] if isinstance(error, ModuleNotFoundError) and error.name else ""
    if not name or not ((path.parent / f"{name}.py").is_file() or (path.parent / name).is_dir()):
        return ""
    return f"; a file that is named stands alone: what it takes from {name} goes into it, or is installed"


def _source(path: Path) -> bytes:
    try:
        return read_file(path, BYTES_MAX)
    except Unreadable as why:
        raise UserCodeError(f"{path}: {why}") from None


def _module_name(path: Path, source: bytes) -> str:
    # The same file gives the same name in every process; an edited one, or another of that name, a new one.
    from hashlib import sha256  # noqa: PLC0415 - mostly there is no code of a user's

    digest = sha256(bytes(path.resolve()) + b"\0" + source).hexdigest()
    return f"{_MODULE}{path.stem}_{digest[:12]}"


def _guard_ends() -> None:
    """From now on a user's code that ends the process, or puts another program in its place, is told instead.

    A gate would take the exit code for batchsim's. Everybody else ends as usual, as do processes that are forked.
    """
    for module in {os, sys.modules.get("posix", os)}:
        for name in _ENDS:
            end = getattr(module, name, None)
            if end is not None and not isinstance(end, _GuardedEnd):
                setattr(module, name, _GuardedEnd(end, name))


class _GuardedEnd:
    """A function that ends the process; raises `EndsProcess` where a user's code calls it."""

    def __init__(self, end: Callable[..., Any], name: str) -> None:
        self._end = end
        self._name = name
        self._process = os.getpid()

    def __call__(self, *arguments: Any) -> Any:
        """What the function does."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and os.getpid() == self._process:
            # A second Ctrl-C may come while a user's code runs: then it is we who end.
            if frame.f_code.co_filename.startswith(_OURS):
                break
            if str(frame.f_globals.get("__name__")).startswith(_MODULE):
                where = f"line {frame.f_lineno} of {Path(frame.f_code.co_filename).name}"
                raise EndsProcess(f"called os.{self._name} in {where}; allowed: to raise an error")
            frame = frame.f_back
        return self._end(*arguments)


def _line(path: Path, error: BaseException) -> str:
    """`:line` of the file at which it failed, as far as known."""
    frames = traceback.walk_tb(error.__traceback__)
    lines: list[object] = [line for frame, line in frames if frame.f_code.co_filename == str(path)]
    if not lines and isinstance(error, SyntaxError):
        lines = [error.lineno]
    line = lines[-1] if lines else None
    return f":{line}" if isinstance(line, int) else ""
