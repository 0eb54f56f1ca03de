"""Fates: which verdicts a state can still come to, and the steps that decide.

A step is decisive for a verdict if before it some schedule avoids the verdict, and after it none does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
        masks = avoidable(graph, verdicts, some)
        for bit, name in enumerate(some):
            found += _decisions_for(graph, (masks >> np.uint64(bit)) & np.uint64(1) == 1, name)
    return found


def avoidable(graph: Graph, verdicts: Sequence[tuple[str, ...]], names: Sequence[str]) -> Masks:
    """For each state a bit for each verdict that some schedule from there avoids."""
    masks = np.zeros(graph.states, dtype=np.uint64)
    for state, given in zip(graph.terminals.tolist(), verdicts, strict=True):
        masks[state] = sum(1 << bit for bit, name in enumerate(names) if name not in given)
    # What was not looked into may still end well.
    masks[graph.expanded :] = (1 << len(names)) - 1
    for level in reversed(graph.topological_levels):
        inner = level[graph.edges_begin[level] < graph.edges_begin[level + 1]]
        if len(inner):
            edges = graph.edges_of(inner)
            lengths = graph.edges_begin[inner + 1] - graph.edges_begin[inner]
            begin = np.concatenate(([0], np.cumsum(lengths)[:-1]))
            masks[inner] = np.bitwise_or.reduceat(masks[graph.targets[edges]], begin)
    return masks


def _decisions_for(graph: Graph, avoidable: NDArray[np.bool_], verdict: str) -> list[DecisiveSteps]:
    decisive = np.flatnonzero(avoidable[graph.sources] & ~avoidable[graph.targets])
    counted: Counter[tuple[str, str, tuple[str, ...], str]] = Counter()
    for label, rivals, edges in _with_rivals(graph, decisive, avoidable):
        kind, way = graph.labels[label].kind, graph.labels[label].alternative or ""
        counted[(kind.operation.name, kind.role.name, _overtaken(graph, label, rivals), way)] += edges
    return [
        DecisiveSteps(operation, actor, overtook, verdict, way or None, edges)
        for (operation, actor, overtook, way), edges in sorted(
            counted.items(), key=lambda each: (-each[1], each[0])
        )
    ]


def _with_rivals(
    graph: Graph, decisive: NDArray[np.int64], avoidable: NDArray[np.bool_]
) -> list[tuple[int, tuple[int, ...], int]]:
    """The labels of decisive edges with those of the edges beside them that avoid; how often each occurs."""
    counted: Counter[tuple[int, tuple[int, ...]]] = Counter()
    keeps = avoidable[graph.targets]
    begin = graph.edges_begin
    labels = graph.edge_labels
    for edge in decisive.tolist():
        source = graph.sources[edge]
        beside = slice(begin[source], begin[source + 1])
        rivals = tuple(sorted(set(labels[beside][keeps[beside]].tolist())))
        counted[(int(labels[edge]), rivals)] += 1
    return [(label, rivals, edges) for (label, rivals), edges in sorted(counted.items())]


def _overtaken(graph: Graph, label: int, rivals: tuple[int, ...]) -> tuple[str, ...]:
    kind = graph.labels[label].kind
    others = (graph.labels[rival].kind for rival in rivals)
    return tuple(
        sorted(
            {
                f"{other.operation.name} ({other.role.name})"
                for other in others
                if other.role.name != kind.role.name and kind.footprint.conflicts_with(other.footprint)
            }
        )
    )
