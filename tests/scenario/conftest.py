"""A folder to keep scenarios in, and what is wrong with one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from batchsim.scenario import InvalidScenario, load_scenario

Complaints = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that paths are relative to."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def complaints(folder: Path) -> Complaints:
    """The messages about a text as the file `s.yaml`; none if it is valid."""

    def messages(text: str | bytes, *overrides: str, seed: int | None = None) -> list[str]:
        data = text.encode() if isinstance(text, str) else text
        (folder / "s.yaml").write_bytes(data)
        try:
            load_scenario("s.yaml", overrides, seed)
        except InvalidScenario as error:
            return str(error).split("\n")
        return []

    return messages
