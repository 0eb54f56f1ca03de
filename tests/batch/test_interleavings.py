"""What holds in any order of steps, whatever the time: random walks through the interleavings."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim.batch.actors import actors_of, all_cells, world_after_phase_1
from batchsim.batch.client import CallResult, Result
from batchsim.batch.faults import Crash, Cut, Redeliver, StoreError
from batchsim.batch.operations import ExpireTombstone, Resume, TakeCompletion, TakeExpiry, TakeMessage
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.reaper import reaper
from batchsim.batch.setting import Call, Item, Kind, Setting
from batchsim.batch.stores import STREAMED
from batchsim.batch.system import class_of
from batchsim.batch.verdicts import verdicts_of
from batchsim.batch.world import World
from batchsim.engines.exhaustive import explore
from batchsim.model.cells import Cells, IfListed
from batchsim.model.faults import Fault
from batchsim.model.operation import BlockingOperation, Operation, Program
from tests.batch.driving import walk_at_random
from tests.batch.facts import Facts
from tests.strategies import befallen, policies_as_specified
from tests.trying import examples


def settings_with(kinds: list[Kind]) -> st.SearchStrategy[Setting]:
    items = st.builds(Item, st.sampled_from(kinds), st.booleans(), st.sampled_from([0, 0, 1, 2]))
    return st.builds(
        Setting,
        st.lists(items, min_size=1, max_size=5).map(tuple),
        st.sampled_from(Call),
        st.integers(1, 4),
        st.sampled_from([None, 1, 2, 3]),
    )


SETTINGS = settings_with(list(Kind))
WALKS = st.integers(0, 2**32)
AND_WAIT = {"items": 1, "call": "batchTriggerAndWait"}


@settings(max_examples=examples(75, searched=150))
@given(SETTINGS, policies_as_specified(), WALKS)
def test_the_facts_of_protocol_md_hold_after_every_step(setting: Setting, policy: Policy, walk: int) -> None:
    walk_at_random(setting, policy, walk, Facts(setting, policy).check)


@settings(max_examples=examples(75, searched=150))
@given(settings_with([Kind.OK, Kind.PRE_FAILED]), policies_as_specified(), WALKS)
def test_without_faults_and_rejections_these_verdicts_are_never_given(
    setting: Setting, policy: Policy, walk: int
) -> None:
    never = {"lost_item", "duplicate_run", "double_finalize"}
    if reaper not in policy.actors:  # it may end a batch before its first item is enqueued
        never |= {"leaked_keys", "true_failure", "status_regression"}
    assert never.isdisjoint(verdicts_of(walk_at_random(setting, policy, walk)))


@settings(max_examples=examples(75, searched=150))
@given(SETTINGS, policies_as_specified(), WALKS)
def test_rejected_items_are_not_lost(setting: Setting, policy: Policy, walk: int) -> None:
    outcome = walk_at_random(setting, policy, walk)
    rejected = sum(item.kind is Kind.REJECTED for item in setting.items)
    assert {"lost_item", "duplicate_run", "double_finalize"}.isdisjoint(verdicts_of(outcome))
    if reaper not in policy.actors:
        assert outcome.runs_created == setting.run_count - rejected


@settings(max_examples=examples(75, searched=150))
@given(SETTINGS, WALKS)
def test_under_pr3766_no_failure_is_false(setting: Setting, walk: int) -> None:
    assert "false_failure" not in verdicts_of(walk_at_random(setting, POLICIES["pr3766"], walk))


@pytest.mark.parametrize("policy", ["pre3427", "pr3427_count_only", "pr3427"])
def test_before_pr3766_some_failures_are_false(policy: str) -> None:
    setting = Setting((Item(), Item()), consumers=2)
    verdicts = {verdicts_of(walk_at_random(setting, POLICIES[policy], walk)) for walk in range(200)}
    assert ("false_failure",) in verdicts
    assert ("ok",) in verdicts


# -- under faults ------------------------------------------------------------------------------

FAULTS: list[tuple[Fault, dict[str, Any]]] = [
    (Cut(at_most=1), {"batch": {"items": 2}, "ingest_concurrency": 2, "items": {"kind": "pre_failed"}}),
    (Redeliver(at_most=1), {"batch": AND_WAIT}),
    (Crash(actor="consumer", at_most=1), {"batch": AND_WAIT, "items": {"kind": "pre_failed"}}),
    (StoreError(actor="job", at_most=1), {"batch": AND_WAIT}),
    (StoreError(actor="dispatcher", at_most=1), {"items": {"kind": "pre_failed"}}),
    (StoreError(operation="postgres.create_run", at_most=1), {"items": {"kind": "expires"}}),
]


@pytest.mark.parametrize(("fault", "fields"), FAULTS)
def test_what_walks_under_faults_end_in_is_what_exploration_finds(fault: Fault, fields: dict[str, Any]) -> None:
    subject = befallen(fault, consumers=1, **fields)
    policy = POLICIES["pr3766"]
    exploration = explore(subject, policy)
    assert exploration.is_complete
    explored = {class_of(each.outcome, each.verdicts) for each in exploration.outcomes}
    ends = [walk_at_random(subject.setting, policy, walk) for walk in range(80)]
    met = {class_of(outcome, verdicts_of(outcome)) for outcome in ends}
    assert met <= explored
    assert len(met) > 1


# -- who waits is woken ------------------------------------------------------------------------

WAITS: tuple[BlockingOperation[Any], ...] = (
    TakeMessage(),
    TakeCompletion(),
    TakeExpiry(),
    ExpireTombstone(),
)


@settings(max_examples=examples(50, searched=100))
@given(SETTINGS, policies_as_specified(), WALKS)
def test_a_step_that_makes_another_possible_says_so(setting: Setting, policy: Policy, walk: int) -> None:
    """Those who wait for a cell, and those who begin with one, depend on `unblocks` to be woken."""
    actors = list(actors_of(setting, policy))
    returned = {actor.returns_to for actor in actors}  # is there when a coroutine ends, which is no step
    begins_with = {actor.begins_with for actor in actors if actor.begins_with is not None} - returned
    waits = (*WAITS, *([Resume(setting.run_count)] if setting.waits else []))
    streamed = {STREAMED: CallResult(Result.OK, 200, attempts=1)}

    def ready(world: World) -> dict[str, int]:
        world = World(Cells({**world.cells, **streamed}))
        ways = {wait.waits_for(): len(wait.alternatives(world)) for wait in waits}
        return ways | {cell: int(cell in world.cells) for cell in begins_with}

    last = ready(world_after_phase_1(setting, policy, Cells()))

    def check(world: World, operation: Operation[Any]) -> None:
        nonlocal last
        now = ready(world)
        gained = {cell for cell in now if now[cell] > last[cell]}
        # Taking a message may uncover another: then whoever put that one there has woken somebody.
        if not isinstance(operation, TakeMessage):
            assert gained <= set(operation.unblocks())
        last = now

    walk_at_random(setting, policy, walk, check)


def test_every_cell_that_is_waited_for_is_made_ready_by_somebody() -> None:
    made_ready: set[str] = set()

    def check(_world: World, operation: Operation[Any]) -> None:
        made_ready.update(operation.unblocks())

    for policy in POLICIES.values():
        setting = Setting((Item(failed_attempts=1), Item(Kind.PRE_FAILED)), Call.TRIGGER_AND_WAIT)
        actors = list(actors_of(setting, policy))
        made_ready |= set(world_after_phase_1(setting, policy, Cells()).cells)
        made_ready |= {actor.returns_to for actor in actors if actor.returns_to is not None}
        for walk in range(20):
            walk_at_random(setting, policy, walk, check)
    assert {wait.waits_for() for wait in WAITS} <= made_ready
    assert {"http:answer:1", "http:answer:5", "postgres:run:0", "http:request:2"} <= made_ready


@settings(max_examples=examples(30, searched=60))
@given(SETTINGS, policies_as_specified(), WALKS)
def test_every_cell_of_a_walk_is_among_all_cells(setting: Setting, policy: Policy, walk: int) -> None:
    cells = all_cells(setting, policy)
    assert len(cells) == len(set(cells))

    def check(world: World, operation: Operation[Any]) -> None:
        reads, writes = operation.footprint()
        always = {cell for cell in reads | writes if not isinstance(cell, IfListed)}
        assert always | world.cells.keys() <= set(cells)

    walk_at_random(setting, policy, walk, check)


# -- coroutines can be told apart by their locals ----------------------------------------------


def locals_of(program: Program[Any]) -> dict[str, Any]:
    """The local variables of a waiting coroutine, along the chain of what it awaits."""
    found: dict[str, Any] = {}
    awaiting: Any = program
    while inspect.iscoroutine(awaiting) or inspect.isgenerator(awaiting):
        if inspect.iscoroutine(awaiting):
            frame, awaiting = awaiting.cr_frame, awaiting.cr_await
        else:
            frame, awaiting = awaiting.gi_frame, awaiting.gi_yieldfrom
        assert frame is not None
        found |= {f"{frame.f_code.co_name}.{name}": value for name, value in frame.f_locals.items()}
    return found


def assert_hashable(program: Program[Any]) -> None:
    for name, value in locals_of(program).items():
        try:
            hash(value)
        except TypeError:
            raise AssertionError(f"{name} holds {value!r}, which is not hashable") from None


@settings(max_examples=examples(30, searched=60))
@given(SETTINGS, policies_as_specified(), WALKS)
def test_waiting_coroutines_hold_hashable_values_only(setting: Setting, policy: Policy, walk: int) -> None:
    walk_at_random(setting, policy, walk, on_rest=assert_hashable)


def test_an_unhashable_local_would_be_noticed() -> None:
    async def remember() -> None:
        seen: list[int] = []
        await TakeCompletion()
        seen.append(1)

    program = remember()
    program.send(None)
    with pytest.raises(AssertionError, match=r"remember\.seen holds \[\]"):
        assert_hashable(program)
    program.close()


def test_a_coroutine_depends_on_its_answers_alone() -> None:
    """Two walks with the same choices are the same, whatever ran before."""
    setting = Setting((Item(), Item(failed_attempts=1), Item(Kind.REJECTED)), Call.TRIGGER_AND_WAIT)

    def steps(walk: int) -> list[Operation[Any]]:
        taken: list[Operation[Any]] = []
        walk_at_random(setting, POLICIES["pr4397"], walk, lambda _world, operation: taken.append(operation))
        return taken

    first = [steps(walk) for walk in range(5)]
    assert [steps(walk) for walk in range(5)] == first
    assert first[0] != first[1]


def test_walks_take_both_sides_of_a_race() -> None:
    """With one item, the job may complete the batch before the handler seals it, or the seal comes first."""
    setting = Setting((Item(),))
    outcomes = {walk_at_random(setting, POLICIES["local_count"], walk).batch.sealed for walk in range(50)}
    assert outcomes == {True, False}
