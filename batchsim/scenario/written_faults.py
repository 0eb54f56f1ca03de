"""Where the faults of a scenario were written, for messages about them that only their use can bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchsim.model.faults import Fault
from batchsim.scenario.problems import Place


@dataclass(frozen=True, slots=True)
class WrittenFault:
    """A fault, and the places of its entry."""

    fault: Fault
    field: str
    """Such as `faults[0].redeliver`."""
    place: Place
    place_of: Mapping[str, Place]
    """By key: where its value stands."""
