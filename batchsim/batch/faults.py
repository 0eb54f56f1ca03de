"""The faults of the batch (protocol.md §6), beside what `model/faults.py` has for any system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from batchsim.batch.operations import names_done_by
from batchsim.model import faults
from batchsim.model.faults import Fault, befalls

REDELIVERIES_MAX = 5
"""A message that came back so often is spared by faults with a probability, so that every run ends."""
REFUSALS_MAX = 1000
"""So often in a row can a fault with a probability keep one message from being taken, likewise."""
CRASHING = ("handler", "creator", "consumer", "dispatcher", "job", "reaper", "run", "sdk")
"""The kinds of actors that can crash."""
BEFALLEN = tuple(kind for kind in CRASHING if kind != "sdk")
"""The kinds of actors whose operations can raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostResponse(Fault):
    """The connection drops when the handler has finished: the SDK gets no answer.

    An opportunity is an answer that reaches the SDK otherwise.
    """

    word: ClassVar[str] = "lost_response"
    attempt: int | None = None
    phase: int = 2
    """Which request it answers: 1 is `POST /batches`."""

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
class Crash(faults.Crash):
    """An actor stops in place of a step.

    A handler, a consumer, a child run and the SDK's process stop for good; a dispatcher, a job worker and a reaper
    are replaced. The message that it holds stays in flight, and its job comes back when its timeout has passed.
    """

    @property
    def is_memoryless(self) -> bool:
        """Never: a timer brings back the message that a consumer leaves."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreError(faults.StoreError):
    """An operation of an actor raises; a job that raises is tried again."""

    @property
    def is_memoryless(self) -> bool:
        """Whether it has no moment, and leaves no message in flight and no job to be tried again."""
        kinds = [kind for kind in BEFALLEN if kind != "handler" and befalls(self.actor, kind)]
        hits_others = any(self.operation in (None, *names_done_by(kind)) for kind in kinds)
        return self.at_us is None and not hits_others
