"""Why a run of a system of the user's own came to its verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from batchsim.model.properties import Property
from batchsim.model.run import Run
from batchsim.scenario import Scenario


class Told(NamedTuple):
    """What is said of a run."""

    story: tuple[str, ...]
    decisive: frozenset[int]


def tell(
    scenario: Scenario, policy: Any, run: Run, verdicts: Sequence[str], properties: Sequence[Property]
) -> Told:
    """Which step decided."""
    return Told((), frozenset())
