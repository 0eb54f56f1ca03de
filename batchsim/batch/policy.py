"""A policy: the checks of the endpoint, and the steps of everybody (protocol.md §4).

A check is a pure function of the batch row as just read. A step is a coroutine; each is production's unless the
policy says otherwise. Write a policy of your own in any file:

    from dataclasses import replace
    from batchsim import POLICIES
    MINE = replace(POLICIES["pr3427"], name="mine", summary="What it does, in a sentence.", cleanup=my_cleanup)

and name it as `path/to/file.py:MINE` wherever a policy is asked for.

Some changes have names (`switches.py`): `replace(…, enqueues_atomically=True)` puts a step in its place, and
`False` puts production's back. They are read when a policy is made, and are no fields of it: what a policy does is
what its steps do.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import InitVar, dataclass, field, fields
from difflib import get_close_matches
from typing import Any, get_type_hints

from batchsim.batch import completion, consumer, dispatcher, endpoint, reaper
from batchsim.batch.decision import Check, Decision
from batchsim.batch.setting import Setting
from batchsim.model.cells import Key
from batchsim.model.system import Actor

Step = Callable[..., Coroutine[Any, Any, Any]]
"""A coroutine function."""
ActorsOf = Callable[[Setting, "Policy"], Iterable[Actor]]
"""Actors that a policy adds, in a setting."""
INGEST_CONCURRENCY_MAX = 1000


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
    on_missing_meta: Check | None = field(
        default=None, metadata={"decisions": (Decision.OK, Decision.NOT_SEALED, Decision.REJECT)}
    )
    """When the endpoint finds no metadata; `None`: it answers 500."""
    ingest_concurrency: int = 1
    """Items that the endpoint handles at once (3.2.2), 1 … 1,000."""
    stream_grant: int = 0
    """Phase-2 requests of a batch that no limiter refuses within 30 min of its creation."""
    has_heartbeat: bool = False
    """Whether, with time, `read` starts a heartbeat, which ends with the consumer if it stops."""

    enqueue: Step = endpoint.enqueue
    """`(setting, index)`: an item is enqueued; raises `BatchNotInitializedError` where the metadata are gone."""
    count: Step = endpoint.count
    """`(setting)`: how many items are enqueued."""
    seal: Step = endpoint.seal
    """`()`: whether it sealed the batch."""
    count_and_seal: Step = endpoint.count_and_seal
    """`(setting, policy)`: all that follows the last item; the `Answer` to the request."""

    consume: Step = consumer.complete_and_finalize
    """`(setting, policy, deliveries)`: one message, from taking it to the end of all that it brings with it."""
    dispatch: Step = dispatcher.dispatch
    """`(setting, deliveries)`: one pass of the dispatcher, where messages can come back."""
    claim: Step = consumer.claim
    """`(setting, deliveries)`: the `Claim` whose key a consumer takes, where messages can come back."""
    read: Step = consumer.read
    """`(claim)`: which attempt the message in flight is; `None`: it is gone."""
    complete: Step = consumer.complete
    """`(item, delivery)`: a message is completed."""
    process: Step = consumer.process
    """`(setting, policy, deliveries, message)`: what became of the item, `Processed`."""
    create_run: Step = consumer.create_run
    """`(setting, message)`: whether the item has a child run now."""
    create_pre_failed_run: Step = consumer.create_pre_failed_run
    """`(setting, message)`: likewise, once the last attempt has raised."""
    record: Step = consumer.record
    """`(message, *, success, is_last_resort)`: how many items are recorded; `None`: nothing can be."""
    finalize: Step = consumer.finalize
    """`(policy, held)`: what follows the last item."""
    update_batch: Step = consumer.update_batch
    """`(held)`: the `Status` that the completion update writes."""
    cleanup: Step = consumer.cleanup
    """`(held)`: the keys of the batch go."""

    after_run: Step = completion.after_run
    """`(setting, index, copy)`: what follows the end of a child run."""
    try_complete: Step = completion.try_complete
    """`(setting, policy)`: what the completion job does (3.4)."""
    set_completed: Step = completion.set_completed
    """`()`: whether it set the batch COMPLETED (3.4.3)."""
    reap: Step = reaper.reap
    """`(setting)`: all that the reaper does, if there is one (3.6)."""

    actors: tuple[ActorsOf, ...] = ()
    """Who else acts, as functions of the setting and the policy."""
    cells: tuple[Key, ...] = ()
    """Cells of its own, beside those of production."""

    # Names for parts that they stand for: `switches.py`.
    has_reaper: InitVar[bool | None] = None
    guards_completion: InitVar[bool | None] = None
    counts_in_redis: InitVar[bool | None] = None
    keeps_tombstone: InitVar[bool | None] = None
    seals_at_finalize: InitVar[bool | None] = None
    enqueues_atomically: InitVar[bool | None] = None
    completes_message_last: InitVar[bool | None] = None
    claims_have_tokens: InitVar[bool | None] = None
    records_with_meta_only: InitVar[bool | None] = None
    guards_completion_update: InitVar[bool | None] = None
    creates_runs_once: InitVar[bool | None] = None
    reaper_spares_work: InitVar[bool | None] = None
    resumes_completion: InitVar[bool | None] = None
    asks_for_completion_for_sure: InitVar[bool | None] = None
    answers_rejected_items: InitVar[bool | None] = None

    # Before `__init__`, whose own words for a name that is none name no other.
    def __new__(cls, *_: Any, **named: Any) -> Policy:
        """Raises `TypeError` for a field that there is not, with those that there are."""
        known = list(cls.__annotations__)
        for name in named:
            if cls is Policy and name not in known:
                near = " or ".join(map(repr, get_close_matches(name, known, n=2)))
                hint = f"did you mean {near}? " if near else ""
                raise TypeError(f"a policy has no {name!r}; {hint}allowed: {', '.join(known)}")
        return object.__new__(cls)

    def __post_init__(self, *switches: bool | None) -> None:
        """Put the steps in place that the switches stand for; raises `TypeError` for one that is no bool."""
        if not any(value is not None for value in switches):
            return
        from batchsim.batch.switches import SWITCHES  # noqa: PLC0415 - they are parts of shipped policies

        for (name, switch), value in zip(SWITCHES.items(), switches, strict=True):
            if value is not None:
                if type(value) is not bool:
                    raise TypeError(f"{name}: found {value!r}; allowed: True, False")
                for part, step in switch.parts(self, on=value).items():
                    object.__setattr__(self, part, step)

    @property
    def has_own_steps(self) -> bool:
        """Whether any of its steps is a user's, guarded or not."""
        return any(map(_is_own, (*(getattr(self, name) for name in STEPS), *self.actors)))


def _is_own(step: Any) -> bool:
    return not str(getattr(getattr(step, "function", step), "__module__", "")).startswith("batchsim.")


_TYPES = get_type_hints(Policy)
CHECKS: dict[str, tuple[Decision, ...]] = {
    each.name: each.metadata["decisions"] for each in fields(Policy) if _TYPES[each.name] in (Check, Check | None)
}
"""Every check of a policy, with what it may decide."""
OPTIONAL_CHECKS = frozenset(name for name in CHECKS if _TYPES[name] == Check | None)
"""Those that a policy may leave out (`None`)."""
STEPS: tuple[str, ...] = tuple(each.name for each in fields(Policy) if _TYPES[each.name] == Step)
"""Every step of a policy."""
