"""*AndWait*: the parent waits for the batch and for its runs (protocol.md §3.1, 3.3.3, 3.5, 8)."""

from __future__ import annotations

from typing import Any

import pytest

from batchsim.batch.client import CallResult, Result
from batchsim.batch.faults import Crash, StoreError
from batchsim.batch.operations import (
    BlockParent,
    CompleteRunWaitpoint,
    CreateRun,
    PublishRun,
    Record,
    Resume,
    TakeMessage,
)
from batchsim.batch.policies import LINEAGE, POLICIES
from batchsim.batch.setting import Call, Deliveries, Item, Kind, Setting
from batchsim.batch.stores import (
    STREAMED,
    WAITPOINT,
    Message,
    Status,
    Waitpoint,
    Waits,
    edge_key,
    run_key,
    run_waitpoint_key,
)
from batchsim.batch.trace import Trace
from batchsim.batch.verdicts import verdicts_of
from batchsim.batch.world import World
from batchsim.engines.exhaustive import explore
from batchsim.engines.timed import simulate
from batchsim.model.cells import Cells, Key
from batchsim.model.faults import Effect, Fault
from batchsim.model.operation import Raised, StoreFailure
from tests.batch.by_hand import ByHand
from tests.batch.test_consumer import HELD
from tests.strategies import befallen, request_leg

PRODUCTION = [*(policy.name for policy in LINEAGE), "pr4569"]
STREAMED_WELL = CallResult(Result.OK, 200, attempts=1)


def and_wait(items: int = 1) -> dict[str, Any]:
    return {"items": items, "call": "batchTriggerAndWait"}


def run(*faults: Fault, items: int = 1, policy: str = "pr4397", **fields: Any) -> Trace:
    return simulate(befallen(*faults, batch=and_wait(items), **fields), POLICIES[policy])


# -- when the parent goes on -----------------------------------------------------------------------


def results(resume: Resume, cells: dict[Key, Any]) -> tuple[int, ...] | None:
    """The items whose results it gets; `None`: it waits."""
    stores = World(Cells(cells))
    ways = resume.alternatives(stores)
    return resume.apply_alternative(stores, ways[0]) if ways else None


@pytest.mark.parametrize(
    ("cells", "got"),
    [
        ({STREAMED: None}, None),
        ({STREAMED: CallResult(Result.API_ERROR, 422, 1)}, None),  # it was rejected, and waits for nothing
        ({WAITPOINT: Waitpoint.PENDING}, None),
        ({run_key(1): False}, None),
        ({}, (0, 1)),
        ({WAITPOINT: Waitpoint.FAILED}, (0, 1)),  # its error rejects nothing
        ({run_key(0, 2): True}, (0, 0, 1)),
        ({run_key(0, 2): False}, None),
        ({run_key(1): None}, (0,)),
    ],
)
def test_the_parent_goes_on_when_all_waitpoints_are_complete(
    cells: dict[Key, Any], got: tuple[int, ...] | None
) -> None:
    whole = {STREAMED: STREAMED_WELL, WAITPOINT: Waitpoint.COMPLETED, run_key(0): True, run_key(1): True}
    there = {key: value for key, value in {**whole, **cells}.items() if value is not None}
    assert results(Resume(2, copies=2), there) == got


def test_a_run_without_a_block_edge_neither_blocks_the_parent_nor_shifts_results() -> None:
    """And one with an edge, whose waitpoint is pending, blocks it whatever its row says."""
    resume = Resume(2, 2, Waits.BY_STEPS)
    cells: dict[Key, Any] = {STREAMED: STREAMED_WELL, WAITPOINT: Waitpoint.COMPLETED}
    for index in (0, 1):
        cells |= {run_key(index): True, edge_key(index): True, run_waitpoint_key(index): True}
    assert results(resume, {**cells, run_key(0, 2): False}) == (0, 1)
    assert results(resume, {**cells, run_key(0, 2): True, edge_key(0, 2): True}) is None
    waitpoint = {run_waitpoint_key(0, 2): True}
    assert results(resume, {**cells, run_key(0, 2): True, edge_key(0, 2): True, **waitpoint}) == (0, 0, 1)


def test_where_streaming_fails_the_call_rejects_without_waiting() -> None:
    subject = befallen(batch=and_wait(), items={"kind": "pre_failed"}, consumers=1)
    exploration = explore(subject, POLICIES["pre3427"])
    rejecting = [each for each in exploration.outcomes if each.outcome.call.result is Result.API_ERROR]
    assert rejecting
    for each in exploration.outcomes:
        resumes = [step.name for step in each.witness].count("parent.resume")
        assert resumes == (each.outcome.call.result is Result.OK)


# -- creating a run is insert, block and publish ---------------------------------------------------


def creating(kind: Kind, call: Call) -> ByHand:
    """A consumer that has read the metadata of the batch, where a fault can fall between the steps."""
    fault = StoreError(operation="run_queue.publish", at_most=1)
    setting = Setting((Item(kind),) * 2, call, faults=(fault,))
    worker = ByHand(POLICIES["pr4397"].consume(setting, POLICIES["pr4397"], Deliveries()))
    worker.expect(TakeMessage(), Message(0))
    worker.answer(2)
    return worker


@pytest.mark.parametrize("call", list(Call))
@pytest.mark.parametrize("kind", [Kind.OK, Kind.EXPIRES, Kind.PRE_FAILED])
def test_an_insert_is_followed_by_its_edge_and_by_its_publication(kind: Kind, call: Call) -> None:
    """A pre-failed run is not published: its waitpoint is completed."""
    worker = creating(kind, call)
    waits = Waits.BY_STEPS if call is Call.TRIGGER_AND_WAIT else Waits.NOWHERE
    final = kind is Kind.PRE_FAILED
    worker.expect(CreateRun(0, final, 2, waits=waits, is_published=False, delivery=1), 2)
    if waits is Waits.BY_STEPS:
        worker.expect(BlockParent(0, 2, delivery=1))
    if not final:
        worker.expect(PublishRun(0, 2, delivery=1))
    elif waits is Waits.BY_STEPS:
        worker.expect(CompleteRunWaitpoint(0, 2, HELD))
    assert worker.awaited == Record(0, success=True, delivery=1)


def test_a_step_that_raises_between_is_a_failed_attempt_and_the_row_stays() -> None:
    worker = creating(Kind.OK, Call.TRIGGER_AND_WAIT)
    worker.answer(1)
    worker.expect(BlockParent(0, 1, delivery=1), Raised(StoreFailure))
    assert worker.awaited.name == "queue.retry"


@pytest.mark.parametrize("policy", PRODUCTION)
def test_an_insert_whose_answer_is_lost_leaves_a_row_that_never_executes(policy: str) -> None:
    error = StoreError(operation="postgres.create_run", effect=Effect.AFTER)
    trace = simulate(befallen(error), POLICIES[policy])
    assert verdicts_of(trace.outcome) == ("duplicate_run", "stuck")
    assert (trace.outcome.runs_total, trace.outcome.runs_are_final) == (2, False)
    assert [step.actor for step in trace.steps if step.name == "run.finish"] == ["run-0:2"]


@pytest.mark.parametrize("before", ["postgres.block_parent", "run_queue.publish"])
def test_a_crash_between_leaves_a_row_that_never_executes_too(before: str) -> None:
    trace = run(Crash(actor="consumer-0", before=before), consumers=2)
    assert verdicts_of(trace.outcome) == ("duplicate_run", "stuck")
    assert [step.actor for step in trace.steps if step.name == "run.finish"] == ["run-0:2"]


def test_a_run_that_crashes_before_its_waitpoint_is_completed_keeps_the_parent_waiting() -> None:
    """A fault after it is final is never repaired."""
    trace = run(Crash(actor="run-0", before="postgres.complete_run_waitpoint"))
    assert trace.outcome.runs_are_final
    assert trace.outcome.call.result is Result.WAITING
    assert verdicts_of(trace.outcome) == ("stuck",)


# -- results by place --------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", PRODUCTION)
@pytest.mark.parametrize(("item", "verdicts"), [(0, ("wrong_result", "duplicate_run")), (1, ("duplicate_run",))])
def test_a_second_run_with_its_edge_shifts_all_results_after_it(
    item: int, verdicts: tuple[str, ...], policy: str
) -> None:
    """A record that raises makes a second run of its item; of the last item that shifts none."""
    trace = run(StoreError(operation="redis.record", item=item), items=2, policy=policy)
    assert trace.outcome.call.result is Result.OK
    assert verdicts_of(trace.outcome) == verdicts
    (resume,) = [step for step in trace.steps if step.name == "parent.resume"]
    assert resume.answer == ((0, 0, 1) if item == 0 else (0, 1, 1))


@pytest.mark.parametrize("policy", PRODUCTION)
def test_a_rejected_item_hangs_the_call_under_every_policy(policy: str) -> None:
    """The batch ends, and the index of the item never resolves."""
    items = {"kind": "pre_failed", "overrides": [{"index": 1, "kind": "rejected"}]}
    subject = befallen(batch=and_wait(2), items=items, consumers=1)
    exploration = explore(subject, POLICIES[policy])
    streamed = [each for each in exploration.outcomes if each.outcome.call.result is not Result.API_ERROR]
    assert {each.outcome.call.result for each in streamed} == {Result.WAITING}
    assert all("stuck" in each.verdicts for each in streamed)
    assert Status.COMPLETED in {each.outcome.batch.status for each in streamed}


def test_the_proposal_answers_a_rejected_item() -> None:
    subject = befallen(batch=and_wait(), items={"kind": "rejected"})
    trace = simulate(subject, POLICIES["proposed"])
    assert "stuck" not in verdicts_of(trace.outcome)


# -- the reaper --------------------------------------------------------------------------------------


def test_a_lost_seal_under_a_reaper_is_a_silent_abort_and_no_false_failure() -> None:
    """The call returns with all results when the runs are final; the row stays ABORTED."""
    late_count = {"redis.enqueued_count": request_leg("1 s")}
    subject = befallen(operations=late_count, batch=and_wait(2), items={"execution": "1 h"})
    trace = simulate(subject, POLICIES["pr4397"])
    assert trace.outcome.call == STREAMED_WELL
    assert verdicts_of(trace.outcome) == ("silent_abort",)
    assert trace.outcome.batch.status is Status.ABORTED
    assert trace.called_back_us == 3_600_000_000
