"""A consumer's steps, in their order (protocol.md §3.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from batchsim.batch.consumer import consume, status_after_processing
from batchsim.batch.deliveries import deliveries_of
from batchsim.batch.faults import Crash, Redeliver
from batchsim.batch.operations import (
    IS_REJECTED,
    Cleanup,
    CleanupWithTombstone,
    CompleteMessage,
    CompletionUpdate,
    CreateRun,
    GetMeta,
    ReadFailures,
    ReadMessage,
    ReadRuns,
    Record,
    RetryMessage,
    ScheduleCompletion,
    TakeMessage,
)
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Deliveries, Item, Kind, Setting
from batchsim.batch.stores import Claim, Message, Status
from batchsim.batch.switches import switches_of
from batchsim.model.faults import Fault
from batchsim.model.operation import Operation, Raised, StoreFailure, both
from tests.batch.by_hand import ByHand

PLAIN = POLICIES["pre3427"]
ITEM = Item()


def consumer(*items: Item, policy: Policy = PLAIN) -> ByHand:
    return ByHand(consume(Setting(items), policy, Deliveries()))


@pytest.mark.parametrize(
    ("kind", "creates", "succeeds"),
    [
        (Kind.OK, CreateRun(1, final=False), True),
        (Kind.EXPIRES, CreateRun(1, final=False), True),
        (Kind.PRE_FAILED, CreateRun(1, final=True), True),
        (Kind.REJECTED, CreateRun(1, final=False, rejected=True), False),
    ],
)
def test_what_becomes_of_an_item_by_its_kind(kind: Kind, creates: CreateRun, succeeds: bool) -> None:
    worker = consumer(ITEM, Item(kind))
    worker.expect(TakeMessage(), Message(1))
    worker.expect(GetMeta(1, Claim(1)), 2)
    worker.expect(creates, 1 if succeeds else IS_REJECTED)
    worker.expect(Record(1, success=succeeds), 1)
    assert worker.awaited == TakeMessage()


def test_without_metadata_a_message_is_dropped() -> None:
    worker = consumer(ITEM)
    worker.expect(TakeMessage(), Message(0))
    worker.expect(GetMeta(0, Claim(0)), None)
    assert worker.awaited == TakeMessage()


def test_a_failing_item_is_put_back_until_its_attempts_are_over() -> None:
    worker = consumer(Item(failed_attempts=2))
    for attempt in (1, 2):
        worker.expect(TakeMessage(), Message(0, attempt))
        worker.expect(GetMeta(0, Claim(0)), 1)
        worker.expect(RetryMessage(0, attempt))
    worker.expect(TakeMessage(), Message(0, 3))
    worker.expect(GetMeta(0, Claim(0)), 1)
    assert worker.awaited == CreateRun(0, final=False)


@pytest.mark.parametrize("processed", [0, 1, 3])
def test_only_the_last_item_finalizes(processed: int) -> None:
    worker = consumer(ITEM, ITEM)
    worker.expect(TakeMessage(), Message(0))
    worker.expect(GetMeta(0, Claim(0)), 2)
    worker.expect(CreateRun(0, final=False), 1)
    worker.expect(Record(0, success=True), processed)
    assert worker.awaited == TakeMessage()


def finalizing(policy: Policy = PLAIN) -> ByHand:
    worker = consumer(ITEM, policy=policy)
    worker.expect(TakeMessage(), Message(0))
    worker.expect(GetMeta(0, Claim(0)), 1)
    worker.expect(CreateRun(0, final=False), 1)
    worker.expect(Record(0, success=True), 1)
    return worker


def test_finalize_updates_schedules_and_cleans_up() -> None:
    worker = finalizing()
    worker.expect(both(ReadRuns(), ReadFailures()), (1, 0))
    worker.expect(CompletionUpdate(Status.PENDING, successful=1, failed=0, seals=False))
    worker.expect(ScheduleCompletion())
    worker.expect(Cleanup(), 5)
    assert worker.awaited == TakeMessage()


def test_an_aborted_batch_gets_no_completion_job() -> None:
    worker = finalizing()
    worker.expect(both(ReadRuns(), ReadFailures()), (0, 1))
    worker.expect(CompletionUpdate(Status.ABORTED, successful=0, failed=1, seals=False))
    assert worker.awaited == Cleanup()


def test_the_switches_of_finalize() -> None:
    worker = finalizing(replace(PLAIN, keeps_tombstone=True, seals_at_finalize=True))
    worker.expect(both(ReadRuns(), ReadFailures()), (1, 0))
    worker.expect(CompletionUpdate(Status.PENDING, successful=1, failed=0, seals=True))
    worker.expect(ScheduleCompletion())
    assert worker.awaited == CleanupWithTombstone()


REDELIVERED = Redeliver(at_most=1)


def careful_consumer(*items: Item, fault: Fault = REDELIVERED, policy: Policy = PLAIN) -> ByHand:
    """One whose messages can be delivered twice."""
    setting = Setting(items, faults=(fault,))
    return ByHand(consume(setting, policy, deliveries_of(setting, policy)))


@pytest.mark.parametrize(
    ("fault", "policy", "kept"),
    [
        (REDELIVERED, PLAIN, 1),
        (REDELIVERED, replace(PLAIN, claims_have_tokens=True), 2),
        (Crash(at_most=1), PLAIN, 2),
    ],
)
def test_a_message_that_can_come_twice_is_read_and_completed(fault: Fault, policy: Policy, kept: int) -> None:
    """Which delivery it is, is kept where a claim can be given up, or has a token."""
    worker = careful_consumer(ITEM, ITEM, fault=fault, policy=policy)
    worker.expect(ClaimMessage(2), Claim(1, delivery=2))
    worker.expect(ReadMessage(1, delivery=kept), 1)
    worker.expect(GetMeta(1, kept), 2)
    worker.expect(CreateRun(1, final=False, copies=2, delivery=kept), 1)
    worker.expect(Record(1, success=True, delivery=kept), 1)
    worker.expect(CompleteMessage(1, "claims_have_tokens" in switches_of(policy), delivery=kept), True)
    assert worker.awaited == ClaimMessage(2)


def test_a_message_that_is_gone_from_flight_is_completed_and_the_next_one_taken() -> None:
    worker = careful_consumer(ITEM)
    worker.expect(ClaimMessage(1), Claim(0, delivery=1))
    worker.expect(ReadMessage(0), None)
    worker.expect(CompleteMessage(0), False)
    assert worker.awaited == ClaimMessage(1)


def test_what_raises_while_an_item_is_processed_is_retried_and_at_last_recorded_as_failed() -> None:
    worker = consumer(ITEM, ITEM)
    for attempt in range(1, 6):
        worker.expect(TakeMessage(), Message(0, attempt))
        worker.expect(GetMeta(0, Claim(0)), 2)
        worker.expect(CreateRun(0, final=False), Raised(StoreFailure))
        worker.expect(RetryMessage(0, attempt))
    worker.expect(TakeMessage(), Message(0, 6))
    worker.expect(GetMeta(0, Claim(0)), 2)
    worker.expect(CreateRun(0, final=False), Raised(StoreFailure))
    worker.expect(Record(0, success=False, is_last_resort=True), 1)
    assert worker.awaited == TakeMessage()


@pytest.mark.parametrize("raises", [CompletionUpdate(Status.PENDING, 1, 0, seals=False), ScheduleCompletion()])
def test_cleanup_is_skipped_if_a_step_before_it_raised(raises: Operation[None]) -> None:
    worker = finalizing()
    worker.expect(both(ReadRuns(), ReadFailures()), (1, 0))
    while worker.awaited != raises:
        worker.expect(worker.awaited)
    worker.expect(raises, Raised(StoreFailure))
    assert worker.awaited == TakeMessage()


@pytest.mark.parametrize(
    ("runs", "failures", "status"),
    [(3, 0, Status.PENDING), (2, 1, Status.PARTIAL_FAILED), (0, 3, Status.ABORTED), (0, 0, Status.PENDING)],
)
def test_the_status_after_processing(runs: int, failures: int, status: Status) -> None:
    assert status_after_processing(runs, failures) is status
