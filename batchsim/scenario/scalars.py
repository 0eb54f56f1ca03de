"""What a plain (unquoted) YAML scalar means: the core schema of YAML 1.2, without its traps.

Only what every reader takes for a number, a truth value or nothing is one. `1:30`, `0777`, `yes` and
`2026-04-23`, which YAML 1.1 turns into 90, 511, true and a date, and `1e3`, which only YAML 1.2 takes for a
number, stay the text that they are; the field that they stand in then says what it allows.
"""

from __future__ import annotations

import re

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# No more digits than any field could use; Python itself refuses to convert very long ones.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]{0,99})\.[0-9]{1,99}")


def resolve(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
