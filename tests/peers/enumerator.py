"""The protocol with its faults, a second time: every schedule of a small batch, counted.

Written from protocol.md, and sharing no code with batchsim: a state is a tuple of plain values, a step is a
function from a state to those that can follow, and nothing else is looked at. Sections of protocol.md are cited by
their numbers. Phase 1 is done, and there are at most five items, so that slots never run out.

Every step is told by functions. `effect` is what happens at the store, in one instant, with its answer; `then` is
where the actor goes on; `raised` and `crashed` are where it does instead (§6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

PENDING, PROCESSING, COMPLETED, PARTIAL_FAILED, ABORTED = (
    "PENDING",
    "PROCESSING",
    "COMPLETED",
    "PARTIAL_FAILED",
    "ABORTED",
)
SDK_ATTEMPTS = 5
UPLOADS = ("upload 1", "upload 2", "upload 3", "upload 4")
JOB_TRIES = 12
ITEM_ATTEMPTS = 6
NONE = -1
CREATING = (
    "postgres.create_run",
    "postgres.block_parent",
    "run_queue.publish",
    "postgres.complete_run_waitpoint",
)
FINALIZING = (
    "redis.read_runs",
    "redis.read_failures",
    "postgres.completion_update",
    "jobs.schedule_completion",
    "redis.cleanup",
)
CONSUMING = (
    *(
        "queue.take",
        "queue.read",
        "redis.get_meta",
        *CREATING,
        "queue.heartbeat",
        "redis.record",
        "queue.complete",
    ),
    *("queue.retry", *FINALIZING),
)


# -- What is asked for --------------------------------------------------------------------------------


class Fault(NamedTuple):
    """`at_most` 0: it is pinned, and happens at the first step that it admits."""

    kind: str
    actor: str = ""
    operation: str = ""
    effect: str = ""
    at_most: int = 0
    after_items: int = NONE


@dataclass(frozen=True)
class Batch:
    """A scenario, and the policy it runs under."""

    kinds: tuple[str, ...]
    consumers: int
    policy: str
    waits: bool = False
    faults: tuple[Fault, ...] = ()
    failed_attempts: int = 0
    uploads: bool = False

    @cached_property
    def ingests_concurrently(self) -> bool:
        return self.policy in ("pr3777", "pr4397", "pr4569")

    @cached_property
    def is_befallen(self) -> bool:
        """Whether anything can crash or raise."""
        return any(fault.kind in ("crash", "store_error") for fault in self.faults)

    def can_befall(self, actor: str, crashes: tuple[str, ...], errors: tuple[str, ...]) -> bool:
        """Whether a crash in place of one of these operations can befall an actor, or an error of one of those."""
        return any(
            fault.actor in ("", actor) and fault.operation in ("", *(crashes if fault.kind == "crash" else errors))
            for fault in self.faults
            if fault.kind in ("crash", "store_error")
        )

    @cached_property
    def queue_is_visible(self) -> bool:
        """§6: where a message can come back by itself, claiming, offering, reading and completing are steps."""
        failing = ("", "redis.record", *filter(self.takes_place, CREATING))
        errors = [
            fault for fault in self.faults if fault.kind == "store_error" and fault.actor in ("", "consumer")
        ]
        raising = [fault for fault in errors if fault.operation in failing]
        failed = self.failed_attempts + sum(fault.at_most or 1 for fault in raising)
        recording = ("redis.record",) * (failed > ITEM_ATTEMPTS)
        retrying = ("queue.retry",) * (failed > 0)
        leaves_in_flight = (*recording, *retrying, "queue.take", "queue.read", "redis.get_meta", "queue.complete")
        claiming = ("queue.claim", "queue.offer")
        return (
            any(fault.kind == "redeliver" for fault in self.faults)
            or self.can_befall("consumer", CONSUMING, leaves_in_flight)
            or self.can_befall("dispatcher", claiming, claiming)
        )

    def takes_place(self, creating: str) -> bool:
        """3.3.3: whether any item has this step, its last attempt aside."""
        has_run = any(kind != "rejected" for kind in self.kinds)
        return {
            "postgres.create_run": True,
            "postgres.block_parent": self.waits and has_run,
            "run_queue.publish": any(kind in ("ok", "expires") for kind in self.kinds),
            "postgres.complete_run_waitpoint": self.waits and "pre_failed" in self.kinds,
        }[creating]

    @cached_property
    def creating_has_steps(self) -> bool:
        """3.3.3: where an error or a crash of a consumer can fall between them.

        Or where a pre-failed run can take the place of one that executes: it is there, and never published.
        """
        inserting = [
            fault
            for fault in self.faults
            if fault.kind == "store_error" and fault.operation == CREATING[0] and fault.actor in ("", "consumer")
        ]
        is_unheard = any(fault.effect != "before" for fault in inserting)
        errors = sum(fault.at_most or 1 for fault in inserting)
        is_given_up = errors > 0 and self.failed_attempts + errors >= ITEM_ATTEMPTS
        return is_unheard or is_given_up or self.can_befall("consumer", CREATING[1:], CREATING[1:])

    @cached_property
    def ending_has_steps(self) -> bool:
        """3.5: likewise, where one of a run can."""
        between = ("postgres.complete_run_waitpoint",)
        return self.can_befall("run", between, between)


# -- 2. Stores, and where each actor is ----------------------------------------------------------------


class Row(NamedTuple):
    status: str = PENDING
    sealed: bool = False
    processing_completed: bool = False
    successful: int = 0
    failed: int = 0


class Run(NamedTuple):
    item: int
    copy: int
    is_published: bool
    has_edge: bool = False
    waitpoint_is_completed: bool = False
    at: str = "executing"
    """executing; final, in its two steps that follow: waitpoint, schedule; done."""


class Message(NamedTuple):
    was_retried: int
    """Its score comes after all others in the queue: now + backoff."""
    item: int
    attempt: int = 1


class Handler(NamedTuple):
    attempt: int
    at: str = "entry"
    next_item: int = 0
    lanes: tuple[tuple[int, str], ...] = ()
    """The items in progress, and the step that each takes next."""
    answer: str = ""
    cut_after: int = NONE
    """How many items of its body arrive; NONE: all."""


class Consumer(NamedTuple):
    at: str = "take"
    item: int = NONE
    attempt: int = NONE
    copy: int = NONE
    """Which run row it has inserted."""
    succeeded: bool = False
    processed: int = NONE
    runs_read: int = NONE
    failures_read: int = NONE
    reads_in_vain: tuple[str, ...] = ()
    """What was issued together with a read that raised: it still takes effect, for nobody."""


class Job(NamedTuple):
    at: str = "read"
    tries: int = 0


class State(NamedTuple):
    # Redis; an empty set, list or integer is an absent key.
    meta: bool = True
    enqueued_items: frozenset[int] = frozenset()
    processed_items: frozenset[int] = frozenset()
    processed: int = 0
    runs: int = 0
    failures: int = 0
    queue: tuple[Message, ...] = ()
    in_flight: tuple[Message, ...] = ()
    keys: tuple[int, ...] = ()
    # Postgres
    row: Row = Row()
    run_rows: tuple[Run, ...] = ()
    waitpoint_is_completed: bool = False
    # Jobs: how often the one that waits raised; NONE: none waits.
    completion_job: int = NONE
    reaper_job: int = NONE
    # Actors
    sdk: tuple[str, int] = ("deliver", 1)
    handlers: tuple[Handler, ...] = (Handler(1),)
    hand: tuple[int, ...] = ()
    """What the dispatcher has claimed, and not offered yet."""
    consumers: tuple[Consumer, ...] = ()
    jobs: tuple[Job, ...] = ()
    reapers: tuple[Job, ...] = ()
    call: tuple[str, int] = ("waiting", 0)
    """What the streaming ended in, with the status of the answer."""
    results: tuple[int, ...] = ()
    has_resumed: bool = False
    # What a verdict asks for (§7), and how often each fault can still happen.
    pushed: frozenset[int] = frozenset()
    rejected: frozenset[int] = frozenset()
    spurious_retry: bool = False
    completion_updates: int = 0
    status_regressed: bool = False
    left: tuple[int, ...] = ()


Effect = Callable[[State], tuple[State, Any]]
Then = Callable[[State, Any], State]


def first_state(batch: Batch) -> State:
    return State(
        consumers=(Consumer(),) * batch.consumers,
        reaper_job=0 if batch.waits and batch.policy in ("pr4397", "pr4569") else NONE,
        handlers=(next((cut_after(fault) for fault in batch.faults if fault.kind == "cut"), Handler(1)),),
        left=tuple(fault.at_most or 1 for fault in batch.faults),
    )


def cut_after(fault: Fault) -> Handler:
    """The first request, of which some items arrive: to the SDK the connection is lost, when it hears of it."""
    return Handler(1, cut_after=fault.after_items, answer="lost")


def successors(batch: Batch, state: State) -> Iterator[State]:
    """Every step that can be next."""
    yield from sdk(batch, state)
    yield from parent(batch, state)
    for place in range(len(state.handlers)):
        yield from handler(batch, state, place)
    if batch.queue_is_visible:
        yield from dispatcher(batch, state)
        yield from redelivery(batch, state)
    yield from consumers(batch, state)
    for place in range(len(state.run_rows)):
        yield from child_run(batch, state, place)
    yield from completion(batch, state)
    yield from reaper(batch, state)


# -- 6. Faults -------------------------------------------------------------------------------------------


def stepping(
    batch: Batch,
    state: State,
    actor: str,
    operation: str,
    effect: Effect,
    then: Then,
    raised: Callable[[State], State],
    crashed: Callable[[State], State],
    is_another_way: bool = False,
) -> Iterator[State]:
    """A step of an actor, and what can happen in place of it.

    `is_another_way`: of the same step, which does not take effect in two ways.
    """
    if not batch.is_befallen:
        yield then(*effect(state))
        return
    instead: list[State] = []
    is_certain = False
    for number, fault in enumerate(batch.faults):
        if is_certain or not state.left[number]:
            continue
        if fault.kind not in ("crash", "store_error") or fault.actor not in ("", actor):
            continue
        if fault.operation not in ("", operation) or (fault.kind == "store_error" and actor == "sdk"):
            continue
        is_certain = fault.at_most == 0
        if is_certain:
            instead.clear()
        after = using(state, number)
        if fault.kind == "crash":
            instead += [] if is_another_way else [crashed(after)]
            continue
        if fault.effect != "after" and not is_another_way:
            instead.append(raised(after))
        if fault.effect != "before":
            instead.append(raised(effect(after)[0]))
    if not is_certain:
        yield then(*effect(state))
    yield from instead


def using(state: State, number: int) -> State:
    left = list(state.left)
    left[number] -= 1
    return state._replace(left=tuple(left))


def redelivery(batch: Batch, state: State) -> Iterator[State]:
    for message in state.in_flight:
        back = state._replace(
            in_flight=without(state.in_flight, message.item),
            queue=enqueued(batch, state.queue, message._replace(was_retried=0)),
        )
        if message.item not in state.keys and message.item not in in_hand(state):
            yield back  # nobody will complete it: its timeout passes, whatever the scenario asks for
            continue
        for number, fault in enumerate(batch.faults):
            if fault.kind == "redeliver" and state.left[number]:
                yield using(back, number)


def in_hand(state: State) -> set[int]:
    """The items whose message somebody alive will still complete, or offer."""
    return {each.item for each in state.consumers} | set(state.hand)


# -- 3.1 Parent run and SDK ------------------------------------------------------------------------------

ANSWERS = {
    "sealed": ("ok", 200, False),
    "not_sealed": ("BatchNotSealedError", 200, True),
    "422": ("ApiError", 422, False),
    "500": ("ApiError", 500, True),
    "lost": ("ApiConnectionError", 0, True),
}
"""What each ends the call in, with its status, and whether it is retried while attempts are left."""


def sdk(batch: Batch, state: State) -> Iterator[State]:
    at, attempt = state.sdk

    def crashed(state: State) -> State:
        return state._replace(sdk=("crashed", attempt))

    def hears(state: State, answer: str) -> State:
        handlers = [
            each._replace(answer="delivered") if each.attempt == attempt else each for each in state.handlers
        ]
        result, status, is_retried = ANSWERS[answer]
        is_refused = answer not in ("sealed", "lost") and len(state.pushed) == len(batch.kinds)
        state = state._replace(
            handlers=tuple(each for each in handlers if each.at != "ended" or each.lanes),
            spurious_retry=state.spurious_retry or is_refused,
        )
        if is_retried and attempt < SDK_ATTEMPTS:
            return state._replace(sdk=("backoff", attempt))
        return state._replace(sdk=("returned", attempt), call=(result, status))

    answer = next((each.answer for each in state.handlers if each.attempt == attempt), "")
    if at == "deliver" and answer:
        losses: dict[int, State] = {}
        for number, fault in enumerate(batch.faults):
            admits = fault.kind == "lost_response" and (fault.at_most or attempt == 1)
            if admits and state.left[number] and answer != "lost":
                losses[number] = hears(using(state, number), "lost")
        certain = [number for number in losses if batch.faults[number].at_most == 0]
        yield from (losses[number] for number in certain[:1] or losses)
        if not certain:
            yield from stepping(
                batch,
                state,
                "sdk",
                "http.deliver",
                nothing,
                lambda s, _: hears(s, answer),
                lambda s: s,
                crashed,
            )
    if at == "backoff":
        yield from stepping(
            batch,
            state,
            "sdk",
            "sdk.backoff",
            nothing,
            lambda s, _: s._replace(sdk=("deliver", attempt + 1), handlers=(*s.handlers, Handler(attempt + 1))),
            lambda s: s,
            crashed,
        )


def parent(batch: Batch, state: State) -> Iterator[State]:
    is_due = batch.waits and state.call[0] == "ok" and not state.has_resumed and state.waitpoint_is_completed
    edges = [run for run in state.run_rows if run.has_edge]
    if is_due and all(run.waitpoint_is_completed for run in edges):
        yield state._replace(has_resumed=True, results=tuple(sorted(run.item for run in edges)))


# -- 4. Policies ------------------------------------------------------------------------------------------

OLD = ("pre3427", "pr3427_count_only", "pr3427")


def is_done(row: Row) -> bool:
    if row.status == PENDING:
        return row.sealed or row.processing_completed
    return row.status in (PROCESSING, COMPLETED, PARTIAL_FAILED)


def entry_check(policy: str, row: Row) -> str:
    if policy in OLD:
        return "422" if row.sealed or row.status != PENDING else ""
    return "sealed" if is_done(row) else "422" if row.status != PENDING else ""


def mismatch_check(policy: str, row: Row) -> str:
    if policy in OLD:
        is_ok = row.sealed or (policy != "pre3427" and row.status == COMPLETED)
        return "sealed" if is_ok else "not_sealed"
    return "sealed" if is_done(row) else "422" if row.status == ABORTED else "not_sealed"


def seal_lost_check(policy: str, row: Row) -> str:
    if policy in OLD:
        is_ok = (row.sealed and row.status == PROCESSING) or (policy == "pr3427" and row.status == COMPLETED)
        return "sealed" if is_ok else "422"
    return "sealed" if is_done(row) else "422"


# -- 3.2 Endpoint -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Serving:
    """A handler, and where it can go on from here."""

    batch: Batch
    place: int
    me: Handler

    def put(self, state: State, me: Handler) -> State:
        is_over = me.answer == "delivered" and me.at == "ended" and not me.lanes
        before, after = state.handlers[: self.place], state.handlers[self.place + 1 :]
        return state._replace(handlers=(*before, *[me] * (not is_over), *after))

    def goes_to(self, state: State, at: str) -> State:
        return self.put(state, self.me._replace(at=at))

    def answers(self, state: State, answer: str, lanes: tuple[tuple[int, str], ...] = ()) -> State:
        """The request has ended; items in progress may still finish their steps."""
        me = self.me
        lanes = tuple(each for each in lanes if each[1] != "break")
        nothing_more = len(self.batch.kinds)
        return self.put(
            state, Handler(me.attempt, "ended", nothing_more, lanes, me.answer or answer, me.cut_after)
        )

    def fails(self, state: State) -> State:
        return self.answers(state, "500")

    def begins(self, state: State, me: Handler) -> State:
        """Begin with the next items, one at a time or up to ten at once; go on when all are through."""
        lanes, next_item, count = me.lanes, me.next_item, len(self.batch.kinds)
        while next_item < count and len(lanes) < (10 if self.batch.ingests_concurrently else 1):
            if next_item == me.cut_after:
                lanes, next_item = (*lanes, (next_item, "break")), count
            else:
                first = UPLOADS[0] if self.batch.uploads else "get_meta"
                lanes, next_item = (*lanes, (next_item, first)), next_item + 1
        at = me.at if lanes or me.at == "ended" else "count"
        return self.put(state, me._replace(at=at, lanes=lanes, next_item=next_item))

    def takes(
        self, state: State, operation: str, effect: Effect, then: Then, raised: Callable[[State], State]
    ) -> Iterator[State]:
        crashed = self.me._replace(at="ended", lanes=(), answer=self.me.answer or "lost")
        yield from stepping(
            self.batch, state, "handler", operation, effect, then, raised, lambda s: self.put(s, crashed)
        )


def handler(batch: Batch, state: State, place: int) -> Iterator[State]:
    me = state.handlers[place]
    serving = Serving(batch, place, me)
    for number, fault in enumerate(batch.faults):
        admits = fault.kind == "disconnect" and (fault.at_most or me.attempt == 1)
        if admits and state.left[number] and me.at != "ended" and not me.answer:
            yield serving.put(using(state, number), me._replace(answer="lost"))
    if me.at == "entry":  # 1

        def entered(state: State, row: Row) -> State:
            answer = entry_check(batch.policy, row)
            return serving.answers(state, answer) if answer else serving.begins(state, me._replace(at="items"))

        yield from serving.takes(state, "postgres.find_batch", lambda s: (s, s.row), entered, serving.fails)
    for lane in range(len(me.lanes)):
        yield from ingesting(serving, state, lane)
    if me.at in ("count", "mismatch", "seal", "seal_lost"):
        yield from sealing(serving, state)


def ingesting(serving: Serving, state: State, lane: int) -> Iterator[State]:
    """2."""
    me, batch = serving.me, serving.batch
    item, step = me.lanes[lane]
    others = me.lanes[:lane] + me.lanes[lane + 1 :]

    def goes_to(state: State, step: str) -> State:
        return serving.put(state, me._replace(lanes=(*me.lanes[:lane], (item, step), *me.lanes[lane + 1 :])))

    def is_through(state: State) -> State:
        return serving.begins(state, me._replace(lanes=others))

    def fails(state: State) -> State:
        return serving.answers(state, "500", others)

    def marks(state: State) -> tuple[State, bool]:
        return state._replace(enqueued_items=state.enqueued_items | {item}), item in state.enqueued_items

    def pushes(state: State) -> tuple[State, None]:
        queue = enqueued(batch, state.queue, Message(0, item))
        return state._replace(queue=queue, pushed=state.pushed | {item}), None

    if step == "break":
        has_finished_all = batch.ingests_concurrently and item > 0 and not others
        yield serving.put(state, me._replace(at="count" if has_finished_all else "ended", lanes=others))
    if step in UPLOADS:  # a
        following = (*UPLOADS[UPLOADS.index(step) + 1 :], "")[0]
        yield from serving.takes(
            state,
            "store.upload",
            nothing,
            lambda s, _: goes_to(s, "get_meta"),
            lambda s: goes_to(s, following) if following else fails(s),
        )
    if step == "get_meta":  # b
        yield from serving.takes(
            state,
            "redis.get_meta",
            lambda s: (s, s.meta),
            lambda s, meta: goes_to(s, "mark") if meta else fails(s),
            fails,
        )
    if step == "mark":  # c
        yield from serving.takes(
            state,
            "redis.mark_enqueued",
            marks,
            lambda s, was_there: is_through(s) if was_there else goes_to(s, "push"),
            fails,
        )
    if step == "push":  # d
        yield from serving.takes(state, "queue.push", pushes, lambda s, _: is_through(s), fails)


def sealing(serving: Serving, state: State) -> Iterator[State]:
    """3 to 6."""
    me, batch = serving.me, serving.batch
    if me.at == "count":
        yield from serving.takes(
            state,
            "redis.enqueued_count",
            lambda s: (s, len(s.enqueued_items)),
            lambda s, count: serving.goes_to(s, "seal" if count == len(batch.kinds) else "mismatch"),
            serving.fails,
        )
    if me.at in ("mismatch", "seal_lost"):
        check = mismatch_check if me.at == "mismatch" else seal_lost_check
        yield from serving.takes(
            state,
            "postgres.find_batch",
            lambda s: (s, s.row),
            lambda s, row: serving.answers(s, check(batch.policy, row)),
            serving.fails,
        )
    if me.at == "seal":

        def seals(state: State) -> tuple[State, bool]:
            if state.row.sealed or state.row.status != PENDING:
                return state, False
            return state._replace(row=state.row._replace(sealed=True, status=PROCESSING)), True

        yield from serving.takes(
            state,
            "postgres.seal",
            seals,
            lambda s, changed: serving.answers(s, "sealed") if changed else serving.goes_to(s, "seal_lost"),
            serving.fails,
        )


# -- 6. The queue where it can be seen ---------------------------------------------------------------------


def enqueued(batch: Batch, queue: tuple[Message, ...], message: Message) -> tuple[Message, ...]:
    """A message is there once, by its score; where claiming is no step, it is claimed when it is pushed."""
    if not batch.queue_is_visible and message.item in {each.item for each in queue}:
        return queue
    others = [each for each in queue if each.item != message.item]
    return tuple(sorted((*others, message)) if batch.queue_is_visible else (*others, message))


def without(messages: tuple[Message, ...], item: int) -> tuple[Message, ...]:
    return tuple(each for each in messages if each.item != item)


def dispatcher(batch: Batch, state: State) -> Iterator[State]:
    def drops(state: State) -> State:
        return state._replace(hand=())

    if state.hand:
        yield from stepping(
            batch,
            state,
            "dispatcher",
            "queue.offer",
            lambda s: (s._replace(keys=(*s.keys, s.hand[0])), None),
            lambda s, _: s._replace(hand=s.hand[1:]),
            drops,
            drops,
        )
    elif state.queue:
        # Where all wait for a backoff, the first can be any of them: the rest comes along, due or not (3.3.3).
        firsts = state.queue[:1] if not state.queue[0].was_retried else state.queue
        for place, first in enumerate(firsts):
            yield from stepping(
                batch,
                state,
                "dispatcher",
                "queue.claim",
                claiming((first, *without(state.queue, first.item))),
                lambda s, claimed: s._replace(hand=claimed),
                drops,
                drops,
                is_another_way=place > 0,
            )


def claiming(messages: tuple[Message, ...]) -> Effect:
    def effect(state: State) -> tuple[State, tuple[int, ...]]:
        records = {each.item: each for each in state.in_flight}
        records |= {each.item: each._replace(was_retried=0) for each in messages}
        in_flight = tuple(records[item] for item in sorted(records))
        return state._replace(in_flight=in_flight, queue=()), tuple(each.item for each in messages)

    return effect


# -- 3.3 Consumers -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Acting:
    """A consumer, and where it can go on from here."""

    batch: Batch
    place: int
    me: Consumer

    def put(self, state: State, *instead: Consumer) -> State:
        rest = state.consumers[: self.place] + state.consumers[self.place + 1 :]
        return state._replace(consumers=tuple(sorted((*rest, *instead))))

    def goes_to(self, state: State, at: str, **changes: Any) -> State:
        return self.put(state, self.me._replace(at=at, **changes))

    def waits(self, state: State) -> State:
        return self.put(state, Consumer(reads_in_vain=self.me.reads_in_vain))

    def goes_on(self, state: State, processed: int) -> State:
        """6: it finalizes only if the item was the last one."""
        if processed != len(self.batch.kinds):
            return self.waits(state)
        return self.put(state, Consumer("read_both", reads_in_vain=self.me.reads_in_vain))

    def has_processed(self, state: State, *, succeeded: bool, has_raised: bool = False) -> State:
        """The heart beats while the item is processed (`pr4569`), and no longer when that raised."""
        has_beat = self.batch.policy == "pr4569" and self.batch.queue_is_visible and not has_raised
        return self.goes_to(state, "beat" if has_beat else "record", copy=NONE, succeeded=succeeded)

    def attempt_fails(self, state: State) -> State:
        """3.3.3: put back, but for the last attempt, of which a pre-failed run is made."""
        me = self.me
        if me.attempt < ITEM_ATTEMPTS:
            return self.goes_to(state, "retry")
        is_given_up = self.batch.kinds[me.item] == "pre_failed" or me.at == "process_last"
        return self.goes_to(state, "record_failure" if is_given_up else "process_last")

    def takes(
        self, state: State, operation: str, effect: Effect, then: Then, raised: Callable[[State], State]
    ) -> Iterator[State]:
        yield from stepping(self.batch, state, "consumer", operation, effect, then, raised, self.put)


def consumers(batch: Batch, state: State) -> Iterator[State]:
    idle: set[Consumer] = set()
    for place, me in enumerate(state.consumers):
        if me.at == "take" and me in idle:
            continue  # 3.5: one of them takes it
        idle.add(me)
        acting = Acting(batch, place, me)
        if me.at in ("take", "read", "get_meta", "drop", "complete", "retry"):
            yield from taking(acting, state)
        elif me.at in ("process", "process_last"):
            yield from processing(acting, state)
        elif me.at in ("block", "publish", "end"):
            yield from creating(acting, state)
        elif me.at in ("beat", "record", "record_failure"):
            yield from recording(acting, state)
        else:
            yield from finalizing(acting, state)
        for operation in me.reads_in_vain:
            yield from reading_in_vain(acting, state, operation)


def reading_in_vain(acting: Acting, state: State, operation: str) -> Iterator[State]:
    left = list(acting.me.reads_in_vain)
    left.remove(operation)

    def done(state: State) -> State:
        return acting.goes_to(state, acting.me.at, reads_in_vain=tuple(left))

    yield from acting.takes(state, operation, nothing, lambda s, _: done(s), done)


def taking(acting: Acting, state: State) -> Iterator[State]:
    """1, 2 and 5: a message, its data, whether the batch is there; and giving the message away."""
    me, batch, waits = acting.me, acting.batch, acting.waits
    if me.at == "take" and batch.queue_is_visible and state.keys:
        yield from acting.takes(
            state,
            "queue.take",
            lambda s: (s._replace(keys=s.keys[1:]), s.keys[0]),
            lambda s, item: acting.goes_to(s, "read", item=item),
            waits,
        )
    if me.at == "take" and not batch.queue_is_visible:
        for each in state.queue:
            yield from acting.takes(
                state,
                "queue.take",
                claiming_and_taking(each),
                lambda s, message: acting.goes_to(s, "get_meta", item=message.item, attempt=message.attempt),
                waits,
            )
            if not each.was_retried:
                break  # the first that is fresh, or one before it of which the backoff has passed
    if me.at == "read":
        yield from acting.takes(
            state,
            "queue.read",
            lambda s: (s, next((each.attempt for each in s.in_flight if each.item == me.item), NONE)),
            lambda s, found: (
                acting.goes_to(s, "drop") if found == NONE else acting.goes_to(s, "get_meta", attempt=found)
            ),
            waits,
        )
    if me.at == "get_meta":
        yield from acting.takes(
            state,
            "redis.get_meta",
            lambda s: (s, s.meta),
            lambda s, meta: (
                acting.goes_to(s, "process")
                if meta
                else acting.goes_to(s, "drop", attempt=NONE)
                if batch.queue_is_visible
                else waits(s)
            ),
            waits,
        )
    if me.at in ("drop", "complete"):
        yield from acting.takes(
            state,
            "queue.complete",
            lambda s: (s._replace(in_flight=without(s.in_flight, me.item)), None),
            lambda s, _: waits(s) if me.at == "drop" else acting.goes_on(s, me.processed),
            waits,
        )
    if me.at == "retry":
        yield from acting.takes(state, "queue.retry", putting_back(acting), lambda s, _: waits(s), waits)


def claiming_and_taking(message: Message) -> Effect:
    return lambda state: (state._replace(queue=without(state.queue, message.item)), message)


def putting_back(acting: Acting) -> Effect:
    """A failed attempt: nothing is requeued where the in-flight record is absent."""

    def effect(state: State) -> tuple[State, None]:
        me, batch = acting.me, acting.batch
        if batch.queue_is_visible and me.item not in {each.item for each in state.in_flight}:
            return state, None
        last = max((each.was_retried for each in state.queue), default=0)
        queue = enqueued(batch, state.queue, Message(last + 1, me.item, me.attempt + 1))
        return state._replace(in_flight=without(state.in_flight, me.item), queue=queue), None

    return effect


def processing(acting: Acting, state: State) -> Iterator[State]:
    """3: the run row, or its refusal."""
    me, batch = acting.me, acting.batch
    kind = "pre_failed" if me.at == "process_last" else batch.kinds[me.item]
    if me.at == "process" and me.attempt <= batch.failed_attempts:
        yield from acting.takes(
            state, "queue.retry", putting_back(acting), lambda s, _: acting.waits(s), acting.waits
        )
        return
    if kind == "rejected":
        yield from acting.takes(
            state,
            "postgres.create_run",
            nothing,
            lambda s, _: acting.has_processed(s._replace(rejected=s.rejected | {me.item}), succeeded=False),
            acting.attempt_fails,
        )
        return
    is_final = kind == "pre_failed"
    has_steps = batch.creating_has_steps
    run = Run(
        me.item,
        0,
        is_published=not is_final and not has_steps,
        has_edge=batch.waits and not has_steps,
        waitpoint_is_completed=batch.waits and is_final and not has_steps,
        at="done" if is_final else "executing",
    )

    def inserts(state: State) -> tuple[State, int]:
        copy = sum(each.item == me.item for each in state.run_rows) if has_steps else 0
        return state._replace(run_rows=tuple(sorted((*state.run_rows, run._replace(copy=copy))))), copy

    def inserted(state: State, copy: int) -> State:
        if has_steps and batch.waits:
            return acting.goes_to(state, "block", copy=copy)
        if has_steps and not is_final:
            return acting.goes_to(state, "publish", copy=copy)
        return acting.has_processed(state, succeeded=True, has_raised=me.at == "process_last")

    yield from acting.takes(state, "postgres.create_run", inserts, inserted, acting.attempt_fails)


def creating(acting: Acting, state: State) -> Iterator[State]:
    """3, where creating has steps: what follows the insert."""
    me = acting.me
    row = next(run for run in state.run_rows if (run.item, run.copy) == (me.item, me.copy))

    def sets(changed: Run) -> Effect:
        rows = tuple(sorted(changed if run == row else run for run in state.run_rows))
        return lambda s: (s._replace(run_rows=rows), None)

    if me.at == "block":
        following = "end" if row.at == "done" else "publish"
        yield from acting.takes(
            state,
            "postgres.block_parent",
            sets(row._replace(has_edge=True)),
            lambda s, _: acting.goes_to(s, following),
            acting.attempt_fails,
        )
    if me.at == "publish":
        yield from acting.takes(
            state,
            "run_queue.publish",
            sets(row._replace(is_published=True)),
            lambda s, _: acting.has_processed(s, succeeded=True),
            acting.attempt_fails,
        )
    if me.at == "end":
        yield from acting.takes(
            state,
            "postgres.complete_run_waitpoint",
            sets(row._replace(waitpoint_is_completed=True)),
            lambda s, _: acting.has_processed(
                s, succeeded=True, has_raised=acting.batch.kinds[me.item] != "pre_failed"
            ),
            acting.attempt_fails,
        )


def recording(acting: Acting, state: State) -> Iterator[State]:
    """4, and the last beat of `pr4569` before it, which takes place or does not."""
    me = acting.me

    def records(state: State) -> tuple[State, int]:
        if me.item in state.processed_items:
            return state, state.processed
        is_success = me.succeeded and me.at == "record"
        return (
            state._replace(
                processed_items=state.processed_items | {me.item},
                processed=state.processed + 1,
                runs=state.runs + is_success,
                failures=state.failures + (not is_success),
            ),
            state.processed + 1,
        )

    def recorded(state: State, processed: int) -> State:
        if acting.batch.queue_is_visible:
            return acting.goes_to(state, "complete", processed=processed, succeeded=False)
        return acting.goes_on(state, processed)

    def raised(state: State) -> State:
        if me.at == "record_failure":
            return acting.waits(state)  # the message stays in flight
        return acting.goes_to(state, "retry" if me.attempt < ITEM_ATTEMPTS else "record_failure")

    if me.at == "beat":
        yield from acting.takes(
            state,
            "queue.heartbeat",
            lambda s: (s, me.item in {each.item for each in s.in_flight}),
            lambda s, is_in_flight: acting.goes_to(s, "record") if is_in_flight else acting.waits(s),
            lambda s: acting.goes_to(s, "record"),
        )
        yield acting.goes_to(state, "record")
    else:
        yield from acting.takes(state, "redis.record", records, recorded, raised)


def finalizing(acting: Acting, state: State) -> Iterator[State]:
    """6."""
    me = acting.me
    if me.at == "read_both":  # a and b, in either order

        def goes_on(state: State, runs: int, failures: int) -> State:
            at = "read_both" if NONE in (runs, failures) else "update"
            return acting.goes_to(state, at, runs_read=runs, failures_read=failures)

        def raises(other: str, has_been_read: bool) -> Callable[[State], State]:
            in_vain = sorted((*me.reads_in_vain, *[other] * (not has_been_read)))
            return lambda s: acting.put(s, Consumer(reads_in_vain=tuple(in_vain)))

        if me.runs_read == NONE:
            yield from acting.takes(
                state,
                "redis.read_runs",
                lambda s: (s, s.runs),
                lambda s, runs: goes_on(s, runs, me.failures_read),
                raises("redis.read_failures", me.failures_read != NONE),
            )
        if me.failures_read == NONE:
            yield from acting.takes(
                state,
                "redis.read_failures",
                lambda s: (s, s.failures),
                lambda s, failures: goes_on(s, me.runs_read, failures),
                raises("redis.read_runs", me.runs_read != NONE),
            )
    if me.at == "update":  # c
        aborts = me.failures_read > 0 and me.runs_read == 0
        status = ABORTED if aborts else PARTIAL_FAILED if me.failures_read else PENDING

        def updates(state: State) -> tuple[State, None]:
            is_over = state.row.status in (COMPLETED, ABORTED) and state.row.status != status
            row = Row(status, state.row.sealed, True, successful=me.runs_read, failed=me.failures_read)
            return state._replace(
                row=row,
                status_regressed=state.status_regressed or is_over,
                completion_updates=min(2, state.completion_updates + 1),
            ), None

        yield from acting.takes(
            state,
            "postgres.completion_update",
            updates,
            lambda s, _: acting.goes_to(
                s, "cleanup" if aborts else "schedule", runs_read=NONE, failures_read=NONE
            ),
            acting.waits,
        )
    if me.at == "schedule":  # d
        yield from acting.takes(
            state,
            "jobs.schedule_completion",
            schedules,
            lambda s, _: acting.goes_to(s, "cleanup"),
            acting.waits,
        )
    if me.at == "cleanup":  # e
        yield from acting.takes(state, "redis.cleanup", cleans_up, lambda s, _: acting.waits(s), acting.waits)


def cleans_up(state: State) -> tuple[State, None]:
    nobody: frozenset[int] = frozenset()
    return state._replace(
        meta=False, enqueued_items=nobody, processed_items=nobody, processed=0, runs=0, failures=0
    ), None


# -- 3.5 Child runs --------------------------------------------------------------------------------------------


def schedules(state: State) -> tuple[State, None]:
    """Debounced: one that waits is only moved."""
    return state._replace(completion_job=max(0, state.completion_job)), None


def nothing(state: State) -> tuple[State, None]:
    return state, None


def child_run(batch: Batch, state: State, place: int) -> Iterator[State]:
    me = state.run_rows[place]

    def put(state: State, **changes: Any) -> State:
        rows = list(state.run_rows)
        rows[place] = rows[place]._replace(**changes)
        return state._replace(run_rows=tuple(sorted(rows)))

    def is_done(state: State) -> State:
        return put(state, at="done")

    after_end = "done" if batch.kinds[me.item] == "expires" else "schedule"
    if me.at == "executing" and me.is_published:  # 1
        if batch.waits and batch.ending_has_steps:
            yield put(state, at="waitpoint")
        else:
            yield put(state, at=after_end, waitpoint_is_completed=batch.waits)
    if me.at == "waitpoint":
        yield from stepping(
            batch,
            state,
            "run",
            "postgres.complete_run_waitpoint",
            lambda s: (put(s, waitpoint_is_completed=True), None),
            lambda s, _: put(s, at=after_end),
            is_done,
            is_done,
        )
    if me.at == "schedule":  # 2
        yield from stepping(
            batch,
            state,
            "run",
            "jobs.schedule_completion",
            schedules,
            lambda s, _: is_done(s),
            is_done,
            is_done,
        )


# -- 3.4 Try-complete, 3.6 the reaper, and the jobs they are ----------------------------------------------------


class JobKind(NamedTuple):
    """A job of the batch, by the names of the fields of the state that are about it."""

    actor: str
    take: str
    waits: str
    """How often it has raised, while it waits to be picked up."""
    in_hand: str
    """Those who have picked it up."""


COMPLETION = JobKind("job", "jobs.take_completion", "completion_job", "jobs")
EXPIRY = JobKind("reaper", "jobs.take_expiry", "reaper_job", "reapers")


def having(state: State, field: str, value: Any) -> State:
    """A state in which a field has another value."""
    return state._replace(**{field: value})


class Worker(NamedTuple):
    """Who has a job in hand."""

    batch: Batch
    state: State
    kind: JobKind
    place: int

    @property
    def me(self) -> Job:
        found: Job = getattr(self.state, self.kind.in_hand)[self.place]
        return found

    def ends(self, state: State) -> State:
        others: tuple[Job, ...] = getattr(state, self.kind.in_hand)
        return having(state, self.kind.in_hand, others[: self.place] + others[self.place + 1 :])

    def goes_to(self, state: State, at: str) -> State:
        others: tuple[Job, ...] = getattr(self.ends(state), self.kind.in_hand)
        return having(state, self.kind.in_hand, tuple(sorted((*others, self.me._replace(at=at)))))

    def puts_back(self, state: State, tries: int) -> State:
        """It waits again, and overwrites a newer schedule."""
        return having(self.ends(state), self.kind.waits, tries)

    def raised(self, state: State) -> State:
        """It is tried again, and the 12th time discards it."""
        tries = self.me.tries + 1
        return self.puts_back(state, tries) if tries < JOB_TRIES else self.ends(state)

    def takes(self, operation: str, effect: Effect, then: Then) -> Iterator[State]:
        yield from stepping(
            self.batch,
            self.state,
            self.kind.actor,
            operation,
            effect,
            then,
            self.raised,
            lambda s: self.puts_back(s, self.me.tries),
        )

    def settles_waitpoint(self) -> Iterator[State]:
        if self.me.at == "find_waitpoint":
            yield from self.takes(
                "postgres.find_waitpoint",
                lambda s: (s, s.waitpoint_is_completed),
                lambda s, is_completed: self.ends(s) if is_completed else self.goes_to(s, "complete_waitpoint"),
            )
        if self.me.at == "complete_waitpoint":
            yield from self.takes(
                "postgres.complete_waitpoint",
                lambda s: (s._replace(waitpoint_is_completed=True), None),
                lambda s, _: self.ends(s),
            )


def worked_on(
    batch: Batch, state: State, kind: JobKind, work: Callable[[Worker], Iterator[State]]
) -> Iterator[State]:
    """A job is picked up where it waits; those who have it in hand take their steps."""
    waiting: int = getattr(state, kind.waits)
    in_hand: tuple[Job, ...] = getattr(state, kind.in_hand)
    if waiting != NONE:
        yield from stepping(
            batch,
            state,
            kind.actor,
            kind.take,
            lambda s: (having(s, kind.waits, NONE), None),
            lambda s, _: having(s, kind.in_hand, tuple(sorted((*in_hand, Job(tries=waiting))))),
            lambda s: having(s, kind.waits, waiting),
            lambda s: s,
        )
    for place in range(len(in_hand)):
        yield from work(Worker(batch, state, kind, place))


def completion(batch: Batch, state: State) -> Iterator[State]:
    yield from worked_on(batch, state, COMPLETION, try_complete)


def try_complete(worker: Worker) -> Iterator[State]:
    batch, me = worker.batch, worker.me
    if me.at == "read":  # 1
        yield from worker.takes(
            "postgres.find_batch",
            lambda s: (s, s.row),
            lambda s, row: (
                worker.ends(s)
                if row.status == COMPLETED or row.successful + row.failed < len(batch.kinds)
                else worker.goes_to(s, "find_runs")
            ),
        )
    if me.at == "find_runs":  # 2
        yield from worker.takes(
            "postgres.find_runs",
            lambda s: (s, all(run.at != "executing" for run in s.run_rows)),
            lambda s, are_final: worker.goes_to(s, "set_completed") if are_final else worker.ends(s),
        )
    if me.at == "set_completed":  # 3
        is_guarded = batch.policy in ("pr4397", "pr4569")

        def completes(state: State) -> tuple[State, bool]:
            if is_guarded and state.row.status in (ABORTED, COMPLETED):
                return state, False
            regresses = state.row.status == ABORTED
            return state._replace(
                row=state.row._replace(status=COMPLETED), status_regressed=state.status_regressed or regresses
            ), True

        yield from worker.takes(
            "postgres.set_completed",
            completes,
            lambda s, changed: worker.goes_to(s, "find_waitpoint") if changed and batch.waits else worker.ends(s),
        )
    yield from worker.settles_waitpoint()  # 4, 5


def reaper(batch: Batch, state: State) -> Iterator[State]:
    yield from worked_on(batch, state, EXPIRY, reap)


def reap(worker: Worker) -> Iterator[State]:
    me = worker.me
    if me.at == "read":  # 1

        def decides(state: State, row: Row) -> State:
            if row.sealed or row.status not in (PENDING, ABORTED):
                return worker.ends(state)
            return worker.goes_to(state, "abort" if row.status == PENDING else "find_waitpoint")

        yield from worker.takes("postgres.find_batch", lambda s: (s, s.row), decides)
    if me.at == "abort":  # 2

        def aborts(state: State) -> tuple[State, bool]:
            if state.row.sealed or state.row.status != PENDING:
                return state, False
            return state._replace(row=state.row._replace(status=ABORTED, processing_completed=True)), True

        yield from worker.takes(
            "postgres.abort",
            aborts,
            lambda s, changed: worker.goes_to(s, "find_waitpoint" if changed else "read_again"),
        )
    if me.at == "read_again":
        yield from worker.takes(
            "postgres.find_batch",
            lambda s: (s, s.row),
            lambda s, row: (
                worker.goes_to(s, "find_waitpoint") if row.status == ABORTED and not row.sealed else worker.ends(s)
            ),
        )
    yield from worker.settles_waitpoint()  # 3


# -- 7. Verdicts --------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What the caller got, the row, the runs, the keys that are left, and the verdicts."""

    result: str
    status: int
    attempts: int
    row_status: str
    sealed: bool
    processing_completed: bool
    runs_created: int
    runs_total: int
    leaked_keys: tuple[str, ...]
    verdicts: tuple[str, ...]


def outcome(batch: Batch, state: State) -> Outcome:
    indices = tuple(range(len(batch.kinds)))
    result, status = state.call
    if result == "ok" and batch.waits and not (state.has_resumed and len(state.results) >= len(indices)):
        result = "waiting"
    has_returned, has_rejected = result == "ok", result not in ("ok", "waiting")
    of_item = Counter(run.item for run in state.run_rows)
    missing = [item for item in indices if not of_item[item] and item not in state.rejected]
    is_work_done = bool(of_item) and not missing
    row = state.row
    keys = {
        "meta": state.meta,
        "enqueued_items": state.enqueued_items,
        "processed_items": state.processed_items,
        "processed": state.processed,
        "runs": state.runs,
        "failures": state.failures,
    }
    leaked = tuple(f"batch:B:{key}" for key, left in keys.items() if left)
    is_unfinished = row.status in (PENDING, PROCESSING) or result == "waiting"
    holds = {
        "false_failure": has_rejected and is_work_done,
        "true_failure": has_rejected and not is_work_done,
        "spurious_retry": has_returned and state.spurious_retry,
        "lost_item": has_returned and bool(missing),
        "silent_abort": has_returned and row.status == ABORTED,
        "wrong_result": has_returned and batch.waits and state.results[: len(indices)] != indices,
        "duplicate_run": any(count > 1 for count in of_item.values()),
        "stuck": is_unfinished or any(run.at == "executing" for run in state.run_rows),
        "status_regression": state.status_regressed,
        "double_finalize": state.completion_updates > 1,
        "leaked_keys": bool(leaked),
    }
    return Outcome(
        result,
        status,
        state.sdk[1],
        row.status,
        row.sealed,
        row.processing_completed,
        len(of_item),
        len(state.run_rows),
        leaked,
        tuple(name for name, does_hold in holds.items() if does_hold) or ("ok",),
    )


# -- Counting -----------------------------------------------------------------------------------------


def enumerate_batch(batch: Batch) -> Counter[Outcome]:
    """How many schedules come to each outcome: each state is looked into once, and its ways to it are added up."""
    numbers: dict[State, int] = {}
    after: list[list[int]] = []
    finished: list[int] = []
    path: list[tuple[int, Iterator[State]]] = []

    def enter(state: State) -> None:
        path.append((len(after), successors(batch, state)))
        numbers[state] = len(after)
        after.append([])

    enter(first_state(batch))
    while path:
        number, following = path[-1]
        for each in following:
            known = numbers.get(each)
            after[number].append(len(after) if known is None else known)
            if known is None:
                enter(each)
                break
        else:
            finished.append(number)
            path.pop()
    ways = [0] * len(after)
    ways[0] = 1
    states = list(numbers)
    found: Counter[Outcome] = Counter()
    for number in reversed(finished):
        for each_number in after[number]:
            ways[each_number] += ways[number]
        if not after[number]:
            found[outcome(batch, states[number])] += ways[number]
    return found
