"""Who takes part: the actors of a setting under a policy, and the world they meet."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator, Sequence
from functools import partial
from typing import Any

from batchsim.batch.client import (
    CallResult,
    Limits,
    batch_trigger,
    batch_trigger_from_phase_1,
    batch_trigger_twice,
)
from batchsim.batch.completion import after_run, execute_run, wait_for_runs, work_on_completion_jobs
from batchsim.batch.consumer import consume
from batchsim.batch.deliveries import deliveries_of
from batchsim.batch.dispatcher import dispatch_all
from batchsim.batch.endpoint import stream_batch_items
from batchsim.batch.fault_injection import ConnectionDrops, exposures_of
from batchsim.batch.faults import Cut, Disconnect
from batchsim.batch.history import HISTORY_KEYS, rejected_key
from batchsim.batch.limits import actors_of_limits, cells_of_limits, grant_of, grant_of_second_batch
from batchsim.batch.operations import TOMBSTONE, Deliver, Drop, Redeliver, TakeExpiry
from batchsim.batch.operations.phase_1 import cells_of_phase_1
from batchsim.batch.phase_1 import actors_of_policy, creators, has_reaper, jobs_of, redis_keys_of
from batchsim.batch.policies.proposed import ask_for_completion
from batchsim.batch.policy import Policy
from batchsim.batch.second_call import (
    as_sdk_of_both,
    cells_of_second_batch,
    consume_either,
    in_last_batch,
    in_second_batch,
)
from batchsim.batch.setting import Deliveries, Kind, Setting
from batchsim.batch.stores import (
    BATCH_ROW,
    COMPLETION_JOB,
    EXPIRY_JOB,
    MAX_ATTEMPTS,
    META,
    OF_SECOND,
    QUEUE,
    REDIS_KEYS,
    SECOND_CALL,
    STREAMED,
    WAITPOINT,
    WORKER_LIST,
    BatchRow,
    Waitpoint,
    Waits,
    answer_key,
    claims_key,
    connection_key,
    creation_request_key,
    edge_key,
    holders_key,
    in_flight_key,
    of_second_batch,
    published_key,
    request_key,
    run_key,
    run_keys,
    run_waitpoint_key,
    slot_key,
    tries_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Cells, Key
from batchsim.model.exposure import fault_key
from batchsim.model.faults import LostState, ServiceFault
from batchsim.model.injection import environment_of
from batchsim.model.system import Actor, LegOf

SDK, PARENT = "sdk", "parent"
KINDS = frozenset(
    {SDK, PARENT, "creator", "handler", "consumer", "dispatcher", "run", "job", "network", "queue"}
    | {"grant", "limiter", "server", ServiceFault.word, LostState.word}
)
"""Who takes part whatever the policy: no actor of a policy's is of one of these kinds."""


def actors_of(setting: Setting, policy: Policy, listed_as: Sequence[int] | None = None) -> Iterator[Actor]:
    """Every actor; the job workers last, as many as can be busy at once.

    `listed_as`: the number that people know each fault by; `None`: its place in the setting.
    """
    deliveries = deliveries_of(setting, policy)
    awaited = all_cells(setting, policy) if setting.faults else ()
    names = redis_keys_of(setting)
    environment, _, onlookers = environment_of(setting.faults, names, awaited, names)
    yield from (_listed(actor, listed_as) for actor in environment)
    for actor in _all_actors(setting, policy, deliveries):
        exposures = (*exposures_of(setting, deliveries, actor), *onlookers) if setting.faults else ()
        yield _listed(actor._replace(exposures=exposures), listed_as) if exposures else actor


def _listed(actor: Actor, listed_as: Sequence[int] | None) -> Actor:
    if listed_as is not None:
        for exposure in actor.exposures:
            exposure.listed_as = listed_as[exposure.number]
    return actor


def _all_actors(setting: Setting, policy: Policy, deliveries: Deliveries) -> Iterator[Actor]:
    returns_to = STREAMED if setting.waits else None
    call = batch_trigger_from_phase_1 if setting.is_stepwise else batch_trigger
    trigger = partial(call, setting.run_count, _limits(setting, policy))
    if setting.calls > 1:
        trigger = _calling_again(setting, policy)
    of_both = setting.has_second_batch
    adapts = as_sdk_of_both if of_both else None
    yield Actor(SDK, None, trigger, is_judged=True, returns_to=returns_to, adapts=adapts)
    if setting.waits:
        wait = partial(wait_for_runs, setting)
        adapts = in_last_batch if of_both else None
        yield Actor(PARENT, None, wait, begins_with=STREAMED, is_judged=True, adapts=adapts)
    yield from creators(setting, policy)
    for attempt in range(1, setting.attempts_max + 1):
        yield _handler(setting, policy, attempt)
    singled_out = {getattr(fault, "actor", None) for fault in setting.faults}
    for number in range(setting.consumers):
        flow = consume_either if of_both else consume
        consumer = Actor("consumer", number, partial(flow, setting, policy, deliveries), is_twin=True)
        yield consumer if consumer.name not in singled_out else consumer._replace(is_twin=False)
    if deliveries.can_repeat:
        yield Actor("dispatcher", None, partial(dispatch_all, setting, policy, deliveries))
    executing = [index for index, item in enumerate(setting.items) if item.kind in (Kind.OK, Kind.EXPIRES)]
    for index in executing:
        for copy in range(1, setting.run_copies_max + 1):
            yield _run(setting, policy, index, copy)
    yield from actors_of_policy(setting, policy)
    yield from actors_of_limits(setting, policy)
    yield from _environment(setting, deliveries)
    if of_both:
        yield from _of_second_batch(setting, policy, executing)
    for number in range(len(executing) + 1 + 2 * setting.reprocessings_max):
        program = partial(work_on_completion_jobs, setting, policy)
        yield Actor("job", number, program, is_twin=True, is_spare=True)


def _limits(setting: Setting, policy: Policy) -> Limits:
    return Limits(setting.has_request_timeout, setting.stream_requests is not None, grant_of(setting, policy))


def _calling_again(setting: Setting, policy: Policy) -> partial[Coroutine[Any, Any, CallResult]]:
    return partial(
        batch_trigger_twice,
        setting.run_count,
        _limits(setting, policy),
        waits=setting.waits,
        is_reaped=has_reaper(setting, policy),
        key=setting.idempotency_key,
    )


def _of_second_batch(setting: Setting, policy: Policy, executing: Sequence[int]) -> Iterator[Actor]:
    """Who works for the batch of the second call alone."""
    for index in executing:
        run = _run(setting, policy, index, copy=1)
        assert run.begins_with is not None
        begins_with = of_second_batch(run.begins_with)
        yield run._replace(begins_with=begins_with, copy=2, is_exchangeable=False, adapts=in_second_batch)
    for actor in actors_of_policy(setting, policy):
        yield actor._replace(
            kind=f"{actor.kind}{OF_SECOND}",
            begins_with=None if actor.begins_with is None else of_second_batch(actor.begins_with),
            first_cells=(),
            timers=(),
            adapts=in_second_batch,
        )
    for actor in grant_of_second_batch(setting, policy):
        yield actor._replace(adapts=in_second_batch)
    for number in range(len(executing) + 1):
        program = partial(work_on_completion_jobs, setting, policy)
        yield Actor(f"job{OF_SECOND}", number, program, is_twin=True, adapts=in_second_batch)


def _run(setting: Setting, policy: Policy, index: int, copy: int) -> Actor:
    """A child run: it begins when it is in the run queue, which is with its row where nothing can fall between."""
    begins_with = published_key(index, copy) if setting.creates_in_steps else run_key(index, copy)
    # Where it has cells of its own, or its end is another one, it cannot change places with the others.
    is_alone = setting.creates_in_steps or setting.waits_kept is not Waits.NOWHERE
    # What a user's step does may depend on the item.
    is_alone |= policy.after_run not in (after_run, ask_for_completion)
    return Actor(
        "run",
        index,
        partial(execute_run, setting, policy, index, copy),
        begins_with=begins_with,
        is_exchangeable=not is_alone and setting.items[index].kind is Kind.OK,
        copy=copy,
    )


def _has_items_alike(setting: Setting, policy: Policy) -> bool:
    """Whether items that a handler enqueues side by side differ in nothing but their names.

    Where it begins them one after the other, those of a later attempt come in the order of their indices; so do
    those that have to arrive in time. What a user's step does may depend on the item.
    """
    are_begun_at_once = (setting.ingest_concurrency or policy.ingest_concurrency) >= setting.run_count
    is_plain = not setting.has_request_timeout and not policy.has_own_steps
    return len(set(setting.items)) == 1 and are_begun_at_once and is_plain


def _environment(setting: Setting, deliveries: Deliveries) -> Iterator[Actor]:
    """Who drops connections and redelivers messages, where that can happen."""
    for attempt in range(1, setting.attempts_max + 1):
        drops = Actor("network", attempt, partial(_drop, attempt), begins_with=request_key(attempt))
        if any(isinstance(each, ConnectionDrops) for each in exposures_of(setting, deliveries, drops)):
            yield drops
    if deliveries.can_repeat:
        for index in range(setting.run_count):
            yield Actor("queue", index, partial(_redeliver, index, deliveries.can_be_left))


async def _drop(attempt: int) -> None:
    await Drop(attempt)


async def _redeliver(index: int, can_be_left: bool) -> None:
    while True:
        await Redeliver(index, can_be_left)


def _handler(setting: Setting, policy: Policy, attempt: int) -> Actor:
    is_of_second = setting.has_second_batch and attempt > MAX_ATTEMPTS
    return Actor(
        "handler",
        attempt,
        partial(stream_batch_items, setting, policy, attempt),
        begins_with=request_key(attempt),
        begins_after_leg_of=LegOf(SDK, Deliver.name, attempt),
        draws_by_item=True,
        has_lanes_alike=_has_items_alike(setting, policy),
        returns_to=answer_key(attempt),
        adapts=in_second_batch if is_of_second else None,
    )


def world_after_phase_1(setting: Setting, policy: Policy, cells: Cells) -> World:
    """The world when phase 1 is done and the first phase-2 request is sent (protocol.md §3.1).

    Where phase 1 has steps: when its first request is sent.
    """
    world = World(cells)
    for actor in (*actors_of_policy(setting, policy), *actors_of_limits(setting, policy)):
        cells.update(actor.first_cells)
    if setting.is_stepwise:
        cells[creation_request_key(1)] = True
    else:
        cells[BATCH_ROW] = BatchRow()
        if setting.waits:
            cells[WAITPOINT] = Waitpoint.PENDING
        cells[META] = setting.run_count
        cells[request_key(1)] = True
    for number, fault in enumerate(setting.faults):
        if fault.probability is None:
            cells[fault_key(number)] = fault.times_max
    return world


def all_cells(setting: Setting, policy: Policy) -> tuple[Key, ...]:
    """Every cell that the actors of a setting can touch under a policy, in a fixed order."""
    cells = _cells_of_one_batch(setting, policy)
    if setting.calls == 1:
        return cells
    return (*cells, SECOND_CALL, *(cells_of_second_batch(cells) if setting.has_second_batch else ()))


def _cells_of_one_batch(setting: Setting, policy: Policy) -> tuple[Key, ...]:
    return (
        *REDIS_KEYS,
        TOMBSTONE,
        QUEUE,
        BATCH_ROW,
        *(key for index in range(setting.run_count) for key in run_keys(index, setting.run_copies_max)),
        *_cells_of_runs(setting),
        WAITPOINT,
        COMPLETION_JOB,
        EXPIRY_JOB,
        *(request_key(attempt) for attempt in range(1, setting.attempts_max + 1)),
        *(answer_key(attempt) for attempt in range(1, setting.attempts_max + 1)),
        *HISTORY_KEYS,
        *(rejected_key(index) for index, item in enumerate(setting.items) if item.kind is Kind.REJECTED),
        *(cells_of_phase_1() if setting.is_stepwise else ()),
        *cells_of_limits(setting),
        *_cells_of_faults(setting, policy),
        *policy.cells,
    )


def _cells_of_runs(setting: Setting) -> Iterator[Key]:
    """What is kept of child runs beside their rows, where a fault can fall between."""
    if setting.waits:
        yield STREAMED
    for index in range(setting.run_count):
        for copy in range(1, setting.run_copies_max + 1):
            if setting.creates_in_steps:
                yield published_key(index, copy)
            if setting.waits_kept is not Waits.NOWHERE:
                yield edge_key(index, copy)
                yield run_waitpoint_key(index, copy)


def _cells_of_faults(setting: Setting, policy: Policy) -> Iterator[Key]:
    for number, _ in enumerate(setting.faults):
        yield fault_key(number)
    yield from environment_of(setting.faults, redis_keys_of(setting))[1]
    deliveries, items = deliveries_of(setting, policy), range(setting.run_count)
    if deliveries.can_repeat:
        yield WORKER_LIST
        yield from map(in_flight_key, items)
        if setting.run_count > setting.slots:
            yield from map(slot_key, items)
    if deliveries.can_be_left:
        yield from map(holders_key, items)
    if deliveries.can_be_two:
        yield from map(claims_key, items)
    if setting.jobs_can_raise:
        yield from map(tries_key, jobs_of(setting))
    for attempt in range(1, setting.attempts_max + 1):
        if setting.has_request_timeout or any(isinstance(each, Disconnect | Cut) for each in setting.faults):
            yield connection_key(attempt)


TIMERS_OF_PHASE_1 = {EXPIRY_JOB: TakeExpiry.name}
"""With time: what phase 1 scheduled is possible only after the delay of this operation."""
