"""A walk: the steps of a run or of a witness, with what each changes, and where its actor is in its code then."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from batchsim.analysis.walking.places import Follower, Places, Strayed
from batchsim.engines.exhaustive.graph import WalkedStep
from batchsim.model.cells import Cells, Key, freeze, thaw
from batchsim.model.history import MemoryKey
from batchsim.model.operation import Operation
from batchsim.model.parts import PARTS
from batchsim.model.run import Step
from batchsim.model.system import Actor, System

Contents = Mapping[Key, Hashable]
"""What is in cells, frozen; `None`: such a cell is absent."""


class Taken(Protocol):
    """A step of a timed run or of a witness."""

    @property
    def actor(self) -> str:
        """The name of the actor, with its lane."""

    @property
    def operation(self) -> Operation[Any]:
        """What it did."""

    @property
    def answer(self) -> Any:
        """What it was answered."""

    @property
    def alternative(self) -> str | None:
        """Which of its ways it took."""


class Ordered(Protocol):
    """A step as a witness names it: what it was answered is found out by taking it."""

    @property
    def actor(self) -> str:
        """The name of the actor, with its lane."""

    @property
    def name(self) -> str:
        """Of the operation."""

    @property
    def alternative(self) -> str | None:
        """Which of its ways it takes; `None`: the usual one."""


T = TypeVar("T", bound=Taken)


@dataclass(frozen=True, slots=True)
class Moment:
    """The state after a step, as far as it differs from the state before."""

    step: Taken
    changes: Contents
    """The cells that are other than before; what is written again as it was is none."""
    places: Mapping[str, Places]
    """By the name of each actor that is elsewhere than before, or has begun: where it is."""
    views: Mapping[str, Any]
    """By name the views that are other than before."""


@dataclass(frozen=True)
class Walk:
    """The beginning, and the moments after it."""

    cells: Contents
    """At the beginning; those that are there."""
    places: Mapping[str, Places]
    """At the beginning: of everybody who is told of, by name; who begins later is absent."""
    views: Mapping[str, Any]
    """At the beginning."""
    moments: Sequence[Moment]


def is_told(key: Key) -> bool:
    """Whether a cell is one of the system's; what properties remember, and settings of parts, are not."""
    return not isinstance(key, MemoryKey) and key != PARTS


def walk_of_run(system: System[Any], steps: Sequence[Step]) -> Walk:
    """The walk of a timed run; `steps`: all of it, in order."""
    walker = _Walker(system, {_name_in(step.actor) for step in steps})
    return walker.walk(steps, lambda step: {each.key: each.after for each in step.changes if is_told(each.key)})


def walk_of_witness(system: System[Any], steps: Sequence[WalkedStep]) -> Walk:
    """The walk along a path of the graph of an exploration; `steps`: of the path, in order.

    Each step is taken again: states do not tell actors apart that can be exchanged, and here each has a name.
    """
    walker = _Walker(system, {_name_in(step.actor) for step in steps})
    return walker.walk(steps, walker.take_again)


def walk_of_order(system: System[Any], order: Sequence[Ordered]) -> Walk:
    """The walk of steps that are only named, in order: each is taken, and answered by the cells as they are."""
    walker = _Walker(system, {_name_in(step.actor) for step in order})
    return walker.walk(map(walker.take_named, order), walker.written)


def _contents(cells: Cells) -> dict[Key, Hashable]:
    return {key: freeze(value) for key, value in cells.items() if is_told(key) and value is not None}


def _lane_in(actor: str) -> str:
    _, dot, lane = actor.partition(".")
    return f"{dot}{lane}"


def _name_in(actor: str) -> str:
    return actor.partition(".")[0]


class _Walker:
    """Goes through a run; `acting`: the names of those who take steps in it."""

    def __init__(self, system: System[Any], acting: set[str]) -> None:
        self._system = system
        self._cells = Cells()
        system.begin(self._cells)
        self._contents = _contents(self._cells)
        self._waiting: dict[Key, list[Actor]] = {}
        self._followers: dict[str, Follower] = {}
        self._views: dict[str, Any] = {}
        for actor in system.actors:
            if actor.name in acting or self._is_awaited(actor):
                if actor.begins_with is None or self._cells.get(actor.begins_with) is not None:
                    self._begin(actor)
                else:
                    self._waiting.setdefault(actor.begins_with, []).append(actor)

    def _is_awaited(self, actor: Actor) -> bool:
        """Whether somebody who takes no step is told of: who could have begun, and does not stand for many."""
        return actor.begins_with is None and not (actor.is_spare or actor.is_environment)

    def _begin(self, actor: Actor) -> None:
        self._followers[actor.name] = Follower(actor, catches=self._system.catches_errors)

    def walk(self, steps: Iterable[T], written: Callable[[T], Contents]) -> Walk:
        """All moments; `written`: what a step wrote into cells, of those that people are told of."""
        cells, places = dict(self._contents), {name: each.places for name, each in self._followers.items()}
        views = self._new_views()
        moments = tuple(self._moments(steps, written))
        for each in self._followers.values():
            each.close()
        return Walk(cells, places, views, moments)

    def take_again(self, step: Taken) -> Contents:
        """Let a step take effect in the cells as they are; what it wrote."""
        operation = self._followers[_name_in(step.actor)].awaited(_lane_in(step.actor), step.operation)
        if self._apply(operation, step.alternative) != step.answer:
            raise Strayed(f"{step.actor} is not answered {step.answer} to {step.operation}")
        return self.written(step)

    def take_named(self, step: Ordered) -> WalkedStep:
        """Let a step that is only named take effect; the step as it was."""
        operation = self._followers[_name_in(step.actor)].awaited_by_name(_lane_in(step.actor), step.name)
        answer = self._apply(operation, step.alternative)
        return WalkedStep(step.actor, operation.bare, step.alternative, answer, source=-1, target=-1)

    def _apply(self, operation: Operation[Any], label: str | None) -> Any:
        world = self._system.world(self._cells)
        way = next(each for each in operation.alternatives(world) if each.label == label)
        return operation.apply_alternative(world, way)

    def written(self, step: Taken) -> Contents:
        """What is in the cells that a step may have written, once it took effect."""
        operation = self._followers[_name_in(step.actor)].awaited(_lane_in(step.actor), step.operation)
        return {key: freeze(self._cells.get(key)) for key in sorted(operation.footprint().writes) if is_told(key)}

    def _moments(self, steps: Iterable[T], written: Callable[[T], Contents]) -> Iterator[Moment]:
        for step in steps:
            name = _name_in(step.actor)
            follower = self._followers[name]
            had_ended = follower.has_ended
            changed = dict(written(step))
            follower.take(_lane_in(step.actor), step.operation, step.answer)
            returns_to = follower.actor.returns_to
            if follower.has_ended and not had_ended and returns_to is not None and follower.result is not None:
                # What it returns is put there with its last step.
                changed[returns_to] = freeze(follower.result)
            changes = {key: value for key, value in changed.items() if self._contents.get(key) != value}
            self._write(changes)
            places = {name: follower.places}
            for key in changes:
                for actor in self._waiting.pop(key, ()):
                    self._begin(actor)
                    places[actor.name] = self._followers[actor.name].places
            yield Moment(step, changes, places, self._new_views())

    def _write(self, changes: Contents) -> None:
        for key, value in changes.items():
            if value is None:
                self._contents.pop(key, None)
                self._cells.pop(key, None)
            else:
                self._contents[key] = value
                self._cells[key] = thaw(value)

    def _new_views(self) -> dict[str, Any]:
        """The views that are other than they were."""
        if not self._system.views:
            return {}
        world = self._system.world(self._cells)
        found = {view.name: freeze(view.value(world)) for view in self._system.views}
        new = {
            name: value for name, value in found.items() if name not in self._views or self._views[name] != value
        }
        self._views.update(new)
        return new
