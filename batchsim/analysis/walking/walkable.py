"""The graph of an exploration, to be walked by hand: who can go next, and what can still come of it.

A large graph is not handed out whole. What is handed out then is the part around the witnesses: every state on a
shortest way to each outcome, and every state that one other step leads to from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from batchsim.analysis.walking.places import Places, places_in
from batchsim.engines.exhaustive import Exploration, Graph
from batchsim.engines.exhaustive.graph import WalkedStep
from batchsim.engines.exhaustive.layout import Role
from batchsim.engines.exhaustive.task import Task
from batchsim.model.properties import Property

Numbers = NDArray[np.int64]
FAR = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Walkable:
    """A part of a graph, or all of it; the states that it has, in the order of their numbers."""

    exploration: Exploration
    states: Numbers
    """0 first. Shortest ways to each of them are among them."""
    class_of: dict[int, int]
    """Of each state that nothing follows: the number of its outcome among those of the exploration."""

    @property
    def graph(self) -> Graph:
        """That of the exploration."""
        return self.exploration.graph

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the graph."""
        return len(self.states) == self.graph.states

    def edges_of(self, state: int) -> range:
        """The edges that leave a state, by number."""
        begin, end = self.graph.edges_begin[state : state + 2].tolist()
        return range(begin, end)

    @cached_property
    def counts(self) -> list[tuple[int, ...]]:
        """For each state of the graph, of each outcome: how many schedules lead from there to it."""
        graph, outcomes = self.graph, len(self.exploration.outcomes)
        counts: list[tuple[int, ...]] = [()] * graph.states
        targets, weights = graph.targets.tolist(), graph.weights.tolist()
        for level in reversed(graph.topological_levels):
            for state in level.tolist():
                edges = self.edges_of(state)
                if edges:
                    each = ([weights[edge] * n for n in counts[targets[edge]]] for edge in edges)
                    counts[state] = tuple(map(sum, zip(*each, strict=True)))
                else:
                    own = self.class_of.get(state)
                    counts[state] = tuple(int(number == own) for number in range(outcomes))
        return counts

    def decided_in(self, state: int) -> frozenset[str]:
        """The verdicts that nothing avoids any more from a state on."""
        outcomes = self.exploration.outcomes
        left = [each.verdicts for each, count in zip(outcomes, self.counts[state], strict=True) if count]
        return frozenset.intersection(*map(frozenset, left)) - {"ok"}

    def decisive_in(self, steps: Sequence[WalkedStep]) -> list[int]:
        """Which steps of a path are decisive, by number from 0."""
        return [
            number
            for number, each in enumerate(steps)
            if self.decided_in(each.target) > self.decided_in(each.source)
        ]

    @cached_property
    def shares(self) -> NDArray[np.float64]:
        """For each state and outcome: how likely it is from there, each enabled step being equally likely."""
        graph = self.graph
        shares = np.zeros((graph.states, len(self.exploration.outcomes)))
        for state, number in self.class_of.items():
            shares[state, number] = 1.0
        ways = np.bincount(graph.sources, weights=graph.weights, minlength=graph.states)
        for level in reversed(graph.topological_levels):
            edges = graph.edges_of(level)
            part = (graph.weights[edges] / ways[graph.sources[edges]])[:, None]
            np.add.at(shares, graph.sources[edges], part * shares[graph.targets[edges]])
        return shares

    @cached_property
    def next_to_failure(self) -> Numbers:
        """For each state the edge that is next on a shortest way to a failure; -1: there is none."""
        graph = self.graph
        far = np.full(graph.states, FAR, dtype=np.int64)
        for state, number in self.class_of.items():
            if self.exploration.outcomes[number].verdicts != ("ok",):
                far[state] = 0
        following = np.full(graph.states, -1, dtype=np.int64)
        for level in reversed(graph.topological_levels):
            for edge in graph.edges_of(level).tolist():
                source, target = int(graph.sources[edge]), int(graph.targets[edge])
                if far[target] != FAR and far[target] + 1 < far[source]:
                    far[source], following[source] = far[target] + 1, edge
        return following

    def places_of(self, role: Role, local: int) -> Places:
        """Where an actor of a role is in its code, at one of its local states."""
        actor, system = role.actors[0], self.graph.layout.system
        task = Task(actor.program(), actor.expose, catches=system.catches_errors)
        for position, answer in role.locals.answers_to(local):
            task.answer(position, answer)
        places = places_in(task)
        task.close()
        return places


def walkable_of(
    exploration: Exploration, properties: Sequence[Property] = (), states_max: int | None = None
) -> Walkable | None:
    """The graph of an exploration, or the part around its witnesses where it has more states than that.

    `properties`: verdicts of your own, as the exploration had them. `None`: it cannot be walked, as not all steps
    are known, or a run can come back to a state that it was in.
    """
    graph = exploration.graph
    if not exploration.is_complete or exploration.schedules is None:
        return None
    system = graph.layout.system
    number_of = {}
    for number, each in enumerate(exploration.outcomes):
        number_of[system.class_key(each.outcome, each.verdicts)] = number
    class_of = {}
    for state in graph.terminals.tolist():
        outcome = graph.outcome(state)
        class_of[state] = number_of[system.class_key(outcome, system.verdicts_of(outcome, properties))]
    if states_max is None or graph.states <= states_max:
        states = np.arange(graph.states)
    else:
        states = _around_witnesses(exploration)
    return Walkable(exploration, states, class_of)


def _around_witnesses(exploration: Exploration) -> Numbers:
    graph = exploration.graph
    on_way = {0, *(step.target for each in exploration.outcomes for step in each.witness)}
    beside = graph.targets[graph.edges_of(np.array(sorted(on_way)))].tolist()
    # Whatever is beside a way is shown with a shortest way to it.
    found = {*on_way, *beside}
    for state in beside:
        found.update(int(graph.targets[edge]) for edge in graph.shortest_path(state))
    return np.array(sorted(found))
