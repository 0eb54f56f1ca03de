"""Reads a file that a user names: a regular one, of a bounded size, and nothing else.

A FIFO would wait for a writer for ever, and reading a device can do anything.
"""

from __future__ import annotations

import stat
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


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
    return data
