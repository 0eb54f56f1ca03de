"""How often a verdict may be given, as a scenario expects it."""

from __future__ import annotations

from typing import NamedTuple


class RateLimit(NamedTuple):
    """From which share of the runs to which one."""

    at_least: float = 0.0
    at_most: float = 1.0

    def __str__(self) -> str:
        """For people: `at least 50 %, at most 80 %`."""
        low = f"at least {100 * self.at_least:.6g} %" if self.at_least > 0 else ""
        high = f"at most {100 * self.at_most:.6g} %" if self.at_most < 1 else ""
        return ", ".join(filter(None, (low, high))) or "any share"
