"""The queue where a message can come back: claims, keys, slots and scores (protocol.md §2, 3.3.3, 6)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from batchsim.batch.consumer import consume
from batchsim.batch.deliveries import deliveries_of
from batchsim.batch.dispatcher import dispatch_all
from batchsim.batch.faults import Crash, Redeliver, StoreError
from batchsim.batch.operations import (
    GONE,
    ClaimMessages,
    CompleteMessage,
    CreateRun,
    GetMeta,
    Heartbeat,
    OfferMessage,
    PushMessage,
    ReadMessage,
    Record,
    RetryMessage,
    TakeKey,
)
from batchsim.batch.operations import Redeliver as RedeliverMessage
from batchsim.batch.policies import LINEAGE, POLICIES
from batchsim.batch.setting import Item, Setting
from batchsim.batch.stores import QUEUE, WORKER_LIST, Claim, Message, holders_key, in_flight_key, slot_key
from batchsim.batch.system import class_of
from batchsim.batch.verdicts import verdicts_of
from batchsim.batch.world import World
from batchsim.engines.exhaustive import explore
from batchsim.engines.timed import simulate
from batchsim.model.cells import Cells, Key
from batchsim.model.faults import Effect, Fault
from batchsim.model.operation import Raised, StoreFailure
from tests.batch.by_hand import ByHand
from tests.strategies import SECOND_US, befallen, request_leg, timeless


def world(waiting: Sequence[Message] = (), cells: Mapping[Key, object] | None = None) -> World:
    return World(Cells({**({QUEUE: deque(waiting)} if waiting else {}), **(cells or {})}))


def claimed(stores: World, claim: ClaimMessages) -> tuple[Claim, ...]:
    (way,) = claim.alternatives(stores)
    return claim.apply_alternative(stores, way)


def taken(stores: World, run_count: int) -> Claim:
    take = TakeKey(run_count)
    (way,) = take.alternatives(stores)
    return take.apply_alternative(stores, way)


# -- claims --------------------------------------------------------------------------------------


def test_a_claim_takes_ten_messages_at_most_in_the_order_of_their_scores() -> None:
    stores = world([Message(item) for item in range(12)])
    assert claimed(stores, ClaimMessages(12)) == tuple(map(Claim, range(10)))
    assert [stores.queue.in_flight(item) is not None for item in range(12)] == [True] * 10 + [False] * 2
    assert stores.queue.waiting() == (Message(10), Message(11))


@pytest.mark.parametrize(("held", "free"), [((), 5), ((0, 1), 3), ((0, 1, 2, 3), 1), ((0, 1, 2, 3, 4), 0)])
def test_a_claim_takes_no_more_messages_than_there_are_free_slots(held: tuple[int, ...], free: int) -> None:
    slots: dict[Key, object] = {slot_key(item): True for item in held}
    stores = world([Message(item) for item in range(len(held), 12)], slots)
    ways = ClaimMessages(12, slots=5).alternatives(stores)
    assert [len(way.choice) for way in ways] == ([free] if free else [])


def test_a_slot_is_held_by_a_message_from_its_offer_on_and_but_once() -> None:
    stores = world([Message(0)])
    claim = ClaimMessages(6, slots=5)
    for _ in range(2):
        claimed(stores, claim)
        assert not stores.queue.has_slot(0)
        OfferMessage(0, takes_slot=True).apply(stores)
        assert stores.queue.has_slot(0)
        RedeliverMessage(0).apply(stores)
    claimed(stores, claim)
    OfferMessage(0, takes_slot=True).apply(stores)
    CompleteMessage(0).apply(stores)
    assert not stores.queue.has_slot(0)


def test_what_is_claimed_is_offered_one_by_one_in_the_same_order() -> None:
    setting = Setting((Item(),) * 3, faults=(Redeliver(at_most=1),))
    policy = POLICIES["pr4397"]
    dispatcher = ByHand(dispatch_all(setting, policy, deliveries_of(setting, policy)))
    dispatcher.expect(ClaimMessages(3), (Claim(0), Claim(1), Claim(2)))
    dispatcher.expect(OfferMessage(0, (Claim(1), Claim(2))))
    dispatcher.expect(OfferMessage(1, (Claim(2),)))
    dispatcher.expect(OfferMessage(2))
    assert dispatcher.awaited == ClaimMessages(3)


def test_an_offer_that_raises_leaves_the_rest_without_keys_until_their_timeout() -> None:
    setting = Setting((Item(),) * 3, faults=(StoreError(operation="queue.offer", at_most=1),))
    policy = POLICIES["pr4397"]
    dispatcher = ByHand(dispatch_all(setting, policy, deliveries_of(setting, policy)))
    claim = ClaimMessages(3, is_held=True)
    dispatcher.expect(claim, (Claim(0), Claim(1)))
    dispatcher.expect(OfferMessage(0, (Claim(1),), is_held=True), Raised(StoreFailure))
    assert dispatcher.awaited == claim


@pytest.mark.parametrize(("effect", "offered"), [(Effect.BEFORE, [0, 0, 1]), (Effect.AFTER, [0, 1])])
def test_what_has_no_key_is_claimed_again_after_its_timeout(effect: Effect, offered: list[int]) -> None:
    """What was offered in spite of the error is taken at once."""
    late = {
        "queue.claim": {"request": 0, "response": "1 s"}
    }  # both messages are there when one of them is claimed
    error = StoreError(operation="queue.offer", effect=effect, item=0)
    subject = befallen(error, operations=late, batch={"items": 2}, consumers=1)
    trace = simulate(subject, POLICIES["pr3766"])
    offers = [step for step in trace.steps if step.name == "queue.offer"]
    assert [step.operation.item for step in offers] == offered
    assert all(60 * SECOND_US <= step.at_us <= 66 * SECOND_US for step in offers[1:])
    assert verdicts_of(trace.outcome) == ("ok",)


def test_messages_are_claimed_whether_a_consumer_is_idle_or_not() -> None:
    """So the visibility timeout of the second one begins while nobody has it in hand."""
    slow = {"postgres.create_run": request_leg("50 s")}
    subject = befallen(Redeliver(item=1), operations=slow, batch={"items": 2}, consumers=1)
    trace = simulate(subject, POLICIES["pr3766"])
    at_us = {(step.name, step.operation.item): step.at_us for step in reversed(trace.steps)}
    assert 60 * SECOND_US <= at_us["queue.redeliver", 1] <= 65 * SECOND_US
    assert at_us["queue.read", 1] == 50 * SECOND_US


# -- what comes back -------------------------------------------------------------------------------


def test_a_redelivered_message_goes_before_fresh_later_ones_and_its_key_stays() -> None:
    stores = world([Message(0), Message(1)])
    claimed(stores, ClaimMessages(3))
    for item in (0, 1):
        OfferMessage(item).apply(stores)
    stores.queue.push(Message(2))
    RedeliverMessage(1).apply(stores)
    RedeliverMessage(0).apply(stores)
    assert [message.item for message in stores.queue.by_score()] == [0, 1, 2]
    assert [claim.item for claim in stores.queue.offered()] == [0, 1]
    claimed(stores, ClaimMessages(3))
    for item in (0, 1, 2):
        OfferMessage(item).apply(stores)
    assert [claim.item for claim in stores.queue.offered()] == [0, 1, 0, 1, 2]


def test_a_message_is_in_the_queue_once_whoever_puts_it_there() -> None:
    """A sorted set: what is pushed again, retried or reclaimed while it waits takes the place of what waits."""
    stores = world([])
    PushMessage(0).apply(stores)
    PushMessage(0).apply(stores)
    assert stores.queue.waiting() == (Message(0),)
    stores.queue.put_in_flight(Message(0))
    assert RetryMessage(0, 1, is_in_flight=True).apply(stores)
    assert stores.queue.waiting() == (Message(0, attempt=2, delivery=2),)
    stores.queue.put_in_flight(Message(0))
    RedeliverMessage(0).apply(stores)
    assert stores.queue.waiting() == (Message(0, delivery=2, is_reclaimed=True),)


def test_claims_with_tokens_are_told_apart_though_an_item_was_pushed_again() -> None:
    stores = world([Message(0)])
    for number in (1, 2, 3):
        (claim,) = claimed(stores, ClaimMessages(1, has_tokens=True, is_numbered=True))
        assert claim.delivery == number
        CompleteMessage(0, delivery=claim.delivery).apply(stores)
        stores.queue.push(Message(0))


@pytest.mark.parametrize(
    ("loss", "shows_claims"),
    [
        ({"keys": "queue"}, True),
        ({"keys": "batch:B:enqueued_items"}, True),
        ({"keys": "batch:B:meta", "last_writes": 1}, True),
        ({"keys": "batch:B:meta"}, False),
        ({"keys": ["batch:B:pro*", "batch:B:runs", "batch:B:failures"], "last_writes": 2}, False),
    ],
)
def test_the_dispatcher_is_seen_where_a_loss_gives_an_item_a_second_message_or_befalls_what_waits(
    loss: dict[str, Any], shows_claims: bool
) -> None:
    subject = timeless(faults=[{"lost_state": {**loss, "at": "1 s"}}])
    assert deliveries_of(subject.setting, POLICIES["pr3766"]).can_repeat == shows_claims
    names = {step.name for step in simulate(subject, POLICIES["pr3766"]).steps}
    assert ("queue.claim" in names) == shows_claims


def test_a_retried_message_goes_to_the_end_and_a_claim_skips_its_backoff_while_another_one_waits() -> None:
    stores = world([Message(2)], {in_flight_key(0): Message(0), in_flight_key(1): Message(1)})
    for item in (1, 0):
        assert RetryMessage(item, 1, is_in_flight=True).apply(stores)
    waiting = stores.queue.waiting()
    assert [(message.item, message.attempt) for message in waiting] == [(2, 1), (1, 2), (0, 2)]
    assert claimed(stores, ClaimMessages(3)) == (Claim(2), Claim(1), Claim(0))


def test_a_reclaimed_message_goes_to_the_front_whatever_attempt_it_is() -> None:
    """It goes back with the score of its creation: it loses its backoff."""
    stores = world([Message(1)], {in_flight_key(0): Message(0, attempt=2)})
    RedeliverMessage(0).apply(stores)
    assert [message.item for message in stores.queue.by_score()] == [0, 1]


def test_a_failed_attempt_without_a_record_requeues_nothing_and_frees_the_slot() -> None:
    stores = world([Message(1)], {slot_key(0): True})
    assert not RetryMessage(0, 1, is_in_flight=True).apply(stores)
    assert stores.queue.waiting() == (Message(1),)
    assert not stores.queue.has_slot(0)


def test_a_failed_attempt_takes_back_the_claim_of_somebody_else() -> None:
    stores = world(cells={in_flight_key(0): Message(0, attempt=2, delivery=3), slot_key(0): True})
    assert RetryMessage(0, 2, is_in_flight=True).apply(stores)
    assert stores.queue.in_flight(0) is None
    assert stores.queue.waiting() == (Message(0, attempt=3, delivery=4),)
    assert not stores.queue.has_slot(0)


def test_with_a_token_nobody_touches_the_claim_of_somebody_else() -> None:
    record = Message(0, delivery=3)
    stores = world(cells={in_flight_key(0): record, slot_key(0): True})
    assert ReadMessage(0, delivery=2).apply(stores) is None
    assert not CompleteMessage(0, delivery=2).apply(stores)
    assert not RetryMessage(0, 1, is_in_flight=True, delivery=2).apply(stores)
    assert stores.queue.in_flight(0) == record
    assert stores.queue.has_slot(0)
    assert stores.queue.waiting() == ()


# -- what it comes to ------------------------------------------------------------------------------


def test_how_one_consumer_and_one_timeout_lose_an_item() -> None:
    """Claim, take, redeliver, read "absent", claim again, complete the new record, take the second key."""
    stores = world([Message(0)])
    claimed(stores, ClaimMessages(1))
    OfferMessage(0).apply(stores)
    assert taken(stores, 1) == Claim(0)
    RedeliverMessage(0).apply(stores)
    assert ReadMessage(0).apply(stores) is None
    claimed(stores, ClaimMessages(1))
    OfferMessage(0).apply(stores)
    assert CompleteMessage(0).apply(stores)
    assert taken(stores, 1) == Claim(0)
    assert ReadMessage(0).apply(stores) is None
    assert WORKER_LIST not in stores.cells
    assert QUEUE not in stores.cells


@pytest.mark.parametrize("policy", [*(policy.name for policy in LINEAGE), "pr4569", "proposed"])
def test_one_consumer_and_one_timeout_can_lose_an_item_under_every_policy_but_the_proposal(policy: str) -> None:
    subject = befallen(Redeliver(at_most=1), items={"kind": "pre_failed"}, consumers=1)
    exploration = explore(subject, POLICIES[policy])
    found = {verdict for each in exploration.outcomes for verdict in each.verdicts}
    assert exploration.is_complete
    assert ("lost_item" in found) == (policy != "proposed")
    if policy == "proposed":
        assert found == {"ok"}


@pytest.mark.parametrize("policy", ["pr3766", "pr4397", "proposed"])
def test_what_a_dispatcher_that_crashed_had_claimed_comes_back(policy: str) -> None:
    """No record stays behind for good, however far it came."""
    subject = befallen(Crash(actor="dispatcher", at_most=1), items={"kind": "pre_failed"}, consumers=1)
    exploration = explore(subject, POLICIES[policy])
    assert exploration.faults[0].occurs
    assert {each.verdicts for each in exploration.outcomes} == {("ok",)}


# -- heartbeats (pr4569) ---------------------------------------------------------------------------


def test_a_result_whose_message_is_gone_is_dropped() -> None:
    """No record, no complete."""
    setting = Setting((Item(),), faults=(Redeliver(at_most=1),))
    policy = POLICIES["pr4569"]
    worker = ByHand(consume(setting, policy, deliveries_of(setting, policy)))
    for beat in (GONE, "put off"):
        worker.expect(TakeKey(1), Claim(0))
        worker.expect(ReadMessage(0, starts_heartbeat=True), 1)
        worker.expect(GetMeta(0, Claim(0)), 1)
        worker.expect(CreateRun(0, final=False, copies=2), 1)
        worker.expect(Heartbeat(0), beat)
    assert worker.awaited == Record(0, success=True)


def test_a_beat_succeeds_on_anybody_s_record_and_puts_its_timeout_off() -> None:
    beat = Heartbeat(0)
    for record, found in ((Message(0), "put off"), (Message(0, delivery=2), "put off"), (None, GONE)):
        stores = world(cells={} if record is None else {in_flight_key(0): record})
        in_time, before = beat.alternatives(stores)
        assert beat.apply_alternative(stores, in_time) == found
        assert (beat.timer_after(found) is not None) == (found != GONE)
        assert beat.apply_alternative(stores, before) not in (GONE, "put off")


@pytest.mark.parametrize(("policy", "runs"), [("pr4397", 2), ("pr4569", 1)])
def test_a_heartbeat_keeps_a_message_in_flight_while_its_item_is_processed(policy: str, runs: int) -> None:
    slow = {"postgres.create_run": request_leg("70 s")}
    subject = befallen(Redeliver(item=0), operations=slow, batch={"items": 1}, consumers=2)
    trace = simulate(subject, POLICIES[policy])
    assert trace.outcome.runs_total == runs
    redelivered = [step.at_us for step in trace.steps if step.name == "queue.redeliver"]
    assert bool(redelivered) == (policy == "pr4397")


def test_who_drops_its_result_has_its_message_no_longer_in_hand() -> None:
    stores = world(cells={holders_key(0): (0,)})
    in_time, _ = Heartbeat(0).alternatives(stores)
    assert Heartbeat(0).apply_alternative(stores, in_time) == GONE
    assert holders_key(0) not in stores.cells


@pytest.mark.parametrize(
    "fault",
    [
        Crash(actor="consumer-0", before="postgres.create_run"),
        StoreError(actor="consumer-0", operation="redis.get_meta", effect=Effect.BEFORE),
        StoreError(actor="consumer-0", operation="queue.read", effect=Effect.AFTER),
    ],
)
def test_a_heartbeat_ends_with_its_consumer(fault: Crash | StoreError) -> None:
    trace = simulate(befallen(fault, batch={"items": 1}, consumers=2), POLICIES["pr4569"])
    (back,) = [step.at_us for step in trace.steps if step.name == "queue.redeliver"]
    assert 60 * SECOND_US < back < 66 * SECOND_US


@pytest.mark.parametrize(
    ("faults", "failed_attempts"),
    [
        (
            [
                StoreError(actor="consumer-0", operation="postgres.create_run", effect=Effect.BEFORE),
                Crash(actor="consumer-0", before="queue.retry"),
            ],
            0,
        ),
        (
            [
                StoreError(actor="consumer-0", operation="queue.heartbeat", effect=Effect.BEFORE),
                Crash(actor="consumer-0", before="redis.record"),
            ],
            0,
        ),
        ([Crash(actor="consumer-0", before="queue.retry")], 1),
        ([StoreError(actor="consumer-0", operation="queue.retry", effect=Effect.BEFORE)], 1),
    ],
)
def test_a_heartbeat_ends_with_the_attempt_that_fails(faults: list[Fault], failed_attempts: int) -> None:
    subject = befallen(*faults, batch={"items": 1}, consumers=2, items={"failed_attempts": failed_attempts})
    trace = simulate(subject, POLICIES["pr4569"])
    (back,) = [step.at_us for step in trace.steps if step.name == "queue.redeliver"]
    assert 60 * SECOND_US < back < 66 * SECOND_US
    found = {class_of(each.outcome, each.verdicts) for each in explore(subject, POLICIES["pr4569"]).outcomes}
    assert class_of(trace.outcome, verdicts_of(trace.outcome)) in found
