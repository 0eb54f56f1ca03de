"""The graph of all states that were found: to be counted, judged, and walked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.distinct import distinct
from batchsim.engines.exhaustive.identities import Identities
from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.packing import Rows, Values
from batchsim.engines.exhaustive.search import Search
from batchsim.engines.exhaustive.stepping import Label
from batchsim.model.operation import Operation, Raised

Numbers = NDArray[np.int64]

COMES_BACK = "a run can come back to a state that it was in, time and again"


class Graph:
    """States are numbers, 0 the initial one; edges are numbers, sorted by the state that they leave.

    Of a tree, they are sorted by the state that they lead to.
    """

    def __init__(self, search: Search) -> None:
        self.layout: Layout = search.layout
        self.table: StepTable = search.table
        """The steps that were worked out."""
        self._packed = search.packed
        self.states = search.states
        """How many states there are."""
        self.levels_begin = search.levels_begin
        self.labels: list[Label] = search.labels
        self.sources: Numbers
        self.edge_labels: Numbers
        self.sources, self.edge_labels, *self._columns = search.edges.columns()
        self.is_tree = search.edges.only_first
        """Whether of the edges to a state only the first is here, which is enough for shortest paths alone."""
        self.transitions = search.edges.count
        """How many edges were found."""
        self.terminals = search.edges.ends()
        """The states that nothing follows."""
        self.expanded = search.expanded
        """States from this number on were found, and not looked into."""

    def rows(self, states: slice | Numbers) -> Rows:
        """What the columns of the layout hold in these states: a row for each."""
        return self._packed.rows(states)

    def row(self, state: int) -> list[int]:
        """What they hold in one."""
        return self._packed.row(state)

    def column(self, column: int) -> Values:
        """What one of them holds in all states."""
        return self._packed.column(column)

    @property
    def targets(self) -> Numbers:
        """The state that each edge leads to. Raises `ValueError` for a tree: its edge e leads to state e + 1."""
        self.check_whole()
        return self._columns[0]

    @property
    def weights(self) -> Numbers:
        """How many steps an edge stands for: of twins at one local state, each can take it. Likewise."""
        self.check_whole()
        return self._columns[1]

    @cached_property
    def edges_begin(self) -> Numbers:
        """The edges of state s are those from `edges_begin[s]` to `edges_begin[s + 1]`. Likewise."""
        self.check_whole()
        return np.searchsorted(self.sources, np.arange(self.states + 1, dtype=self.sources.dtype))

    @cached_property
    def topological_levels(self) -> list[Numbers]:
        """All states, each in a later level than every state before it.

        Raises `ValueError` for a cycle and for a tree.
        """
        self.check_whole()
        waits_for = np.bincount(self.targets, minlength=self.states)
        level = np.zeros(1, dtype=np.int64)
        levels = []
        seen = 0
        while len(level):
            levels.append(level)
            seen += len(level)
            reached, _, which = distinct(self.targets[self.edges_of(level)])
            waits_for[reached] -= np.bincount(which, minlength=len(reached))
            level = reached[waits_for[reached] == 0]
        if seen != self.states:
            raise ValueError("the graph has a cycle: retries or faults are not bounded, or somebody never rests")
        return levels

    @cached_property
    def has_cycle(self) -> bool:
        """Whether a run can come back to a state that it was in. Raises `ValueError` for a tree."""
        self.check_whole()
        try:
            return not self.topological_levels
        except ValueError:
            return True

    def check_whole(self) -> None:
        """Raise `ValueError` for a tree, where all edges are needed."""
        if self.is_tree:
            raise ValueError(
                "this graph has only the first edge to each state: explore with counts, and without reduces"
            )

    def edges_of(self, states: Numbers) -> Numbers:
        """The edges that leave these states, state by state."""
        begin, end = self.edges_begin[states], self.edges_begin[states + 1]
        lengths = end - begin
        offsets = np.repeat(begin - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
        return offsets + np.arange(lengths.sum())

    def backwards(self) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
        """States that something follows, from the ends back to the beginning: what follows them has come before.

        With them their edges, state by state, and where among these those of each begin. Raises `ValueError` for a
        cycle and for a tree.
        """
        for level in reversed(self.topological_levels):
            states = level[self.edges_begin[level] < self.edges_begin[level + 1]]
            if len(states):
                lengths = self.edges_begin[states + 1] - self.edges_begin[states]
                yield states, self.edges_of(states), np.concatenate(([0], np.cumsum(lengths)[:-1]))

    def depth(self, state: int) -> int:
        """The least number of steps to a state."""
        return int(np.searchsorted(self.levels_begin, state, side="right")) - 1

    @cached_property
    def _first_edges(self) -> Numbers:
        """For each state but the initial one, an edge on a shortest path to it."""
        edges = np.full(self.states, -1, dtype=self.sources.dtype)
        # Of several assignments to one place the last one stays.
        edges[self.targets[::-1]] = np.arange(len(self.targets) - 1, -1, -1, dtype=edges.dtype)
        return edges

    def shortest_path(self, state: int) -> list[int]:
        """The edges of a shortest path from the initial state."""
        edges: list[int] = []
        while state != 0:
            edge = state - 1 if self.is_tree else int(self._first_edges[state])
            edges.append(edge)
            state = int(self.sources[edge])
        return edges[::-1]

    def world(self, state: int) -> Any:
        """The stores in a state, as a copy of their own."""
        return self.layout.world(self.row(state))

    @cached_property
    def outcomes(self) -> list[Any]:
        """What a run came to that ended in a terminal state, in the order of these."""
        return [self.layout.outcome(row) for row in self.rows(self.terminals).tolist()]

    def outcome(self, state: int) -> Any:
        """What a run came to that ended in this state."""
        return self.layout.outcome(self.row(state))

    def walk(self, edges: list[int]) -> Iterator[WalkedStep]:
        """The steps along a path from the initial state, with the actors by name."""
        identities = Identities(self.layout)
        rows = self.rows(self.sources[edges]).tolist() if edges else []
        for edge, row in zip(edges, rows, strict=True):
            label = self.labels[self.edge_labels[edge]]
            kind = label.kind
            move = kind.move([row[column] for column in kind.columns], label.alternative)
            identity = identities.who_takes(kind, row)
            identities.take(identity, kind, row, move)
            yield WalkedStep(
                actor=f"{identity.name}{kind.lane}",
                operation=identities.operation(identity, kind).bare,
                alternative=label.alternative,
                answer=move.answer,
                source=int(self.sources[edge]),
                target=edge + 1 if self.is_tree else int(self.targets[edge]),
                fault=label.fault,
            )


@dataclass(frozen=True, slots=True)
class WalkedStep:
    """A step on a path of the graph."""

    actor: str
    operation: Operation[Any]
    alternative: str | None
    """Which of its ways it took; `None`: the usual one."""
    answer: Any
    source: int
    """The state before."""
    target: int
    """The state after."""
    fault: int | None = None
    """The number of the fault that happened in it, in the order of the setting; `None`: none did."""

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.operation.name

    @property
    def description(self) -> str:
        """The answer in a few words."""
        return self.operation.tell(self.answer)

    @property
    def way(self) -> str | None:
        """How it turned out, where the description does not say so; `None`: as usual."""
        return None if isinstance(self.answer, Raised) else self.alternative
