"""Objects from a user's own Python file, named `path/to/file.py:NAME`."""

from __future__ import annotations

import difflib
import os
import re
import sys
import traceback
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from batchsim.bad_input import BadInputError

T = TypeVar("T")

REFERENCE_PATTERN = r"^.+\.py:[A-Za-z_][A-Za-z0-9_]*$"
_REFERENCE = re.compile(r"(?P<file>.+\.py):(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


class UserCodeError(BadInputError):
    """An object of a user's file cannot be had; the text says where, why, and what there is instead."""


def is_reference(text: str) -> bool:
    """Whether `text` has the form `path/to/file.py:NAME`."""
    return _REFERENCE.fullmatch(text) is not None


def load_from_file(reference: str, directory: Path, expected: type[T]) -> T:
    """The object `NAME` of `path/to/file.py:NAME`, relative to `directory`; raises `UserCodeError`."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise UserCodeError(f"found {reference!r}; allowed: path/to/file.py:NAME")
    path, name = directory / match["file"], match["name"]
    names = vars(_module(path))
    value = names.get(name)
    if isinstance(value, expected):
        return value
    if name in names:
        raise UserCodeError(f"{path}: {name} is of type {type(value).__name__}, not {expected.__name__}")
    known = [known for known, value in names.items() if isinstance(value, expected)]
    raise UserCodeError(f"{path} has no {name}; {_instead(name, known, expected)}")


def located(reference: str, directory: Path) -> str:
    """A reference that is the same for all ways to write it: the real path of its file, and its name."""
    file, _, name = reference.rpartition(":")
    return f"{os.path.realpath(directory / file)}:{name}"


def content_of(reference: str, directory: Path) -> str:
    """16 hexadecimal digits that tell the content of the file in which `NAME` of a reference is."""
    return sha256(_source(directory / reference.rpartition(":")[0])).hexdigest()[:16]


def _instead(name: str, known: list[str], expected: type) -> str:
    if not known:
        return f"nothing in it is of type {expected.__name__}"
    has = f"of type {expected.__name__} it has {', '.join(known)}"
    near = difflib.get_close_matches(name, known, n=1)
    return f"{has}; did you mean '{near[0]}'?" if near else has


def _module(path: Path) -> ModuleType:
    """Run the file once as a module of its own; no byte code is written and `sys.path` stays as it is."""
    source = _source(path)
    name = _module_name(path, source)
    if name not in sys.modules:
        module = ModuleType(name)
        module.__file__ = str(path)
        # Registered before it runs: dataclasses look their module up by its name.
        sys.modules[name] = module
        try:
            exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
        except BaseException as error:
            del sys.modules[name]
            if isinstance(error, KeyboardInterrupt):
                raise
            raise UserCodeError(f"{path}{_line(path, error)}: {_in_a_line(error)}") from error
    return sys.modules[name]


def _source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserCodeError(f"{path}: no readable file ({error.strerror})") from error
    except ValueError as error:
        raise UserCodeError(f"{str(path)!r}: no possible file name") from error


def _module_name(path: Path, source: bytes) -> str:
    # The same file gives the same name in every process; an edited one, or another of that name, a new one.
    digest = sha256(bytes(path.resolve()) + b"\0" + source).hexdigest()
    return f"batchsim_user_{path.stem}_{digest[:12]}"


def _line(path: Path, error: BaseException) -> str:
    """`:line` of the file at which it failed, as far as known."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    if not lines and isinstance(error, SyntaxError):
        lines = [error.lineno]
    line = lines[-1] if lines else None
    return "" if line is None else f":{line}"


def _in_a_line(error: BaseException) -> str:
    try:
        text = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:
        text = "it cannot say what is wrong"
    return " ".join(f"{type(error).__name__}: {text}".split()).removesuffix(":")
