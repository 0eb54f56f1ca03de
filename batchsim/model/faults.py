"""What all faults have: how often, how likely, from when on (protocol.md §6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What all faults have."""

    word: ClassVar[str]
    """Its name in a scenario file."""

    at_most: int | None = None
    """A budget, for exploration."""
    probability: float | None = None
    """For timed runs: above 0, at most 1."""
    at_us: int | None = None
    """Pinned, in a timed run: the first moment from then on; exploration takes every moment."""

    @property
    def is_pinned(self) -> bool:
        """Whether it happens, and once."""
        return self.at_most is None and self.probability is None

    @property
    def is_memoryless(self) -> bool:
        """Whether a run is still a Markov chain if it happens: it has no moment, and no timer waits for it."""
        return False

    @property
    def times_max(self) -> int:
        """How often it can happen, if it has no probability."""
        return 1 if self.at_most is None else self.at_most


def admits(field: T | None, value: T | None) -> bool:
    """Whether a field of a fault admits this value."""
    return field is None or field == value


def befalls(actor: str | None, kind: str, number: int | None = None) -> bool:
    """Whether a fault that names `actor` can befall an actor of this kind, and of this number if one is given."""
    if actor is None or actor == kind:
        return True
    named, _, digits = actor.partition("-")
    return named == kind and (number is None or digits == str(number))
