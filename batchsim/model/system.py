"""A system: who acts, over which cells, how it begins, and what it comes to.

Engines are given a `System`, and know nothing else of what they run.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from batchsim.bad_input import BadInputError
from batchsim.exact import exact
from batchsim.model.cells import Cells, Key, UnknownCellError, freeze
from batchsim.model.exposure import OF_FAULTS, Exposure, exposed
from batchsim.model.faults import Fault
from batchsim.model.history import Memory, MemoryKey, remembered
from batchsim.model.operation import Operation, Program
from batchsim.model.parts import PARTS, Part, settings_in
from batchsim.model.properties import Property, names_of_the_unreached, names_of_those_that_hold
from batchsim.model.run import Run
from batchsim.model.views import View

P_contra = TypeVar("P_contra", contravariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class RaisedError(NamedTuple):
    """An error of an actor's own coroutine, which ended it."""

    actor: str
    """Its name; of twins the kind."""
    error: str
    """`KeyError: 'size'`."""
    line: str
    """Where: `/path/to/file.py:12`."""


class Results(dict[str, Any]):
    """What the coroutines of those who are judged returned, by the names of the actors.

    One that has not ended is missing. And of all: who came to no end, or to a bad one.
    """

    def __init__(
        self,
        returned: Mapping[str, Any],
        waiting: Iterable[str] = (),
        raised: Iterable[RaisedError] = (),
    ) -> None:
        super().__init__(returned)
        self.waiting = tuple(sorted(waiting))
        """The names of those who are to end (`Actor.is_to_end`), have begun, and wait for ever."""
        self.raised = tuple(sorted(raised))
        """Those whose coroutines raised an error."""


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
    """Whether actors of its kind are interchangeable while they wait for the same thing and hold the same."""
    serves: bool = False
    """Whether it serves whoever comes, as twins do: it may wait for ever."""
    is_spare: bool = False
    """Whether it is needed only once all others of its kind are busy."""
    is_environment: bool = False
    """Whether it stands for what happens by itself, such as a timeout: it may wait for ever."""
    is_background: bool = False
    """Whether nothing is over for its sake: a run is over in the first state in which nobody else can take a step,
    whatever it could still do itself. Who others wait for is not in the background: the run may be over before it
    acts."""
    is_exchangeable: bool = False
    """Whether it and the cell that it begins with can change places with others of its kind whose cells are there:
    nobody else looks at more than which of these cells are there, and how many of them hold what."""
    has_lanes_alike: bool = False
    """Whether those of the coroutines that it runs side by side (`for_each`) can change places that await the same
    at the same place in the code, until another one of its kind begins: by then they did the same, and nobody
    tells their numbers apart. Number n is about item n, if about one. Each awaits one operation at a time."""
    copy: int = 1
    """Of child runs of one item: which."""
    first_cells: tuple[tuple[Key, Any], ...] = ()
    """Cells that are there from the beginning for its sake, with their values."""
    timers: tuple[tuple[Key, str], ...] = ()
    """With time: timers that it waits for, each with the operation under whose name its delay is given."""
    exposures: tuple[Exposure[Any], ...] = ()
    """The faults that can befall what it does."""
    memories: tuple[Memory, ...] = ()
    """What its steps update; engines set it (`remembering`)."""
    adapts: Callable[[Operation[Any]], Operation[Any]] | None = None
    """What it does in place of what its coroutine awaits: the same, on other cells; `None`: just that."""

    @property
    def is_awaited(self) -> bool:
        """Whether anybody sees when its last answer is there."""
        return self.is_judged or self.returns_to is not None

    @property
    def name_of_its_like(self) -> str:
        """Its name; the kind where others are exchanged for it."""
        return self.kind if self.is_twin or self.is_exchangeable else self.name

    @property
    def is_to_end(self) -> bool:
        """Whether it is a deadlock if it waits for ever.

        Twins, be it a single one, serve whoever comes, and nobody waits for who is in the background, or for what
        is no program at all.
        """
        return not (self.is_twin or self.serves or self.is_spare or self.is_background or self.is_environment)

    def told_apart(self) -> Actor:
        """The same, if it is a twin, as one who is not."""
        return self._replace(is_twin=False, serves=True) if self.is_twin else self

    @property
    def name(self) -> str:
        """The name under which people see it: `consumer-0`."""
        name = self.kind if self.number is None else f"{self.kind}-{self.number}"
        return name if self.copy == 1 else f"{name}:{self.copy}"

    def expose(self, operation: Operation[Any]) -> Operation[Any]:
        """What it does, with the faults that can befall it, and as it is remembered."""
        if self.exposures:
            operation = exposed(operation, self.exposures)
        if self.adapts is not None:
            operation = self.adapts(operation)
        if self.memories:
            who = self.kind if self.is_twin else self.name
            operation = remembered(operation, who, self.memories)
        return operation


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
    waiting: tuple[str, ...] = ()
    """The names of those who wait for ever, in order; twins may."""
    raised: tuple[RaisedError, ...] = ()
    """The errors of those whose own coroutines raised one."""
    memories: tuple[tuple[str, Hashable], ...] = ()
    """What properties over history remember, by their names. Ends that differ in nothing else are told as one."""
    listed: frozenset[Key] = field(default=frozenset(), compare=False, repr=False)
    """The cells of the system, where that is known: no other one can be asked for."""
    judged: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Likewise the names of the actors whose results are kept."""

    def __getitem__(self, cell: Key) -> Any:
        if self.listed and cell not in self.listed:
            raise UnknownCellError(f"no cell {cell!r}; allowed: {', '.join(sorted(self.listed))}")
        return dict(self.cells).get(cell)

    def result_of(self, actor: str) -> Any:
        """What the coroutine of an actor returned; `None`: it has not ended.

        Raises `BadInputError` for an actor whose result is not kept.
        """
        if self.listed and actor not in self.judged:
            known = f" ({', '.join(sorted(self.judged))})" if self.judged else ""
            raise BadInputError(f"no result of {actor!r}; allowed: of an actor with is_judged=True{known}")
        return dict(self.results).get(actor)

    def memory_of(self, name: str) -> Any:
        """What a property over history remembers; raises `BadInputError` for one that the run was not told of."""
        for known, memory in self.memories:
            if known == name:
                return memory
        raise BadInputError(
            f"{name}: nothing is remembered for it; allowed: a property over history that is one of the system's, "
            "or that was given to the exploration"
        )


def at_rest(world: Any, results: Results) -> AtRest:
    """All that is there when nobody can move any more."""
    cells, memories = list[tuple[Key, Hashable]](), list[tuple[str, Hashable]]()
    for key, value in world.cells.items():
        if isinstance(key, MemoryKey):
            memories.append((key.of, value[0]))
        elif value is not None and key != PARTS:
            cells.append((key, freeze(value)))
    returned = tuple(sorted(results.items()))
    return AtRest(tuple(sorted(cells)), returned, results.waiting, results.raised, tuple(memories))


DEADLOCK = Property(
    "deadlock",
    "Somebody waits for ever, who is neither a twin nor in the background.",
    lambda end: bool(_said_of(end, "waiting")),
)
RAISES = Property(
    "raises",
    "The coroutine of an actor raises an error.",
    lambda end: bool(_said_of(end, "raised")),
)
BUILT_IN = (DEADLOCK, RAISES)
"""The verdicts that a system of one's own has without asking."""


def _said_of(end: Any, field: str) -> Any:
    """What an outcome says of what built-in verdicts ask."""
    try:
        return getattr(end, field)
    except AttributeError:
        raise BadInputError(
            f"an outcome of type {type(end).__name__} has no `{field}`, which built-in verdicts ask for; "
            "allowed: a field of this name, as in `Results`, or a System with built_in=()"
        ) from None


def starts_empty(cells: Cells) -> None:
    """No cell is there at the beginning."""


def anything(cell: Key, value: Any) -> str | None:
    """Every cell may hold anything."""
    return None


def as_it_is(run: Run) -> Any:
    """A timed run is told as the engine saw it."""
    return run


def as_one(outcome: Any, verdicts: tuple[str, ...]) -> Hashable:
    """Outcomes are told as one if they have the same verdicts, and are equal.

    But for what is remembered, and for what may still go wrong.
    """
    if isinstance(outcome, AtRest):
        cells = tuple(each for each in outcome.cells if not each[0].startswith(OF_FAULTS))
        outcome = replace(outcome, cells=cells, memories=())
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
    built_in: tuple[Property, ...] = BUILT_IN
    """Further ones, that every system of one's own has unless it says otherwise."""
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
    holds_not: Callable[[Key, Any], str | None] = anything
    """Of a cell and a value that a step left in it: what is allowed there, if something else is."""
    noted: frozenset[str] = frozenset()
    """The names of operations whose steps a timed run is told by, whichever steps are kept."""
    views: tuple[View, ...] = ()
    """What can be read off the world in each state, and is shown beside the cells; it plays no part in any run."""
    parts: tuple[Part, ...] = ()
    """What stores bring with them: `redis.expiring("lease")`. Their actors, cells and timers join the others, and
    nothing is left here then."""

    def __post_init__(self) -> None:
        if isinstance(self.cells, str):
            raise BadInputError(
                f"{self.name}: cells: found the text {self.cells!r}; allowed: a tuple, ({self.cells!r},)"
            )
        if self.parts:
            for name, value in _with_parts(self).items():
                object.__setattr__(self, name, value)

    @cached_property
    def has_background(self) -> bool:
        """Whether anybody is in the background."""
        return any(actor.is_background for actor in self.actors)

    @property
    def all_properties(self) -> tuple[Property, ...]:
        """Every property by which it can be given a verdict, the built-in ones among them."""
        return (*(each for each in self.properties if not each.is_sometimes), *self.built_in)

    @property
    def catches_errors(self) -> bool:
        """Whether an error out of a coroutine is what a run comes to; otherwise engines raise it."""
        return RAISES in self.built_in

    def verdicts_of(self, outcome: Any, more: Iterable[Property] = ()) -> tuple[str, ...]:
        """The names of all verdicts on an outcome, `more` of the user's among them; `("ok",)` where none is."""
        return names_of_those_that_hold((*self.properties, *more, *self.built_in), outcome)

    def class_key(self, outcome: Any, verdicts: tuple[str, ...]) -> Hashable:
        """`class_of` as a key: values that Python calls equal, and that are of different types, are told apart."""
        return exact(self.class_of(outcome, verdicts))

    def unreached(self, outcomes: Iterable[Any], more: Iterable[Property] = ()) -> tuple[str, ...]:
        """The names of what some run is to come to (`sometimes`), and none that has one of these outcomes does."""
        return names_of_the_unreached((*self.properties, *more), outcomes)


def _with_parts(system: System[Any]) -> dict[str, Any]:
    """The fields of a system, its parts being no longer apart."""
    parts, actors = system.parts, tuple(system.actors)
    for each in parts:
        if not isinstance(each, Part):
            raise BadInputError(
                f"{system.name}: parts: found {each!r}; allowed: what stores bring, such as redis.expiring(KEY)"
            )
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


def remembering(system: System[T], more: Iterable[Property] = (), *, memories_max: int | None = None) -> System[T]:
    """The same system, whose steps are remembered by its properties over history, and by `more`.

    Raises `BadInputError` for two of one name, and, where there is a `memories_max`, for more different memories.
    """
    properties = [each for each in dict.fromkeys((*system.properties, *more)) if each.history is not None]
    if not properties:
        return system
    memories = tuple(Memory(each.name, each.history, memories_max) for each in properties if each.history)
    twice = {each.name for each in memories if sum(each.name == other.name for other in memories) > 1}
    if twice:
        raise BadInputError(f"found two properties over history named {min(twice)!r}; allowed: one of each name")

    def begin(cells: Cells) -> None:
        system.begin(cells)
        for each in memories:
            each.begin(cells)

    return replace(
        system,
        actors=tuple(actor._replace(memories=memories) for actor in system.actors),
        cells=(*system.cells, *(each.key for each in memories)),
        begin=begin,
    )
