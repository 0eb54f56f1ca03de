"""Names of files for names of the user's, which may hold anything."""

from __future__ import annotations

import re

_ODD = re.compile(r"[^a-zA-Z0-9._]+")
_LENGTH_MAX = 80

FINDINGS = "findings.md"
"""The page of `batchsim findings`."""
FINDINGS_HTML = "findings.html"
"""Likewise, to be opened in a browser: the index of pages links to it where it is there."""


class FileNames:
    """Gives each file a name of its own, on file systems that ignore case too."""

    def __init__(self, *taken: str) -> None:
        self._taken = {name.casefold() for name in taken}

    def give(self, name: str, suffix: str) -> str:
        """A file name that shows `name`: `large-payloads.md`; a number is added where it is taken."""
        stem = safe_stem(name)
        number, file = 1, f"{stem}{suffix}"
        while file.casefold() in self._taken:
            number += 1
            file = f"{stem}-{number}{suffix}"
        self._taken.add(file.casefold())
        return file


def safe_stem(name: str) -> str:
    """The name with only letters, digits, dots, underscores and hyphens; never hidden, never empty."""
    return _ODD.sub("-", name)[:_LENGTH_MAX].strip(".-") or "scenario"


def worth_file(scenario: str, what: str = "", suffix: str = ".md") -> str:
    """The page that says what each fix is worth in a scenario of that name, or a picture of it."""
    return f"{safe_stem(scenario)}-worth{what and f'-{what}'}{suffix}"
