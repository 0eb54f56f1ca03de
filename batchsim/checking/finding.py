"""Which files of a folder are scenarios."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from batchsim.bad_input import BadInputError

_SUFFIXES = (".yaml", ".yml")
_SKIPPED = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "build", "dist"})
_KEY = re.compile(r"""^\ufeff?["']?([a-z_]+)["']?\s*:""", re.MULTILINE)
_SUBJECT = frozenset({"batch", "system"})
_EXPECTED = frozenset({"expect", "expect_explore", "expect_timed", "expect_rate"})
_ENOUGH = (
    # One of them may be misspelt: then it is a scenario that cannot be checked, and not none.
    ({"name"}, _SUBJECT),
    ({"name"}, _EXPECTED - {"expect"}),
    ({"policies"}, _SUBJECT),
    ({"policies"}, _EXPECTED),
    (_SUBJECT, _EXPECTED),
)
"""Pairs of keys of a scenario that files of others have not: some of the one, and some of the other."""
_BYTES_LOOKED_AT = 1_000_000


def scenario_files(paths: Iterable[Path]) -> list[Path]:
    """The files that are named, and those in the folders that are; raises `BadInputError` where there is nothing.

    In a folder a scenario is a YAML file that is named so (`*.batchsim.yaml`), or that has a `name` and a `batch`
    or a `system`, or two others of the keys by which a scenario is known. Folders whose names begin with a dot,
    and those of installed packages, are left out.
    """
    found: dict[str, Path] = {}
    for path in paths:
        files = list(_within(path)) if path.is_dir() else [path]
        if not files:
            raise BadInputError(
                f"{path}: found no scenario in this folder; allowed: a folder with some, or a file"
            )
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def _within(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED)
        for name in sorted(names):
            path = Path(where) / name
            if name.endswith(_SUFFIXES) and _looks_like_one(path):
                yield path


def _looks_like_one(path: Path) -> bool:
    if path.name.endswith((".batchsim.yaml", ".batchsim.yml")):
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            text = file.read(_BYTES_LOOKED_AT).decode("utf-8", "replace")
    except OSError:
        return False
    keys = set(_KEY.findall(textwrap.dedent(text)))
    return any(keys & some and keys & others for some, others in _ENOUGH)
