"""Absorption probabilities: where the chain ends, from each state, on its acyclic graph.

From a state in which time passes, each step comes next with its rate over the sum of all rates. In a state that is
passed at once, what can happen happens; where several steps can, any of them comes first, and `ties` tells whether
that matters. The probability to end in a set of states is worked out backwards, in topological order:
h(s) = sum of p(edge) h(target).

All terms are positive, so nothing cancels: with L levels and at most d steps from a state, the relative error is
at most L (2 d + 6) u / (1 - L (2 d + 6) u), u = 2^-53 (Higham, *Accuracy and Stability of Numerical
Algorithms*, §3.1).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.chain.steps import mean_us_of
from batchsim.engines.exhaustive.graph import Graph
from batchsim.engines.exhaustive.moves import StepKind

Probabilities = NDArray[np.float64]
UNIT_ROUNDOFF = 2.0**-53


class Absorption:
    """Where the chain of a graph ends."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        kinds = list(dict.fromkeys(id(label.kind) for label in graph.labels))
        number_of = {kind: number for number, kind in enumerate(kinds)}
        means = np.array([mean_us_of(label.kind.operation) for label in graph.labels], dtype=np.float64)
        drawn = [1.0 if label.probability is None else label.probability for label in graph.labels]
        kind_of_label = np.array([number_of[id(label.kind)] for label in graph.labels], dtype=np.int64)
        self._kinds = kind_of_label[graph.edge_labels]
        self._drawn = np.array(drawn, dtype=np.float64)[graph.edge_labels]
        self._means = means[graph.edge_labels]
        self._first_kinds = self._kinds[np.minimum(graph.edges_begin[graph.sources], len(self._kinds) - 1)]
        self._edges = self._probability_of_edges()
        self._none = np.zeros(len(self._edges), dtype=bool)

    @property
    def relative_error_max(self) -> float:
        """A bound of the relative error of each probability."""
        degree = int(np.diff(self._graph.edges_begin).max(initial=0))
        error = len(self._graph.topological_levels) * (2 * degree + 6) * UNIT_ROUNDOFF
        return error / (1 - error)

    @property
    def states_in_time(self) -> int:
        """In how many states time passes; the others are passed at once, or are ends."""
        return len(np.unique(self._graph.sources[self._means > 0]))

    def _probability_of_edges(self) -> Probabilities:
        graph = self._graph
        rates = graph.weights * self._drawn / np.where(self._means > 0, self._means, 1.0)
        # Of steps at one instant the first kind stands for all; a draw decides between its alternatives.
        rates[(self._means == 0) & (self._kinds != self._first_kinds)] = 0.0
        rates[self._means == 0] /= graph.weights[self._means == 0]
        totals = np.zeros(graph.states)
        sources = np.unique(graph.sources)
        if len(sources):
            totals[sources] = np.add.reduceat(rates, graph.edges_begin[sources])
        probabilities: Probabilities = rates / totals[graph.sources]
        return probabilities

    def probability_to_end_in(self, ends: NDArray[np.int64]) -> Probabilities:
        """For each state the probability that the chain, having come to it, ends in one of these."""
        probability = np.zeros(self._graph.states)
        probability[ends] = 1.0
        return self._backwards(probability, self._none)

    def probability_to_take(self, edges: NDArray[np.bool_]) -> Probabilities:
        """For each state the probability that the chain, having come to it, takes any of these edges."""
        return self._backwards(np.zeros(self._graph.states), edges)

    def _backwards(self, probability: Probabilities, is_enough: NDArray[np.bool_]) -> Probabilities:
        """From the ends back to the beginning; `is_enough`: edges after which it does not matter what follows."""
        graph = self._graph
        for level in reversed(graph.topological_levels):
            inner = level[graph.edges_begin[level] < graph.edges_begin[level + 1]]
            if len(inner):
                edges = graph.edges_of(inner)
                lengths = graph.edges_begin[inner + 1] - graph.edges_begin[inner]
                begin = np.concatenate(([0], np.cumsum(lengths)[:-1]))
                passed = self._edges[edges] * self._after(edges, probability, is_enough)
                probability[inner] = np.add.reduceat(passed, begin)
        return probability

    def _after(
        self, edges: NDArray[np.int64], probability: Probabilities, is_enough: NDArray[np.bool_]
    ) -> Probabilities:
        """For each of some edges the probability once it is taken."""
        return np.where(is_enough[edges], 1.0, probability[self._graph.targets[edges]])

    def ties(
        self, probability: Probabilities, tolerance: float, is_enough: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[StepKind, StepKind]]:
        """Steps that come at one instant, and whose order changes a probability by more than `tolerance`.

        `is_enough`: the edges to be taken, if it is the probability to take some.
        """
        graph = self._graph
        is_enough = self._none if is_enough is None else is_enough
        rivals = np.flatnonzero((self._means == 0) & (self._kinds != self._first_kinds))
        sources, kinds = graph.sources[rivals], self._kinds[rivals]
        if not len(rivals):
            return
        order = np.lexsort((kinds, sources))
        rivals, sources, kinds = rivals[order], sources[order], kinds[order]
        changes = np.ones(len(rivals), dtype=bool)
        changes[1:] = (sources[1:] != sources[:-1]) | (kinds[1:] != kinds[:-1])
        begin = np.flatnonzero(changes)
        if_first = np.add.reduceat(self._drawn[rivals] * self._after(rivals, probability, is_enough), begin)
        differs = np.abs(if_first - probability[sources[begin]]) > tolerance
        for place in begin[differs].tolist():
            usual = graph.labels[graph.edge_labels[graph.edges_begin[sources[place]]]].kind
            yield usual, graph.labels[graph.edge_labels[rivals[place]]].kind
