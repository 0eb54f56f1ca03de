"""A system: who acts, over which cells, how it begins, and what it comes to.

Engines are given a `System`, and know nothing else of what they run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from batchsim.model.cells import Cells, Key, freeze
from batchsim.model.exposure import Exposure, exposed
from batchsim.model.faults import Fault
from batchsim.model.operation import Operation, Program
from batchsim.model.parts import PARTS, Part, settings_in
from batchsim.model.properties import Property, names_of_those_that_hold
from batchsim.model.run import Run

P_contra = TypeVar("P_contra", contravariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Results = Mapping[str, Any]
"""What the coroutines of those who are judged returned, by the names of the actors; one that has not ended is
missing."""


class LegOf(NamedTuple):
    """With time: the request leg of one use of an operation."""

    actor: str
    """Who issues it; the only one of its kind."""
    operation: str
    attempt: int
    """Which use of it, from 1."""


class Actor(NamedTuple):
    """One who acts: a coroutine, and when it begins."""

    kind: str
    number: int | None
    program: Callable[[], Program[Any]]
    begins_with: Key | None = None
    """It begins when this cell is there; `None`: at once."""
    begins_after_leg_of: LegOf | None = None
    """With time: it begins this request leg later."""
    draws_by_item: bool = False
    """With time: whether its n-th use of an operation is the one for item n (common to all ways of ingest)."""
    is_judged: bool = False
    """Whether what its coroutine returns is part of what a run comes to."""
    returns_to: Key | None = None
    """The cell that what the coroutine returns is put into; no step of its own."""
    is_twin: bool = False
    """Whether actors of its kind are interchangeable while they wait for the same thing."""
    is_spare: bool = False
    """Whether it is needed only once all others of its kind are busy."""
    is_exchangeable: bool = False
    """Whether it and the cell that it begins with can change places with others of its kind whose cells are there:
    nobody else looks at more than which of these cells are there, and how many of them hold what."""
    copy: int = 1
    """Of child runs of one item: which."""
    first_cells: tuple[tuple[Key, Any], ...] = ()
    """Cells that are there from the beginning for its sake, with their values."""
    timers: tuple[tuple[Key, str], ...] = ()
    """With time: timers that it waits for, each with the operation under whose name its delay is given."""
    exposures: tuple[Exposure[Any], ...] = ()
    """The faults that can befall what it does."""

    @property
    def is_awaited(self) -> bool:
        """Whether anybody sees when its last answer is there."""
        return self.is_judged or self.returns_to is not None

    @property
    def name(self) -> str:
        """The name under which people see it: `consumer-0`."""
        name = self.kind if self.number is None else f"{self.kind}-{self.number}"
        return name if self.copy == 1 else f"{name}:{self.copy}"

    def expose(self, operation: Operation[Any]) -> Operation[Any]:
        """What it does, with the faults that can befall it."""
        return exposed(operation, self.exposures) if self.exposures else operation


class Alarm(NamedTuple):
    """With time: a timer that runs out at a given moment, whatever happens."""

    timer: Key
    at_us: int
    cells: tuple[Key, ...]
    """Whoever waits for one of these looks again then."""


class World:
    """What operations are applied to, where a system says nothing else: its cells."""

    __slots__ = ("cells",)

    def __init__(self, cells: Cells) -> None:
        self.cells = cells


@dataclass(frozen=True, slots=True)
class AtRest:
    """What a run came to, where a system says nothing else: every cell, and what those who are judged returned."""

    cells: tuple[tuple[Key, Hashable], ...]
    """Those that are there, by name, frozen; but for what parts of the system are set to."""
    results: tuple[tuple[str, Any], ...]

    def __getitem__(self, cell: Key) -> Any:
        return dict(self.cells).get(cell)

    def result_of(self, actor: str) -> Any:
        """What the coroutine of an actor returned; `None`: it has not ended."""
        return dict(self.results).get(actor)


def at_rest(world: Any, results: Results) -> AtRest:
    """All that is there when nobody can move any more."""
    cells = sorted((key, freeze(value)) for key, value in world.cells.items() if key != PARTS)
    return AtRest(tuple(cells), tuple(sorted(results.items())))


def starts_empty(cells: Cells) -> None:
    """No cell is there at the beginning."""


def as_it_is(run: Run) -> Any:
    """A timed run is told as the engine saw it."""
    return run


def as_one(outcome: Any, verdicts: tuple[str, ...]) -> Hashable:
    """Outcomes are told as one if they are equal."""
    return outcome, verdicts


@dataclass(frozen=True, eq=False)
class System(Generic[T_co]):
    """A closed system of actors over cells; `T_co` is what a timed run of it is told as."""

    name: str
    """Under which people see it."""
    actors: Iterable[Actor]
    """Everybody, spare ones last. To be gone through time and again; each time the same."""
    cells: Iterable[Key]
    """Every cell that anybody can touch, likewise."""
    begin: Callable[[Cells], Any] = starts_empty
    """Puts the first values into cells."""
    world: Callable[[Cells], Any] = World
    """The world over some cells, which operations are applied to."""
    outcome: Callable[[Any, Results], Any] = at_rest
    """What it came to, read off the world at rest, and off what those who are judged returned."""
    trace: Callable[[Run], T_co] = as_it_is
    """What a timed run is told as."""
    properties: tuple[Property, ...] = ()
    """The verdicts."""
    class_of: Callable[[Any, tuple[str, ...]], Hashable] = as_one
    """The same for outcomes, with their verdicts, that are told as one."""
    timers: Mapping[Key, str] = field(default_factory=dict)
    """With time: every timer that can be started, and the operation under whose name its delay is given."""
    first_timers: Mapping[Key, str] = field(default_factory=dict)
    """With time: those that run from the beginning, if their cell is there then."""
    alarms: tuple[Alarm, ...] = ()
    faults: tuple[Fault, ...] = ()
    """What goes wrong, by its number."""
    is_guarded: bool = False
    """Whether footprints are checked in timed runs too, as they are in exploration: a user's own steps are."""
    noted: frozenset[str] = frozenset()
    """The names of operations whose steps a timed run is told by, whichever steps are kept."""
    parts: tuple[Part, ...] = ()
    """What stores bring with them: `redis.expiring("lease")`. Their actors, cells and timers join the others, and
    nothing is left here then."""

    def __post_init__(self) -> None:
        if self.parts:
            for name, value in _with_parts(self).items():
                object.__setattr__(self, name, value)

    def verdicts_of(self, outcome: Any, more: Iterable[Property] = ()) -> tuple[str, ...]:
        """The names of all verdicts on an outcome, `more` of the user's among them; `("ok",)` where none is."""
        return names_of_those_that_hold((*self.properties, *more), outcome)


def _with_parts(system: System[Any]) -> dict[str, Any]:
    """The fields of a system, its parts being no longer apart."""
    parts, actors = system.parts, tuple(system.actors)
    settings = settings_in(parts)
    brought = tuple(actor for part in parts for actor in part.actors)
    return {
        "actors": (
            *(each for each in actors if not each.is_spare),
            *brought,
            *(each for each in actors if each.is_spare),
        ),
        "cells": tuple(dict.fromkeys((*system.cells, *(cell for part in parts for cell in part.cells), PARTS))),
        "begin": partial(_begin_with, settings, system.begin),
        "timers": {**system.timers, **{timer: name for part in parts for timer, name in part.timers}},
        "parts": (),
    }


def _begin_with(settings: Hashable, begin: Callable[[Cells], Any], cells: Cells) -> None:
    cells.write(PARTS, settings)
    begin(cells)


class Modelled(Protocol[P_contra, T_co]):
    """What has a system for each policy: a scenario."""

    def system(self, policy: P_contra) -> System[T_co]:
        """The system under a policy."""
