"""The search of the chain: what can happen at once happens before any time passes."""

from __future__ import annotations

import numpy as np

from batchsim.engines.chain.steps import mean_us_of
from batchsim.engines.exhaustive.edges import AlikeEdges
from batchsim.engines.exhaustive.search import Search


class ChainSearch(Search):
    """States and edges of the chain; those that are passed at once are states, too."""

    def _admit(self, parts: list[AlikeEdges], states: int) -> list[AlikeEdges]:
        at_once = np.array([mean_us_of(label.kind.operation) == 0 for label in self.labels], dtype=bool)
        is_passed = np.zeros(states, dtype=bool)
        for part in parts:
            is_passed[part.sources[at_once[part.labels]]] = True
        kept = (part.chosen(at_once[part.labels] | ~is_passed[part.sources]) for part in parts)
        return [part for part in kept if len(part.sources)]
