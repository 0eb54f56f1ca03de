"""Names for changes of a policy: `replace(…, enqueues_atomically=True)` makes one of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from batchsim.batch import completion, consumer, dispatcher, endpoint, reaper
from batchsim.batch.policies import local_count, pr4397, proposed, seal_at_finalize, tombstone
from batchsim.batch.policy import ActorsOf, Policy, Step
from batchsim.batch.stores import Claim, Status


class Switch(NamedTuple):
    """A named change of a policy."""

    meaning: str
    """What it does when it is on."""
    steps: dict[str, tuple[Step, Step]]
    """By field: the step when it is off, and when it is on."""
    actors: ActorsOf | None = None
    """Who takes part when it is on."""

    def parts(self, policy: Policy, *, on: bool) -> dict[str, Any]:
        """The fields of a policy that it changes when it is put on, or off."""
        # Off puts production's back where the switch's is; a step of another kind stays.
        parts: dict[str, Any] = {
            name: both[on] for name, both in self.steps.items() if on or getattr(policy, name) is both[True]
        }
        if self.actors is not None:
            others = tuple(each for each in policy.actors if each is not self.actors)
            parts["actors"] = (*others, self.actors) if on else others
        return parts

    def is_on(self, policy: Policy) -> bool:
        """Whether a policy has all its parts."""
        has_actors = self.actors is None or self.actors in policy.actors
        return has_actors and all(getattr(policy, name) is both[True] for name, both in self.steps.items())


class UpdateSwitch(NamedTuple):
    """A named change of the completion update; two of them can be on together."""

    meaning: str
    name: str

    def parts(self, policy: Policy, *, on: bool) -> dict[str, Any]:
        """The completion update with this change, or without it."""
        present = next((names for names, step in UPDATES.items() if step is policy.update_batch), frozenset())
        return {"update_batch": UPDATES[present | {self.name} if on else present - {self.name}]}

    def is_on(self, policy: Policy) -> bool:
        """Whether the completion update of a policy has this change."""
        return any(self.name in names and step is policy.update_batch for names, step in UPDATES.items())


async def _update_batch_once_and_seal(held: Claim | None) -> Status:
    return await consumer.update_batch_with(held, seals=True, guarded=True)


UPDATES: dict[frozenset[str], Step] = {
    frozenset(): consumer.update_batch,
    frozenset({"seals_at_finalize"}): seal_at_finalize.update_and_seal,
    frozenset({"guards_completion_update"}): proposed.update_batch_once,
    frozenset({"seals_at_finalize", "guards_completion_update"}): _update_batch_once_and_seal,
}

SWITCHES: dict[str, Switch | UpdateSwitch] = {
    "has_reaper": Switch("a batch that is waited for and never sealed is reaped", {}, reaper.reaper),
    "guards_completion": Switch(
        "the completion job leaves ABORTED and COMPLETED alone",
        {"set_completed": (completion.set_completed, pr4397.set_completed_unless_ended)},
    ),
    "counts_in_redis": Switch(
        "the endpoint asks Redis for the count; off: it counts the items of its own loop",
        {"count": (local_count.count_own_loop, endpoint.count)},
    ),
    "keeps_tombstone": Switch(
        "cleanup leaves `enqueued_items` for a grace time",
        {"cleanup": (consumer.cleanup, tombstone.leave_a_tombstone)},
        tombstone.expiry,
    ),
    "seals_at_finalize": UpdateSwitch("the completion update sets `sealed` too", "seals_at_finalize"),
    "enqueues_atomically": Switch(
        "finding the metadata, marking an item and pushing its message are one Redis script",
        {"enqueue": (endpoint.enqueue, proposed.enqueue_in_one_script)},
    ),
    "completes_message_last": Switch(
        "a consumer completes its message after it finalized the batch",
        {"consume": (consumer.complete_and_finalize, proposed.finalize_and_complete)},
    ),
    "claims_have_tokens": Switch(
        "a claim has a token: reading, putting back and completing look at the record of that delivery only",
        {"dispatch": (dispatcher.dispatch, proposed.dispatch_with_tokens)},
    ),
    "records_with_meta_only": Switch(
        "nothing is recorded once the metadata are gone",
        {"record": (consumer.record, proposed.record_while_batch_is_there)},
    ),
    "guards_completion_update": UpdateSwitch(
        "the completion update leaves a row alone that has one, or has ended", "guards_completion_update"
    ),
    "creates_runs_once": Switch(
        "an item gets one child run at most, which the next one publishes, and none once the batch is ABORTED",
        {
            "create_run": (consumer.create_run, proposed.create_run_once),
            "create_pre_failed_run": (consumer.create_pre_failed_run, proposed.create_pre_failed_run_once),
        },
    ),
    "reaper_spares_work": Switch(
        "the reaper leaves a batch alone whose items all have a child run, and cleans up after the others",
        {"reap": (reaper.reap, proposed.reap_sparing_work)},
    ),
    "resumes_completion": Switch(
        "a try-complete that finds the batch COMPLETED still completes the parent's waitpoint",
        {"try_complete": (completion.try_complete, proposed.try_complete_again)},
    ),
    "asks_for_completion_for_sure": Switch(
        "a run asks for the completion job however it ended, and again if that raises",
        {"after_run": (completion.after_run, proposed.ask_for_completion)},
    ),
    "answers_rejected_items": Switch(
        "an item that is rejected gets a pre-failed run, so that its index has a result",
        {"process": (consumer.process, proposed.process_answering_all)},
    ),
}
"""Every switch, in the order of `Policy`."""


def switches_of(policy: Policy) -> frozenset[str]:
    """The names of the switches that are on: all whose parts a policy has."""
    return frozenset(name for name, switch in SWITCHES.items() if switch.is_on(policy))
