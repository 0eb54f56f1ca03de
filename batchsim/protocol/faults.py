"""Faults that a scenario asks for (protocol.md §6): what goes wrong, where, and how often.

A fault is one of three things:

- *pinned*: it happens, once, at the first moment that its fields leave open; where they leave several open,
  exploration takes every one of them;
- a *budget* (`at_most`): exploration lets it happen anywhere its fields admit, at most that often;
- a *probability*: in a timed run each opportunity that its fields admit takes it with that probability.

Fields that are `None` admit anything. How an operation turns out under faults is said in `exposure.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PROBABLE_TIMES_MAX = 5
"""How often a fault with a probability can hit one item or one attempt."""


class Effect(StrEnum):
    """When an operation raises: whether its store did what it asked for."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What all faults have."""

    at_most: int | None = None
    """A budget, for exploration."""
    probability: float | None = None
    """For timed runs: above 0, at most 1."""
    at_us: int | None = None
    """Pinned, in a timed run: the first moment from then on; exploration takes every moment."""

    @property
    def is_pinned(self) -> bool:
        """Whether it happens, and once."""
        return self.at_most is None and self.probability is None

    @property
    def times_max(self) -> int:
        """How often it can hit the same thing."""
        if self.probability is not None:
            return PROBABLE_TIMES_MAX
        return 1 if self.at_most is None else self.at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class LostResponse(Fault):
    """The connection drops when the handler has finished: the SDK gets no answer."""

    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect(Fault):
    """The connection drops while the handler works, which goes on."""

    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Fault):
    """The connection drops when only the first items have arrived."""

    attempt: int | None = None
    after_items: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeliver(Fault):
    """The visibility timeout passes while the message of an item is in flight."""

    item: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash(Fault):
    """A handler or a consumer stops for good, in place of a step."""

    actor: str | None = None
    """`handler-1`, `consumer-0`, or all of a kind: `handler`, `consumer`."""
    before: str | None = None
    """The operation that it does not come to."""
    item: int | None = None
    """The item that this operation is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreError(Fault):
    """An operation of a handler or a consumer raises."""

    actor: str | None = None
    """`handler-1`, `consumer-0`, or all of a kind: `handler`, `consumer`."""
    operation: str | None = None
    item: int | None = None
    """The item that the operation is about."""
    effect: Effect | None = None
    """`None`: exploration takes both; a timed run raises before the effect."""


HANDLER_OPERATIONS = (
    "postgres.find_batch",
    "store.upload",
    "redis.get_meta",
    "redis.mark_enqueued",
    "queue.push",
    "redis.enqueued_count",
    "postgres.seal",
)
CONSUMER_OPERATIONS = (
    "queue.take",
    "queue.read",
    "redis.get_meta",
    "queue.retry",
    "postgres.create_run",
    "redis.record",
    "queue.complete",
    "redis.read_runs",
    "redis.read_failures",
    "postgres.completion_update",
    "jobs.schedule_completion",
    "redis.cleanup",
)
"""What a handler and what a consumer do: where they can crash, and what can raise."""


def befalls(actor: str | None, kind: str, number: int | None = None) -> bool:
    """Whether a fault that names `actor` can befall an actor of this kind, and of this number if one is given."""
    if actor is None or actor == kind:
        return True
    named, _, digits = actor.partition("-")
    return named == kind and (number is None or digits == str(number))
