"""Faults that a scenario asks for (protocol.md §6): what goes wrong, where, and how often.

A fault is one of three things:

- *pinned*: it happens, once, at the first moment that its fields leave open; where they leave several open,
  exploration takes every one of them;
- a *budget* (`at_most`): exploration lets it happen anywhere its fields admit, at most that often;
- a *probability*: in a timed run, a number is drawn for each opportunity that its fields admit, and decides. What
  an opportunity is, each fault says.

Fields that are `None` admit anything. How an operation turns out under faults is said in `exposure.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from batchsim.batch.operations import names_done_by
from batchsim.model.faults import Fault, admits, befalls
from batchsim.model.operation import Operation

REDELIVERIES_MAX = 5
"""A message that came back so often is spared by faults with a probability, so that every run ends."""
REFUSALS_MAX = 1000
"""So often in a row can a fault with a probability keep one message from being taken, likewise."""
BEFALLEN = ("handler", "consumer")
"""The kinds of actors that can crash, and whose operations can raise."""


class Effect(StrEnum):
    """When an operation raises: whether its store did what it asked for."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class LostResponse(Fault):
    """The connection drops when the handler has finished: the SDK gets no answer.

    An opportunity is an answer that reaches the SDK otherwise.
    """

    word: ClassVar[str] = "lost_response"
    attempt: int | None = None

    @property
    def is_memoryless(self) -> bool:
        """Whether it has no moment."""
        return self.at_us is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect(Fault):
    """The connection drops while the handler works, which goes on.

    An opportunity is a request whose handler still works when `network.drop` has passed since it was sent.
    """

    word: ClassVar[str] = "disconnect"
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Fault):
    """The connection drops when only the first items have arrived.

    An opportunity is a request, whatever its items; the number that is drawn also says after how many.
    """

    word: ClassVar[str] = "cut"
    attempt: int | None = None
    after_items: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeliver(Fault):
    """The visibility timeout passes while the message of an item is in flight.

    An opportunity is a delivery that is still in the hands of a consumer then.
    """

    word: ClassVar[str] = "redeliver"
    item: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash(Fault):
    """A handler or a consumer stops for good, in place of a step.

    An opportunity is each step that it could stop in place of.
    """

    word: ClassVar[str] = "crash"
    actor: str | None = None
    """`handler-1`, `consumer-0`, or all of a kind: `handler`, `consumer`."""
    before: str | None = None
    """The operation that it does not come to."""
    item: int | None = None
    """The item that this operation is about."""

    def is_about(self, operation: Operation[Any]) -> bool:
        """Whether it can come in place of an operation of the actor."""
        return admits(self.before, operation.name) and admits(self.item, operation.item)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreError(Fault):
    """An operation of a handler or a consumer raises.

    An opportunity is each use of an operation, whether it would raise before its effect or after it.
    """

    word: ClassVar[str] = "store_error"
    actor: str | None = None
    """`handler-1`, `consumer-0`, or all of a kind: `handler`, `consumer`."""
    operation: str | None = None
    item: int | None = None
    """The item that the operation is about."""
    effect: Effect | None = None
    """`None`: exploration takes both; a timed run raises before the effect."""

    @property
    def is_memoryless(self) -> bool:
        """Whether it has no moment, and no consumer can leave a message in flight because of it."""
        hits_consumers = befalls(self.actor, "consumer") and self.operation in (None, *names_done_by("consumer"))
        return self.at_us is None and not hits_consumers

    def is_about(self, operation: Operation[Any]) -> bool:
        """Whether an operation of the actor can raise."""
        return admits(self.operation, operation.name) and admits(self.item, operation.item)
