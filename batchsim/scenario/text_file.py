"""Reads the text of a file that a user names, within limits."""

from __future__ import annotations

import re
from pathlib import Path

from batchsim.scenario.problems import Place, fail

BYTES_MAX = 1_000_000

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def read_text(path: Path, name: str) -> str:
    """The text of a file of at most `BYTES_MAX` bytes of UTF-8, called `name`; raises `InvalidScenario`."""
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        fail(Place(name), f"no readable file ({error.strerror})", "a file")
    except ValueError:
        fail(Place(name), "no possible file name", "a file")
    if len(data) > BYTES_MAX:
        fail(Place(name), "a larger file", f"{BYTES_MAX} bytes")
    return _decoded(data, name)


def place_after(before: str, name: str) -> Place:
    """The place in file `name` that follows the text `before`, counting lines as YAML does."""
    lines = _LINE_BREAK.split(before)
    return Place(name, len(lines), len(lines[-1]) + 1)


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        fail(place_after(before, name), f"the byte 0x{data[error.start]:02x}", "UTF-8 text")
