"""Following a sequence of steps through the graph: whether it is one of the schedules, and where it ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from batchsim.engines.exhaustive.graph import Graph
from batchsim.engines.exhaustive.layout import Role
from batchsim.protocol.operation import Operation


class Taken(Protocol):
    """A step that somebody took: of a timed run, or of a witness."""

    @property
    def actor(self) -> str:
        """The name of the actor, with its lane."""

    @property
    def operation(self) -> Operation[object]:
        """What it did."""

    @property
    def alternative(self) -> str | None:
        """How it turned out; `None`: as usual."""

    @property
    def answer(self) -> object:
        """What it was answered."""


class NotASchedule(Exception):
    """A sequence of steps leaves the graph."""


class _Place(NamedTuple):
    role: Role
    twin: int
    lane: str


class _Follower:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._locals = {id(role): [0] * len(role.actors) for role in graph.layout.roles}
        self._places = {
            actor.name: (role, twin) for role in graph.layout.roles for twin, actor in enumerate(role.actors)
        }
        self.state = 0

    def take(self, step: Taken) -> int:
        """The edge that is this step."""
        place = self._place_of(step.actor)
        local = self._locals[id(place.role)][place.twin]
        row = self._graph.rows[self.state].tolist()
        for edge in range(*self._graph.edges_begin[self.state : self.state + 2]):
            label = self._graph.labels[self._graph.edge_labels[edge]]
            kind = label.kind
            if (kind.role, kind.local, kind.lane) != (place.role, local, place.lane):
                continue
            if kind.operation.bare != step.operation or label.alternative != step.alternative:
                continue
            move = kind.move([row[column] for column in kind.columns], label.alternative)
            if move.answer == step.answer:
                self._locals[id(place.role)][place.twin] = move.local
                self.state = int(self._graph.targets[edge])
                return int(edge)
        raise NotASchedule(f"{step.actor} {step.operation} cannot be answered {step.answer!r} here")

    def _place_of(self, actor: str) -> _Place:
        name, dot, lane = actor.partition(".")
        role, twin = self._places[name]
        return _Place(role, twin, f"{dot}{lane}")


def follow(graph: Graph, steps: Iterable[Taken]) -> list[int]:
    """The edges that these steps take from the initial state; raises `NotASchedule` where one leaves the graph."""
    follower = _Follower(graph)
    return [follower.take(step) for step in steps]
