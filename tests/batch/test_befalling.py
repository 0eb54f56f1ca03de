"""Under every policy and combination of switches: what each fault can befall is what by its definition it can.

What the definitions say is worked out here from traces and graphs alone; what operations say of themselves is held
against it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from batchsim.batch.actors import actors_of, all_cells
from batchsim.batch.deliveries import deliveries_of
from batchsim.batch.faults import BEFALLEN, CRASHING, Crash, Cut, Disconnect, Redeliver, StoreError
from batchsim.batch.operations import (
    OPERATIONS,
    TYPES,
    KeptInFlight,
    RetryJob,
    ReturnJob,
    names_befallen,
    names_done_by,
)
from batchsim.batch.policies import POLICIES
from batchsim.batch.policies.decisions import ok_if_done_on_count_mismatch
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Kind
from batchsim.batch.stores import Status
from batchsim.batch.switches import SWITCHES
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.exhaustive import Bounds, explore
from batchsim.engines.timed import simulate
from batchsim.model.cells import IfListed
from batchsim.model.exposure import Exposed
from batchsim.model.faults import Effect, Fault, LostState, Outage
from batchsim.model.operation import Operation
from tests.strategies import CONSUMER_OPERATIONS, SECOND_US, befallen
from tests.trying import examples

HOURS_US = 3_600 * SECOND_US


def _switched(base: str, on: Iterable[str], concurrency: int, *, looks: bool) -> Policy:
    check = ok_if_done_on_count_mismatch if looks else None
    switches: dict[str, Any] = {name: name in on for name in SWITCHES}
    return replace(
        POLICIES[base], name="switched", ingest_concurrency=concurrency, on_missing_meta=check, **switches
    )


ANY_POLICY: SearchStrategy[Policy] = st.one_of(
    st.sampled_from(list(POLICIES.values())),
    st.builds(
        _switched,
        st.sampled_from(["pre3427", "pr3766"]),
        st.sets(st.sampled_from(list(SWITCHES))),
        st.sampled_from([1, 2]),
        looks=st.booleans(),
    ),
)


KINDS = st.sampled_from(list(Kind))


# -- who does what -----------------------------------------------------------------------------

MANY = _switched("pr3766", set(SWITCHES) - {"counts_in_redis"}, 1, looks=True)
PLAIN = _switched("pre3427", {"counts_in_redis", "has_reaper"}, 1, looks=False)
GUARDED = _switched("pre3427", {"counts_in_redis", "has_reaper", "reaper_spares_work"}, 1, looks=False)


def issued(policy: Policy, *faults: Fault, **data: Any) -> set[tuple[str, type[Operation[Any]]]]:
    """Who does what, in the states of an exploration that were looked into."""
    exploration = explore(befallen(*faults, **data), policy, bounds=Bounds(states_max=2_500))
    return {
        (label.kind.role.actors[0].kind, type(label.kind.operation.bare)) for label in exploration.graph.labels
    }


NEVER_ISSUED = {KeptInFlight, RetryJob, ReturnJob}
"""Names of delays."""
AND_WAIT: dict[str, Any] = {"consumers": 1, "batch": {"items": 1, "call": "batchTriggerAndWait"}}

WITH_ALL: dict[str, Any] = {
    "consumers": 1,
    "batch": {**AND_WAIT["batch"], "phase_1": "stepwise", "idempotency_key": "working"},
    "limits": {"stream": {"requests": 1, "others": 1}, "request_timeout": "1 s"},
}


def test_what_operations_say_of_who_does_them_is_what_the_flows_issue() -> None:
    done_by = defaultdict(set)
    usual = [(), (Redeliver(at_most=1), Disconnect(at_most=1))]
    for policy in (MANY, PLAIN, GUARDED):
        for kind in ("ok", "rejected"):
            for upload in ("1 s", "0 s"):
                items = {"kind": kind, "upload": upload, "failed_attempts": 1}
                for faults in usual:
                    for actor, operation in issued(policy, *faults, items=items, **AND_WAIT):
                        done_by[operation].add(actor)
    for kind in ("expires", "pre_failed"):
        for fault in (Crash(actor="consumer", at_most=1), Crash(actor="run", at_most=1), Redeliver(at_most=1)):
            for actor, operation in issued(POLICIES["pr4569"], fault, items={"kind": kind}, **AND_WAIT):
                done_by[operation].add(actor)
    for policy in (GUARDED, POLICIES["pr4397"]):
        for actor, operation in issued(policy, Crash(actor="creator", at_most=1), **WITH_ALL):
            done_by[operation].add(actor)
    twice: dict[str, Any] = {"consumers": 1, "batch": {"items": 1, "calls": 2}}
    for policy, limits in ((PLAIN, {}), (POLICIES["pr4397"], {"stream": {"requests": 1}})):
        for actor, operation in issued(policy, items={"kind": "rejected"}, limits=limits, **twice):
            done_by[operation].add(actor.removesuffix("@2"))
    assert {each: set(each.done_by) for each in TYPES if each not in NEVER_ISSUED} == dict(done_by)


@settings(deadline=None, max_examples=examples(4, searched=12))
@given(ANY_POLICY, KINDS, st.sampled_from(["1 s", "0 s"]))
def test_no_flow_issues_what_its_actor_does_not_do(policy: Policy, kind: str, upload: str) -> None:
    data = {"items": {"kind": kind, "upload": upload}, "consumers": 1}
    without_faults = issued(policy, **data)
    assert not [operation for _, operation in without_faults if operation.is_of_faults]
    for actor, operation in without_faults | issued(policy, Redeliver(at_most=1), StoreError(at_most=1), **data):
        assert actor in operation.done_by


def test_every_operation_of_those_who_can_crash_can_be_named() -> None:
    for kind in CRASHING:
        done = {each.name for each in TYPES if kind in each.done_by}
        assert set(names_done_by(kind)) == done
        # Nothing is in anybody's hands while a run executes, or waits in the run queue.
        assert set(names_befallen(kind)) == done - {"run.finish", "run.expire"}
    assert {each.name for each in TYPES} == set(OPERATIONS)


# -- crash and store error: every step of everybody ----------------------------------------------------


@settings(deadline=None, max_examples=examples(4, searched=12))
@given(ANY_POLICY, KINDS, st.sampled_from(["1 s", "0 s"]))
@example(POLICIES["proposed"], "ok", "1 s")
@example(POLICIES["pr4569"], "pre_failed", "1 s")
@example(POLICIES["tombstone"], "rejected", "0 s")
def test_every_step_can_crash_and_raise(policy: Policy, kind: str, upload: str) -> None:
    """The process of the SDK can only crash."""
    data: dict[str, Any] = {**AND_WAIT, "items": {"kind": kind, "upload": upload, "failed_attempts": 1}}
    done = _done(policy, data, IDLE)
    names = {(actor, name) for actor, name in done if actor in CRASHING and name in names_befallen(actor)}
    assert {kind for kind, _ in names} >= {"handler", "consumer", "dispatcher", "sdk"}
    for actor, name in sorted(names):
        faults: list[Fault] = [Crash(actor=actor, before=name)]
        if actor in BEFALLEN:
            faults += [StoreError(actor=actor, operation=name, effect=effect) for effect in Effect]
        for fault in faults:
            # A heartbeat is of use only where something else can bring its message back.
            beside = IDLE[:1] if name == "queue.heartbeat" else ()
            assert _befallen(policy, data, fault, *beside) == [name], fault


UNSEALED = tuple(Crash(actor=f"handler-{attempt}", before="postgres.find_batch") for attempt in range(1, 6))


@pytest.mark.parametrize("policy", ["pr4397", "pr4569", "proposed"])
def test_every_step_of_a_reaper_too(policy: str) -> None:
    """No request is ever handled, so the reaper ends the batch, however often it is interrupted."""
    names = [name for actor, name in _done(POLICIES[policy], AND_WAIT, UNSEALED) if actor == "reaper"]
    assert {"jobs.take_expiry", "postgres.find_batch", "postgres.abort", "postgres.complete_waitpoint"} <= {*names}
    for name in names:
        for fault in (
            Crash(actor="reaper", before=name),
            *(StoreError(actor="reaper", operation=name, effect=effect) for effect in Effect),
        ):
            trace = simulate(befallen(*UNSEALED, fault, **AND_WAIT), POLICIES[policy])
            assert [step.name for step in trace.steps if step.actor == "reaper" and step.raised] == [name]
            assert trace.outcome.batch.status is Status.ABORTED
            waitpoints = [step for step in trace.steps if step.name == "postgres.complete_waitpoint"]
            assert any(step.took_effect and step.effect for step in waitpoints), fault


IDLE = (
    Redeliver(item=0, at_us=10 * HOURS_US),
    Crash(actor="consumer", at_us=10 * HOURS_US),
    Crash(actor="run", at_us=10 * HOURS_US),
)
"""Nothing goes wrong, and each step that a fault can fall between is one of its own."""


def _done(policy: Policy, data: dict[str, Any], faults: Iterable[Fault]) -> set[tuple[str, str]]:
    """What is done in a run, and by whom."""
    steps = simulate(befallen(*faults, **data), policy).steps
    return {(step.actor.partition(".")[0].partition("-")[0], step.name) for step in steps}


def _befallen(policy: Policy, data: dict[str, Any], *faults: Fault) -> list[str]:
    steps = simulate(befallen(*faults, **data), policy).steps
    return [step.name for step in steps if step.alternative is not None and step.raised]


# -- cut: in place of the first step for an item -----------------------------------------------------


@settings(deadline=None, max_examples=examples(20, searched=40))
@given(ANY_POLICY, st.lists(st.booleans(), min_size=1, max_size=3), st.integers(0, 2), st.sampled_from([None, 2]))
@example(POLICIES["proposed"], [False, False], 1, None)
@example(POLICIES["proposed"], [True, True], 1, 2)
def test_the_body_is_read_by_the_first_step_for_an_item_and_by_no_other(
    policy: Policy, uploads: list[bool], after: int, concurrency: int | None
) -> None:
    overrides = [{"index": index, "upload": "1 s" if each else "0 s"} for index, each in enumerate(uploads)]
    data: dict[str, Any] = {"batch": {"items": len(uploads)}, "items": {"overrides": overrides}, "consumers": 1}
    if concurrency is not None:
        data["ingest_concurrency"] = concurrency
    usual = simulate(befallen(**data), policy).steps
    begun: set[tuple[str, int]] = set()
    for step in usual:
        lane, item = step.actor.partition(".")[0], step.operation.item
        if not lane.startswith("handler") or item is None:
            assert not step.operation.reads_body
            continue
        assert step.operation.reads_body == ((lane, item) not in begun)
        begun.add((lane, item))
    after = min(after, len(uploads) - 1)
    cut = simulate(befallen(Cut(attempt=1, after_items=after), **data), policy).steps
    of_first = [step for step in cut if step.actor.partition(".")[0] == "handler-1"]
    assert {step.operation.item for step in of_first if not step.raised} - {None} == set(range(after))
    way = next(step.alternative for step in of_first if step.raised)
    assert way == f"cut after {after} item{'' if after == 1 else 's'}"


# -- what a consumer leaves comes back --------------------------------------------------------------

ERRORS = st.builds(
    StoreError,
    actor=st.sampled_from([None, "consumer", "consumer-0"]),
    operation=st.sampled_from(CONSUMER_OPERATIONS),
    effect=st.sampled_from(Effect),
    item=st.sampled_from([None, None, 0]),
)


@settings(deadline=None, max_examples=examples(75, searched=150))
@given(
    ANY_POLICY,
    st.lists(ERRORS, min_size=1, max_size=3),
    KINDS,
    st.sampled_from([0, 1, 4, 5]),
)
@example(POLICIES["proposed"], [StoreError(operation="postgres.completion_update")], "ok", 0)
@example(POLICIES["pr3766"], [StoreError(operation="redis.record")] * 2, "pre_failed", 5)
@example(POLICIES["pr3766"], [StoreError(operation="redis.record")] * 3, "ok", 4)
def test_a_redelivery_that_never_comes_changes_no_verdict(
    policy: Policy, errors: list[StoreError], kind: str, failed_attempts: int
) -> None:
    """Whatever a consumer left in flight comes back by itself, in a scenario that does not speak of it too."""
    items = {"kind": kind, "failed_attempts": failed_attempts}
    data: dict[str, Any] = {"items": items, "consumers": 1}
    never = Redeliver(item=0, at_us=1_000 * HOURS_US)
    alone, together = (simulate(befallen(*faults, **data), policy) for faults in (errors, [*errors, never]))
    assert verdicts_of(alone.outcome) == verdicts_of(together.outcome)


@pytest.mark.parametrize(
    ("policy", "error", "failed_attempts", "can_be_left"),
    [
        ("pr3766", StoreError(operation="postgres.completion_update"), 0, False),
        ("proposed", StoreError(operation="postgres.completion_update"), 0, True),
        ("proposed", StoreError(operation="postgres.completion_update", item=0), 0, False),
        ("proposed", StoreError(operation="postgres.completion_update", actor="handler"), 0, False),
        ("proposed", StoreError(operation="postgres.create_run"), 0, False),
        ("pr3766", StoreError(operation="queue.read"), 0, True),
        ("pr3766", StoreError(operation="queue.retry", item=1), 0, False),
        ("pr3766", StoreError(operation="queue.retry", item=1), 1, True),
        ("pr3766", StoreError(operation="redis.record", at_most=1), 5, False),
        ("pr3766", StoreError(operation="redis.record", at_most=2), 5, True),
        ("pr3766", StoreError(operation="redis.record", at_most=6), 0, False),
        ("pr3766", StoreError(operation="redis.record", at_most=7), 0, True),
        ("pr3766", StoreError(operation="redis.record", probability=0.01), 0, True),
        ("pr3766", StoreError(operation="postgres.create_run", probability=0.01), 5, False),
    ],
)
def test_whether_a_message_can_be_left_depends_on_the_policy_and_on_how_many_errors_there_are(
    policy: str, error: StoreError, failed_attempts: int, can_be_left: bool
) -> None:
    data: dict[str, Any] = {"batch": {"items": 2}, "items": {"failed_attempts": failed_attempts}}
    deliveries = deliveries_of(befallen(error, **data).setting, POLICIES[policy])
    assert (deliveries.can_be_left, deliveries.can_repeat) == (can_be_left, can_be_left)


def test_an_operation_that_no_fault_can_befall_is_not_exposed() -> None:
    """A run is not slower where a fault is about something else."""
    setting = befallen(Cut(attempt=1), StoreError(operation="redis.record"), consumers=1).setting
    for actor in actors_of(setting, POLICIES["pr3766"]):
        for operation in (OPERATIONS["postgres.find_batch"](), OPERATIONS["redis.cleanup"]()):
            assert not isinstance(actor.expose(operation), Exposed)


# -- who is woken ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=examples(3, searched=24))
@given(
    st.sampled_from(sorted(POLICIES)),
    st.sampled_from(
        [
            Outage(group="postgres", at_us=SECOND_US, lasts_us=1),
            Outage(group="redis", services=("queue", "run_queue", "jobs"), at_most=1),
            LostState(keys=("batch:*",), at_most=1),
            StoreError(operation="postgres.create_run"),
            StoreError(operation="redis.record"),
            Crash(actor="consumer", at_most=1),
            Redeliver(at_most=1),
        ]
    ),
    KINDS,
)
@example("pr4569", Outage(group="postgres", at_us=SECOND_US, lasts_us=1), "ok")
def test_whoever_is_woken_waits_for_a_cell_of_the_system(policy: str, fault: Fault, kind: str) -> None:
    """A reduced exploration asks for these cells: there is none of a message that cannot come back."""
    subject = befallen(fault, consumers=1, items={"kind": kind})
    exploration = explore(subject, POLICIES[policy], bounds=Bounds(states_max=700))
    cells = {*all_cells(subject.setting, POLICIES[policy])}
    for label in exploration.graph.labels:
        operation = label.kind.operation
        woken = {cell for cell in operation.unblocks() if not isinstance(cell, IfListed)}
        assert woken <= cells, operation
