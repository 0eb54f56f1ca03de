"""What single operations do to the stores."""

from __future__ import annotations

import pytest

from batchsim.batch.history import PUSHED
from batchsim.batch.operations import (
    TOMBSTONE,
    Abort,
    Cleanup,
    CleanupWithTombstone,
    CompletionUpdate,
    Deliver,
    ExpireTombstone,
    FindRuns,
    MarkEnqueued,
    PushMessage,
    ReadFailures,
    ReadRuns,
    Record,
    RetryMessage,
    RunTally,
    Seal,
    SetCompleted,
    TakeCompletion,
    TakeMessage,
)
from batchsim.batch.stores import (
    BATCH_ROW,
    COMPLETION_JOB,
    ENQUEUED_ITEMS,
    REDIS_KEYS,
    Answer,
    BatchRow,
    Message,
    Status,
    answer_key,
    run_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Cells, Key
from batchsim.model.operation import Alternative


def world(**cells: object) -> World:
    return World(Cells(cells))


def world_with(row: BatchRow) -> World:
    return World(Cells({BATCH_ROW: row}))


ALL_ROWS = [
    BatchRow(status, sealed, completed)
    for status in Status
    for sealed in (False, True)
    for completed in (False, True)
]

# -- record ------------------------------------------------------------------------------------


def test_recording_an_item_again_changes_nothing_and_answers_the_same() -> None:
    stores = world()
    assert Record(0, success=True).apply(stores) == 1
    assert Record(1, success=False).apply(stores) == 2
    before = repr(stores.cells)
    assert Record(0, success=True).apply(stores) == 2
    assert Record(1, success=True).apply(stores) == 2
    assert Record(0, success=False).apply(stores) == 2
    assert repr(stores.cells) == before


def test_a_success_is_a_run_and_a_failure_a_failure() -> None:
    stores = world()
    for index, success in enumerate((True, False, True)):
        Record(index, success=success).apply(stores)
    assert ReadRuns().apply(stores) == 2
    assert ReadFailures().apply(stores) == 1


def test_an_item_is_marked_once() -> None:
    stores = world()
    assert MarkEnqueued(4).apply(stores)
    assert not MarkEnqueued(4).apply(stores)
    assert stores.cells[ENQUEUED_ITEMS] == {4}


# -- conditional updates -----------------------------------------------------------------------


@pytest.mark.parametrize("row", ALL_ROWS, ids=str)
def test_a_seal_needs_pending_and_not_sealed(row: BatchRow) -> None:
    stores = world_with(row)
    changes = row.status is Status.PENDING and not row.sealed
    assert Seal().apply(stores) is changes
    sealed = row._replace(sealed=True, status=Status.PROCESSING)
    assert stores.cells[BATCH_ROW] == (sealed if changes else row)


@pytest.mark.parametrize("row", ALL_ROWS, ids=str)
def test_an_abort_needs_pending_and_not_sealed(row: BatchRow) -> None:
    stores = world_with(row)
    changes = row.status is Status.PENDING and not row.sealed
    assert Abort().apply(stores) is changes
    aborted = row._replace(status=Status.ABORTED, processing_completed=True)
    assert stores.cells[BATCH_ROW] == (aborted if changes else row)


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("row", ALL_ROWS, ids=str)
def test_a_completion_is_unconditional_unless_guarded(row: BatchRow, guarded: bool) -> None:
    stores = world_with(row)
    changes = not guarded or row.status not in (Status.ABORTED, Status.COMPLETED)
    assert SetCompleted(guarded).apply(stores) is changes
    assert stores.cells[BATCH_ROW] == (row._replace(status=Status.COMPLETED) if changes else row)
    assert stores.history.status_regression == (row.status is Status.ABORTED and not guarded)


@pytest.mark.parametrize("status", [Status.PENDING, Status.PARTIAL_FAILED, Status.ABORTED])
@pytest.mark.parametrize("seals", [False, True])
@pytest.mark.parametrize("row", ALL_ROWS, ids=str)
def test_the_completion_update_is_unconditional(row: BatchRow, seals: bool, status: Status) -> None:
    stores = world_with(row)
    CompletionUpdate(status, successful=2, failed=1, seals=seals).apply(stores)
    assert stores.cells[BATCH_ROW] == BatchRow(status, row.sealed or seals, True, 2, 1)
    lost = row.status is Status.COMPLETED or (row.status is Status.ABORTED and status is not Status.ABORTED)
    assert stores.history.status_regression == lost


def test_completion_updates_are_counted_up_to_two() -> None:
    stores = world_with(BatchRow())
    counts = []
    for _ in range(3):
        CompletionUpdate(Status.PENDING, 1, 0, seals=False).apply(stores)
        counts.append(stores.history.completion_updates)
    assert counts == [1, 2, 2]


# -- cleanup -----------------------------------------------------------------------------------


def full_redis() -> World:
    return World(Cells({**dict.fromkeys(REDIS_KEYS, 1), "queue": 1, BATCH_ROW: BatchRow()}))


def test_cleanup_deletes_exactly_the_six_keys_of_the_batch() -> None:
    stores = full_redis()
    assert Cleanup().apply(stores) == 6
    assert set(stores.cells) == {"queue", BATCH_ROW}
    assert Cleanup().apply(stores) == 0


def test_a_tombstone_keeps_the_enqueued_items_until_it_expires() -> None:
    stores = full_redis()
    assert ExpireTombstone().alternatives(stores) == ()
    assert CleanupWithTombstone().apply(stores) == 5
    assert set(stores.cells) == {"queue", BATCH_ROW, ENQUEUED_ITEMS, TOMBSTONE}
    assert ExpireTombstone().alternatives(stores) == (Alternative(timer=TOMBSTONE),)
    ExpireTombstone().apply(stores)
    assert set(stores.cells) == {"queue", BATCH_ROW}


# -- queues ------------------------------------------------------------------------------------


def takeable(stores: World) -> list[tuple[str | None, Key | None]]:
    """How a message can be taken, and which timer holds it back."""
    return [(way.label, way.timer) for way in TakeMessage().alternatives(stores)]


def take(stores: World) -> Message:
    return TakeMessage().apply_alternative(stores, TakeMessage().alternatives(stores)[0])


def test_fresh_messages_are_taken_first_in_first_out() -> None:
    stores = world()
    assert takeable(stores) == []
    for index in (2, 0, 1):
        PushMessage(index).apply(stores)
    taken = []
    while ways := TakeMessage().alternatives(stores):
        assert [(way.label, way.timer) for way in ways] == [(None, None)]
        taken.append(TakeMessage().apply_alternative(stores, ways[0]))
    assert taken == [Message(2), Message(0), Message(1)]


def test_a_message_that_was_put_back_waits_for_its_backoff_or_for_one_that_is_pushed_meanwhile() -> None:
    stores = world()
    RetryMessage(0, attempt=1).apply(stores)
    assert takeable(stores) == [("item 0", "queue:0")]
    PushMessage(1).apply(stores)
    PushMessage(2).apply(stores)
    RetryMessage(3, attempt=2).apply(stores)
    assert takeable(stores) == [(None, None), ("item 0", None)]
    assert take(stores) == Message(1, leaves_claimed=True)
    assert takeable(stores) == [("item 0", None), (None, None)]
    assert take(stores) == Message(0, attempt=2)
    assert take(stores) == Message(2)
    assert takeable(stores) == [("item 3", "queue:3")]


def test_one_whose_backoff_has_passed_is_claimed_with_those_whose_backoff_has_not() -> None:
    stores = world()
    for item in (0, 1, 2):
        RetryMessage(item, attempt=1).apply(stores)
    way = TakeMessage().alternatives(stores)[1]
    assert TakeMessage().apply_alternative(stores, way) == Message(1, attempt=2, leaves_claimed=True)
    assert takeable(stores) == [("item 0", None), ("item 2", None)]


def test_a_job_that_waits_is_taken_once() -> None:
    stores = world()
    assert TakeCompletion().alternatives(stores) == ()
    stores.jobs.schedule(COMPLETION_JOB)
    stores.jobs.schedule(COMPLETION_JOB)
    assert TakeCompletion().alternatives(stores) == (Alternative(timer=COMPLETION_JOB),)
    TakeCompletion().apply(stores)
    assert TakeCompletion().alternatives(stores) == ()


def test_runs_are_tallied() -> None:
    stores = World(Cells({run_key(0): True, run_key(2): False}))
    assert FindRuns(4).apply(stores) == RunTally(final=1, total=2)


# -- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pushed", [0, 1, 2])
@pytest.mark.parametrize(
    "answer", [Answer(200, sealed=True), Answer(200, enqueued_count=0), Answer(500), Answer(422)]
)
def test_a_refusal_is_spurious_once_all_items_are_enqueued(answer: Answer, pushed: int) -> None:
    stores = World(Cells({answer_key(1): answer, PUSHED: set(range(pushed))}))
    assert Deliver(1, run_count=2).apply(stores) == answer
    assert stores.history.spurious_retry == (pushed == 2 and not answer.sealed)


def test_an_answer_is_delivered_when_it_is_there() -> None:
    assert Deliver(1, 2).alternatives(world()) == ()
    stores = World(Cells({answer_key(1): Answer(500)}))
    assert len(Deliver(1, 2).alternatives(stores)) == 1
    assert Deliver(2, 2).alternatives(stores) == ()
