"""The batch under study: how many items of which kind, which call, how many consumers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from batchsim.protocol.faults import Fault


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
