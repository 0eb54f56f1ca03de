"""Operations under faults: what each fault offers, when nothing else can happen, and what all ways touch."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

import pytest

from batchsim.batch import operations
from batchsim.batch.deliveries import deliveries_of
from batchsim.batch.fault_injection import exposures_of
from batchsim.batch.faults import REFUSALS_MAX, Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.history import PUSHED
from batchsim.batch.policies import POLICIES
from batchsim.batch.setting import Setting
from batchsim.batch.steps import Replaced
from batchsim.batch.stores import (
    BATCH_ROW,
    COMPLETION_JOB,
    META,
    QUEUE,
    WORKER_LIST,
    Answer,
    BatchRow,
    Claim,
    Connection,
    Message,
    Status,
    answer_key,
    connection_key,
    holders_key,
    in_flight_key,
    run_key,
)
from batchsim.batch.world import World
from batchsim.engines.timed import simulate
from batchsim.model.cells import Cells, GuardedCells, Key, UndeclaredKeyError
from batchsim.model.exposure import exposed, fault_key
from batchsim.model.faults import Effect, Fault
from batchsim.model.operation import Footprint, Operation, Raised, Stopped
from batchsim.model.system import Actor
from batchsim.scenario import scenario_from_data
from tests.strategies import befallen

Cells_ = dict[Key, Any]
SETTING = scenario_from_data({"name": "x", "batch": {"items": 2}, "consumers": 1}).setting
TAKEN: Cells_ = {in_flight_key(0): Message(0)}
ANSWERED: Cells_ = {answer_key(1): Answer(200, sealed=True), PUSHED: {0, 1}}
REFUSED: Cells_ = {answer_key(1): Answer(500), PUSHED: {0, 1}}
DELIVER = operations.Deliver(1, 2)
MARK = operations.MarkEnqueued(0)
TAKE = operations.TakeKey(2, is_held=True)
CLAIM = operations.ClaimMessages(2, is_held=True)
COMPLETE = operations.CompleteMessage(0)


NUMBERS = {"handler": 1, "network": 1, "consumer": 0, "job": 0, "queue": 0, "run": 0}
"""One of each kind that has several."""


async def idle() -> None:
    pass


def setting(*faults: Fault) -> Setting:
    return replace(SETTING, faults=faults)


def under(operation: Operation[Any], kind: str, number: int | None, *faults: Fault) -> Operation[Any]:
    under_faults = setting(*faults)
    deliveries = deliveries_of(under_faults, POLICIES["pr3766"])
    return exposed(operation, tuple(exposures_of(under_faults, deliveries, Actor(kind, number, idle))))


def world(cells: Cells_, *faults: Fault) -> Cells_:
    left: Cells_ = {fault_key(n): fault.times_max for n, fault in enumerate(faults) if fault.probability is None}
    return {**fresh(cells), **left}


def fresh(cells: Cells_) -> Cells_:
    return {key: value.copy() if hasattr(value, "copy") else value for key, value in cells.items()}


def labels(operation: Operation[Any], kind: str, number: int | None, cells: Cells_, *faults: Fault) -> list[str]:
    ways = under(operation, kind, number, *faults).alternatives(World(Cells(world(cells, *faults))))
    return [way.label or "usual" for way in ways]


# -- what is offered ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "kind", "cells", "pinned", "offered_if_pinned", "offered_of_a_budget"),
    [
        (DELIVER, "sdk", ANSWERED, LostResponse(attempt=1), ["lost"], ["lost", "usual"]),
        (DELIVER, "sdk", {}, LostResponse(attempt=1), [], []),
        (DELIVER, "sdk", ANSWERED, LostResponse(attempt=2), ["usual"], ["usual"]),
        (operations.Drop(1), "network", {}, Disconnect(attempt=1), ["usual"], ["usual"]),
        (operations.Drop(1), "network", ANSWERED, Disconnect(attempt=1), [], []),
        (DELIVER, "sdk", {}, Disconnect(attempt=1), [], []),
        (
            DELIVER,
            "sdk",
            {connection_key(1): Connection(is_dropped=True)},
            Disconnect(attempt=1),
            ["dropped"],
            ["dropped"],
        ),
        (DELIVER, "sdk", {}, Cut(after_items=1), ["cut after 1 item"], ["cut after 1 item"]),
        (
            operations.GetMeta(1, is_first=True),
            "handler",
            {META: 2},
            Cut(after_items=1),
            ["cut after 1 item"],
            ["cut after 1 item", "usual"],
        ),
        (operations.GetMeta(0, is_first=True), "handler", {META: 2}, Cut(after_items=1), ["usual"], ["usual"]),
        (operations.Redeliver(0), "queue", TAKEN, Redeliver(), ["in the hands of a consumer"], None),
        (operations.Redeliver(0), "queue", {}, Redeliver(), [], []),
        (MARK, "handler", {}, Crash(before="redis.mark_enqueued"), ["crash"], ["crash", "usual"]),
        (MARK, "handler", {}, Crash(), ["crash", "usual"], ["crash", "usual"]),
        (MARK, "handler", {}, Crash(before="redis.mark_enqueued", item=1), ["usual"], ["usual"]),
        (MARK, "handler", {}, Crash(actor="consumer"), ["usual"], ["usual"]),
        (TAKE, "consumer", {}, Crash(before="queue.take"), [], []),
        (
            MARK,
            "handler",
            {},
            StoreError(operation="redis.mark_enqueued"),
            ["raises before", "raises after"],
            ["raises before", "raises after", "usual"],
        ),
        (
            MARK,
            "handler",
            {},
            StoreError(operation="redis.mark_enqueued", effect=Effect.AFTER),
            ["raises after"],
            ["raises after", "usual"],
        ),
        (
            MARK,
            "handler",
            {},
            StoreError(effect=Effect.BEFORE),
            ["raises before", "usual"],
            ["raises before", "usual"],
        ),
    ],
)
def test_a_fault_that_is_pinned_to_this_step_leaves_no_other_way_and_a_budget_does(
    operation: Operation[Any],
    kind: str,
    cells: Cells_,
    pinned: Fault,
    offered_if_pinned: list[str],
    offered_of_a_budget: list[str] | None,
) -> None:
    number = NUMBERS.get(kind)
    assert labels(operation, kind, number, cells, pinned) == offered_if_pinned
    budget = replace(pinned, at_most=1)
    assert labels(operation, kind, number, cells, budget) == (
        offered_if_pinned if offered_of_a_budget is None else offered_of_a_budget
    )


def test_a_fault_that_waits_for_its_time_is_never_certain() -> None:
    fault = Crash(before="redis.mark_enqueued", at_us=1)
    assert labels(MARK, "handler", 1, {}, fault) == ["crash", "usual"]
    (way, _) = under(MARK, "handler", 1, fault).alternatives(World(Cells(world({}, fault))))
    assert way.timer == fault_key(0)


def test_what_is_used_up_is_offered_no_more() -> None:
    fault = LostResponse(at_most=2)
    cells = Cells(world(ANSWERED, fault))
    operation = under(DELIVER, "sdk", None, fault)
    for left in (1, None):
        operation.apply_alternative(World(cells), operation.alternatives(World(cells))[0])
        assert cells.read(fault_key(0)) == left
        cells[answer_key(1)] = Answer(500)
    assert [way.label for way in operation.alternatives(World(cells))] == [None]


def test_two_faults_that_offer_the_same_way_are_told_apart() -> None:
    faults = (LostResponse(at_most=1), LostResponse(at_most=1))
    assert labels(DELIVER, "sdk", None, ANSWERED, *faults) == ["lost", "lost (fault 1)", "usual"]
    cells = Cells(world(ANSWERED, *faults))
    operation = under(DELIVER, "sdk", None, *faults)
    operation.apply_alternative(World(cells), operation.alternatives(World(cells))[1])
    assert (cells.read(fault_key(0)), cells.read(fault_key(1))) == (1, None)


# -- what all ways touch -----------------------------------------------------------------------

WAITING: Cells_ = {QUEUE: [Message(0), Message(1)]}


def offered(*items: int) -> Cells_:
    return {WORKER_LIST: deque(map(Claim, items))}


EXPOSED: tuple[tuple[Operation[Any], str, tuple[Fault, ...], tuple[Cells_, ...]], ...] = (
    (DELIVER, "sdk", (LostResponse(at_most=1),), (ANSWERED, REFUSED)),
    (
        DELIVER,
        "sdk",
        (Disconnect(at_most=1),),
        (REFUSED, {connection_key(1): Connection(is_dropped=True)}),
    ),
    (DELIVER, "sdk", (Cut(at_most=1),), ({}, REFUSED, {connection_key(1): Connection(cut_after=1)})),
    (operations.Redeliver(0), "queue", (Redeliver(at_most=1),), (TAKEN,)),
    (operations.GetMeta(1, is_first=True), "handler", (Cut(at_most=1),), ({META: 2},)),
    (MARK, "handler", (Crash(at_most=1),), ({},)),
    (MARK, "handler", (StoreError(at_most=1),), ({},)),
    (operations.PushMessage(0), "handler", (StoreError(at_most=1), Crash(at_most=1)), ({},)),
    (operations.CreateRun(0, final=False), "consumer", (Crash(at_most=1),), (TAKEN,)),
    (COMPLETE, "consumer", (StoreError(at_most=1),), (TAKEN,)),
    (COMPLETE, "consumer", (Crash(at_most=1), StoreError(at_most=1)), (TAKEN,)),
    (TAKE, "consumer", (Crash(at_most=1),), (offered(0), offered(1))),
    (TAKE, "consumer", (StoreError(at_most=1),), (offered(0), offered(1))),
    (CLAIM, "dispatcher", (Crash(at_most=1),), (WAITING,)),
    (CLAIM, "dispatcher", (StoreError(at_most=1),), (WAITING,)),
    (
        operations.OfferMessage(0, (Claim(1),), is_held=True),
        "dispatcher",
        (Crash(at_most=1), StoreError(at_most=1)),
        ({holders_key(0): (0,), holders_key(1): (0,)},),
    ),
    (operations.TakeCompletion(), "job", (Crash(at_most=1), StoreError(at_most=1)), ({COMPLETION_JOB: True},)),
    (operations.FindRuns(1), "job", (Crash(at_most=1),), ({run_key(0): True},)),
    (operations.FindRuns(1), "job", (StoreError(at_most=1),), ({run_key(0): True},)),
    (operations.Abort(), "reaper", (StoreError(at_most=1),), ({BATCH_ROW: BatchRow()},)),
    (operations.ScheduleCompletion(), "run", (Crash(at_most=1), StoreError(at_most=1)), ({},)),
    (DELIVER, "sdk", (Crash(at_most=1),), (REFUSED,)),
)


class WatchedCells(Cells):
    """Cells that note every key that is touched."""

    def __init__(self, cells: Cells_) -> None:
        super().__init__(cells)
        self.touched: set[Key] = set()

    def read(self, key: Key) -> Any:
        self.touched.add(key)
        return super().read(key)

    def modify(self, key: Key, empty: Any) -> Any:
        self.touched.add(key)
        return super().modify(key, empty)

    def write(self, key: Key, value: Any) -> None:
        self.touched.add(key)
        super().write(key, value)

    def delete(self, key: Key) -> bool:
        self.touched.add(key)
        return super().delete(key)


def take_each_way(operation: Operation[Any], cells: Cells_, admitted: Footprint | None = None) -> set[Key]:
    """Take every way that the operation offers, each in a world of its own; all that was touched."""
    touched: set[Key] = set()
    for place in range(len(operation.alternatives(World(Cells(cells))))):
        guarded, watched = GuardedCells(fresh(cells)), WatchedCells(fresh(cells))
        if admitted is not None:
            guarded.admit(operation.name, *admitted)
            operation.apply_alternative(World(guarded), operation.alternatives(World(guarded))[place])
        operation.apply_alternative(World(watched), operation.alternatives(World(watched))[place])
        touched |= watched.touched
    return touched


@pytest.mark.parametrize(
    ("fault", "is_left_open"),
    [
        (Crash(), True),
        (Crash(at_us=5), False),
        (Crash(before="redis.mark_enqueued"), False),
        (Crash(at_most=1), True),
        (StoreError(effect=Effect.BEFORE), True),
        (StoreError(effect=Effect.BEFORE, at_us=5), False),
        (StoreError(effect=Effect.BEFORE, operation="redis.mark_enqueued"), False),
        (StoreError(effect=Effect.BEFORE, at_most=1), True),
    ],
)
def test_whether_it_happens_here_is_left_open_by_a_fault_that_names_neither_a_step_nor_an_instant(
    fault: Fault, is_left_open: bool
) -> None:
    ways = under(MARK, "handler", None, fault).alternatives(World(Cells(world({}, fault))))
    assert [way.is_optional for way in ways if way.fault is not None] == [is_left_open]


@pytest.mark.parametrize(("bare", "kind", "faults", "worlds"), EXPOSED)
def test_the_footprint_of_an_exposed_operation_has_what_its_ways_touch_and_nothing_else(
    bare: Operation[Any], kind: str, faults: tuple[Fault, ...], worlds: tuple[Cells_, ...]
) -> None:
    operation = under(bare, kind, NUMBERS.get(kind), *faults)
    assert operation is not bare
    reads, writes = operation.footprint()
    touched: set[Key] = set()
    for cells in worlds:
        touched |= take_each_way(operation, world(cells, *faults), operation.footprint())
    assert touched == reads | writes
    for key in touched:
        narrowed = Footprint(reads - {key}, writes - {key})
        assert any(is_detected(operation, world(cells, *faults), narrowed) for cells in worlds), key


def is_detected(operation: Operation[Any], cells: Cells_, narrowed: Footprint) -> bool:
    try:
        take_each_way(operation, cells, narrowed)
    except UndeclaredKeyError:
        return True
    return False


# -- what it leaves behind ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("in_hand", "held", "is_left"),
    [
        ((0,), 0, True),
        ((0, 0), 0, False),
        ((1, 2), 1, False),
        ((1, 2), 2, True),
        ((2,), 2, True),
    ],
)
def test_a_message_is_left_when_nobody_is_there_any_more_who_will_complete_it(
    in_hand: tuple[int, ...], held: int, is_left: bool
) -> None:
    """Anybody will whose claim has no token; with one, he of that delivery alone."""
    fault = Crash(at_most=1)
    operation = under(operations.Record(0, success=True, delivery=held), "consumer", 0, fault)
    cells = Cells(world({in_flight_key(0): Message(0, delivery=2), holders_key(0): in_hand}, fault))
    answer = operation.apply_alternative(World(cells), operation.alternatives(World(cells))[0])
    assert answer == Raised(Stopped)
    assert World(cells).queue.is_left(0) is is_left
    assert set(operation.unblocks()) >= {in_flight_key(0)}
    redelivery = operations.Redeliver(0, can_be_left=True)
    assert len(redelivery.alternatives(World(cells))) == is_left


def test_what_is_claimed_and_not_offered_when_a_dispatcher_crashes_waits_for_its_timeout() -> None:
    fault = Crash(at_most=1)
    bare = operations.OfferMessage(0, (Claim(1),), is_held=True)
    cells = Cells(
        world({**TAKEN, in_flight_key(1): Message(1), holders_key(0): (0,), holders_key(1): (0,)}, fault)
    )
    operation = under(bare, "dispatcher", None, fault)
    answer = operation.apply_alternative(World(cells), operation.alternatives(World(cells))[0])
    assert answer == Raised(Replaced)
    assert [World(cells).queue.is_left(item) for item in (0, 1)] == [True, True]


def test_of_two_jobs_whose_workers_raise_or_crash_the_tries_of_the_last_one_count() -> None:
    """One that raised counts a try, and the twelfth discards it; one that crashed counts none."""
    cells = Cells({COMPLETION_JOB: True})
    jobs = World(cells).jobs
    for raised in range(1, 12):
        jobs.take(COMPLETION_JOB)
        assert jobs.put_back(COMPLETION_JOB, has_raised=False) == raised - 1
        jobs.take(COMPLETION_JOB)
        assert jobs.put_back(COMPLETION_JOB, has_raised=True) == raised
    jobs.take(COMPLETION_JOB)
    assert jobs.put_back(COMPLETION_JOB, has_raised=True) is None
    assert not jobs.is_waiting(COMPLETION_JOB)


def test_an_operation_that_no_fault_concerns_stays_as_it_is() -> None:
    assert under(MARK, "handler", 1, LostResponse(), Redeliver(), Crash(actor="handler-2")) is MARK
    assert under(MARK, "handler", 1, Crash(before="queue.push")) is MARK


@pytest.mark.parametrize(
    "fault",
    [
        Crash(actor="job", probability=1.0),
        StoreError(actor="consumer", operation="queue.take", probability=1.0),
    ],
)
def test_what_always_goes_wrong_does_so_a_thousand_times_and_then_no_more(fault: Fault) -> None:
    """So that every run ends."""
    trace = simulate(befallen(fault, consumers=1), POLICIES["pr3766"])
    assert trace.faults == (REFUSALS_MAX,) == (1_000,)
    assert trace.outcome.batch.status is Status.COMPLETED
