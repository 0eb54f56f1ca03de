"""What an answer depends on: the files of a scenario, what its code imports and reads, and batchsim itself."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import batchsim
from batchsim import user_imports

_OURS = Path(batchsim.__file__).parent
_BY_NAME = frozenset({"importlib", "runpy", "__import__", "exec", "eval"})
"""Modules and functions that import what a string says."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an answer depends on, as it was when it was looked at."""

    named: frozenset[str]
    """The files that led to all others."""
    base: Path
    """Names are relative to it, so that the answer does not depend on where the repository lies."""
    digest: str
    """64 hexadecimal digits for the contents of all of them."""
    files: frozenset[str]
    """The real paths of all of them."""

    def have_changed(self) -> bool:
        """Whether they are others by now."""
        return inputs_of(self.named, self.base).digest != self.digest


def inputs_of(files: Iterable[str], base: Path) -> Inputs:
    """Files, what Python files among them import, and what these read as they are loaded."""
    digest = sha256()
    seen: set[str] = set()
    waiting = sorted(files)
    while waiting:
        file = os.path.realpath(waiting.pop(0))
        if file in seen:
            continue
        seen.add(file)
        content = _content(file)
        told = "gone" if content is None else sha256(content).hexdigest()
        digest.update(f"{os.path.relpath(file, base)}\0{told}\n".encode())
        if file.endswith(".py") and content is not None:
            names, imports_by_name = _imported(content, file)
            for name, where in sorted(names):
                version = _version(name)
                digest.update(f"{name} {version}\n".encode())
                # Of an installed package its version says enough; one that lies in a working tree may change.
                if not version:
                    waiting.append(where)
            if imports_by_name:
                waiting += sorted(user_imports.imported())
            waiting += sorted(user_imports.read_by(file))
    return Inputs(frozenset(files), base, digest.hexdigest(), frozenset(seen))


def _content(file: str) -> bytes | None:
    """`None`: there is no regular file any more."""
    with suppress(OSError):
        if Path(file).is_file():
            return Path(file).read_bytes()
    return None


@cache
def digest_of_batchsim() -> str:
    """64 hexadecimal digits for the version and the code that would work out an answer, and for Python."""
    digest = sha256(f"{batchsim.__version__} {sys.version}".encode())
    for path in sorted(_OURS.rglob("*.py")):
        digest.update(f"{path.relative_to(_OURS)}\0{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _imported(content: bytes, file: str) -> tuple[set[tuple[str, str]], bool]:
    """Names of modules that a file imports, but for those of Python and of batchsim, each with its own file.

    And whether it may import others, of which only the running code knows the names.
    """
    found: set[tuple[str, str]] = set()
    is_known = True
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return found, is_known
    for node in ast.walk(tree):
        is_known = is_known and not (isinstance(node, ast.Name) and node.id in _BY_NAME)
        for name in _names(node, file):
            top = name.partition(".")[0]
            is_known = is_known and top not in _BY_NAME
            if top not in sys.stdlib_module_names and top != "batchsim":
                where = _file_of(name)
                if where is not None:
                    found.add((name, where))
    return found, not is_known


def _names(node: ast.AST, file: str) -> Iterator[str]:
    """What runs where this is imported: `a` and `a.b`, too, where it is `a.b.c`."""
    for name in _names_in(node, file):
        parts = name.split(".")
        yield from (".".join(parts[: count + 1]) for count in range(len(parts)))


def _names_in(node: ast.AST, file: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (each.name for each in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = next((each for each in _packages(file)), "")
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join(filter(None, (*above, base)))
        if base:
            yield base
            yield from (f"{base}.{each.name}" for each in node.names)


def _packages(file: str) -> Iterator[str]:
    """The package that a file belongs to, as far as it was imported."""
    for module in list(sys.modules.values()):
        where = getattr(module, "__file__", None)
        if where is not None and os.path.realpath(where) == file:
            yield getattr(module, "__package__", None) or ""


def _file_of(name: str) -> str | None:
    module = sys.modules.get(name)
    where = getattr(module, "__file__", None)
    if where is None:
        with suppress(Exception):  # what a package does when it is looked for is its own affair
            spec = importlib.util.find_spec(name)
            where = None if spec is None or not spec.has_location else spec.origin
    return None if where is None or not where.endswith(".py") else where


@cache
def _version(name: str) -> str:
    """The version of what is installed under this name, unless it lies in a working tree; empty: none does."""
    where = _file_of(name)
    if where is None or not {"site-packages", "dist-packages"} & set(Path(where).parts):
        return ""
    top = name.partition(".")[0]
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(top)
    names = _distributions().get(top)
    return ", ".join(f"{each} {metadata.version(each)}" for each in sorted(set(names))) if names else ""


@cache
def _distributions() -> dict[str, list[str]]:
    return {name: list(each) for name, each in metadata.packages_distributions().items()}
