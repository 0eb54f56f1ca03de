"""The edges that were found, chunk by chunk: all of them, or of each state the first that leads to it.

The first ones are a tree in which the way to a state is a shortest one: enough to show how an end is reached, and
a fraction of the memory. What is counted or decided needs all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.distinct import stable_order
from batchsim.engines.exhaustive.packing import Words
from batchsim.engines.exhaustive.states import Numbers


@dataclass(frozen=True, slots=True)
class AlikeEdges:
    """Edges that are alike, with the states that they lead to."""

    sources: Numbers
    words: Words
    weights: Numbers
    labels: Numbers

    def chosen(self, keep: NDArray[np.bool_]) -> AlikeEdges:
        """Some of the edges."""
        if keep.all():
            return self
        return AlikeEdges(
            sources=self.sources[keep],
            words=self.words[:, keep],
            weights=self.weights[keep],
            labels=self.labels[keep],
        )


class Edges:
    """Edges, sorted by the state that they leave."""

    def __init__(self, *, only_first: bool) -> None:
        self.only_first = only_first
        self.count = 0
        """How many were found, kept or not."""
        self._number_type = np.dtype(np.int32 if only_first else np.int64)
        """Of a tree, which is for the largest graphs, numbers are kept short."""
        empty = np.zeros(0, dtype=self._number_type)
        self._chunks = [[empty, empty, empty, empty]]
        self._ends = [np.zeros(0, dtype=np.int64)]

    def add(self, parts: list[AlikeEdges], targets: Numbers, begin: int, end: int, known: int) -> None:
        """Add all edges that leave the states from `begin` to `end`; those that they found begin at `known`."""
        sources = np.concatenate([part.sources for part in parts])
        self.count += len(sources)
        self._ends.append(np.flatnonzero(np.bincount(sources, minlength=end - begin) == 0) + begin)
        weights = np.concatenate([part.weights for part in parts])
        labels = np.concatenate([part.labels for part in parts])
        if self.only_first:
            leads_on = np.flatnonzero(targets >= known)
            order = leads_on[stable_order(sources[leads_on])]
            order = order[_first_places(targets[order] - known)]
        else:
            order = stable_order(sources)
        columns = (sources[order] + begin, targets[order], weights[order], labels[order])
        self._chunks.append([each.astype(self._number_type, copy=False) for each in columns])

    def add_ends(self, begin: int, end: int) -> None:
        """No edges leave the states from `begin` to `end`."""
        self._ends.append(np.arange(begin, end))

    def columns(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        """Of each edge that was kept the source, the target, the weight, and the number of its label."""
        if len(self._chunks) > 1:
            # Column by column, so that they are there twice one by one.
            columns = [np.concatenate([chunk.pop(0) for chunk in self._chunks]) for _ in self._chunks[0].copy()]
            self._chunks = [columns]
        sources, targets, weights, labels = self._chunks[0]
        return sources, targets, weights, labels

    def ends(self) -> Numbers:
        """The states that were looked into and that nothing leaves."""
        return np.concatenate(self._ends)


def _first_places(numbers: Numbers) -> Numbers:
    """In their order, the places where each of the numbers 0, 1, … stands first; each stands somewhere."""
    first = np.empty(int(numbers.max(initial=-1)) + 1, dtype=np.int64)
    first[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)
    return np.sort(first)
