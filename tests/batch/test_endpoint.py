"""The endpoint's steps, in their order (protocol.md §3.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from batchsim.batch.actors import actors_of
from batchsim.batch.decision import Decision
from batchsim.batch.endpoint import stream_batch_items
from batchsim.batch.faults import Cut
from batchsim.batch.operations import EnqueuedCount, FindBatch, GetMeta, MarkEnqueued, PushMessage, Seal, Upload
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Item, Kind, Setting
from batchsim.batch.stores import Answer, BatchRow
from batchsim.engines.timed import simulate
from batchsim.model.operation import ForEach, Raised, StoreFailure
from batchsim.scenario import scenario_from_data
from tests.batch.by_hand import ByHand
from tests.strategies import befallen

SMALL, LARGE = Item(), Item(offloaded=True)
ROW = BatchRow()


def always(decision: Decision) -> Callable[[BatchRow], Decision]:
    return lambda _row: decision


PROCEED = always(Decision.PROCEED)
PLAIN = Policy("plain", "", on_entry=PROCEED, on_count_mismatch=PROCEED, on_seal_lost=PROCEED)
ANSWERS = [
    (Decision.OK, Answer(200, sealed=True)),
    (Decision.REJECT, Answer(422)),
    (Decision.NOT_SEALED, Answer(200, sealed=False)),
]


def request(*items: Item, policy: Policy = PLAIN) -> ByHand:
    return ByHand(stream_batch_items(Setting(items), policy))


def enqueue(handler: ByHand, index: int, *, is_first: bool = True) -> None:
    handler.expect(GetMeta(index, is_first=is_first), 2)
    handler.expect(MarkEnqueued(index), True)
    handler.expect(PushMessage(index))


def test_items_are_enqueued_in_order_then_counted_then_sealed() -> None:
    handler = request(SMALL, LARGE)
    handler.expect(FindBatch(), ROW)
    enqueue(handler, 0)
    handler.expect(Upload(1))
    enqueue(handler, 1, is_first=False)
    handler.expect(EnqueuedCount(), 2)
    handler.expect(Seal(), True)
    assert handler.result == Answer(200, sealed=True)


def test_an_item_that_is_marked_already_is_not_pushed_again() -> None:
    handler = request(SMALL, SMALL)
    handler.expect(FindBatch(), ROW)
    handler.expect(GetMeta(0, is_first=True), 2)
    handler.expect(MarkEnqueued(0), False)
    enqueue(handler, 1)
    handler.expect(EnqueuedCount(), 2)
    assert handler.awaited == Seal()


def test_missing_metadata_ends_the_request_with_500() -> None:
    handler = request(SMALL, SMALL)
    handler.expect(FindBatch(), ROW)
    enqueue(handler, 0)
    handler.expect(GetMeta(1, is_first=True), None)
    assert handler.result == Answer(500)


@pytest.mark.parametrize(("decision", "answer"), ANSWERS)
def test_the_entry_check_answers_before_any_item(decision: Decision, answer: Answer) -> None:
    handler = request(SMALL, policy=replace(PLAIN, on_entry=always(decision)))
    handler.expect(FindBatch(), ROW)
    assert handler.result == answer


@pytest.mark.parametrize(("decision", "answer"), ANSWERS)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_count_leads_to_its_check(count: int, decision: Decision, answer: Answer) -> None:
    handler = request(SMALL, SMALL, policy=replace(PLAIN, on_count_mismatch=always(decision)))
    handler.expect(FindBatch(), ROW)
    enqueue(handler, 0)
    enqueue(handler, 1)
    handler.expect(EnqueuedCount(), count)
    handler.expect(FindBatch(), ROW)
    says_the_count = decision is Decision.NOT_SEALED
    assert handler.result == answer._replace(enqueued_count=count if says_the_count else None)


@pytest.mark.parametrize(("decision", "answer"), ANSWERS)
def test_a_lost_seal_leads_to_its_check(decision: Decision, answer: Answer) -> None:
    handler = request(SMALL, policy=replace(PLAIN, on_seal_lost=always(decision)))
    handler.expect(FindBatch(), ROW)
    enqueue(handler, 0)
    handler.expect(EnqueuedCount(), 1)
    handler.expect(Seal(), False)
    handler.expect(FindBatch(), ROW)
    assert handler.result == answer


def test_only_the_entry_check_may_let_a_request_proceed() -> None:
    """Policies of the user's own are guarded, so that they cannot come so far."""
    handler = request(SMALL, policy=replace(PLAIN, on_count_mismatch=always(Decision.PROCEED)))
    handler.expect(FindBatch(), ROW)
    enqueue(handler, 0)
    handler.expect(EnqueuedCount(), 0)
    with pytest.raises(AssertionError):
        handler.expect(FindBatch(), ROW)


def test_a_check_decides_by_the_row_that_was_just_read() -> None:
    met: list[BatchRow] = []

    def on_seal_lost(row: BatchRow) -> Decision:
        met.append(row)
        return Decision.OK

    handler = request(SMALL, policy=replace(PLAIN, on_seal_lost=on_seal_lost))
    handler.expect(FindBatch(), ROW)
    enqueue(handler, 0)
    handler.expect(EnqueuedCount(), 1)
    handler.expect(Seal(), False)
    handler.expect(FindBatch(), ROW._replace(sealed=True))
    assert met == [ROW._replace(sealed=True)]


def test_local_count_does_not_ask_redis() -> None:
    handler = request(SMALL, policy=POLICIES["local_count"])
    handler.expect(FindBatch(), ROW)
    enqueue(handler, 0)
    assert handler.awaited == Seal()


@pytest.mark.parametrize("failed", [0, 3, 4])
def test_an_upload_is_tried_four_times(failed: int) -> None:
    handler = request(LARGE)
    handler.expect(FindBatch(), ROW)
    for _ in range(failed):
        handler.expect(Upload(0), Raised(StoreFailure))
    if failed == 4:
        assert handler.result == Answer(500)
    else:
        handler.expect(Upload(0))
        assert handler.awaited == GetMeta(0)


# -- a body that breaks off ----------------------------------------------------------------------


END_SEEN_LATE = {"operation": "redis.get_meta", "item": 2, "delay": "1 s"}
"""The end of the body is met by the lane of item 2."""


@pytest.mark.parametrize("policy", ["pr3766", "pr3777"])
@pytest.mark.parametrize(
    ("slow", "goes_on"),
    [
        ([END_SEEN_LATE], True),
        ([], False),
        ([END_SEEN_LATE, {"operation": "queue.push", "item": 1, "delay": "2 s"}], False),
    ],
)
def test_with_concurrent_ingest_a_cut_body_counts_as_complete_if_nothing_is_in_progress(
    policy: str, slow: list[dict[str, Any]], goes_on: bool
) -> None:
    """The handler then counts what it has. Otherwise the request fails."""
    faults = [{"slow": {"actor": "handler-1", **each}} for each in slow]
    faults.append({"cut": {"attempt": 1, "after_items": 2}})
    subject = scenario_from_data({"name": "x", "batch": {"items": 3}, "faults": faults})
    trace = simulate(subject, POLICIES[policy])
    names = [step.name for step in trace.steps if step.actor.partition(".")[0] == "handler-1"]
    assert ("redis.enqueued_count" in names) == (goes_on and policy == "pr3777")
    assert names.count("queue.push") == 2
    assert "postgres.seal" not in names  # it has two of three
    assert [answer.status for answer in trace.answers] == [None, 200]


def test_whoever_counts_in_his_own_loop_counts_what_arrived() -> None:
    faults = [{"slow": {"actor": "handler-1", **END_SEEN_LATE}}, {"cut": {"attempt": 1, "after_items": 2}}]
    subject = scenario_from_data({"name": "x", "batch": {"items": 3}, "faults": faults})
    for policy in (POLICIES["local_count"], replace(POLICIES["pr3777"], name="mine", counts_in_redis=False)):
        trace = simulate(replace(subject, setting=replace(subject.setting, ingest_concurrency=3)), policy)
        names = [step.name for step in trace.steps if step.actor == "handler-1"]
        assert names == ["postgres.find_batch", "postgres.find_batch"]  # the second one finds it not sealed
        assert [answer.status for answer in trace.answers] == [None, 200]


def test_a_body_that_breaks_off_before_its_first_item_fails() -> None:
    subject = befallen(Cut(attempt=1, after_items=0), batch={"items": 2})
    trace = simulate(subject, POLICIES["pr3777"])
    assert [step.name for step in trace.steps if step.actor == "handler-1"] == ["postgres.find_batch"]
    assert trace.answers[0].status is None


def test_items_go_side_by_side_up_to_the_limit() -> None:
    def limit_of(items: int, ingest_concurrency: int | None, policy: str) -> int:
        setting = Setting((SMALL,) * items, ingest_concurrency=ingest_concurrency)
        handler = ByHand(stream_batch_items(setting, POLICIES[policy]))
        handler.expect(FindBatch(), ROW)
        awaited = handler.awaited
        return awaited.limit if isinstance(awaited, ForEach) else 1

    assert limit_of(20, None, "pr4397") == 10
    assert limit_of(3, None, "pr4397") == 3
    assert limit_of(20, None, "pr3766") == 1
    assert limit_of(20, 4, "pr3766") == 4
    assert limit_of(20, 1, "pr4397") == 1


async def enqueue_my_way(setting: Setting, index: int) -> None:
    await MarkEnqueued(index)


@pytest.mark.parametrize(
    ("fields", "changes", "are_alike"),
    [
        ({}, {}, True),
        ({"ingest_concurrency": 2}, {}, False),
        ({"has_request_timeout": True}, {}, False),
        ({"items": (Item(), Item(), Item(kind=Kind.REJECTED))}, {}, False),
        ({}, {"enqueue": enqueue_my_way}, False),
    ],
)
def test_items_can_change_places_where_nothing_depends_on_which_is_which(
    fields: dict[str, Any], changes: dict[str, Any], are_alike: bool
) -> None:
    setting = replace(Setting(items=(Item(),) * 3), **fields)
    handlers = [
        each for each in actors_of(setting, replace(POLICIES["pr3777"], **changes)) if each.kind == "handler"
    ]
    assert {each.has_lanes_alike for each in handlers} == {are_alike}
