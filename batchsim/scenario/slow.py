"""The fault `slow` (protocol.md §6): it is about time alone, so the protocol knows nothing of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """An operation that takes effect `delay_us` later than it would; exploration, without time, leaves it out.

    Pinned, it is the first use that the other fields admit, in each run; with a probability, each of them is
    slow with that probability. Fields that are `None` admit anything.
    """

    word: ClassVar[str] = "slow"
    operation: str
    delay_us: int
    actor: str | None = None
    """`handler-1`, `consumer-0`, or all of a kind: `handler`, `consumer`."""
    item: int | None = None
    """The item that the operation is about."""
    attempt: int | None = None
    """The attempt that the operation is about: for `queue.retry` of the consumers, otherwise of the SDK."""
    probability: float | None = None
    """Above 0, at most 1."""

    @property
    def is_pinned(self) -> bool:
        """Whether it happens, and once."""
        return self.probability is None
