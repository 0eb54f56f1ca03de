"""Sets of whole microseconds, as ranges."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import NamedTuple


class Range(NamedTuple):
    """Whole microseconds from one to another, both included."""

    min_us: int
    max_us: int | None
    """`None`: without end."""

    def __contains__(self, value_us: object) -> bool:
        longest = inf if self.max_us is None else self.max_us
        return isinstance(value_us, int) and self.min_us <= value_us <= longest


def united(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same values in as few ranges as there can be, ascending."""
    result: list[Range] = []
    for each in sorted(ranges, key=lambda each: each.min_us):
        last = result[-1] if result else None
        if last is None or (last.max_us is not None and each.min_us > last.max_us + 1):
            result.append(each)
        elif last.max_us is not None and (each.max_us is None or each.max_us > last.max_us):
            result[-1] = Range(last.min_us, each.max_us)
    return tuple(result)
