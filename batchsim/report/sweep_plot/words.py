"""Names in a picture, drawn as they are."""

from __future__ import annotations

from batchsim.visible import visible


def words(name: str) -> str:
    """The name as matplotlib is to be given it: it leaves what begins with an underscore out of legends."""
    shown = visible(name)
    return f" {shown}" if shown.startswith("_") else shown
