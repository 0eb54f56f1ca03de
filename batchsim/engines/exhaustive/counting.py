"""How many schedules there are, and how likely each end is when every enabled step is equally likely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.distinct import distinct
from batchsim.engines.exhaustive.graph import Graph

DIGIT_BITS = 24
"""Digits are floats: a sum of 2^29 of them is still exact, weights and all edges of a level included."""
_BASE = float(1 << DIGIT_BITS)


class Counts:
    """For each state a whole number without bound, its digits in arrays, the lowest first."""

    def __init__(self, states: int) -> None:
        self._digits = [np.zeros(states)]

    def __getitem__(self, state: int) -> int:
        return sum(int(digit[state]) << DIGIT_BITS * place for place, digit in enumerate(self._digits))

    def set_one(self, state: int) -> None:
        """The number of a state is 1."""
        self._digits[0][state] = 1.0

    def carry(self, states: NDArray[np.int64]) -> None:
        """Let each digit of these states be below the base again."""
        carried = np.zeros(len(states))
        for digit in self._digits:
            carried, digit[states] = np.divmod(digit[states] + carried, _BASE)
        if carried.any():
            self._digits.append(np.zeros(len(self._digits[0])))
            self._digits[-1][states] = carried

    def pass_on(self, sources: NDArray[np.int64], targets: NDArray[np.int64], weights: NDArray[np.int64]) -> None:
        """Add the numbers of the sources, so many times each, to those of the targets."""
        reached, _, which = distinct(targets)
        for digit in self._digits:
            digit[reached] += np.bincount(which, weights=digit[sources] * weights)


def schedules_to(graph: Graph) -> Counts:
    """For each state the number of schedules that lead to it, exactly (dynamic programming)."""
    counts = Counts(graph.states)
    counts.set_one(0)
    for level in graph.topological_levels:
        counts.carry(level)
        edges = graph.edges_of(level)
        counts.pass_on(graph.sources[edges], graph.targets[edges], graph.weights[edges])
    return counts


def probability_of(graph: Graph) -> NDArray[np.float64]:
    """For each state the probability that a run comes by it, a step at random among those enabled."""
    probability = np.zeros(graph.states)
    probability[0] = 1.0
    running = np.concatenate(([0], np.cumsum(graph.weights)))
    ways = running[graph.edges_begin[1:]] - running[graph.edges_begin[:-1]]
    for level in graph.topological_levels:
        edges = graph.edges_of(level)
        sources = graph.sources[edges]
        passed = probability[sources] * graph.weights[edges] / ways[sources]
        np.add.at(probability, graph.targets[edges], passed)
    return probability
