"""Reads a file that a user names: a regular one, of a bounded size, and nothing else.

A FIFO would wait for a writer for ever, and reading a device can do anything.

What was read is remembered, since no result may take its place: which files a scenario leads to (code, CSV files)
is known only to whoever reads it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_READ: set[str] = set()
"""The real paths of all files that were read in this process."""
_NOTES: list[set[str]] = []
"""Those of whoever wants to know what is read."""


class Unreadable(Exception):
    """A file is not read; the text says why, in a few words."""


def read_file(path: Path, bytes_max: int) -> bytes:
    """The content of a regular file of at most `bytes_max` bytes; raises `Unreadable`."""
    try:
        kind = _KINDS.get(stat.S_IFMT(path.stat().st_mode))
        if kind is not None:
            raise Unreadable(f"no readable file (it is {kind})")
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except OSError as error:
        raise Unreadable(f"no readable file ({error.strerror})") from None
    except ValueError:
        raise Unreadable("no possible file name") from None
    if len(data) > bytes_max:
        raise Unreadable(f"a file of more than {bytes_max} bytes")
    _note(path)
    return data


def _note(path: Path) -> None:
    real = os.path.realpath(path)
    for known in (_READ, *_NOTES):
        known.add(real)


def read_lines(path: Path, bytes_max: int) -> Iterator[bytes]:
    """The lines of a regular file of at most `bytes_max` bytes, one by one; raises `Unreadable`, maybe late."""
    try:
        kind = _KINDS.get(stat.S_IFMT(path.stat().st_mode))
        if kind is not None:
            raise Unreadable(f"no readable file (it is {kind})")
        with path.open("rb") as file:
            _note(path)
            left = bytes_max
            while line := file.readline(left + 1):
                left -= len(line)
                if left < 0:
                    raise Unreadable(f"a file of more than {bytes_max} bytes")
                yield line
    except OSError as error:
        raise Unreadable(f"no readable file ({error.strerror})") from None
    except ValueError:
        raise Unreadable("no possible file name") from None


@contextmanager
def noting_reads() -> Iterator[set[str]]:
    """The real paths of the files that are read in here."""
    read: set[str] = set()
    _NOTES.append(read)
    try:
        yield read
    finally:
        _NOTES.pop()


def was_read(path: Path) -> bool:
    """Whether that file was read in this process, by whatever name."""
    for read in _READ:
        with suppress(OSError, ValueError):
            if path.samefile(read):
                return True
    return False
