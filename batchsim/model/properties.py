"""A verdict: a named predicate over what a run came to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

OK = "ok"
"""The verdict where no property holds."""


@dataclass(frozen=True, slots=True)
class Property:
    """A verdict: its name, when it is given, and the test of it."""

    name: str
    meaning: str
    holds: Callable[[Any], bool]
    content: str = ""
    """Of one in a file: what tells the content of the file; otherwise it is known by its name."""


def names_of_those_that_hold(properties: Iterable[Property], outcome: Any) -> tuple[str, ...]:
    """The names of all properties that an outcome has; `("ok",)` where it has none."""
    return tuple([each.name for each in properties if each.holds(outcome)]) or (OK,)
