"""A parent that calls again: its attempt fails with its call, and its next one triggers the same items.

Without an idempotency key the second call makes a batch of its own. Its cells have names of their own, and whoever
works for it does what is done for the first one, on those (`renaming.py`). Consumers take from either queue.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any

from batchsim.batch.operations import Deliver, TakeFromEither, TakeMessage
from batchsim.batch.renaming import renamed
from batchsim.batch.setting import Deliveries, Setting
from batchsim.batch.stores import MAX_ATTEMPTS, SECOND_CALL, of_second_batch
from batchsim.model.cells import Cells, Key
from batchsim.model.operation import Awaited, Both, ForEach, Operation, Program, ProtocolError, StoreFailure

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy


@dataclass(frozen=True, slots=True)
class OfSecondBatch:
    """The cells of the second batch."""

    def looks_at(self) -> tuple[Key, ...]:
        """Nothing decides it."""
        return ()

    def names(self, key: Key) -> tuple[Key, ...]:
        """The only one."""
        return (of_second_batch(key),)

    def name(self, key: Key, cells: Cells) -> Key:
        """The only one."""
        return of_second_batch(key)

    def woken(self, key: Key) -> tuple[Key, ...]:
        """Those who serve both batches wait for the cell of the first."""
        return (of_second_batch(key), key)


@dataclass(frozen=True, slots=True)
class OfLastBatch:
    """The cells of the second batch, once there is one, and those of the first before."""

    def looks_at(self) -> tuple[Key, ...]:
        """Whether there is a second call."""
        return (SECOND_CALL,)

    def names(self, key: Key) -> tuple[Key, ...]:
        """That of the second batch, and that of the first, which it waits for."""
        return (of_second_batch(key), key)

    def name(self, key: Key, cells: Cells) -> Key:
        """That of the last batch."""
        return of_second_batch(key) if cells.read(SECOND_CALL) else key

    def woken(self, key: Key) -> tuple[Key, ...]:
        """Either."""
        return self.names(key)


SECOND, LAST = OfSecondBatch(), OfLastBatch()
in_second_batch = partial(renamed, SECOND)
in_last_batch = partial(renamed, LAST)


def as_sdk_of_both(operation: Operation[Any]) -> Operation[Any]:
    """What the SDK does: the answers to its second call are about the second batch."""
    bare = operation.bare
    is_of_second = isinstance(bare, Deliver) and bare.attempt > MAX_ATTEMPTS
    return in_second_batch(operation) if is_of_second else operation


def cells_of_second_batch(cells: Iterable[Key]) -> Iterator[Key]:
    """The cells of the second batch, from those of a system with one."""
    return (of_second_batch(key) for key in cells if of_second_batch(key) != key)


# -- consumers of both batches -------------------------------------------------------------------


async def consume_either(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Take message after message, from either batch."""
    while True:
        with suppress(StoreFailure):
            await _in_either(policy.consume(setting, policy, deliveries))


@coroutine
def _in_either(program: Program[Any]) -> Generator[Awaited, Any, Any]:
    """Let a flow take its message from either batch, and go on with the cells of that one."""
    is_second = False
    answer: Any = None
    failure: ProtocolError | None = None
    while True:
        try:
            awaited = program.send(answer) if failure is None else program.throw(failure)
        except StopIteration as end:
            return end.value
        answer = failure = None  # nothing stays in variables that plays no part any more
        try:
            if isinstance(awaited, TakeMessage):
                is_second, answer = yield TakeFromEither()
            else:
                answer = yield _in_second(awaited) if is_second else awaited
        except ProtocolError as raised:
            failure = raised


def _in_second(awaited: Awaited) -> Awaited:
    match awaited:
        case Both(operations):
            return Both((in_second_batch(operations[0]), in_second_batch(operations[1])))
        case ForEach():
            raise NotImplementedError("coroutines side by side in a consumer, where a parent calls again")
        case _:
            return in_second_batch(awaited)
