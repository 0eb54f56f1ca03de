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

from batchsim.batch.actors import actors_of
from batchsim.batch.deliveries import deliveries_of
from batchsim.batch.faults import Crash, Cut, Disconnect, Redeliver, StoreError
from batchsim.batch.operations import OPERATIONS, TYPES, names_done_by
from batchsim.batch.policies import POLICIES
from batchsim.batch.policies.decisions import ok_if_done_on_count_mismatch
from batchsim.batch.policy import Policy
from batchsim.batch.switches import SWITCHES
from batchsim.batch.verdicts import verdicts_of
from batchsim.engines.exhaustive import Bounds, explore
from batchsim.engines.timed import simulate
from batchsim.model.exposure import Exposed
from batchsim.model.faults import Effect, Fault
from batchsim.model.operation import Operation
from batchsim.scenario import Scenario
from tests.strategies import CONSUMER_OPERATIONS, SECOND_US, timeless
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


def subject(*faults: Fault, **data: Any) -> Scenario:
    made = timeless(**data)
    return replace(made, setting=replace(made.setting, faults=faults))


# -- who does what -----------------------------------------------------------------------------

MANY = _switched("pr3766", set(SWITCHES) - {"counts_in_redis"}, 1, looks=True)
PLAIN = _switched("pre3427", {"counts_in_redis", "has_reaper"}, 1, looks=False)
GUARDED = _switched("pre3427", {"counts_in_redis", "has_reaper", "reaper_spares_work"}, 1, looks=False)


def issued(policy: Policy, *faults: Fault, **data: Any) -> set[tuple[str, type[Operation[Any]]]]:
    """Who does what, in the states of an exploration that were looked into."""
    exploration = explore(subject(*faults, **data), policy, bounds=Bounds(states_max=4_000))
    return {
        (label.kind.role.actors[0].kind, type(label.kind.operation.bare)) for label in exploration.graph.labels
    }


def test_what_operations_say_of_who_does_them_is_what_the_flows_issue() -> None:
    done_by = defaultdict(set)
    for policy in (MANY, PLAIN, GUARDED):
        for kind in ("ok", "rejected"):
            for upload in ("1 s", "0 s"):
                items = {"kind": kind, "upload": upload, "failed_attempts": 1}
                data = {"items": items, "consumers": 1, "batch": {"items": 1, "call": "batchTriggerAndWait"}}
                for faults in ((), (Redeliver(at_most=1), Disconnect(at_most=1))):
                    for actor, operation in issued(policy, *faults, **data):
                        done_by[operation].add(actor)
    assert {each: set(each.done_by) for each in TYPES} == dict(done_by)


@settings(deadline=None, max_examples=examples(4, searched=12))
@given(ANY_POLICY, st.sampled_from(["ok", "rejected", "pre_failed"]), st.sampled_from(["1 s", "0 s"]))
def test_no_flow_issues_what_its_actor_does_not_do(policy: Policy, kind: str, upload: str) -> None:
    data = {"items": {"kind": kind, "upload": upload}, "consumers": 1}
    without_faults = issued(policy, **data)
    assert not [operation for _, operation in without_faults if operation.is_of_faults]
    for actor, operation in without_faults | issued(policy, Redeliver(at_most=1), StoreError(at_most=1), **data):
        assert actor in operation.done_by


def test_every_operation_of_a_handler_and_of_a_consumer_can_be_named() -> None:
    for kind in ("handler", "consumer"):
        assert set(names_done_by(kind)) == {each.name for each in TYPES if kind in each.done_by}
    assert {each.name for each in TYPES} == set(OPERATIONS)


# -- crash and store error: every step of a handler and of a consumer --------------------------------


@settings(deadline=None, max_examples=examples(5, searched=16))
@given(ANY_POLICY, st.sampled_from(["ok", "rejected", "pre_failed"]), st.sampled_from(["1 s", "0 s"]))
@example(POLICIES["proposed"], "ok", "1 s")
@example(POLICIES["tombstone"], "rejected", "0 s")
def test_every_step_can_crash_and_raise(policy: Policy, kind: str, upload: str) -> None:
    data: dict[str, Any] = {"items": {"kind": kind, "upload": upload, "failed_attempts": 1}, "consumers": 1}
    names = {
        (actor.kind, name)
        for actor in actors_of(timeless(**data).setting, policy)
        for name in _names_done(policy, data, actor.kind)
        if actor.kind in ("handler", "consumer")
    }
    assert {kind for kind, _ in names} == {"handler", "consumer"}
    for actor, name in sorted(names):
        for fault in (Crash(actor=actor, before=name), *(_error(actor, name, effect) for effect in Effect)):
            steps = simulate(subject(fault, **data), policy).steps
            assert [step.name for step in steps if step.alternative is not None and step.raised] == [name], fault


def _error(actor: str, name: str, effect: Effect) -> StoreError:
    return StoreError(actor=actor, operation=name, effect=effect)


def _names_done(policy: Policy, data: dict[str, Any], kind: str) -> set[str]:
    """Those of a run in which nothing goes wrong but a redelivery that never comes."""
    idle = Redeliver(item=0, at_us=10 * HOURS_US)
    steps = simulate(subject(idle, **data), policy).steps
    return {step.name for step in steps if step.actor.partition("-")[0] == kind}


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
    usual = simulate(subject(**data), policy).steps
    begun: set[tuple[str, int]] = set()
    for step in usual:
        lane, item = step.actor.partition(".")[0], step.operation.item
        if not lane.startswith("handler") or item is None:
            assert not step.operation.reads_body
            continue
        assert step.operation.reads_body == ((lane, item) not in begun)
        begun.add((lane, item))
    after = min(after, len(uploads) - 1)
    cut = simulate(subject(Cut(attempt=1, after_items=after), **data), policy).steps
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
    st.sampled_from(["ok", "rejected", "pre_failed"]),
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
    alone, together = (simulate(subject(*faults, **data), policy) for faults in (errors, [*errors, never]))
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
    deliveries = deliveries_of(subject(error, **data).setting, POLICIES[policy])
    assert (deliveries.can_be_left, deliveries.can_repeat) == (can_be_left, can_be_left)


def test_an_operation_that_no_fault_can_befall_is_not_exposed() -> None:
    """A run is not slower where a fault is about something else."""
    setting = subject(Cut(attempt=1), StoreError(operation="redis.record"), consumers=1).setting
    for actor in actors_of(setting, POLICIES["pr3766"]):
        for operation in (OPERATIONS["postgres.find_batch"](), OPERATIONS["redis.cleanup"]()):
            assert not isinstance(actor.expose(operation), Exposed)
