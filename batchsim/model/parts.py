"""Parts of a system that a store brings with it: what lets keys expire, or messages come back.

A system lists them: `System("limiter", workers, cells=("used",), parts=(redis.expiring("used"),))`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from batchsim.bad_input import BadInputError
from batchsim.model.cells import Cells, IfListed, Key

if TYPE_CHECKING:
    from batchsim.model.system import Actor

PARTS = IfListed("parts")
"""The cell that holds the settings of all parts of a system; nobody writes it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Cells, actors of the environment and timers, and what operations have to know of them."""

    cells: tuple[Key, ...]
    settings: tuple[tuple[str, Hashable], ...]
    """What operations ask for, by name: see `setting_of`."""
    actors: tuple[Actor, ...] = ()
    timers: tuple[tuple[Key, str], ...] = ()
    """As `System.timers`."""


def settings_in(parts: Iterable[Part]) -> tuple[tuple[str, Hashable], ...]:
    """The settings of all parts, sorted by name; raises `BadInputError` for two of one name."""
    found = sorted((each for part in parts for each in part.settings), key=lambda each: each[0])
    for (name, _), (other, _) in pairwise(found):
        if name == other:
            raise BadInputError(f"parts: found {name} twice; allowed: each once")
    return tuple(found)


def setting_of(cells: Cells, name: str, operation: str, part: str) -> Any:
    """The setting of this name; raises `BadInputError` where the system has no such part.

    `operation`: who asks. `part`: what would be a part of the system then, as one writes it.
    """
    for each, value in cells.read(PARTS) or ():
        if each == name:
            return value
    raise BadInputError(f"{operation}: found no {name} in the system; allowed: parts=({part},) in the System")
