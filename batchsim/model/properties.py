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
    is_sometimes: bool = False
    """Whether it is no verdict: some run is to have it, and an exploration says if none does."""
    history: tuple[Any, Callable[[Any, Any], Any]] | None = None
    """Of one over history: what is remembered at the beginning, and what after a step (`over_history`)."""


def sometimes(name: str, meaning: str, holds: Callable[[Any], bool]) -> Property:
    """What some run is to come to: that the interesting case is in the model at all.

    It is no verdict of a run. An exploration that is complete and finds no run in which it holds says so
    (`unreached`). `holds`: whether an outcome has it.
    """
    return Property(name, meaning, holds, is_sometimes=True)


def names_of_those_that_hold(properties: Iterable[Property], outcome: Any) -> tuple[str, ...]:
    """The names of all verdicts on an outcome; `("ok",)` where it has none."""
    return tuple([each.name for each in properties if not each.is_sometimes and each.holds(outcome)]) or (OK,)


def names_of_the_unreached(properties: Iterable[Property], outcomes: Iterable[Any]) -> tuple[str, ...]:
    """The names of those that some run is to have, and none of these outcomes has."""
    missing = [each for each in properties if each.is_sometimes]
    for outcome in outcomes if missing else ():
        missing = [each for each in missing if not each.holds(outcome)]
        if not missing:
            break
    return tuple(each.name for each in missing)
