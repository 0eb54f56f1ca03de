"""The scenarios that batchsim ships."""

from __future__ import annotations

from pathlib import Path

import batchsim


def shipped_directory() -> Path:
    """Where they are: in the installed package, or at the top of a checkout."""
    package = Path(batchsim.__file__).parent
    installed = package / "_scenarios"
    return installed if installed.is_dir() else package.parent / "scenarios"


def shipped_files() -> list[Path]:
    """Their files, by name."""
    return sorted(shipped_directory().glob("*.yaml"))


def as_written(file: Path) -> str:
    """A scenario's file as it can be written anywhere: of a shipped one that lies elsewhere, its name."""
    return file.stem if file.is_absolute() and file.parent == shipped_directory() else str(file)
