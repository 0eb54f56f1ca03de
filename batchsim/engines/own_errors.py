"""Errors of a user's coroutines: they end their actor, and are part of what a run comes to.

An error of batchsim itself is none: that which code of batchsim raised, be it called by a coroutine, goes on to
whoever called the engine.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import NamedTuple

from batchsim.model.operation import ProtocolError
from batchsim.user_code import told_error

_OURS = str(Path(__file__).parent.parent / "_").removesuffix("_")
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


class ToldError(NamedTuple):
    """An error, and where it came from."""

    error: str
    line: str


def is_own(error: Exception) -> bool:
    """Whether code of a coroutine raised it, or what that called, and no code of batchsim."""
    if isinstance(error, ProtocolError):
        return True
    files = _files(error)
    return not isinstance(error, MemoryError) and bool(files) and not files[-1][0].startswith(_OURS)


def told(error: Exception) -> ToldError:
    """An error in one line, and the last line of the user's that led to it."""
    files = _files(error)
    theirs = [each for each in files if not each[0].startswith(_OURS)] or files
    own = [each for each in theirs if not each[0].startswith(_LIBRARIES)] or theirs
    return ToldError(told_error(error), ":".join(map(str, own[-1])) if own else "")


def _files(error: Exception) -> list[tuple[str, int]]:
    """The files and lines on the way to an error, from the outermost one."""
    trace, files = error.__traceback__, []
    while trace is not None:
        files.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return files
