"""What an answer depends on: the files of a scenario, what its code imports, and batchsim itself."""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path

import batchsim

_OURS = Path(batchsim.__file__).parent


def digest_of_inputs(files: Iterable[str], base: Path) -> str:
    """64 hexadecimal digits for the contents of files and of what Python files among them import.

    Names are relative to `base`, so that the answer does not depend on where the repository lies.
    """
    digest = sha256()
    seen: set[str] = set()
    waiting = sorted(files)
    while waiting:
        file = os.path.realpath(waiting.pop(0))
        if file in seen:
            continue
        seen.add(file)
        content = Path(file).read_bytes()
        digest.update(f"{os.path.relpath(file, base)}\0{sha256(content).hexdigest()}\n".encode())
        if file.endswith(".py"):
            for name, where in sorted(set(_imported(content, file))):
                version = _version(name)
                digest.update(f"{name} {version}\n".encode())
                # Of an installed package its version says enough; one that lies in a working tree may change.
                if where is not None and not version:
                    waiting.append(where)
    return digest.hexdigest()


@cache
def digest_of_batchsim() -> str:
    """64 hexadecimal digits for the version and the code that would work out an answer."""
    digest = sha256(batchsim.__version__.encode())
    for path in sorted(_OURS.rglob("*.py")):
        digest.update(f"{path.relative_to(_OURS)}\0{sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _imported(content: bytes, file: str) -> Iterator[tuple[str, str | None]]:
    """Names of modules that a file imports, but for those of Python and of batchsim, each with its own file."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        for name in _names(node, file):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top != "batchsim":
                where = _file_of(name)
                if where is not None:
                    yield name, where


def _names(node: ast.AST, file: str) -> Iterator[str]:
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
