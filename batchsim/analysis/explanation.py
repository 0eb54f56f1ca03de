"""What is said of a run: why it came to its verdicts."""

from __future__ import annotations

from typing import NamedTuple

from batchsim.analysis.margins import Margin


class Explanation(NamedTuple):
    """Why a run came to its verdicts; empty for one that is ok."""

    sentences: tuple[str, ...] = ()
    decisive: frozenset[int] = frozenset()
    """The numbers of the steps that it turns on."""
    race: Margin | None = None
    """Of the first step that decided, against one that it overtook; of the batch, of the count of `enqueued_items`
    against its deletion, whatever the verdicts."""
    seal: Margin | None = None
    """Of the batch alone: of `postgres.seal` against the first write that leaves nothing to seal."""
