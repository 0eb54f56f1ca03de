"""Redis, PostgreSQL, the batch queue, the job queue and the network, in memory.

Method names and meanings are those of the real clients, so that the real ones can stand in
their place. Each method is atomic; which methods make up one step is said by the operations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from batchsim.model.cells import Cells, IfListed, Key

META: Key = "batch:B:meta"
ENQUEUED_ITEMS: Key = "batch:B:enqueued_items"
PROCESSED_ITEMS: Key = "batch:B:processed_items"
PROCESSED: Key = "batch:B:processed"
RUNS: Key = "batch:B:runs"
FAILURES: Key = "batch:B:failures"
REDIS_KEYS = (META, ENQUEUED_ITEMS, PROCESSED_ITEMS, PROCESSED, RUNS, FAILURES)
"""The six keys of a batch (protocol.md §2)."""

QUEUE: Key = "queue"
WORKER_LIST: Key = "queue:workers"
"""The keys of claimed messages, which consumers pop, where claiming and taking are two steps (protocol.md §6)."""
STATE_KEYS = (*REDIS_KEYS, QUEUE)
"""What a failure of Redis can lose: the keys of the batch, and the messages that wait to be claimed."""
BATCH_ROW: Key = "postgres:batch"
WAITPOINT: Key = "postgres:waitpoint"
COMPLETION_JOB: Key = "jobs:completion"
EXPIRY_JOB: Key = "jobs:expiry"
JOBS = (COMPLETION_JOB, EXPIRY_JOB)
STREAMED: Key = "sdk:streamed"
"""*AndWait*: what streaming ended in."""


BATCH_EDGE: Key = "postgres:batch_edge"
"""*AndWait*: the parent's block edge to the waitpoint of the batch, where phase 1 has steps."""
SAVED_KEY: Key = "redis:idempotency_key"
"""The batch that is saved under the idempotency key, by the try that made it."""
UNIQUE_KEY: Key = "postgres:idempotency_key"
"""The unique index over idempotency keys: which try's row has the key."""
STREAMED_BATCH: Key = "sdk:batch"
"""Where phase 1 has steps: the batch whose items the SDK streams, by the try that made it."""
SECOND_CALL: Key = "sdk:second_call"
"""That the parent has called again: whether that made a second batch."""


def of_second_batch(key: Key) -> Key:
    """A cell or timer of the second batch, from that of the first; what both share stays."""
    if key.startswith(("http:", "sdk:", "limiter:", "fault:")) and key != GRANT:
        return key
    name = f"{key}{OF_SECOND}"
    return IfListed(name) if isinstance(key, IfListed) else name


OF_SECOND = "@2"
"""What the names of cells and of kinds of actors end in that are of the second batch alone."""


def kind_in_either(kind: str) -> str:
    """The kind of an actor, whichever batch it works for."""
    return kind.removesuffix(OF_SECOND)


LIMITER: Key = "limiter:requests"
"""How many phase-2 requests the limiter has admitted in this window; absent: there is none."""
LIMITED: Key = "limiter:refused"
"""What has become of the phase-2 request that it refused last, until the SDK sends the next one."""
GRANT: Key = "limiter:grant"
"""How many phase-2 requests the batch may still send that no limiter refuses."""
MAX_ATTEMPTS = 5
"""How often the SDK streams the items."""
CREATION_TRIES = 5
"""How often the SDK tries phase 1."""


def of_try(key: Key, attempt: int) -> Key:
    """A cell of the batch that a try of phase 1 made, as long as the SDK does not stream to it."""
    return f"{key}:{attempt}"


def creation_request_key(attempt: int) -> Key:
    """Where a phase-1 request is noted once the SDK has sent it."""
    return f"http:creation_request:{attempt}"


def creation_answer_key(attempt: int) -> Key:
    """Where the answer to a phase-1 request waits for its delivery."""
    return f"http:creation_answer:{attempt}"


def run_key(index: int, copy: int = 1) -> Key:
    """The row of a child run of item `index`: the first, or another that was inserted for the same item."""
    return f"postgres:run:{index}" if copy == 1 else f"postgres:run:{index}:{copy}"


@lru_cache(maxsize=4096)
def run_keys(index: int, copies: int) -> tuple[Key, ...]:
    """The rows of all child runs that item `index` can have."""
    return (run_key(index),) if copies == 1 else tuple(run_key(index, copy) for copy in range(1, copies + 1))


def edge_key(index: int, copy: int = 1) -> Key:
    """*AndWait*: the parent's block edge to the waitpoint of a child run, where a step of its own writes it."""
    return f"postgres:edge:{_name_of(index, copy)}"


def run_waitpoint_key(index: int, copy: int = 1) -> Key:
    """*AndWait*: that the waitpoint of a child run is completed, where a step of its own completes it."""
    return f"postgres:run_waitpoint:{_name_of(index, copy)}"


def published_key(index: int, copy: int = 1) -> Key:
    """That a child run is in the run queue, where a step of its own publishes it."""
    return f"run_queue:{_name_of(index, copy)}"


def _name_of(index: int, copy: int) -> str:
    return str(index) if copy == 1 else f"{index}:{copy}"


def in_flight_key(index: int) -> Key:
    """The in-flight record of the message of item `index`, where it is a thing of its own."""
    return f"queue:in_flight:{index}"


def slot_key(index: int) -> IfListed:
    """That the message of item `index` holds a slot, where there are more messages than slots."""
    return IfListed(f"queue:slot:{index}")


def holders_key(index: int) -> IfListed:
    """Who has the message of item `index`, or its key, in hand, where somebody can leave it: by delivery."""
    return IfListed(f"queue:holders:{index}")


def claims_key(index: int) -> IfListed:
    """The number of the last claim of the message of item `index`, where it can have a second message."""
    return IfListed(f"queue:claims:{index}")


def tries_key(job: Key) -> IfListed:
    """How often the job that was picked up last has raised, where jobs can raise."""
    return IfListed(f"{job}:raised")


def request_key(attempt: int) -> Key:
    """Where the phase-2 request of `attempt` is noted once the SDK has sent it."""
    return f"http:request:{attempt}"


def answer_key(attempt: int) -> Key:
    """Where the answer to `attempt` waits for its delivery."""
    return f"http:answer:{attempt}"


def connection_key(attempt: int) -> Key:
    """What became of the connection of `attempt`, where it can break."""
    return f"http:connection:{attempt}"


class _Held(NamedTuple):
    """What a cell of the batch holds, in the types of cells and in words."""

    kind: type
    in_words: str

    def admits(self, value: Any) -> bool:
        """Whether a value is of this kind; `True` is no number."""
        return isinstance(value, self.kind) and (self.kind is bool or not isinstance(value, bool))


def holds_not(key: Key, value: Any) -> str | None:
    """What a cell of the batch is to hold, where `value` is no such thing; `None`: it is, or nobody minds.

    Its own operations work on nothing else; a step of a user's can write what it likes.
    """
    name = key.partition("@")[0]
    held = _HELD.get(name) or next((_HELD[begin] for begin in _HELD_BELOW if name.startswith(begin)), None)
    return None if held is None or value is None or held.admits(value) else held.in_words


class Redis:
    """Redis commands on the keys of the batch."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def get(self, key: Key) -> Any:
        """`GET`: the value, or `None`."""
        return self._cells.read(key)

    def set(self, key: Key, value: int) -> None:
        """`SET`."""
        self._cells.write(key, value)

    def incr(self, key: Key) -> int:
        """`INCR`: the new value."""
        value: int = (self._cells.read(key) or 0) + 1
        self._cells.write(key, value)
        return value

    def sadd(self, key: Key, member: int) -> int:
        """`SADD`: how many members were added, 0 or 1."""
        members: set[int] = self._cells.modify(key, set)
        if member in members:
            return 0
        members.add(member)
        return 1

    def scard(self, key: Key) -> int:
        """`SCARD`: how many members; 0 where the key is absent."""
        return len(self._cells.read(key) or ())

    def zadd(self, key: Key, member: int, score: int) -> None:
        """`ZADD`."""
        scores: dict[int, int] = self._cells.modify(key, dict)
        scores[member] = score

    def zrange(self, key: Key) -> list[int]:
        """`ZRANGE 0 -1`: the members by their scores."""
        scores: dict[int, int] = self._cells.read(key) or {}
        return sorted(scores, key=scores.__getitem__)

    def rpush(self, key: Key, value: int) -> None:
        """`RPUSH`."""
        elements: list[int] = self._cells.modify(key, list)
        elements.append(value)

    def lrange(self, key: Key) -> list[int]:
        """`LRANGE 0 -1`: the elements."""
        return list(self._cells.read(key) or ())

    def delete(self, *keys: Key) -> int:
        """`DEL`: how many of the keys were there."""
        return sum(self._cells.delete(key) for key in keys)


class Status(StrEnum):
    """The status of the batch row."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    PARTIAL_FAILED = "PARTIAL_FAILED"
    ABORTED = "ABORTED"


class BatchRow(NamedTuple):
    """The row of the batch: what somebody decides by, or is judged by."""

    status: Status = Status.PENDING
    sealed: bool = False
    processing_completed: bool = False
    """Whether `processing_completed_at` is set."""
    successful_run_count: int | None = None
    failed_run_count: int | None = None

    @property
    def counted(self) -> int:
        """How many items the completion update accounted for; 0 before it."""
        return (self.successful_run_count or 0) + (self.failed_run_count or 0)


class Waits(StrEnum):
    """*AndWait*: where it is kept that the parent waits for a child run."""

    NOWHERE = "nowhere"
    """It waits for every row, and until the row is final: nothing can fall between."""
    WITH_IT = "with the row"
    """In cells of its own, which the same step writes."""
    BY_STEPS = "by steps"
    """In cells of its own, which steps of their own write."""


class IdempotencyKey(StrEnum):
    """What the idempotency key of a batch does."""

    UPSTREAM = "upstream"
    """Its validation refuses the SDK's keys: nothing is saved or looked up, and only the unique index knows it."""
    WORKING = "working"
    """As it was meant: saved right after the insert, so that a retry gets the batch as it is."""


class Waitpoint(StrEnum):
    """The status of the waitpoint row."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "completed with an error"


class Postgres:
    """The statements that the protocol makes on its three tables."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def find_batch(self) -> BatchRow:
        """`SELECT` the row of the batch."""
        row: BatchRow = self._cells.read(BATCH_ROW)
        return row

    def update_batch(
        self, change: Callable[[BatchRow], BatchRow], where: Callable[[BatchRow], bool] | None = None
    ) -> int:
        """`UPDATE` the row of the batch, where it meets the condition; how many rows changed, 0 or 1."""
        return self._cells.alter(BATCH_ROW, BatchRow, change, where)

    def create_run(self, index: int, *, final: bool, copies: int = 1) -> int:
        """`INSERT` a child run of item `index`, no key forbidding another one; which one of the item it is."""
        for copy, key in enumerate(run_keys(index, copies), start=1):
            if self._cells.read(key) is None:
                self._cells.write(key, final)
                return copy
        raise AssertionError(f"item {index} has {copies} child runs already")

    def finish_run(self, index: int, copy: int = 1) -> None:
        """`UPDATE` a child run of item `index`: it is final."""
        self._cells.write(run_key(index, copy), True)

    def find_runs(self, index: int, copies: int = 1) -> list[bool]:
        """`SELECT` the child runs of item `index`: of each, whether it is final."""
        rows = [self._cells.read(key) for key in run_keys(index, copies)]
        return [final for final in rows if final is not None]

    def find_waitpoint(self) -> Waitpoint | None:
        """`SELECT` the waitpoint of the batch; `None` where there is none."""
        waitpoint: Waitpoint | None = self._cells.read(WAITPOINT)
        return waitpoint

    def block_parent(self, index: int, copy: int) -> None:
        """`INSERT` the parent's block edge to the waitpoint of a child run."""
        self._cells.write(edge_key(index, copy), True)

    def complete_run_waitpoint(self, index: int, copy: int) -> None:
        """`UPDATE` the waitpoint of a child run: it is completed."""
        self._cells.write(run_waitpoint_key(index, copy), True)

    def edges(self, run_count: int, copies: int, waits: Waits) -> tuple[tuple[int, int], ...]:
        """The child runs that the parent has a block edge to, by item and by when they were inserted."""
        key_of = run_key if waits is Waits.NOWHERE else edge_key
        read = self._cells.read
        return tuple(
            (index, copy)
            for index in range(run_count)
            for copy in range(1, copies + 1)
            if read(key_of(index, copy)) is not None
        )

    def run_is_over(self, index: int, copy: int, waits: Waits) -> bool:
        """Whether the waitpoint of a child run is completed."""
        if waits is Waits.NOWHERE:
            return bool(self._cells.read(run_key(index, copy)))
        return self._cells.read(run_waitpoint_key(index, copy)) is not None

    def complete_waitpoint(self, waitpoint: Waitpoint) -> int:
        """`UPDATE` the waitpoint where it is pending: the parent goes on once; how many rows changed, 0 or 1."""
        if self._cells.read(WAITPOINT) is not Waitpoint.PENDING:
            return 0
        self._cells.write(WAITPOINT, waitpoint)
        return 1


class Message(NamedTuple):
    """An item in the batch queue."""

    item: int
    attempt: int = 1
    """Which attempt to process it this is, from 1."""
    delivery: int = 1
    """Which time it is put into the queue, from 1, where that can be told."""
    is_reclaimed: bool = False
    """Whether it came back with its original score, by its visibility timeout."""
    is_claimed: bool = False
    """Where claiming and taking are one step: whether it was claimed with another one, whatever its backoff."""
    leaves_claimed: bool = False
    """Of one that is taken there: whether another one waits that was claimed with one before it was due."""

    @property
    def is_fresh(self) -> bool:
        """Whether it has the score of its creation, so that it comes before all that failed an attempt."""
        return self.attempt == 1 or self.is_reclaimed

    @property
    def timer(self) -> Key | None:
        """The timer that holds a message back that was put back after a failed attempt."""
        return None if self.is_fresh or self.is_claimed else f"queue:{self.item}"

    @property
    def redeliveries(self) -> int:
        """How often it came back otherwise than after a failed attempt, where that can be told."""
        return self.delivery - self.attempt


class Claim(NamedTuple):
    """What a consumer takes where taking and reading are two steps: a message without its data."""

    item: int
    delivery: int = 0
    """Which delivery it is, where a token says so; 0: no token does."""


CLAIMED_MAX = 10
"""How many messages one claim takes at most."""


class BatchQueue:
    """The messages that wait to be claimed, the records of those in flight, and the keys that consumers pop.

    Where no message can come back, and no consumer can leave one, claiming, offering and taking are one step
    (`take`), and there are neither records nor keys.
    """

    __slots__ = ("_cells", "_queue")

    def __init__(self, cells: Cells, queue: Key = QUEUE) -> None:
        self._cells = cells
        self._queue = queue

    def push(self, message: Message) -> None:
        """Put a message at the end."""
        messages: deque[Message] = self._cells.modify(self._queue, deque)
        messages.append(message)

    def put_again(self, message: Message) -> None:
        """Put a message of an item there that may wait already: a sorted set has each message once."""
        messages = self._cells.modify(self._queue, deque[Message])
        for each in [each for each in messages if each.item == message.item]:
            messages.remove(each)
        messages.append(message)

    def by_score(self) -> tuple[Message, ...]:
        """All messages that wait to be claimed, in the order of their scores.

        Those that are fresh or were reclaimed have that of their creation and index; those that failed an attempt
        come after them, in the order in which they were put back.
        """
        return tuple(sorted(self.waiting(), key=_score))

    def visible(self) -> tuple[Message, ...]:
        """The messages that could be the first one, where claiming and taking are one step; in order.

        A message that was put back shows itself again after its backoff, or with a fresh one that is pushed while
        it waits: a claim looks at scores for their order alone, and takes it along. So the first may be any of
        those before the first fresh one, depending on whose backoff has passed.
        """
        first: list[Message] = []
        for message in self._cells.read(self._queue) or ():
            if message.is_fresh:
                if not first:
                    return (message,)
                before = [each for each in first if each.is_claimed]
                others = [each for each in first if not each.is_claimed]
                along = [each._replace(is_claimed=True) for each in others[: CLAIMED_MAX - 1]]
                return (*before, message, *along, *others[CLAIMED_MAX - 1 :])
            first.append(message)
        return tuple(first)

    def waiting(self) -> tuple[Message, ...]:
        """All messages that wait to be claimed, in the order of their scores."""
        return tuple(self._cells.read(self._queue) or ())

    def take(self, message: Message) -> None:
        """Remove a message; as in Redis, no list is left when it was the last."""
        messages = self._cells.modify(self._queue, deque[Message])
        messages.remove(message)
        if not messages:
            self._cells.delete(self._queue)

    def claim_and_take(self, message: Message) -> Message:
        """Claim and take, in one step, one that is `visible`; others wait for their backoff no longer.

        With a fresh one those were claimed that waited when it was pushed; with one whose backoff has passed all.
        """
        messages: deque[Message] = self._cells.modify(self._queue, deque)
        place = next(place for place, each in enumerate(messages) if each.item == message.item)
        if not message.is_claimed:
            along = min(place, CLAIMED_MAX - 1) if message.is_fresh else min(len(messages), CLAIMED_MAX)
            for other in range(along):
                messages[other] = messages[other]._replace(is_claimed=not messages[other].is_fresh)
        del messages[place]
        leaves_claimed = any(each.is_claimed for each in islice(messages, CLAIMED_MAX))
        if not messages:
            self._cells.delete(self._queue)
        if message.is_claimed or message.leaves_claimed is not leaves_claimed:
            return message._replace(is_claimed=False, leaves_claimed=leaves_claimed)
        return message

    # -- in flight -----------------------------------------------------------------------------

    def put_in_flight(self, message: Message) -> None:
        """Make the in-flight record of a message that was claimed."""
        self._cells.write(in_flight_key(message.item), message)

    def in_flight(self, item: int) -> Message | None:
        """The in-flight record of the message of an item, if there is one: its data."""
        record: Message | None = self._cells.read(in_flight_key(item))
        return record

    def complete(self, item: int) -> bool:
        """Delete the in-flight record of a message, whoever claimed it; whether there was one."""
        return self._cells.delete(in_flight_key(item))

    def redeliver(self, item: int) -> None:
        """Move a message and its data from its in-flight record, which is there, back to the queue."""
        record = self.in_flight(item)
        assert record is not None
        self.complete(item)
        self.put_again(record._replace(delivery=record.delivery + 1, is_reclaimed=True))

    def claim(self, message: Message) -> None:
        """Move the message of an item, which waits, to its in-flight record."""
        self.take(next(each for each in self.waiting() if each.item == message.item))
        self.put_in_flight(message)

    def as_next_claim(self, message: Message) -> Message:
        """A message that waits, as its next claim has it: with a number that no other claim of its item has."""
        counted: int = self._cells.read(claims_key(message.item)) or 0
        return message._replace(delivery=max(message.delivery, counted + 1))

    def count_claim(self, message: Message) -> None:
        """Claims of a message are counted, where its item can have a second one."""
        self._cells.write(claims_key(message.item), message.delivery)

    # -- the worker list -----------------------------------------------------------------------

    def offer(self, claim: Claim) -> None:
        """Put a key at the end of the worker list."""
        self._cells.modify(WORKER_LIST, deque[Claim]).append(claim)

    def offered(self) -> tuple[Claim, ...]:
        """The keys in the worker list, in order."""
        return tuple(self._cells.read(WORKER_LIST) or ())

    def pop(self) -> Claim:
        """Pop the first key of the worker list, which is there."""
        keys = self._cells.modify(WORKER_LIST, deque[Claim])
        key = keys.popleft()
        if not keys:
            self._cells.delete(WORKER_LIST)
        return key

    # -- slots ---------------------------------------------------------------------------------

    def has_slot(self, item: int) -> bool:
        """Whether the message of an item holds a slot."""
        return self._cells.read(slot_key(item)) is not None

    def hold_slot(self, item: int) -> None:
        """The message of an item holds a slot, and no second one if it holds one already."""
        self._cells.write(slot_key(item), True)

    def free_slot(self, item: int) -> None:
        """The message of an item holds no slot any more."""
        self._cells.delete(slot_key(item))

    # -- who has a message in hand ---------------------------------------------------------------

    def hold(self, claim: Claim) -> None:
        """One more has a message in hand, or its key."""
        key = holders_key(claim.item)
        self._cells.write(key, tuple(sorted((*(self._cells.read(key) or ()), claim.delivery))))

    def let_go(self, claim: Claim) -> None:
        """One of those who had a message in hand, or its key, has not any more."""
        key = holders_key(claim.item)
        held = list(self._cells.read(key) or ())
        if claim.delivery in held:
            held.remove(claim.delivery)
        if held:
            self._cells.write(key, tuple(held))
        else:
            self._cells.delete(key)

    def is_left(self, item: int) -> bool:
        """Whether the message of an item is in flight, and nobody will complete it: it waits for its timeout."""
        record = self.in_flight(item)
        if record is None:
            return False
        held = self._cells.read(holders_key(item)) or ()
        keys = (key.delivery for key in self.offered() if key.item == item)
        return not any(delivery in (0, record.delivery) for delivery in (*held, *keys))


def _score(message: Message) -> tuple[bool, int]:
    return (False, message.item) if message.is_fresh else (True, 0)


class Jobs:
    """The job queue: a waiting job is a key, so scheduling it again does not double it.

    What waits there: `True`, or, of a job that raised, how often it has.
    """

    __slots__ = ("_cells",)

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def schedule(self, job: Key) -> None:
        """Let `job` wait, if it does not already."""
        self._cells.write(job, True)

    def is_waiting(self, job: Key) -> bool:
        """Whether `job` waits to be picked up."""
        return self._cells.read(job) is not None

    def take(self, job: Key) -> None:
        """Pick `job` up: it waits no longer. How often it has raised is kept for when it does again."""
        raised = self._cells.read(job)
        self._cells.delete(job)
        if raised is True:
            self._cells.delete(tries_key(job))
        else:
            self._cells.write(tries_key(job), raised)

    def put_back(self, job: Key, *, has_raised: bool) -> int | None:
        """What was picked up waits again, and overwrites a newer schedule: how often it has raised.

        `None`: too often, it is discarded. Of several that run at the same time the last one picked up counts.
        """
        raised: int = (self._cells.read(tries_key(job)) or 0) + has_raised
        if raised >= JOB_TRIES_MAX:
            self._cells.delete(tries_key(job))
            return None
        self._cells.write(job, raised or True)
        return raised


JOB_TRIES_MAX = 12
"""How often a job is tried: the last time that it raises discards it."""


class Answer(NamedTuple):
    """What the endpoint answers to a phase-2 request."""

    status: int | None
    """`None`: nothing, as the connection was lost."""
    sealed: bool = False
    enqueued_count: int | None = None
    """With 200 and not sealed: how many items Redis counted."""


CONNECTION_LOST = Answer(None)


class Creation(NamedTuple):
    """What the endpoint answers to a phase-1 request."""

    status: int | None
    """`None`: nothing, as the connection was lost."""
    batch: int | None = None
    """With 202: which batch, by the try that made it."""


NOTHING_CREATED = Creation(None)
"""The connection was lost."""


class Connection(NamedTuple):
    """A connection that can break."""

    is_dropped: bool = False
    """The SDK loses it; the request has arrived as a whole."""
    is_closed: bool = False
    """The SDK has its answer."""
    items_read: int = 0
    """How many items the handler has begun."""
    cut_after: int | None = None
    """No more than so many items arrive."""
    is_timed_out: bool = False
    """The server has answered 408, as the body did not arrive in time, and closed it."""

    @property
    def is_whole(self) -> bool:
        """Whether it can still break."""
        is_broken = self.is_dropped or self.is_timed_out or self.cut_after is not None
        return not (is_broken or self.is_closed)


class Network:
    """Requests on their way to the API, answers on their way to the SDK."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def send(self, attempt: int) -> None:
        """Send the phase-2 request of `attempt`."""
        self._cells.write(request_key(attempt), True)

    def answer(self, attempt: int) -> Answer | None:
        """The answer to `attempt`, if there is one yet."""
        answer: Answer | None = self._cells.read(answer_key(attempt))
        return answer

    def receive(self, attempt: int) -> Answer:
        """Receive the answer to `attempt`, which is there."""
        answer: Answer = self._cells.read(answer_key(attempt))
        self._cells.delete(answer_key(attempt))
        return answer

    def connection(self, attempt: int) -> Connection:
        """What became of the connection of `attempt`."""
        return self._cells.read(connection_key(attempt)) or Connection()

    def change_connection(self, attempt: int, connection: Connection) -> None:
        """Something became of the connection of `attempt`."""
        self._cells.write(connection_key(attempt), connection)


_HELD = {
    META: _Held(int, "a whole number (of items)"),
    ENQUEUED_ITEMS: _Held(set, "a set (of the indices of items)"),
    PROCESSED_ITEMS: _Held(set, "a set (of the indices of items)"),
    PROCESSED: _Held(int, "a whole number"),
    RUNS: _Held(dict, "a sorted set (of the indices of items)"),
    FAILURES: _Held(list, "a list (of the indices of items)"),
    QUEUE: _Held(deque, "the messages of batchsim.batch"),
    WORKER_LIST: _Held(deque, "the keys of messages of batchsim.batch"),
    BATCH_ROW: _Held(BatchRow, "a BatchRow of batchsim.batch"),
    WAITPOINT: _Held(Waitpoint, "a Waitpoint of batchsim.batch"),
    "postgres:run:": _Held(bool, "True or False: whether the run is final"),
    "queue:in_flight:": _Held(Message, "a Message of batchsim.batch"),
    "http:answer:": _Held(Answer, "an Answer of batchsim.batch"),
    "http:connection:": _Held(Connection, "a Connection of batchsim.batch"),
}
"""What cells hold that the batch's own operations look into; by name, or by how the name begins."""
_HELD_BELOW = tuple(begin for begin in _HELD if begin.endswith(":"))
