"""The batch under study: how many items of which kind, which call, how many consumers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from batchsim.batch.faults import REDELIVERIES_MAX, Crash, Redeliver, StoreError
from batchsim.model.faults import Fault, Outage, befalls

ATTEMPTS_MAX = 6
"""How often a consumer tries to process an item."""


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
    def reprocessings_max(self) -> int:
        """How often a consumer can process an item again after it has inserted its child run, under any policy."""
        certain = sum(
            ATTEMPTS_MAX if isinstance(fault, Outage) else fault.times_max
            for fault in self.faults
            if (fault.probability is None or isinstance(fault, Outage)) and _hits_consumers(fault)
        )
        probable = [
            fault
            for fault in self.faults
            if fault.probability is not None and _hits_consumers(fault) and not isinstance(fault, Outage)
        ]
        if not probable:
            return certain
        raises = any(isinstance(fault, StoreError) for fault in self.faults)
        attempts = ATTEMPTS_MAX if raises else 1 + max(item.failed_attempts for item in self.items)
        # The last delivery that can be hit has this attempt, and came back once less than is spared.
        return certain + REDELIVERIES_MAX + attempts - 1

    @property
    def run_copies_max(self) -> int:
        """How many child runs one item can have."""
        return 1 + self.reprocessings_max


class Deliveries(NamedTuple):
    """What can become of a message under faults and a policy: consumers are ready for it (`deliveries.py`)."""

    can_repeat: bool = False
    """Whether a message can be delivered twice, so that the queue's own steps can be seen (protocol.md §6)."""
    can_be_left: bool = False
    """Whether a consumer can leave its message in flight for good: then it matters whose claim a record is."""


def _hits_consumers(fault: Fault) -> bool:
    match fault:
        case Redeliver() | Outage():
            return True
        case Crash() | StoreError():
            return befalls(fault.actor, "consumer")
        case _:
            return False
