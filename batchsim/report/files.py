"""Writing files: whole or not at all, and nothing over what somebody else wrote.

A file that the user names is theirs to replace. In a folder that they name, only what batchsim wrote is replaced:
each file that goes there carries a mark, and one of the same name without it is refused.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from batchsim.bad_input import BadInputError

_COMMENT = "<!-- written by batchsim"
_FIELD = '"written_by": "batchsim"'
_MARKED_WITHIN = 1000
"""Bytes from the beginning of a file, in which its mark stands."""


# -- a file that the user names --------------------------------------------------------------------


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file (text in UTF-8) by way of a neighbour that takes its place; raises `OSError`.

    What is no regular file (a device, a pipe), or where our own output goes, is appended to; a link is followed.
    """
    data = content.encode() if isinstance(content, str) else content
    mode = _mode(path)
    if mode is not None and (not stat.S_ISREG(mode) or _is_our_output(path)):
        held = _HELD.pop(os.path.realpath(path), None)
        with os.fdopen(_opened_at_once(path) if held is None else held, "ab") as stream:
            stream.write(data)
        return
    path = Path(os.path.realpath(path))
    # Not named after the file, whose name may be as long as names can be.
    handle, neighbour = tempfile.mkstemp(dir=path.parent, prefix=".batchsim-")
    try:
        _write(handle, data, stat.S_IMODE(mode) if mode is not None else _usual_mode())
        Path(neighbour).replace(path)
    except BaseException:
        Path(neighbour).unlink(missing_ok=True)
        raise


_HELD: dict[str, int] = {}
"""FIFOs that were opened to see whether anybody reads them, by their real paths.

Closed, they would be at their end for whoever does.
"""


def _opened_at_once(path: Path) -> int:
    """Open what is no regular file; raises `OSError` for a FIFO that nobody reads, which would wait for ever."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO and path.is_fifo():
            raise OSError(errno.ENXIO, "found a FIFO that nobody reads") from None
        raise
    os.set_blocking(handle, True)
    return handle


def why_not_writable(path: Path) -> str | None:
    """Why a file cannot be written there, as far as one can tell beforehand; `None`: nothing speaks against it."""
    try:
        mode = _mode(path)
        target = Path(os.path.realpath(path)) if path.is_symlink() else path
        if mode is not None and stat.S_ISDIR(mode):
            return "found a directory; allowed: a file"
        if not target.parent.is_dir():
            return f"found no directory {target.parent}; allowed: a file in a directory that exists"
    except OSError as error:
        return _told(error)
    is_in_place = mode is not None and not stat.S_ISREG(mode)
    if mode is not None and not os.access(path, os.W_OK):
        return "found a file that is not writable"
    if mode is not None and stat.S_ISFIFO(mode) and os.path.realpath(path) not in _HELD:
        try:
            _HELD[os.path.realpath(path)] = _opened_at_once(path)
        except OSError as error:
            return _told(error)
    return None if is_in_place or os.access(target.parent, os.W_OK) else "found a directory that is not writable"


def _mode(path: Path) -> int | None:
    """What is there; `None`: nothing. Raises `OSError` where that cannot be told."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _usual_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _is_our_output(path: Path) -> bool:
    for stream in (sys.__stdout__, sys.__stderr__):
        with suppress(AttributeError, OSError, ValueError):
            if stream is not None and os.path.samestat(path.stat(), os.fstat(stream.fileno())):
                return True
    return False


def _write(handle: int, data: bytes, mode: int) -> None:
    """Write it all, down to the disk: some file systems only say then that there is no room."""
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)
        os.fchmod(handle, mode)


def _told(error: OSError) -> str:
    return error.strerror or str(error)


# -- a folder that the user names ------------------------------------------------------------------


def write_folder(directory: Path, texts: Mapping[str, str]) -> None:
    """Write files into a folder, by their names in it, such as `a.md` or `findings/a.md`.

    All are written beside their places first, so a full disk changes nothing. They are then put there in the order
    given: what leads to the others belongs to the end. The folder is made where there is none; other files stay.

    Raises `BadInputError` where a file is in the place of one and was not written by batchsim, and `OSError`.
    """
    check_not_others(directory, texts)
    made: list[Path] = []
    try:
        for folder in dict.fromkeys((directory, *((directory / name).parent for name in texts))):
            _make(folder, made)
        # Beside their places, so that moving a file there is one step of the same file system.
        draft = Path(tempfile.mkdtemp(prefix=".batchsim-", dir=directory))
        try:
            for number, (name, text) in enumerate(texts.items()):
                handle = os.open(draft / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                _write(handle, _marked(name, text).encode(), _usual_mode())
            for number, name in enumerate(texts):
                (draft / str(number)).replace(directory / name)
        finally:
            rmtree(draft, ignore_errors=True)
    except BaseException:
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()
        raise


def why_no_folder(directory: Path) -> str | None:
    """Why files cannot be written into that folder, as far as one can tell beforehand; `None`: they can."""
    try:
        nearest = directory
        while (mode := _mode(nearest)) is None:
            if nearest.is_symlink():
                return f"found a link to nothing: {nearest}; allowed: a directory"
            nearest = nearest.parent
    except OSError as error:
        return _told(error)
    if not stat.S_ISDIR(mode):
        return "found a file; allowed: a directory"
    return None if os.access(nearest, os.W_OK | os.X_OK) else "found a directory that is not writable"


def check_not_others(directory: Path, names: Iterable[str]) -> None:
    """Whether what is in the places of these files was written by batchsim; raises `BadInputError`."""
    others = [directory / name for name in names if os.path.lexists(directory / name)]
    others = [path for path in others if not _is_marked(path)]
    if others:
        more = f" (nor {len(others) - 1} more)" if len(others) > 1 else ""
        raise BadInputError(f"{others[0]}: not written by batchsim{more}; choose another folder, or remove it")


def _marked(name: str, text: str) -> str:
    """The text with the mark: a comment, or a field of a JSON object."""
    comment = f"{_COMMENT}; edits are lost when it is written again -->\n"
    match Path(name).suffix:
        case ".svg":
            return text.replace("<svg", f"{comment}<svg", 1)
        case ".json":
            return text.replace("{", f"{{\n {_FIELD},", 1)
        case _:
            return f"{comment}{text}"


def _is_marked(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            beginning = file.read(_MARKED_WITHIN)
        return any(mark.encode() in beginning for mark in (_COMMENT, _FIELD))
    except OSError:
        return False


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder and those above it; `made`: what was made, the outer ones first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir()
        made.append(each)
