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
