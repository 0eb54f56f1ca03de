"""The edges that were found, chunk by chunk: all of them, or of each state the first that leads to it.

The first ones are a tree in which the way to a state is a shortest one: enough to show how an end is reached, and
a fraction of the memory. What is counted or decided needs all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.distinct import stable_order
from batchsim.engines.exhaustive.packing import Words, with_words
from batchsim.engines.exhaustive.states import Numbers


@dataclass(frozen=True, slots=True)
class FoundEdges:
    """Edges that leave some states, with the states that they lead to."""

    sources: Numbers
    words: Words
    weights: Numbers
    labels: Numbers
    order: Numbers | None = None
    """Sorts edges, if they come in another order than that in which what they find is numbered."""

    def copy(self) -> FoundEdges:
        """The same edges, in memory of their own."""
        order = None if self.order is None else self.order.copy()
        # As the words lie: those of a state side by side, where they are so.
        words = self.words.copy(order="K")
        return FoundEdges(self.sources.copy(), words, self.weights.copy(), self.labels.copy(), order)

    def chosen(self, keep: NDArray[np.bool_]) -> FoundEdges:
        """Some of the edges."""
        if keep.all():
            return self
        return FoundEdges(
            sources=self.sources[keep],
            words=self.words[:, keep],
            weights=self.weights[keep],
            labels=self.labels[keep],
            order=None if self.order is None else self.order[keep],
        )


def joined(parts: Sequence[FoundEdges], width: int) -> FoundEdges:
    """All edges of these parts, in the order in which what they find is numbered; states have so many words."""
    if len(parts) == 1:
        return parts[0]
    orders = [part.order for part in parts if part.order is not None]
    return FoundEdges(
        sources=np.concatenate([part.sources for part in parts]),
        words=np.concatenate([with_words(part.words, width) for part in parts], axis=1),
        weights=np.concatenate([part.weights for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        order=np.concatenate(orders) if orders else None,
    )


def in_turn(first: list[FoundEdges], second: list[FoundEdges]) -> list[FoundEdges]:
    """All of these; what the second find is numbered after what the first do."""
    parts, begin = [], 0
    for part in (*first, *second):
        ranks = None if part.order is None else begin + np.argsort(np.argsort(part.order))
        parts.append(replace(part, order=ranks))
        begin += len(part.sources)
    return parts


class Edges:
    """Edges, sorted by the state that they leave; of a tree, by the state that they lead to.

    There are many: their numbers are kept short.
    """

    def __init__(self, *, only_first: bool) -> None:
        self.only_first = only_first
        self.count = 0
        """How many were found, kept or not."""
        self._chunks: list[list[Numbers]] = []
        self._ends = [np.zeros(0, dtype=np.int64)]

    def add(self, found: FoundEdges, targets: Numbers, begin: int, end: int, known: int) -> None:
        """Add all edges that leave the states from `begin` to `end`; those that they found begin at `known`."""
        sources, labels = found.sources, found.labels
        self.count += len(sources)
        self._ends.append(np.flatnonzero(np.bincount(sources, minlength=end - begin) == 0) + begin)
        short = np.min_scalar_type(int(labels.max(initial=0)))
        if self.only_first:
            leads_on = np.flatnonzero(targets >= known)
            by_source = leads_on[stable_order(sources[leads_on])]
            first = by_source[_first_places(targets[by_source] - known)]
            self._chunks.append([(sources[first] + begin).astype(np.int32), labels[first].astype(short)])
        else:
            order = stable_order(sources)
            self._chunks.append(
                [
                    (sources[order] + begin).astype(np.int32),
                    labels[order].astype(short),
                    targets[order].astype(np.int32),
                    found.weights[order].astype(np.int32),
                ]
            )

    def add_ends(self, begin: int, end: int) -> None:
        """No edges leave the states from `begin` to `end`."""
        self._ends.append(np.arange(begin, end))

    def columns(self) -> tuple[Numbers, ...]:
        """Of each edge that was kept the source, and the number of its label; the target, and the weight.

        Of a tree the former only: edge e leads to state e + 1.
        """
        count = 2 if self.only_first else 4
        if len(self._chunks) != 1:
            # Column by column, so that they are there twice one by one.
            none = np.zeros(0, dtype=np.int64)
            self._chunks = [
                [
                    np.concatenate([chunk.pop(0) for chunk in self._chunks]) if self._chunks else none
                    for _ in range(count)
                ]
            ]
        return tuple(self._chunks[0])

    def ends(self) -> Numbers:
        """The states that were looked into and that nothing leaves."""
        return np.concatenate(self._ends)


def _first_places(numbers: Numbers) -> Numbers:
    """For each of the numbers 0, 1, …, the first place where it stands; each stands somewhere."""
    first = np.empty(int(numbers.max(initial=-1)) + 1, dtype=np.int64)
    first[numbers[::-1]] = np.arange(len(numbers) - 1, -1, -1)
    return first
