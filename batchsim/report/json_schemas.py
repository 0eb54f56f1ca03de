"""The JSON Schemas of the documents that commands write; each is a file beside this one."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

_FOLDER = "batchsim.report.schemas"
DOCUMENTS = (
    "run",
    "explore",
    "sweep",
    "window",
    "worth",
    "findings",
    "witness",
    "policies",
    "scenarios",
    "page",
)
"""Whose schemas there are; `scenario` is made of the model of scenario files, and stands there."""


def schema_of(document: str) -> dict[str, Any]:
    """The JSON Schema of a document, by the name of the command that writes it."""
    schema: dict[str, Any] = json.loads(files(_FOLDER).joinpath(f"{document}.json").read_text(encoding="utf-8"))
    return schema
