"""Fates: which verdicts a state can still come to, and the steps that decide.

A step is decisive for a verdict if before it some schedule avoids the verdict, and after it none does. Of a graph
that is not complete only what holds for all of it is told: a schedule that avoids the verdict was found to its
end, and nothing behind the step was left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.graph import Graph

Masks = NDArray[np.uint64]
BITS = 64


@dataclass(frozen=True, slots=True)
class DecisiveSteps:
    """Decisive steps that are alike."""

    operation: str
    actor: str
    """The kind of the actor, or its name where it is no twin."""
    overtook: tuple[str, ...]
    """The steps that could have come instead, disturb it, and would have kept the good end within reach."""
    verdict: str
    alternative: str | None
    """How the step turns out; `None`: as usual."""
    edges: int
    """How many edges of the graph are such steps."""


def decisions(graph: Graph, verdicts: Sequence[tuple[str, ...]], names: Sequence[str]) -> list[DecisiveSteps]:
    """All decisive steps for the named verdicts; `verdicts`: of each terminal state, in their order."""
    found: list[DecisiveSteps] = []
    for begin in range(0, len(names), BITS):
        some = names[begin : begin + BITS]
        can, may = fates(graph, verdicts, some)
        for bit, name in enumerate(some):
            avoids, may_avoid = ((each >> np.uint64(bit)) & np.uint64(1) == 1 for each in (can, may))
            found += _decisions_for(graph, decisive_edges(graph, avoids, may_avoid), avoids, name)
    return found


def fates(graph: Graph, verdicts: Sequence[tuple[str, ...]], names: Sequence[str]) -> tuple[Masks, Masks]:
    """Which verdicts some schedule from each state avoids: as far as it was found, and as far as it may be.

    They differ where the graph is not complete.
    """
    can = avoidable(graph, verdicts, names, unknown=False)
    return can, can if graph.expanded == graph.states else avoidable(graph, verdicts, names)


def decisive_edges(graph: Graph, avoids: NDArray[np.bool_], may_avoid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The edges from a state of which a schedule avoids a verdict to one of which none can."""
    return np.flatnonzero(avoids[graph.sources] & ~may_avoid[graph.targets])


def avoidable(
    graph: Graph, verdicts: Sequence[tuple[str, ...]], names: Sequence[str], *, unknown: bool = True
) -> Masks:
    """For each state a bit for each verdict that some schedule from there avoids.

    `unknown`: whether a state that was not looked into counts as one from where a schedule does.
    """
    masks = np.zeros(graph.states, dtype=np.uint64)
    for state, given in zip(graph.terminals.tolist(), verdicts, strict=True):
        masks[state] = sum(1 << bit for bit, name in enumerate(names) if name not in given)
    if unknown:
        masks[graph.expanded :] = (1 << len(names)) - 1
    for level in reversed(graph.topological_levels):
        inner = level[graph.edges_begin[level] < graph.edges_begin[level + 1]]
        if len(inner):
            edges = graph.edges_of(inner)
            lengths = graph.edges_begin[inner + 1] - graph.edges_begin[inner]
            begin = np.concatenate(([0], np.cumsum(lengths)[:-1]))
            masks[inner] = np.bitwise_or.reduceat(masks[graph.targets[edges]], begin)
    return masks


def _decisions_for(
    graph: Graph, decisive: NDArray[np.int64], avoids: NDArray[np.bool_], verdict: str
) -> list[DecisiveSteps]:
    counted: Counter[tuple[str, str, tuple[str, ...], str]] = Counter()
    overtaken = _Overtaken(graph)
    for label, rivals, edges in _with_rivals(graph, decisive, avoids):
        kind, way = graph.labels[label].kind, graph.labels[label].alternative or ""
        overtook = tuple(sorted({each for rival in rivals for each in overtaken[label, rival]}))
        counted[(kind.operation.name, kind.role.name, overtook, way)] += edges
    return [
        DecisiveSteps(operation, actor, overtook, verdict, way or None, edges)
        for (operation, actor, overtook, way), edges in sorted(
            counted.items(), key=lambda each: (-each[1], each[0])
        )
    ]


def _with_rivals(
    graph: Graph, decisive: NDArray[np.int64], avoids: NDArray[np.bool_]
) -> Iterator[tuple[int, list[int], int]]:
    """The labels of decisive edges with those of the edges beside them that avoid; how often each occurs."""
    if not len(decisive):
        return
    # Edges are sorted by their source. Beside each of these edges is one that avoids.
    sources = graph.sources[decisive]
    is_new = np.diff(sources, prepend=-1) > 0
    beside = graph.edges_of(sources[is_new])
    beside = beside[avoids[graph.targets[beside]]]
    begins = np.flatnonzero(np.diff(graph.sources[beside], prepend=-1))
    labels = graph.edge_labels[beside]
    bit = np.uint64(1) << (labels % BITS).astype(np.uint64)
    words = [
        np.bitwise_or.reduceat(np.where(labels // BITS == word, bit, np.uint64(0)), begins)
        for word in range(-(-len(graph.labels) // BITS))
    ]
    rows = np.stack(
        [graph.edge_labels[decisive].astype(np.uint64), *(each[np.cumsum(is_new) - 1] for each in words)], axis=1
    )
    different, counts = np.unique(rows, axis=0, return_counts=True)
    for (label, *masks), edges in zip(different.tolist(), counts.tolist(), strict=True):
        rivals = [
            word * BITS + place for word, mask in enumerate(masks) for place in range(BITS) if mask >> place & 1
        ]
        yield label, rivals, edges


class _Overtaken(dict[tuple[int, int], tuple[str, ...]]):
    """By the labels of a step and of one that could have come instead: the other, if they disturb each other."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __missing__(self, labels: tuple[int, int]) -> tuple[str, ...]:
        kind, other = (self._graph.labels[each].kind for each in labels)
        disturbs = other.role.name != kind.role.name and kind.footprint.conflicts_with(other.footprint)
        self[labels] = found = (f"{other.operation.name} ({other.role.name})",) if disturbs else ()
        return found
