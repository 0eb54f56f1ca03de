"""What files of a user's import and read as they are loaded, and whether that has changed since.

A user's file is loaded anew once it has changed. What it imports is not: Python keeps modules, and a process that
asks again and again (`check --watch`, a worker of a Dask cluster, a notebook) would go on with what they were. So
they are forgotten as soon as one of them has changed, and imported again with the file.
"""

from __future__ import annotations

import importlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import source_from_cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, ClassVar

Stamp = tuple[int, int, int] | None
"""What changes with a file (device and inode, size, time of change); `None`: it is gone."""

_OURS = str(Path(__file__).parent) + os.sep
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_OF_PYTHON = tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib"))
_OF_SYSTEM = tuple(f"{os.sep}{name}{os.sep}" for name in ("dev", "proc", "sys"))


class _Known:
    """What is known in this process."""

    depth = 0
    """How many files are being loaded, one for the sake of the other."""
    is_watching = False
    modules: ClassVar[dict[str, ModuleType]] = {}
    """Those that users' files have imported from a working tree, by name."""
    stamps: ClassVar[dict[str, Stamp]] = {}
    """Of every file that was imported or read, by its real path."""
    read_by: ClassVar[dict[str, set[str]]] = {}
    """By the real path of a Python file: what was read while its code ran, as it was loaded."""


@contextmanager
def noting_imports() -> Iterator[None]:
    """A user's file is loaded in here."""
    if not _Known.is_watching:
        _Known.is_watching = True
        sys.addaudithook(_note_open)  # which cannot be taken away again
    before = set(sys.modules)
    _Known.depth += 1
    try:
        yield
    finally:
        _Known.depth -= 1
        for name in sys.modules.keys() - before:
            module = sys.modules[name]
            where = getattr(module, "__file__", None)
            if isinstance(where, str) and name.partition(".")[0] != "batchsim" and may_change(where):
                _Known.modules[name] = module
                file = os.path.realpath(where)
                _Known.stamps.setdefault(file, _stamp(file))


def forget_what_changed() -> bool:
    """Forget all that users' files have imported if any of it has changed, or what it read; whether it has."""
    if _Known.depth or all(_stamp(file) == stamp for file, stamp in _Known.stamps.items()):
        return False
    for name, module in _Known.modules.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
        above, _, last = name.rpartition(".")
        if getattr(sys.modules.get(above), last, None) is module:  # where `from above import last` would find it
            delattr(sys.modules[above], last)
    for known in (_Known.modules, _Known.stamps, _Known.read_by):
        known.clear()
    importlib.invalidate_caches()
    return True


def imported() -> Iterator[str]:
    """The real paths of all that users' files have imported from a working tree in this process."""
    for module in _Known.modules.values():
        yield os.path.realpath(str(module.__file__))


def read_by(file: str) -> frozenset[str]:
    """What was read while the code of a Python file ran, as it was loaded; all of them are real paths."""
    return frozenset(_Known.read_by.get(file, ()))


def may_change(file: str) -> bool:
    """Whether a file lies where people work: it is none of Python's, of ours, or of an installed package."""
    real = os.path.realpath(file)
    is_ours = real.startswith(_OURS)
    return not (is_ours or _INSTALLED & set(Path(real).parts) or real.startswith((*_OF_PYTHON, *_OF_SYSTEM)))


def _stamp(file: str) -> Stamp:
    with suppress(OSError):
        state = Path(file).stat()
        return (state.st_ino, state.st_size, state.st_mtime_ns)
    return None


def _note_open(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what is opened to be read, for all of a user's files that are at work just then."""
    if event != "open" or not _Known.depth:
        return
    name, mode, flags = arguments
    with suppress(Exception):  # nobody's code fails because somebody looks on
        is_written = set(mode or "") & set("wax+") or (flags or 0) & (os.O_WRONLY | os.O_RDWR)
        if isinstance(name, int) or is_written:
            return
        file = os.path.realpath(os.fsdecode(name))
        if file.endswith(".pyc"):
            file = source_from_cache(file)
        if not may_change(file):
            return
        _Known.stamps.setdefault(file, _stamp(file))
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            reader = frame.f_code.co_filename
            if reader.endswith(".py") and may_change(reader):
                _Known.read_by.setdefault(os.path.realpath(reader), set()).add(file)
            frame = frame.f_back
