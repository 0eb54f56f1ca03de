"""Redis, PostgreSQL, the batch queue, the job queue and the network, in memory.

Method names and meanings are those of the real clients, so that the real ones can stand in
their place. Each method is atomic; which methods make up one step is said by the operations.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from batchsim.model.cells import Cells, Key

META: Key = "batch:B:meta"
ENQUEUED_ITEMS: Key = "batch:B:enqueued_items"
PROCESSED_ITEMS: Key = "batch:B:processed_items"
PROCESSED: Key = "batch:B:processed"
RUNS: Key = "batch:B:runs"
FAILURES: Key = "batch:B:failures"
REDIS_KEYS = (META, ENQUEUED_ITEMS, PROCESSED_ITEMS, PROCESSED, RUNS, FAILURES)
"""The six keys of a batch (protocol.md §2)."""

QUEUE: Key = "queue"
BATCH_ROW: Key = "postgres:batch"
WAITPOINT: Key = "postgres:waitpoint"
COMPLETION_JOB: Key = "jobs:completion"
EXPIRY_JOB: Key = "jobs:expiry"


def run_key(index: int, copy: int = 1) -> Key:
    """The row of a child run of item `index`: the first, or another that was inserted for the same item."""
    return f"postgres:run:{index}" if copy == 1 else f"postgres:run:{index}:{copy}"


@lru_cache(maxsize=4096)
def run_keys(index: int, copies: int) -> tuple[Key, ...]:
    """The rows of all child runs that item `index` can have."""
    return tuple(run_key(index, copy) for copy in range(1, copies + 1))


def in_flight_key(index: int) -> Key:
    """The in-flight record of the message of item `index`, where it is a thing of its own."""
    return f"queue:in_flight:{index}"


def request_key(attempt: int) -> Key:
    """Where the phase-2 request of `attempt` is noted once the SDK has sent it."""
    return f"http:request:{attempt}"


def answer_key(attempt: int) -> Key:
    """Where the answer to `attempt` waits for its delivery."""
    return f"http:answer:{attempt}"


def connection_key(attempt: int) -> Key:
    """What became of the connection of `attempt`, where it can break."""
    return f"http:connection:{attempt}"


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
        self._cells.modify(key, dict[int, int])[member] = score

    def zrange(self, key: Key) -> list[int]:
        """`ZRANGE 0 -1`: the members by their scores."""
        scores: dict[int, int] = self._cells.read(key) or {}
        return sorted(scores, key=scores.__getitem__)

    def rpush(self, key: Key, value: int) -> None:
        """`RPUSH`."""
        self._cells.modify(key, list[int]).append(value)

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

    @property
    def timer(self) -> Key | None:
        """The timer that holds a message back that was put back after a failed attempt."""
        return None if self.attempt == 1 else f"queue:{self.item}"

    @property
    def redeliveries(self) -> int:
        """How often it came back otherwise than after a failed attempt, where that can be told."""
        return self.delivery - self.attempt


class Claim(NamedTuple):
    """What a consumer takes where taking and reading are two steps: a message without its data."""

    item: int
    delivery: int


class InFlight(NamedTuple):
    """The record of a message that was taken."""

    message: Message
    is_abandoned: bool = False
    """Whether whoever took it will never complete it; the queue cannot know."""


class BatchQueue:
    """The list of messages that wait for a consumer, and the records of those in flight."""

    __slots__ = ("_cells",)

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def push(self, message: Message) -> None:
        """Put a message at the end."""
        self._cells.modify(QUEUE, deque[Message]).append(message)

    def visible(self) -> tuple[Message, ...]:
        """The messages that could be the first one, in order.

        A message that was put back shows itself again after its backoff. So the first may be any of
        those before the first fresh one, depending on whose backoff has passed.
        """
        first: list[Message] = []
        for message in self._cells.read(QUEUE) or ():
            first.append(message)
            if message.timer is None:
                break
        return tuple(first)

    def take(self, message: Message) -> None:
        """Remove a message; as in Redis, no list is left when it was the last."""
        messages = self._cells.modify(QUEUE, deque[Message])
        messages.remove(message)
        if not messages:
            self._cells.delete(QUEUE)

    def put_in_flight(self, message: Message) -> None:
        """Make the in-flight record of a message that was taken."""
        self._cells.write(in_flight_key(message.item), InFlight(message))

    def in_flight(self, item: int) -> InFlight | None:
        """The in-flight record of the message of an item, if there is one."""
        record: InFlight | None = self._cells.read(in_flight_key(item))
        return record

    def complete(self, item: int) -> bool:
        """Delete the in-flight record of a message, whoever took it; whether there was one."""
        return self._cells.delete(in_flight_key(item))

    def abandon(self, item: int, delivery: int) -> None:
        """Whoever holds this delivery of a message will never complete it."""
        record = self.in_flight(item)
        if record is not None and record.message.delivery == delivery:
            self._cells.write(in_flight_key(item), record._replace(is_abandoned=True))

    def redeliver(self, item: int) -> None:
        """Move a message and its data from its in-flight record, which is there, back to the queue."""
        record = self.in_flight(item)
        assert record is not None
        self.complete(item)
        self.push(record.message._replace(delivery=record.message.delivery + 1))


class Jobs:
    """The job queue: a waiting job is a key, so scheduling it again does not double it."""

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
        """Pick `job` up: it waits no longer."""
        self._cells.delete(job)


class Answer(NamedTuple):
    """What the endpoint answers to a phase-2 request."""

    status: int | None
    """`None`: nothing, as the connection was lost."""
    sealed: bool = False
    enqueued_count: int | None = None
    """With 200 and not sealed: how many items Redis counted."""


CONNECTION_LOST = Answer(None)


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

    @property
    def is_whole(self) -> bool:
        """Whether it can still break."""
        return not (self.is_dropped or self.is_closed or self.cut_after is not None)


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
