"""Whether the faults of a scenario happen in what was explored of it.

Where a pinned fault happens in no schedule, whatever is said of all schedules is said of a scenario without it:
nothing is claimed then (`missing`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from batchsim.model.faults import Fault
from batchsim.scenario import Slow


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Whether one fault of a scenario happens."""

    fault: Fault | Slow
    occurs: bool | None
    """Whether it does in any schedule that was explored; `None`: time is left out, and with it what is slow (but
    for an operation that nobody issues, which is never slow)."""
    schedules: int | None = None
    """In how many, exactly; of an incomplete exploration: in how many of those that were found. `None`: not
    counted."""
    probability: float | None = None
    """That it happens at least once, in an exact exploration; of an incomplete one: at least so much. `None`: not
    asked for, or it depends on which of two steps at one instant comes first."""

    @property
    def is_missing(self) -> bool:
        """Whether it is pinned, and happens nowhere."""
        return self.fault.is_pinned and self.occurs is False


def missing(faults: Iterable[Occurrence]) -> tuple[int, ...]:
    """The numbers of the pinned faults that happen nowhere."""
    return tuple(number for number, each in enumerate(faults) if each.is_missing)
