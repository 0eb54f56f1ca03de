"""Causal chains: which legs led to a step, back to what it shares with another one.

A step is issued when an earlier answer lets its actor go on, or acts when an earlier effect makes it
possible. Following these links backwards gives the chain of legs that fixed its instant.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Generic, TypeVar

from batchsim.model.run import Step

_NUMBER = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time on the way to a step."""

    actor: str
    operation: str
    part: str
    """`request`, `response`, or `wait` for what the operation needed."""
    from_us: int
    to_us: int

    @property
    def duration_us(self) -> int:
        """How long it took."""
        return self.to_us - self.from_us


def cause_of(step: Step) -> int | None:
    """The number of the step that fixed the instant of this one; `None`: the start of the run."""
    return step.after if step.woken_by is None else step.woken_by


def last_common_cause(steps: Sequence[Step], first: Step, second: Step) -> Step | None:
    """The last step that led to both; `steps`: all of the run, in order."""
    one, other = first, second
    while one.number != other.number:
        # A cause comes before what it leads to, so the later one of the two is none of the other's.
        if one.number < other.number:
            one, other = other, one
        number = cause_of(one)
        if number is None:
            return None
        one = steps[number]
    return one


def _causes(steps: Sequence[Step], step: Step) -> Iterator[Step]:
    """The step itself, and what led to it, latest first."""
    yield step
    while (number := cause_of(step)) is not None:
        step = steps[number]
        yield step


def steps_between(steps: Sequence[Step], cause: Step | None, end: Step) -> tuple[Step, ...]:
    """The steps of the chain from `cause` (or the start; not included) to `end`, in order."""
    chain = takewhile(lambda step: cause is None or step.number != cause.number, _causes(steps, end))
    return tuple(reversed(tuple(chain)))


def legs_between(steps: Sequence[Step], cause: Step | None, end: Step) -> tuple[Stretch, ...]:
    """The legs from the effect of `cause` (or the start) to the effect of `end`, in order."""
    legs: list[Stretch] = []
    for step in steps_between(steps, cause, end):
        number = cause_of(step)
        legs.extend(_legs_to(step, None if number is None else steps[number]))
    return tuple(legs)


def _legs_to(step: Step, before: Step | None) -> list[Stretch]:
    if step.woken_by is not None:
        assert before is not None
        return [Stretch(step.actor, step.name, "wait", before.at_us, step.at_us)]
    answered_us = _ready_us(step, before)
    legs: list[Stretch] = []
    if before is not None and answered_us > before.at_us:
        legs.append(Stretch(before.actor, before.name, "response", before.at_us, answered_us))
    if step.issued_us > answered_us:
        legs.append(Stretch(step.actor, "http.deliver", "request", answered_us, step.issued_us))
    if step.at_us > step.issued_us:
        part = "wait" if step.operation.is_instant else "request"
        legs.append(Stretch(step.actor, step.name, part, step.issued_us, step.at_us))
    return legs


def _ready_us(step: Step, before: Step | None) -> int:
    """When the step before let this one be issued: with its answer, or, to another actor, with its effect."""
    if before is None:
        return 0
    return before.answered_us if _actor(step) == _actor(before) else before.at_us


def _actor(step: Step) -> str:
    """The actor, of which lanes are parts: `handler-1` of `handler-1.0`."""
    return step.actor.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring legs of one operation, taken together."""

    actor: str
    operation: str
    parts: tuple[Stretch, ...]

    @property
    def duration_us(self) -> int:
        """How long they took together."""
        return sum(leg.duration_us for leg in self.parts)


T = TypeVar("T")
_REPEATED_MIN = 3
"""What comes twice is still read more easily as it is."""
_CYCLE_MAX = 60
"""Links; an item takes about twenty, and an operation two."""


@dataclass(frozen=True, slots=True)
class Fold(Generic[T]):
    """A cycle of links of a chain, which comes so many times in a row."""

    cycle: tuple[tuple[T, ...], ...]
    """For each place in it the links that are there, one for each time."""

    @property
    def times(self) -> int:
        """How often it comes; once: it is a single link."""
        return len(self.cycle[0])


def folded(links: Sequence[T], kind: Callable[[T], Hashable]) -> list[Fold[T]]:
    """A chain in which repetitions are one; `kind`: what links have in common that are repetitions."""
    kinds = [kind(link) for link in links]
    folds: list[Fold[T]] = []
    begin = 0
    while begin < len(links):
        length, times = _cycle_at(kinds, begin)
        end = begin + length * times
        folds.append(Fold(tuple(tuple(links[begin + place : end : length]) for place in range(length))))
        begin = end
    return folds


def _cycle_at(kinds: Sequence[Hashable], begin: int) -> tuple[int, int]:
    """The length of the cycle that begins there, and how often it comes: of all, what is longest together."""
    best = (1, 1)
    for length in range(1, min(_CYCLE_MAX, (len(kinds) - begin) // _REPEATED_MIN) + 1):
        end = begin + length
        while end < len(kinds) and kinds[end] == kinds[end - length]:
            end += 1
        times = (end - begin) // length
        if times >= _REPEATED_MIN and length * times > best[0] * best[1]:
            best = (length, times)
    return best


def any_of(actor: str) -> str:
    """An actor without its number: `consumer-*`, `handler-*.*`."""
    return _NUMBER.sub("*", actor)


def spans_of(legs: Sequence[Stretch]) -> tuple[Span, ...]:
    """The legs by operation, without those that took no time."""
    groups = groupby(legs, key=lambda leg: (leg.actor, leg.operation))
    spans = (Span(actor, operation, tuple(parts)) for (actor, operation), parts in groups)
    return tuple(span for span in spans if span.duration_us)
