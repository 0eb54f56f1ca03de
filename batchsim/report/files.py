"""Writing files whole or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file (text in UTF-8) by way of a neighbour that takes its place; raises `OSError`.

    What is no regular file (a device, a pipe) is written to as it is; a link is followed.
    """
    path = path.resolve()
    data = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    handle, neighbour = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(neighbour).chmod(_mode(path))
        Path(neighbour).replace(path)
    except BaseException:
        Path(neighbour).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def why_not_writable(path: Path) -> str | None:
    """Why a file cannot be written there, as far as one can tell beforehand; `None`: nothing speaks against it."""
    if path.is_dir():
        return "found a directory; allowed: a file"
    if not path.parent.is_dir():
        return f"found no directory {path.parent}; allowed: a file in a directory that exists"
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return "found a place that is not writable"
    return None
