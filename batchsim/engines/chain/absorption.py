"""Absorption probabilities: where the chain ends, from each state, on its acyclic graph.

From a state in which time passes, each step comes next with its rate over the sum of all rates. In a state that is
passed at once, what can happen happens; where several steps can, any of them comes first, and `ties` tells whether
that matters. The probability to end in a set of states is worked out backwards, in topological order:
h(s) = sum of rate(edge) h(target) over sum of rate(edge).

All terms are positive, so nothing cancels: with L levels and at most d steps from a state, the relative error is
at most L (2 d + 6) u / (1 - L (2 d + 6) u), u = 2^-53 (Higham, *Accuracy and Stability of Numerical
Algorithms*, §3.1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.chain.steps import mean_us_of
from batchsim.engines.exhaustive.graph import Graph
from batchsim.engines.exhaustive.moves import StepKind

Probabilities = NDArray[np.float64]
UNIT_ROUNDOFF = 2.0**-53


CLASSES_AT_ONCE = 8
"""So many sets of ends are gone through together: a state has so many numbers then."""


class Absorption:
    """Where the chain of a graph ends."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        kinds = list(dict.fromkeys(id(label.kind) for label in graph.labels))
        number_of = {kind: number for number, kind in enumerate(kinds)}
        drawn = [1.0 if label.probability is None else label.probability for label in graph.labels]
        means = [mean_us_of(label.kind.operation) for label in graph.labels]
        # Of labels and not of edges, of which there are many.
        self._kinds = np.array([number_of[id(label.kind)] for label in graph.labels], dtype=np.int32)
        self._drawn = np.array(drawn, dtype=np.float64)
        self._is_at_once = np.array([mean == 0 for mean in means], dtype=np.bool_)
        self._rates = self._drawn / np.array([mean or 1 for mean in means])
        self._rivals = self._not_of_the_first_kind()
        self._rates_of_edges = self._of_edges()

    @property
    def relative_error_max(self) -> float:
        """A bound of the relative error of each probability."""
        degree = int(np.diff(self._graph.edges_begin).max(initial=0))
        error = len(self._graph.topological_levels) * (2 * degree + 6) * UNIT_ROUNDOFF
        return error / (1 - error)

    @property
    def states_in_time(self) -> int:
        """In how many states time passes; the others are passed at once, or are ends."""
        passes = np.zeros(self._graph.states, dtype=bool)
        passes[self._graph.sources[~self._is_at_once[self._graph.edge_labels]]] = True
        return int(passes.sum())

    def _not_of_the_first_kind(self) -> NDArray[np.int64]:
        """The edges that are at one instant with others of another kind, which come first."""
        graph = self._graph
        at_once = np.flatnonzero(self._is_at_once[graph.edge_labels])
        first = graph.edges_begin[graph.sources[at_once]]
        is_other = self._kinds[graph.edge_labels[at_once]] != self._kinds[graph.edge_labels[first]]
        rivals: NDArray[np.int64] = at_once[is_other]
        return rivals

    def _of_edges(self) -> Probabilities:
        """The rate of each edge; of one that is passed at once, its share among those of its state."""
        rates: Probabilities = self._rates[self._graph.edge_labels]
        rates *= self._graph.weights
        # Of steps at one instant the first kind stands for all; a draw decides between its alternatives.
        rates[self._rivals] = 0.0
        return rates

    def probabilities_to_end_in(self, ends: Sequence[NDArray[np.int64]]) -> Iterator[Probabilities]:
        """For each of some sets of ends, by state: the probability that the chain, once there, ends in the set."""
        for begin in range(0, len(ends), CLASSES_AT_ONCE):
            some = ends[begin : begin + CLASSES_AT_ONCE]
            probabilities = np.zeros((self._graph.states, len(some)))
            for place, states in enumerate(some):
                probabilities[states, place] = 1.0
            yield from self._backwards(probabilities, None).T

    def probability_to_take(self, edges: NDArray[np.bool_]) -> Probabilities:
        """For each state the probability that the chain, having come to it, takes any of these edges."""
        return self._backwards(np.zeros((self._graph.states, 1)), edges)[:, 0]

    def _backwards(self, probabilities: Probabilities, is_enough: NDArray[np.bool_] | None) -> Probabilities:
        """From the ends back to the beginning; `is_enough`: edges after which it does not matter what follows."""
        for states, edges, begin in self._graph.backwards():
            rates = self._rates_of_edges.take(edges)
            passed = probabilities.take(self._graph.targets.take(edges), axis=0)
            if is_enough is not None:
                passed[is_enough[edges]] = 1.0
            passed *= rates[:, np.newaxis]
            total = np.add.reduceat(rates, begin)
            probabilities[states] = np.add.reduceat(passed, begin) / total[:, np.newaxis]
        return probabilities

    def ties(
        self, probability: Probabilities, tolerance: float, is_enough: NDArray[np.bool_] | None = None
    ) -> Iterator[tuple[StepKind, StepKind]]:
        """Steps that come at one instant, and whose order changes a probability by more than `tolerance`.

        `is_enough`: the edges to be taken, if it is the probability to take some.
        """
        graph, rivals = self._graph, self._rivals
        if not len(rivals):
            return
        sources, kinds = graph.sources[rivals], self._kinds[graph.edge_labels[rivals]]
        order = np.lexsort((kinds, sources))
        rivals, sources, kinds = rivals[order], sources[order], kinds[order]
        changes = np.ones(len(rivals), dtype=bool)
        changes[1:] = (sources[1:] != sources[:-1]) | (kinds[1:] != kinds[:-1])
        begin = np.flatnonzero(changes)
        after = probability[graph.targets[rivals]]
        if is_enough is not None:
            after[is_enough[rivals]] = 1.0
        if_first = np.add.reduceat(self._drawn[graph.edge_labels[rivals]] * after, begin)
        differs = np.abs(if_first - probability[sources[begin]]) > tolerance
        for place in begin[differs].tolist():
            usual = graph.labels[graph.edge_labels[graph.edges_begin[sources[place]]]].kind
            yield usual, graph.labels[graph.edge_labels[rivals[place]]].kind
