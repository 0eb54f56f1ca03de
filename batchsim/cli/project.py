"""What a repository says of its own checks: `[tool.batchsim]` in the `pyproject.toml` above the current folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from batchsim.bad_input import BadInputError

_BYTES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Project:
    """The defaults of a repository; `None`: it says nothing."""

    file: Path | None = None
    paths: tuple[Path, ...] = field(default=())
    """Scenarios, or folders of them, as seen from the current folder."""
    runs: int | None = None
    workers: int | None = None
    max_states: int | None = None
    max_memory: int | None = None
    """In MiB."""
    cache_dir: Path | None = None


_COUNTS = ("runs", "workers", "max-states", "max-memory")
_KEYS = ("paths", *_COUNTS, "cache-dir")


def project_here() -> Project:
    """The defaults of the repository that the current folder is in; raises `BadInputError`."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            table = _table(file)
            return Project() if table is None else _project(file, table)
    return Project()


def _table(file: Path) -> dict[str, Any] | None:
    import tomllib

    from batchsim.reading import Unreadable, read_file

    try:
        document = tomllib.loads(read_file(file, _BYTES_MAX).decode())
    except Unreadable as why:
        raise BadInputError(f"{file}: found {why}; allowed: a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file}: found no TOML ({error})") from None
    table = document.get("tool", {}).get("batchsim")
    if table is not None and not isinstance(table, dict):
        raise BadInputError(f"{file}: tool.batchsim: found {table!r}; allowed: a table")
    return table


def _project(file: Path, table: dict[str, Any]) -> Project:
    from batchsim.scenario.spelling import did_you_mean

    def refuse(key: str, found: object, allowed: str, hint: str = "") -> BadInputError:
        parts = (f"{file}: tool.batchsim.{key}: found {found}", f"allowed: {allowed}", hint)
        return BadInputError("; ".join(filter(None, parts)))

    def seen(path: str) -> Path:
        return Path(os.path.relpath(file.parent / path))

    for key in table:
        if key not in _KEYS:
            raise refuse(key, "an unknown key", ", ".join(_KEYS), did_you_mean(key, _KEYS))
    for key in _COUNTS:
        if key in table and (type(table[key]) is not int or table[key] < 1):
            raise refuse(key, repr(table[key]), "a whole number from 1")
    paths = table.get("paths", [])
    if not isinstance(paths, list) or not all(isinstance(each, str) and each for each in paths):
        raise refuse("paths", repr(paths), "a list of files and folders")
    cache_dir = table.get("cache-dir")
    if cache_dir is not None and (not isinstance(cache_dir, str) or not cache_dir):
        raise refuse("cache-dir", repr(cache_dir), "the name of a folder")
    return Project(
        file,
        tuple(map(seen, paths)),
        runs=table.get("runs"),
        workers=table.get("workers"),
        max_states=table.get("max-states"),
        max_memory=table.get("max-memory"),
        cache_dir=None if cache_dir is None else seen(cache_dir),
    )
