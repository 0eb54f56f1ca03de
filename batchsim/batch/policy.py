"""A policy: the decisions of the endpoint and a few switches (protocol.md §4).

A decision is a pure function of the batch row as just read. Write one of your own in any file:

    from batchsim import Policy, Decision
    MINE = Policy("mine", "What it does, in a sentence.", on_entry=…, on_count_mismatch=…, on_seal_lost=…)

and name it as `path/to/file.py:MINE` wherever a policy is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import get_type_hints

from batchsim.batch.stores import BatchRow, Status


class Decision(Enum):
    """What the endpoint does, having read the batch row."""

    PROCEED = "proceed"
    """On entry only: go on with the request."""
    OK = "200 sealed"
    NOT_SEALED = "200 not sealed"
    REJECT = "422"


Check = Callable[[BatchRow], Decision]


@dataclass(frozen=True, slots=True)
class Policy:
    """One variant of the system; the field of a check says what it may decide there."""

    name: str
    summary: str
    on_entry: Check = field(metadata={"decisions": (Decision.PROCEED, Decision.OK, Decision.REJECT)})
    """Before the first item (3.2.1)."""
    on_count_mismatch: Check = field(metadata={"decisions": (Decision.OK, Decision.NOT_SEALED, Decision.REJECT)})
    """When the count is not that of the batch (3.2.4)."""
    on_seal_lost: Check = field(metadata={"decisions": (Decision.OK, Decision.REJECT)})
    """When the seal changed no row (3.2.6)."""
    has_reaper: bool = False
    """Whether a batch that is waited for and never sealed is reaped (3.6)."""
    guards_completion: bool = False
    """Whether the completion job leaves ABORTED and COMPLETED alone (3.4.3)."""
    ingest_concurrency: int = 1
    """Items that the endpoint handles at once (3.2.2)."""
    counts_in_redis: bool = True
    """Whether the endpoint asks Redis for the count; otherwise it counts the items of its own loop."""
    keeps_tombstone: bool = False
    """Whether cleanup leaves `enqueued_items` for a grace time."""
    seals_at_finalize: bool = False
    """Whether the completion update sets `sealed` too."""
    enqueues_atomically: bool = False
    """Whether the endpoint finds the metadata, marks an item and pushes its message in one script."""
    on_missing_meta: Check | None = field(
        default=None, metadata={"decisions": (Decision.OK, Decision.NOT_SEALED, Decision.REJECT)}
    )
    """When the endpoint finds no metadata; `None`: it answers 500."""
    completes_message_last: bool = False
    """Whether a consumer completes its message after it finalized the batch, rather than before."""
    claims_have_tokens: bool = False
    """Whether completing a message deletes its in-flight record only if nobody took it since."""
    records_with_meta_only: bool = False
    """Whether a consumer records nothing once the metadata are gone."""
    guards_completion_update: bool = False
    """Whether the completion update leaves a row alone that has one already, or has ended."""
    creates_runs_once: bool = False
    """Whether an item gets one child run at most, and none once the batch is ABORTED."""
    reaper_spares_work: bool = False
    """Whether the reaper leaves a batch alone whose items all have a child run, and cleans up after the others."""


_TYPES = get_type_hints(Policy)
CHECKS: dict[str, tuple[Decision, ...]] = {
    each.name: each.metadata["decisions"] for each in fields(Policy) if _TYPES[each.name] in (Check, Check | None)
}
"""Every check of a policy, with what it may decide."""
OPTIONAL_CHECKS = frozenset(name for name in CHECKS if _TYPES[name] == Check | None)
"""Those that a policy may leave out (`None`)."""
SWITCHES: dict[str, type] = {name: kind for name, kind in _TYPES.items() if kind in (bool, int)}
"""Every switch of a policy, with its type."""


def is_done(row: BatchRow) -> bool:
    """*done* of protocol.md §4: nothing is left for a retry to do."""
    if row.status is Status.PENDING:
        return row.sealed or row.processing_completed
    return row.status is not Status.ABORTED
