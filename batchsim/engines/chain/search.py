"""The search of the chain: what can happen at once happens before any time passes."""

from __future__ import annotations

import numpy as np

from batchsim.engines.chain.steps import mean_us_of
from batchsim.engines.exhaustive.edges import FoundEdges
from batchsim.engines.exhaustive.search import Search


class ChainSearch(Search):
    """States and edges of the chain; those that are passed at once are states, too."""

    # Legs make for many levels of few states, of which each takes NumPy several times as long as one of many.
    counts_as = 8

    def _admit(self, found: FoundEdges, states: int) -> FoundEdges:
        at_once = self._are(found, lambda label: mean_us_of(label.kind.operation) == 0)
        is_passed = np.zeros(states, dtype=bool)
        is_passed[found.sources[at_once]] = True
        return found.chosen(at_once | ~is_passed[found.sources])
