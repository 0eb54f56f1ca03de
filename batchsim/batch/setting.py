"""The batch under study: how many items of which kind, which call, how many consumers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from batchsim.batch.faults import REDELIVERIES_MAX, Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.stores import (
    ENQUEUED_ITEMS,
    MAX_ATTEMPTS,
    META,
    QUEUE,
    STATE_KEYS,
    IdempotencyKey,
    Waits,
)
from batchsim.model.faults import Effect, Fault, LostState, Outage, SlowOutage, befalls
from batchsim.model.injection import matching

ATTEMPTS_MAX = 6
"""How often a consumer tries to process an item."""
SLOTS = 5
"""How many messages of an environment can be in hand at the same time, where claiming is a step of its own."""


class Call(StrEnum):
    """The SDK method that the parent run calls."""

    TRIGGER = "batchTrigger"
    TRIGGER_AND_WAIT = "batchTriggerAndWait"


class Kind(StrEnum):
    """What a consumer makes of an item."""

    OK = "ok"
    """A run row is inserted and the run executes on its own."""
    EXPIRES = "expires"
    """A run row is inserted, and its time to live passes in the run queue."""
    PRE_FAILED = "pre_failed"
    """A run row is inserted that is final from the start."""
    REJECTED = "rejected"
    """The environment's queue is full: nothing is inserted, and a failure is recorded."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the batch."""

    kind: Kind = Kind.OK
    offloaded: bool = False
    """The payload is over the offload threshold, so the endpoint uploads it first."""
    failed_attempts: int = 0
    """How many times a consumer fails on it before it processes it, 0 … 5."""


class Phase1(StrEnum):
    """How phase 1 is taken."""

    DONE = "done"
    """It is over before anything else begins."""
    STEPWISE = "stepwise"
    """Step by step, in the order of protocol.md §3.1."""


CALLS_MAX = 2
"""How often a parent calls, at most."""


@dataclass(frozen=True)
class Setting:
    """Everything of a scenario that the protocol depends on, apart from the policy.

    What follows from its faults is asked for with each item of each run, so it is worked out once.
    """

    items: tuple[Item, ...]
    call: Call = Call.TRIGGER
    consumers: int = 3
    ingest_concurrency: int | None = None
    """Items that the endpoint handles at once; `None`: what the policy says."""
    faults: tuple[Fault, ...] = ()
    """What goes wrong."""
    slots: int = SLOTS
    """How many messages can be in hand at the same time, where claiming is a step of its own (protocol.md §6)."""
    phase_1: Phase1 = Phase1.DONE
    """Whether phase 1 has steps."""
    idempotency_key: IdempotencyKey | None = None
    """What the key of the batch does, if it has one; of use where phase 1 has steps."""
    calls: int = 1
    """How often the parent calls, at most: it calls again where its call rejects."""
    stream_requests: int | None = None
    """How many phase-2 requests a limiter admits in a window; `None`: there is none."""
    has_request_timeout: bool = False
    """Whether a request that has not arrived as a whole in time is answered 408."""
    arrived: int | None = None
    """Of one request: how many items it had, where its body broke off and counts as complete; `None`: all."""

    @property
    def is_stepwise(self) -> bool:
        """Whether phase 1 has steps."""
        return self.phase_1 is Phase1.STEPWISE

    @property
    def attempts_max(self) -> int:
        """How many phase-2 requests there can be."""
        return MAX_ATTEMPTS * self.calls

    @property
    def has_second_batch(self) -> bool:
        """Whether a second call makes a batch of its own."""
        return self.calls > 1 and self.idempotency_key is None

    @property
    def waits(self) -> bool:
        """Whether the call waits for the child runs."""
        return self.call is Call.TRIGGER_AND_WAIT

    @cached_property
    def creates_in_steps(self) -> bool:
        """Whether something can fall between inserting, blocking and publishing a child run (3.3.3).

        Or whether a row can be there that is never published: a pre-failed one in the place of one that executes.
        """
        falls_between = any(_falls_between(fault, "consumer", INSERT, AFTER_INSERT) for fault in self.faults)
        return falls_between or self._last_insert_can_raise

    @property
    def _last_insert_can_raise(self) -> bool:
        raising = [
            fault
            for fault in self.faults
            if isinstance(fault, StoreError) and fault.operation == INSERT and befalls(fault.actor, "consumer")
        ]
        errors = sum(ATTEMPTS_MAX if fault.probability is not None else fault.times_max for fault in raising)
        return any(item.failed_attempts + errors >= ATTEMPTS_MAX for item in self.items) if raising else False

    @cached_property
    def ends_runs_in_steps(self) -> bool:
        """*AndWait*: whether something can fall between a run that becomes final and its waitpoint (3.5)."""
        return self.waits and any(_falls_between(fault, "run", None, (WAITPOINT_OF_RUN,)) for fault in self.faults)

    @cached_property
    def waits_kept(self) -> Waits:
        """*AndWait*: where it is kept that the parent waits for a child run."""
        if not self.waits or not (self.creates_in_steps or self.ends_runs_in_steps):
            return Waits.NOWHERE
        return Waits.BY_STEPS if self.creates_in_steps else Waits.WITH_IT

    @cached_property
    def jobs_can_raise(self) -> bool:
        """Whether a job can raise, or its worker crash."""
        return any(
            isinstance(fault, Outage)
            or (isinstance(fault, Crash | StoreError) and any(befalls(fault.actor, kind) for kind in WORKERS))
            for fault in self.faults
        )

    @property
    def run_count(self) -> int:
        """How many items the batch has."""
        return len(self.items)

    @cached_property
    def regained_max(self) -> int:
        """How many further messages an item can have, as state is lost by which it was in the queue only once."""
        return sum(fault.times_max * regained_by(fault) for fault in self.faults if isinstance(fault, LostState))

    @cached_property
    def reprocessings_max(self) -> int:
        """How often a consumer can process an item again after it has inserted its child run, under any policy."""
        hitting = [fault for fault in self.faults if _hits_consumers(fault)]
        certain = sum(
            fault.times_max for fault in hitting if fault.probability is None and not isinstance(fault, Outage)
        )
        # These hit each message of an item anew.
        of_each = sum(ATTEMPTS_MAX for fault in hitting if isinstance(fault, Outage))
        if any(fault.probability is not None and not isinstance(fault, Outage) for fault in hitting):
            raises = any(isinstance(fault, StoreError) for fault in self.faults)
            attempts = ATTEMPTS_MAX if raises else 1 + max(item.failed_attempts for item in self.items)
            # The last delivery that can be hit has this attempt, and came back once less than is spared.
            of_each += REDELIVERIES_MAX + attempts - 1
        return certain + self.regained_max + of_each * (1 + self.regained_max)

    @cached_property
    def run_copies_max(self) -> int:
        """How many child runs one item can have."""
        return 1 + self.reprocessings_max


class Deliveries(NamedTuple):
    """What can become of a message under faults and a policy: consumers are ready for it (`deliveries.py`)."""

    can_repeat: bool = False
    """Whether a message can be delivered twice, so that the queue's own steps can be seen (protocol.md §6)."""
    can_be_left: bool = False
    """Whether a consumer can leave its message in flight for good: then it matters whose claim a record is."""
    has_heartbeat: bool = False
    """Whether a heartbeat puts the visibility timeout off, which ends with the consumer."""
    can_be_two: bool = False
    """Whether an item can have a second message while the first is in flight: a claim is told by more than it."""


OF_OTHERS = (LostResponse, Disconnect, Cut, Redeliver, LostState, SlowOutage)
"""Faults that befall neither consumers nor child runs."""
WORKERS = ("job", "reaper")
"""The kinds of actors that work on jobs."""
INSERT, WAITPOINT_OF_RUN = "postgres.create_run", "postgres.complete_run_waitpoint"
AFTER_INSERT = ("postgres.block_parent", "run_queue.publish", WAITPOINT_OF_RUN)
"""The steps of creating a child run, as faults name them."""


def regained_by(fault: LostState) -> int:
    """How many further messages of an item one loss of state can lead to.

    Its mark is gone, so that a retry pushes it again. Or the batch is initialized again after cleanup: what was
    marked and pushed since is processed after all, or a retry marks and pushes it. Or a claim is undone.
    """
    lost, is_undone = matching(fault.keys, STATE_KEYS), fault.last_writes is not None
    return (ENQUEUED_ITEMS in lost) + is_undone * ((META in lost) + (QUEUE in lost))


def shows_claims(fault: Fault) -> bool:
    """Whether a loss of state tells claiming a message from taking it.

    An item can have a second message while the first is in flight, or what waits to be claimed is lost alone.
    """
    return isinstance(fault, LostState) and (regained_by(fault) > 0 or QUEUE in matching(fault.keys, STATE_KEYS))


def _falls_between(fault: Fault, kind: str, first: str | None, later: tuple[str, ...]) -> bool:
    """Whether a fault can fall between the first step of something and the later ones."""
    match fault:
        case Crash():
            return befalls(fault.actor, kind) and fault.before in (None, *later)
        case StoreError():
            unheard = fault.effect is not Effect.BEFORE
            named = fault.operation in (None, *later) or (unheard and fault.operation == first)
            return befalls(fault.actor, kind) and named
        case Outage():
            return any(step.partition(".")[0] in (fault.group, *fault.services) for step in later)
        case _:
            return type(fault) not in OF_OTHERS


def _hits_consumers(fault: Fault) -> bool:
    match fault:
        case Redeliver() | Outage():
            return True
        case Crash() | StoreError():
            return befalls(fault.actor, "consumer")
        case _:
            return False
