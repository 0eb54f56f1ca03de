"""The scenarios that batchsim ships, each of which goes by its name."""

from __future__ import annotations

import os
from pathlib import Path

from batchsim.scenario.problems import Place, fail

INSTALLED = "_scenarios"
"""What their directory is called in an installed package."""


def shipped_directory() -> Path:
    """Where they are: in the installed package, or at the top of a checkout."""
    package = Path(__file__).parent.parent
    installed = package / INSTALLED
    return installed if installed.is_dir() else package.parent / "scenarios"


def shipped_files() -> list[Path]:
    """Their files, by name."""
    return sorted(shipped_directory().glob("*.yaml"))


def file_meant(path: Path) -> Path:
    """The file that is meant by a path: itself, or of a bare name without a file the shipped one of that name.

    Raises `InvalidScenario` for a bare name that is neither.
    """
    is_bare = len(path.parts) == 1 and not path.suffix
    if not is_bare or str(path) == "-" or os.path.exists(path):  # noqa: PTH110 - too long a name is no error here
        return path
    shipped = {each.stem: each for each in shipped_files()}
    if path.name not in shipped:
        from batchsim.scenario.spelling import did_you_mean  # noqa: PLC0415 - most names are right

        hint = did_you_mean(path.name, shipped) or "batchsim scenarios lists them"
        fail(Place(str(path)), "no file, and no scenario of this name that is shipped", "", hint=hint)
    found = shipped[path.name]
    # Where a virtual environment is does not matter to who copies a command: those that it has go by their names.
    is_at_hand = found.parent.name != INSTALLED and found.is_relative_to(Path.cwd())
    return found.relative_to(Path.cwd()) if is_at_hand else found


def as_written(file: Path) -> str:
    """A scenario's file as it can be written anywhere: of a shipped one that lies elsewhere, its name."""
    return file.stem if file.is_absolute() and file.parent == shipped_directory() else str(file)
