"""Exploration of faults against a peer that enumerates what protocol.md says, and shares no code with batchsim."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from batchsim.batch.policies import LINEAGE, POLICIES
from batchsim.engines.exhaustive import Bounds, explore
from batchsim.scenario import Scenario, scenario_from_data
from tests.peers import enumerator
from tests.peers.enumerator import CONSUMING, Batch, Fault, Outcome, enumerate_batch
from tests.trying import examples

REDELIVER = Fault("redeliver", at_most=1)
CRASH = Fault("crash", "consumer", at_most=1)
ERROR = Fault("store_error", "consumer", at_most=1)
ANY_CRASH = Fault("crash", at_most=1)
ANY_ERROR = Fault("store_error", at_most=1)
JOB_RAISES = Fault("store_error", "job", "postgres.find_batch", "before")
REAPER_RAISES = Fault("store_error", "reaper", "postgres.find_batch", "before")
UPLOAD_FAILS = Fault("store_error", "handler", "store.upload")


def scenario(batch: Batch) -> Scenario:
    items: dict[str, Any] = {
        "overrides": [{"index": index, "kind": kind} for index, kind in enumerate(batch.kinds)],
        "failed_attempts": batch.failed_attempts,
    }
    if batch.uploads:
        items["upload"] = "3 s"
    call = "batchTriggerAndWait" if batch.waits else "batchTrigger"
    data = {
        "name": "peer",
        "batch": {"items": len(batch.kinds), "call": call},
        "items": items,
        "consumers": batch.consumers,
        "faults": [{fault.kind: fields(fault)} for fault in batch.faults],
    }
    return scenario_from_data(data)


def fields(fault: Fault) -> dict[str, Any]:
    operation = "before" if fault.kind == "crash" else "operation"
    told = {"actor": fault.actor, operation: fault.operation, "effect": fault.effect, "at_most": fault.at_most}
    if fault.kind in ("lost_response", "disconnect", "cut") and not fault.at_most:
        told["attempt"] = 1
    if fault.kind == "cut":
        return {"attempt": 1, "after_items": fault.after_items}
    return {name: value for name, value in told.items() if value}


def schedules(batch: Batch, *, states_max: int | None = None) -> Counter[Outcome]:
    explored = explore(scenario(batch), POLICIES[batch.policy], bounds=Bounds(states_max=states_max))
    if states_max is not None:
        assume(explored.is_complete)
    assert explored.is_complete
    counts: Counter[Outcome] = Counter()
    for each in explored.outcomes:
        assert each.schedules is not None
        outcome = each.outcome
        told = Outcome(
            result=outcome.call.result.value,
            status=outcome.call.status or 0,
            attempts=outcome.call.attempts,
            row_status=outcome.batch.status.value,
            sealed=outcome.batch.sealed,
            processing_completed=outcome.batch.processing_completed,
            runs_created=outcome.runs_created,
            runs_total=outcome.runs_total,
            leaked_keys=outcome.leaked_keys,
            verdicts=each.verdicts,
        )
        counts[told] += each.schedules
    return counts


def named(batch: Batch) -> str:
    faults = ["-".join(filter(None, map(str, fault[:4]))) for fault in dict.fromkeys(batch.faults)]
    waits = ["waits"] * batch.waits
    return " ".join([batch.policy, "+".join(batch.kinds), str(batch.consumers), *waits, *faults])


def compared(*batches: Batch) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("batch", batches, ids=map(named, batches))


@compared(
    Batch(("ok",), 1, "pr3766", faults=(REDELIVER,)),
    Batch(("pre_failed",), 2, "pr4569", faults=(REDELIVER,)),
    Batch(("expires",), 2, "pr4397", faults=(REDELIVER,)),
    Batch(("pre_failed", "rejected"), 2, "pr3766", faults=(REDELIVER,)),
    Batch(("ok",), 1, "pr3766", waits=True, faults=(REDELIVER,)),
    Batch(("rejected", "rejected"), 1, "pr3766", failed_attempts=1, faults=(REDELIVER,)),
)
def test_a_message_that_comes_back(batch: Batch) -> None:
    assert schedules(batch) == enumerate_batch(batch)


@compared(
    Batch(("ok",), 2, "pr3766", faults=(CRASH,)),
    Batch(("pre_failed",), 2, "pr4569", faults=(CRASH, REDELIVER)),
    Batch(("ok",), 1, "pr3766", faults=(ANY_CRASH,)),
    Batch(("rejected",), 1, "pr4397", waits=True, faults=(ANY_CRASH,)),
)
def test_whoever_crashes(batch: Batch) -> None:
    assert schedules(batch) == enumerate_batch(batch)


@compared(
    Batch(("ok",), 1, "pr3766", faults=(ERROR,)),
    Batch(("pre_failed",), 1, "pr4397", faults=(ERROR, REDELIVER)),
    Batch(("rejected", "pre_failed"), 1, "pr3777", faults=(ERROR._replace(operation="redis.record"),)),
    Batch(("pre_failed",), 1, "pr3766", faults=(ANY_ERROR,)),
    Batch(("ok",), 1, "pr3766", waits=True, faults=(ERROR._replace(operation="postgres.block_parent"),)),
    Batch(("ok",), 1, "pr3766", waits=True, faults=(ANY_ERROR._replace(actor="run"),)),
    Batch(("pre_failed", "rejected"), 1, "pr3777", faults=(ANY_ERROR._replace(actor="handler"),)),
)
def test_an_operation_that_raises(batch: Batch) -> None:
    assert schedules(batch) == enumerate_batch(batch)


RECORD_RAISES = ERROR._replace(operation="redis.record", at_most=2)
CREATION_RAISES = ERROR._replace(operation="postgres.create_run", at_most=2)


@compared(
    Batch(("pre_failed",), 1, "pr3766", faults=(JOB_RAISES,) * 11),
    Batch(("pre_failed",), 1, "pr3766", faults=(JOB_RAISES,) * 12),
    Batch(("rejected",), 1, "pr4397", waits=True, faults=(REAPER_RAISES,) * 12),
    Batch(("pre_failed",), 1, "pr3766", failed_attempts=5, faults=(RECORD_RAISES,)),
    Batch(("ok",), 1, "pr4397", failed_attempts=5, faults=(CREATION_RAISES,)),
    Batch(("pre_failed",), 1, "pr3766", uploads=True, faults=(UPLOAD_FAILS,) * 4),
)
def test_what_is_tried_again_until_it_is_given_up(batch: Batch) -> None:
    assert schedules(batch) == enumerate_batch(batch)


@compared(
    Batch(("ok",), 1, "pr4397", waits=True),
    Batch(("expires",), 1, "pr4397", waits=True),
    Batch(("pre_failed", "rejected"), 2, "pr4569", waits=True),
    Batch(("rejected",), 1, "pr4397", waits=True, faults=(ANY_ERROR._replace(actor="reaper"),)),
)
def test_the_reaper(batch: Batch) -> None:
    assert schedules(batch) == enumerate_batch(batch)


@compared(
    Batch(("ok", "ok"), 1, "pr3777"),
    Batch(("pre_failed", "pre_failed", "rejected"), 2, "pr4397"),
    Batch(("rejected", "rejected"), 1, "pr3777", faults=(Fault("disconnect"),)),
    Batch(("pre_failed", "rejected"), 1, "pr3777", faults=(Fault("cut", after_items=0),)),
    Batch(("pre_failed", "rejected"), 1, "pr3777", faults=(Fault("cut", after_items=1),)),
    Batch(("pre_failed", "rejected", "rejected"), 1, "pr4397", faults=(Fault("cut", after_items=1),)),
    Batch(("pre_failed", "rejected"), 1, "pr3777", faults=(Fault("crash", "handler", at_most=1),)),
    Batch(("pre_failed", "rejected"), 1, "pr3777", uploads=True, faults=(UPLOAD_FAILS._replace(at_most=4),)),
)
def test_items_that_are_ingested_at_once(batch: Batch) -> None:
    assert schedules(batch) == enumerate_batch(batch)


@compared(
    # Two of its jobs can run at once: whose raises are counted, the text leaves open.
    Batch(("ok",), 1, "pr4397", faults=(JOB_RAISES,) * 12),
)
def test_outcomes_are_the_same_where_schedules_are_counted_otherwise(batch: Batch) -> None:
    assert set(schedules(batch)) == set(enumerate_batch(batch))


OPERATIONS = {
    "handler": ("postgres.find_batch", "redis.get_meta", "redis.mark_enqueued", "queue.push", "postgres.seal"),
    "consumer": tuple(each for each in CONSUMING if each != "queue.heartbeat"),
    "dispatcher": ("queue.claim", "queue.offer"),
    "job": ("jobs.take_completion", "postgres.find_batch", "postgres.find_runs", "postgres.set_completed"),
    "reaper": ("jobs.take_expiry", "postgres.find_batch", "postgres.abort"),
    "run": ("jobs.schedule_completion",),
}


@st.composite
def befallen(draw: st.DrawFn) -> Fault:
    actor = draw(st.sampled_from(["consumer", *OPERATIONS]))
    operation = draw(st.sampled_from(OPERATIONS[actor]))
    at_most = draw(st.sampled_from([0, 1, 2]))
    if draw(st.booleans()):
        return Fault("crash", actor, operation, at_most=at_most)
    return Fault("store_error", actor, operation, draw(st.sampled_from(["before", "after", ""])), at_most)


FAULTS = st.one_of(
    befallen(),
    befallen(),
    st.just(REDELIVER),
    st.sampled_from([0, 1]).map(lambda n: Fault("lost_response", at_most=n)),
)
KINDS = st.sampled_from([("pre_failed",), ("rejected",), ("expires",), ("pre_failed", "rejected"), ("ok",)])


@given(
    batch=st.builds(
        Batch,
        kinds=KINDS,
        consumers=st.sampled_from([1, 2]),
        policy=st.sampled_from([policy.name for policy in reversed(LINEAGE)]),
        waits=st.booleans(),
        faults=st.lists(FAULTS, min_size=1, max_size=2).map(tuple),
        failed_attempts=st.sampled_from([0, 0, 1, 5]),
    )
)
@settings(max_examples=examples(4, searched=60))
def test_whatever_befalls_a_batch_there_are_as_many_schedules(batch: Batch) -> None:
    assert schedules(batch, states_max=1_200) == enumerate_batch(batch)


@pytest.mark.parametrize(
    ("right", "wrong", "batch"),
    [
        # A message that a crashed consumer held does not come back.
        (
            "not in in_hand(state):",
            "not in in_hand(state) and False:",
            Batch(("pre_failed",), 2, "pr3766", faults=(CRASH,)),
        ),
        # A consumer that finds no record leaves the message of whoever has claimed it since.
        (
            'acting.goes_to(s, "drop") if found == NONE',
            "waits(s) if found == NONE",
            Batch(("pre_failed",), 1, "pr3766", faults=(REDELIVER,)),
        ),
        (
            "JOB_TRIES = 12",
            "JOB_TRIES = 13",
            Batch(("pre_failed",), 1, "pr3766", faults=(JOB_RAISES,) * 12),
        ),
        # A consumer that raises creates no second run.
        (
            '"retry" if me.attempt < ITEM_ATTEMPTS else "record_failure"',
            '"record_failure"',
            Batch(("pre_failed",), 1, "pr3766", faults=(ERROR._replace(operation="redis.record"),)),
        ),
        ('    if me.at == "abort":', '    if me.at == "nothing":', Batch(("rejected",), 1, "pr4397", waits=True)),
        (
            'is_guarded = batch.policy in ("pr4397", "pr4569")',
            "is_guarded = False",
            Batch(("pre_failed",), 1, "pr4397", waits=True),
        ),
    ],
)
def test_a_wrong_peer_is_told_apart(right: str, wrong: str, batch: Batch) -> None:
    source = Path(enumerator.__file__).read_text()
    assert source.count(right) == 1
    assert set(mutant(source.replace(right, wrong)).enumerate_batch(batch)) != set(schedules(batch))


def mutant(source: str) -> ModuleType:
    module = ModuleType("mutant")
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, module.__name__, "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    return module
