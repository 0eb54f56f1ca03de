"""The batch under study: how many items of which kind, which call, how many consumers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from batchsim.protocol.faults import Crash, Fault, Redeliver, StoreError, befalls

LEAVING_OPERATIONS = frozenset({"queue.take", "queue.read", "queue.complete", "queue.retry", "redis.get_meta"})
"""A consumer in whose hands one of these raises goes on without its message, which stays in flight."""


class Call(StrEnum):
    """The SDK method that the parent run calls."""

    TRIGGER = "batchTrigger"
    TRIGGER_AND_WAIT = "batchTriggerAndWait"


class Kind(StrEnum):
    """What a consumer makes of an item."""

    OK = "ok"
    """A run row is inserted and the run executes on its own."""
    PRE_FAILED = "pre_failed"
    """A run row is inserted that is final from the start."""
    REJECTED = "rejected"
    """Nothing is inserted; a failure is recorded."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the batch."""

    kind: Kind = Kind.OK
    offloaded: bool = False
    """The payload is over the offload threshold, so the endpoint uploads it first."""
    failed_attempts: int = 0
    """How many times a consumer fails on it before it processes it, 0 … 5."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything of a scenario that the protocol depends on, apart from the policy."""

    items: tuple[Item, ...]
    call: Call = Call.TRIGGER
    consumers: int = 3
    ingest_concurrency: int | None = None
    """Items that the endpoint handles at once; `None`: what the policy says."""
    faults: tuple[Fault, ...] = ()
    """What goes wrong."""

    @property
    def run_count(self) -> int:
        """How many items the batch has."""
        return len(self.items)

    @property
    def shows_in_flight(self) -> bool:
        """Whether a message can be delivered twice, so that the queue's own steps can be seen (protocol.md §6)."""
        return any(_can_leave_in_flight(fault) for fault in self.faults)

    @property
    def abandons_messages(self) -> bool:
        """Whether a consumer can leave its message in flight for good: then it matters whose claim a record is."""
        return any(_can_leave_in_flight(fault) and not isinstance(fault, Redeliver) for fault in self.faults)

    @property
    def reprocessings_max(self) -> int:
        """How often a consumer can process one item again after it has inserted its child run."""
        return sum(_reprocessings_by(fault) for fault in self.faults)

    @property
    def run_copies_max(self) -> int:
        """How many child runs one item can have."""
        return 1 + self.reprocessings_max


def _can_leave_in_flight(fault: Fault) -> bool:
    match fault:
        case Redeliver():
            return True
        case Crash():
            return befalls(fault.actor, "consumer")
        case StoreError():
            may_leave = fault.operation is None or fault.operation in LEAVING_OPERATIONS
            return may_leave and befalls(fault.actor, "consumer")
        case _:
            return False


def _reprocessings_by(fault: Fault) -> int:
    match fault:
        case Redeliver():
            return fault.times_max
        case Crash() if befalls(fault.actor, "consumer"):
            return fault.times_max
        case StoreError() if befalls(fault.actor, "consumer"):
            # With a probability, a message can be left in flight so often, and be put back so often.
            return fault.times_max * (1 if fault.probability is None else 2)
        case _:
            return 0
