"""Following a sequence of steps through the graph: whether it is one of the schedules, and where it ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from batchsim.engines.exhaustive.graph import Graph
from batchsim.engines.exhaustive.identities import ActorIdentity, Identities
from batchsim.model.operation import Operation


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


class _Follower:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._identities = Identities(graph.layout)
        identities = (ActorIdentity(role, twin) for role in graph.layout.roles for twin in range(len(role.actors)))
        self._identity_of = {each.name: each for each in identities}
        self.state = 0

    def take(self, step: Taken) -> int:
        """The edge that is this step."""
        name, dot, lane = step.actor.partition(".")
        identity = self._identity_of[name]
        row = self._graph.row(self.state)
        for edge in range(*self._graph.edges_begin[self.state : self.state + 2]):
            label = self._graph.labels[self._graph.edge_labels[edge]]
            kind = label.kind
            if kind.lane != f"{dot}{lane}" or not self._identities.can_take(identity, kind, row):
                continue
            operation = self._identities.operation(identity, kind)
            if operation.bare != step.operation or label.alternative != step.alternative:
                continue
            move = kind.move([row[column] for column in kind.columns], label.alternative)
            if move.answer == step.answer:
                self._identities.take(identity, kind, row, move)
                self.state = int(self._graph.targets[edge])
                return int(edge)
        raise NotASchedule(f"{step.actor} {step.operation} cannot be answered {step.answer!r} here")


def follow(graph: Graph, steps: Iterable[Taken]) -> list[int]:
    """The edges that these steps take from the initial state.

    Raises `NotASchedule` where one leaves the graph, `ValueError` for a graph that is a tree.
    """
    graph.check_whole()
    follower = _Follower(graph)
    return [follower.take(step) for step in steps]
