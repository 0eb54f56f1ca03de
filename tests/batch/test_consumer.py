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
    PublishRun,
    ReadFailures,
    ReadMessage,
    ReadRuns,
    Record,
    RetryMessage,
    ScheduleCompletion,
    TakeKey,
    TakeMessage,
)
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Deliveries, Item, Kind, Setting
from batchsim.batch.stores import Claim, Message, Status
from batchsim.model.faults import Fault
from batchsim.model.operation import Operation, Raised, StoreFailure, both
from tests.batch.by_hand import ByHand

PLAIN = POLICIES["pre3427"]
ITEM = Item()
HELD, HELD_1 = Claim(0, 1), Claim(1, 1)
"""What a consumer holds of item 0, of item 1, where a message comes once."""


def consumer(*items: Item, policy: Policy = PLAIN) -> ByHand:
    return ByHand(consume(Setting(items), policy, Deliveries()))


@pytest.mark.parametrize(
    ("kind", "creates", "succeeds"),
    [
        (Kind.OK, CreateRun(1, final=False, delivery=1), True),
        (Kind.EXPIRES, CreateRun(1, final=False, delivery=1), True),
        (Kind.PRE_FAILED, CreateRun(1, final=True, delivery=1), True),
        (Kind.REJECTED, CreateRun(1, final=False, rejected=True, delivery=1), False),
    ],
)
def test_what_becomes_of_an_item_by_its_kind(kind: Kind, creates: CreateRun, succeeds: bool) -> None:
    worker = consumer(ITEM, Item(kind))
    worker.expect(TakeMessage(), Message(1))
    worker.expect(GetMeta(1, HELD_1), 2)
    worker.expect(creates, 1 if succeeds else IS_REJECTED)
    worker.expect(Record(1, success=succeeds, delivery=1), 1)
    assert worker.awaited == TakeMessage()


def test_without_metadata_a_message_is_dropped() -> None:
    worker = consumer(ITEM)
    worker.expect(TakeMessage(), Message(0))
    worker.expect(GetMeta(0, HELD), None)
    assert worker.awaited == TakeMessage()


def test_a_failing_item_is_put_back_until_its_attempts_are_over() -> None:
    worker = consumer(Item(failed_attempts=2))
    for attempt in (1, 2):
        worker.expect(TakeMessage(), Message(0, attempt))
        worker.expect(GetMeta(0, HELD), 1)
        worker.expect(RetryMessage(0, attempt, delivery=1))
    worker.expect(TakeMessage(), Message(0, 3))
    worker.expect(GetMeta(0, HELD), 1)
    assert worker.awaited == CreateRun(0, final=False, delivery=1)


@pytest.mark.parametrize("processed", [0, 1, 3])
def test_only_the_last_item_finalizes(processed: int) -> None:
    worker = consumer(ITEM, ITEM)
    worker.expect(TakeMessage(), Message(0))
    worker.expect(GetMeta(0, HELD), 2)
    worker.expect(CreateRun(0, final=False, delivery=1), 1)
    worker.expect(Record(0, success=True, delivery=1), processed)
    assert worker.awaited == TakeMessage()


def finalizing(policy: Policy = PLAIN) -> ByHand:
    worker = consumer(ITEM, policy=policy)
    worker.expect(TakeMessage(), Message(0))
    worker.expect(GetMeta(0, HELD), 1)
    worker.expect(CreateRun(0, final=False, delivery=1), 1)
    worker.expect(Record(0, success=True, delivery=1), 1)
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


@pytest.mark.parametrize("kept", [0, 2])
@pytest.mark.parametrize("fault", [REDELIVERED, Crash(at_most=1)])
def test_a_message_that_can_come_twice_is_read_and_completed(fault: Fault, kept: int) -> None:
    """Which delivery it is, is known where its key has a token that says so."""
    worker = careful_consumer(ITEM, ITEM, fault=fault)
    held = isinstance(fault, Crash)
    in_steps = held  # a crash can fall between inserting a run and publishing it
    worker.expect(TakeKey(2, is_held=held), Claim(1, kept))
    worker.expect(ReadMessage(1, delivery=kept), 1)
    worker.expect(GetMeta(1, Claim(1, kept)), 2)
    worker.expect(CreateRun(1, final=False, copies=2, is_published=not in_steps, delivery=kept), 1)
    if in_steps:
        worker.expect(PublishRun(1, 1, delivery=kept))
    worker.expect(Record(1, success=True, delivery=kept), 1)
    worker.expect(CompleteMessage(1, delivery=kept), True)
    assert worker.awaited == TakeKey(2, is_held=held)


def test_a_message_that_is_gone_from_flight_is_completed_all_the_same_and_the_next_key_taken() -> None:
    worker = careful_consumer(ITEM)
    worker.expect(TakeKey(1), Claim(0))
    worker.expect(ReadMessage(0), None)
    worker.expect(CompleteMessage(0), False)
    assert worker.awaited == TakeKey(1)


# -- attempts that raise -------------------------------------------------------------------------


def last_attempt(item: Item) -> ByHand:
    """A consumer that has come to the last attempt of an item, every step of which raised."""
    worker = consumer(item, ITEM)
    creates = {
        Kind.PRE_FAILED: CreateRun(0, final=True, delivery=1),
        Kind.REJECTED: CreateRun(0, final=False, rejected=True, delivery=1),
    }.get(item.kind, CreateRun(0, final=False, delivery=1))
    for attempt in range(1, 7):
        worker.expect(TakeMessage(), Message(0, attempt))
        worker.expect(GetMeta(0, HELD), 2)
        worker.expect(creates, Raised(StoreFailure))
        if attempt < 6:
            worker.expect(RetryMessage(0, attempt, delivery=1), True)
    return worker


def test_what_raises_while_an_item_is_processed_is_retried_and_at_last_a_pre_failed_run_is_inserted() -> None:
    worker = last_attempt(ITEM)
    worker.expect(CreateRun(0, final=True, delivery=1), 1)
    worker.expect(Record(0, success=True, delivery=1), 1)
    assert worker.awaited == TakeMessage()


def test_if_that_raises_too_a_failure_is_recorded() -> None:
    worker = last_attempt(ITEM)
    worker.expect(CreateRun(0, final=True, delivery=1), Raised(StoreFailure))
    worker.expect(Record(0, success=False, is_last_resort=True, delivery=1), 1)
    assert worker.awaited == TakeMessage()


def test_of_an_item_that_is_pre_failed_itself_a_failure_is_recorded_at_once() -> None:
    worker = last_attempt(Item(Kind.PRE_FAILED))
    worker.expect(Record(0, success=False, is_last_resort=True, delivery=1), 1)
    assert worker.awaited == TakeMessage()


def test_a_record_that_raises_is_a_failed_attempt_and_on_the_last_one_recorded_as_a_failure() -> None:
    """So one that is not heard makes a second run."""
    worker = consumer(Item(failed_attempts=4), ITEM)
    for attempt in (5, 6):
        worker.expect(TakeMessage(), Message(0, attempt))
        worker.expect(GetMeta(0, HELD), 2)
        worker.expect(CreateRun(0, final=False, delivery=1), 1)
        worker.expect(Record(0, success=True, delivery=1), Raised(StoreFailure))
        if attempt == 5:
            worker.expect(RetryMessage(0, 5, delivery=1), True)
    worker.expect(Record(0, success=False, is_last_resort=True, delivery=1), 1)
    assert worker.awaited == TakeMessage()


@pytest.mark.parametrize("raises", [ReadMessage(0), GetMeta(0, Claim(0))])
def test_what_raises_before_an_item_is_processed_leaves_its_message_in_flight(raises: Operation[int]) -> None:
    """Nothing puts it back, and nothing completes it."""
    worker = careful_consumer(ITEM)
    worker.expect(TakeKey(1), Claim(0))
    while worker.awaited != raises:
        worker.expect(worker.awaited, 1)
    worker.expect(raises, Raised(StoreFailure))
    assert worker.awaited == TakeKey(1)


def test_if_completing_raises_the_item_is_not_finalized() -> None:
    worker = careful_consumer(ITEM)
    worker.expect(TakeKey(1), Claim(0))
    worker.expect(ReadMessage(0), 1)
    worker.expect(GetMeta(0, Claim(0)), 1)
    worker.expect(CreateRun(0, final=False, copies=2), 1)
    worker.expect(Record(0, success=True), 1)
    worker.expect(CompleteMessage(0), Raised(StoreFailure))
    assert worker.awaited == TakeKey(1)


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
