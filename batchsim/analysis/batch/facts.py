"""What a sentence claims: facts of a run, each of which can be held against its steps and cells.

Whoever writes a sentence names the steps that it speaks of and the facts that make it true. Values are frozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from batchsim.model.cells import Key
from batchsim.model.operation import ProtocolError


class Wrote(NamedTuple):
    """A step wrote a cell, be it what was there."""

    step: int
    key: Key
    before: Any
    after: Any


class LeftAlone(NamedTuple):
    """A step did not write a cell."""

    step: int
    key: Key


class Deleted(NamedTuple):
    """A step deleted a cell that was there."""

    step: int
    key: Key


class Added(NamedTuple):
    """A step added a member to a set."""

    step: int
    key: Key
    member: int


class Queued(NamedTuple):
    """A step put a message of an item into the queue."""

    step: int
    item: int


class Held(NamedTuple):
    """What a cell held when a step took effect; `None`: nothing."""

    step: int
    key: Key
    value: Any


class Counted(NamedTuple):
    """How many members a set had when a step took effect."""

    step: int
    key: Key
    members: int


class Contained(NamedTuple):
    """A set had a member when a step took effect."""

    step: int
    key: Key
    member: int


class Nth(NamedTuple):
    """Which of the steps that wrote a cell a step was, from 1."""

    step: int
    key: Key
    number: int


class RaisedAt(NamedTuple):
    """A step raised."""

    step: int
    error: type[ProtocolError]
    took_effect: bool


class NeverAdded(NamedTuple):
    """No step added a member to a set."""

    key: Key
    member: int


class AtEnd(NamedTuple):
    """What a cell held when nothing moved any more; `None`: nothing."""

    key: Key
    value: Any


class LeftOver(NamedTuple):
    """A cell was there when nothing moved any more."""

    key: Key


class Got(NamedTuple):
    """What the SDK got for an attempt."""

    attempt: int
    status: int | None
    sealed: bool | None


Fact = (
    Wrote
    | LeftAlone
    | Deleted
    | Added
    | Queued
    | Held
    | Counted
    | Contained
    | Nth
    | RaisedAt
    | NeverAdded
    | AtEnd
    | LeftOver
    | Got
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an explanation."""

    text: str
    at_us: int
    """The instant that it belongs to."""
    steps: tuple[int, ...]
    """The numbers of the steps that it speaks of."""
    facts: tuple[Fact, ...]
    """What it claims."""


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of a sentence."""

    words: str = ""
    steps: tuple[int, ...] = ()
    facts: tuple[Fact, ...] = ()

    def __add__(self, other: Clause) -> Clause:
        return Clause(self.words + other.words, self.steps + other.steps, self.facts + other.facts)

    def ends(self, at_us: int, *more: Fact) -> Sentence:
        """The sentence that ends with it."""
        return Sentence(f"{self.words}.", at_us, tuple(sorted(set(self.steps))), (*self.facts, *more))


NOTHING = Clause()


def joined(clauses: Iterable[Clause]) -> Clause:
    """One clause after the other."""
    whole = NOTHING
    for clause in clauses:
        whole += clause
    return whole
