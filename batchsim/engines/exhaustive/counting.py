"""How many schedules there are, and how likely each end is when every enabled step is equally likely."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.graph import Graph


def schedules_to(graph: Graph) -> list[int]:
    """For each state the number of schedules that lead to it, exactly (dynamic programming)."""
    counts = [0] * graph.states
    counts[0] = 1
    begin = graph.edges_begin.tolist()
    for level in graph.topological_levels:
        edges = graph.edges_of(level)
        targets, weights = graph.targets[edges].tolist(), graph.weights[edges].tolist()
        place = 0
        for state in level.tolist():
            count = counts[state]
            end = place + begin[state + 1] - begin[state]
            while place < end:
                counts[targets[place]] += count * weights[place]
                place += 1
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
