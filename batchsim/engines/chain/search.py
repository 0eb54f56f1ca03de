"""The search of the chain: what can happen at once happens before any time passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.chain.steps import mean_us_of
from batchsim.engines.exhaustive.edges import Part
from batchsim.engines.exhaustive.search import Search


class ChainSearch(Search):
    """States and edges of the chain; those that are passed at once are states, too."""

    def _admit(self, parts: list[Part], states: int) -> list[Part]:
        at_once = np.array([mean_us_of(label.kind.operation) == 0 for label in self.labels], dtype=bool)
        is_passed = np.zeros(states, dtype=bool)
        for part in parts:
            is_passed[part.sources[at_once[part.labels]]] = True
        kept = (_restrict(part, at_once[part.labels] | ~is_passed[part.sources]) for part in parts)
        return [part for part in kept if len(part.sources)]


def _restrict(part: Part, keep: NDArray[np.bool_]) -> Part:
    if keep.all():
        return part
    return replace(
        part,
        sources=part.sources[keep],
        rows=part.rows[keep],
        sums=part.sums[keep],
        weights=part.weights[keep],
        labels=part.labels[keep],
    )
