"""A boundary that is known from elsewhere, to be drawn over what was counted."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where a formula says that an outcome changes."""

    label: str
    """The formula, for the legend."""
    points: tuple[tuple[float, ...], ...]
    """With one axis `(x,)`, each a line across the curve; with two `(x, y)`, joined in this order.

    In the numbers of the axes: microseconds of a duration, percents of a percentage, otherwise the number.
    """
    policies: frozenset[str] | None = None
    """Those that it holds for; `None`: all of them."""

    def holds_for(self, policies: tuple[str, ...]) -> bool:
        """Whether it is to be drawn where these policies are."""
        return self.policies is None or not self.policies.isdisjoint(policies)
