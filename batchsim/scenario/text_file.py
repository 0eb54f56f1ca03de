"""Reads the text of a file that a user names, within limits."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import NoReturn

from batchsim.reading import Unreadable, read_file
from batchsim.scenario.problems import Place, fail

BYTES_MAX = 1_000_000
STANDARD_INPUT = "-"
GZIP = b"\x1f\x8b"
"""How a file begins that gzip has made."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NO_TEXT = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
"""Control characters that no text has."""


def read_text(path: Path, name: str) -> str:
    """The text of a file of at most `BYTES_MAX` bytes of UTF-8, called `name`; raises `InvalidScenario`.

    `-` is standard input, which is read once.
    What is not text is told by its place, and by nothing of its content.
    """
    try:
        data = _standard_input() if name == STANDARD_INPUT else read_file(path, BYTES_MAX)
    except Unreadable as why:
        fail(Place(name), str(why), f"a file of at most {BYTES_MAX} bytes")
    if data[:2] == GZIP:
        fail(Place(name), "what is compressed", "the same unpacked, as by gunzip")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _fail_at(data[: error.start].decode("utf-8-sig"), name)
    if control := _NO_TEXT.search(text):
        _fail_at(text[: control.start()], name)
    return text


@cache
def _standard_input() -> bytes:
    data = sys.stdin.buffer.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise Unreadable(f"more than {BYTES_MAX} bytes")
    return data


def place_after(before: str, name: str) -> Place:
    """The place in file `name` that follows the text `before`, counting lines as YAML does."""
    lines = _LINE_BREAK.split(before)
    return Place(name, len(lines), len(lines[-1]) + 1)


def _fail_at(before: str, name: str) -> NoReturn:
    fail(place_after(before, name), "what is not text", "UTF-8 text without control characters")
