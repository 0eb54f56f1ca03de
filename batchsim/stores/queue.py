"""A queue with a visibility timeout, as Amazon SQS has it.

A message that was received is in flight: nobody else receives it, until its visibility timeout has passed. Then
it comes back, whether its consumer is slow, has crashed or has raised; who still works on it cannot know. So a
message is deleted by the receipt of the time that it was received, and with an older one nothing happens.

Atomic is what one operation does. `receive` waits while no message is visible. With time, a message comes back
when its timeout has passed since it was received, or since `extend`; without, at any moment in flight. How often
it comes back is bounded: after that many `redeliveries` the next timeout takes it to the dead letters (SQS:
`maxReceiveCount` is one more). Bodies are values that can be compared with each other, as texts or numbers.
Messages are received in the order in which they became visible, which SQS does not promise. Left out: batches of
messages, delays, groups, deduplication.

    from batchsim.stores import queue

    System("mail", workers, cells=("sent",), parts=(queue.visibility("jobs", "30 s", redeliveries=1),))

    await queue.send("jobs", "mail 1")
    message = await queue.receive("jobs")
    ...
    await queue.delete("jobs", message.receipt)
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

from batchsim.bad_input import BadInputError
from batchsim.model.cells import LISTED_BY, Cells, Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, Timer, touches
from batchsim.model.parts import PARTS, Part, setting_of
from batchsim.model.system import Actor


class Identity(NamedTuple):
    """Which message it is: its body, and which one with that body, from 1."""

    body: Hashable
    copy: int

    def __str__(self) -> str:
        return str(self.body) if self.copy == 1 else f"{self.body} ({self.copy})"


class Receipt(NamedTuple):
    """For which message, and for which time that it was received."""

    message: Identity
    receives: int
    timeout: str
    """How long it is in flight, unless that is said anew."""


class Message(NamedTuple):
    """What a consumer receives."""

    body: Any
    receipt: Receipt
    receives: int
    """Which time it is received, from 1."""


class Settings(NamedTuple):
    """How a queue is set up."""

    timeout: str
    redeliveries: int


LISTED_BY["queue:"] = 'parts=(queue.visibility(NAME, "30 s"),) in the System'


def queue_key(name: str) -> Key:
    """The cell of the visible messages, the first one first: of each its identity, and how often received."""
    return f"queue:{name}"


def in_flight_key(name: str) -> Key:
    """The cell of the messages that are in flight: by identity, how often received."""
    return f"queue:{name}:in_flight"


def sent_key(name: str) -> Key:
    """The cell that tells how many messages of a body were sent."""
    return f"queue:{name}:sent"


def dead_key(name: str) -> Key:
    """The cell of the dead letters: identities, the first one first."""
    return f"queue:{name}:dead"


def timer_key(name: str, message: Identity) -> Key:
    """The timer of the visibility timeout of a message."""
    return f"{in_flight_key(name)}:{tuple(message)!r}"


def _timer(name: str, receipt: Receipt, timeout: str) -> Timer:
    return Timer(timer_key(name, receipt.message), f"{TimeOut.name}({timeout})")


def _is_in_flight(cells: Cells, name: str, receipt: Receipt) -> bool:
    held: dict[Identity, int] = cells.read(in_flight_key(name)) or {}
    return held.get(receipt.message) == receipt.receives


def _land(cells: Cells, name: str, message: Identity) -> int:
    """A message is in flight no longer; how often it was received."""
    held: dict[Identity, int] = cells.modify(in_flight_key(name), dict)
    receives = held.pop(message)
    if not held:
        cells.delete(in_flight_key(name))
    return receives


def _settings(cells: Cells, name: str, operation: str) -> Settings:
    part = f'queue.visibility({name!r}, "30 s")'
    settings: Settings = setting_of(cells, f"queue {name}", operation, part)
    return settings


def _come_back(cells: Cells, name: str, message: Identity, operation: str) -> bool:
    """A message is visible again, or, if it was so too often, a dead letter; whether it is visible."""
    receives = _land(cells, name, message)
    is_visible = receives <= _settings(cells, name, operation).redeliveries
    held: list[Any] = cells.modify(queue_key(name) if is_visible else dead_key(name), list)
    held.append((message, receives) if is_visible else message)
    return is_visible


@dataclass(frozen=True, slots=True)
class _OfQueue(Operation[Any]):
    """An operation on a queue."""

    group: ClassVar[str | None] = "redis"
    queue: str


@dataclass(frozen=True, slots=True)
class Send(_OfQueue):
    """`SendMessage`."""

    name: ClassVar[str] = "queue.send"
    may_unblock: ClassVar[bool] = True
    body: Hashable

    def footprint(self) -> Footprint:
        """The visible messages, and how many were sent."""
        return touches(reads=(PARTS,), writes=(queue_key(self.queue), sent_key(self.queue)))

    def unblocks(self) -> tuple[Key, ...]:
        """The visible messages."""
        return (queue_key(self.queue),)

    def apply(self, world: Any) -> None:
        """It is visible, after those that are."""
        _settings(world.cells, self.queue, self.name)
        sent: dict[Any, int] = world.cells.modify(sent_key(self.queue), dict)
        sent[self.body] = sent.get(self.body, 0) + 1
        held: list[Any] = world.cells.modify(queue_key(self.queue), list)
        held.append((Identity(self.body, sent[self.body]), 0))

    def describe(self, answer: Any) -> str:
        """What is sent."""
        return str(self.body)


@dataclass(frozen=True, slots=True)
class Receive(BlockingOperation[Message]):
    """`ReceiveMessage`, which waits until a message is visible."""

    name: ClassVar[str] = "queue.receive"
    group: ClassVar[str | None] = "redis"
    may_unblock: ClassVar[bool] = True
    queue: str

    def waits_for(self) -> Key:
        """The visible messages."""
        return queue_key(self.queue)

    def footprint(self) -> Footprint:
        """The visible messages, and those in flight."""
        return touches(reads=(PARTS,), writes=(queue_key(self.queue), in_flight_key(self.queue)))

    def unblocks(self) -> tuple[Key, ...]:
        """Those in flight: this one can come back."""
        return (in_flight_key(self.queue),)

    def timer_after(self, answer: Any) -> Timer | None:
        """The visibility timeout."""
        return _timer(self.queue, answer.receipt, answer.receipt.timeout)

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """One, if a message is visible."""
        return (Alternative(),) if world.cells.read(queue_key(self.queue)) else ()

    def apply(self, world: Any) -> Message:
        """The first one is in flight."""
        cells = world.cells
        timeout = _settings(cells, self.queue, self.name).timeout
        held: list[Any] = cells.modify(queue_key(self.queue), list)
        message, receives = held.pop(0)
        if not held:
            cells.delete(queue_key(self.queue))
        cells.modify(in_flight_key(self.queue), dict)[message] = receives + 1
        return Message(message.body, Receipt(message, receives + 1, timeout), receives + 1)

    def describe(self, answer: Any) -> str:
        """Which message, and which time."""
        again = f", received {answer.receives} times" if answer.receives > 1 else ""
        return f"{answer.receipt.message}{again}"


@dataclass(frozen=True, slots=True)
class _OfReceipt(_OfQueue):
    """Something is done with a message that is in flight under a receipt, or was."""

    receipt: Receipt

    def describe(self, answer: Any) -> str:
        """What was done, or that it was too late."""
        return self.in_words() if answer else f"{self.receipt.message}: the receipt is old"

    def in_words(self) -> str:
        """What was done, in time."""
        return str(self.receipt.message)


@dataclass(frozen=True, slots=True)
class Delete(_OfReceipt):
    """`DeleteMessage`."""

    name: ClassVar[str] = "queue.delete"

    def footprint(self) -> Footprint:
        """Those in flight."""
        return touches(writes=(in_flight_key(self.queue),))

    def apply(self, world: Any) -> bool:
        """Whether it was in flight under this receipt, and is gone now."""
        if not _is_in_flight(world.cells, self.queue, self.receipt):
            return False
        _land(world.cells, self.queue, self.receipt.message)
        return True


@dataclass(frozen=True, slots=True)
class Release(_OfReceipt):
    """`ChangeMessageVisibility` to 0."""

    name: ClassVar[str] = "queue.release"
    may_unblock: ClassVar[bool] = True

    def footprint(self) -> Footprint:
        """Everything."""
        return _everything(self.queue)

    def unblocks(self) -> tuple[Key, ...]:
        """The visible messages."""
        return (queue_key(self.queue),)

    def apply(self, world: Any) -> bool:
        """Whether it was in flight under this receipt, and is so no longer."""
        if not _is_in_flight(world.cells, self.queue, self.receipt):
            return False
        _come_back(world.cells, self.queue, self.receipt.message, self.name)
        return True


@dataclass(frozen=True, slots=True)
class Extend(_OfReceipt):
    """`ChangeMessageVisibility`."""

    name: ClassVar[str] = "queue.extend"
    may_unblock: ClassVar[bool] = True
    timeout: str

    def footprint(self) -> Footprint:
        """Those in flight."""
        return touches(reads=(in_flight_key(self.queue),))

    def unblocks(self) -> tuple[Key, ...]:
        """Those in flight."""
        return (in_flight_key(self.queue),)

    def timer(self) -> Timer | None:
        """The visibility timeout, anew."""
        return _timer(self.queue, self.receipt, self.timeout)

    def timer_after(self, answer: Any) -> Timer | None:
        """The same, if it was not too late."""
        return self.timer() if answer else None

    def apply(self, world: Any) -> bool:
        """Whether it is in flight under this receipt."""
        return _is_in_flight(world.cells, self.queue, self.receipt)

    def in_words(self) -> str:
        """By how long."""
        return f"{self.receipt.message} by {self.timeout}"


def _everything(queue: str) -> Footprint:
    """All of a queue: what is visible, in flight and dead, and how it is set."""
    return touches(reads=(PARTS,), writes=(queue_key(queue), in_flight_key(queue), dead_key(queue)))


@dataclass(frozen=True, slots=True)
class TimeOut(BlockingOperation[bool]):
    """The visibility timeout of a message has passed: it is visible again, or a dead letter."""

    name: ClassVar[str] = "queue.timeout"
    group: ClassVar[str | None] = ""
    default_latency: ClassVar[Any] = 0
    is_wait: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    queue: str

    def waits_for(self) -> Key:
        """The messages in flight."""
        return in_flight_key(self.queue)

    def footprint(self) -> Footprint:
        """Everything."""
        return _everything(self.queue)

    def unblocks(self) -> tuple[Key, ...]:
        """The visible messages."""
        return (queue_key(self.queue),)

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """Any message in flight may be the next one."""
        held: dict[Identity, int] = world.cells.read(in_flight_key(self.queue)) or {}
        return tuple(Alternative(repr(tuple(each)), timer_key(self.queue, each), each) for each in sorted(held))

    def apply_alternative(self, world: Any, alternative: Alternative) -> bool:
        """Whether it is visible again."""
        return _come_back(world.cells, self.queue, alternative.choice, self.name)

    def describe(self, answer: Any) -> str:
        """What became of it."""
        return "visible again" if answer else "a dead letter"


def send(name: str, body: Hashable) -> Send:
    """Put a message at the end of the queue."""
    return Send(name, body)


def receive(name: str) -> Receive:
    """The next visible message, when there is one: its `body`, `receipt`, and which time it is received."""
    return Receive(name)


def delete(name: str, receipt: Receipt) -> Delete:
    """Delete a message that was received; whether it was still in flight under this receipt."""
    return Delete(name, receipt)


def release(name: str, receipt: Receipt) -> Release:
    """Make a message visible at once; whether it was still in flight under this receipt."""
    return Release(name, receipt)


def extend(name: str, receipt: Receipt, timeout: str) -> Extend:
    """Keep a message in flight so long from now on, `"30 s"`; whether it was still so under this receipt."""
    return Extend(name, receipt, timeout)


async def _let_come_back(name: str) -> None:
    while True:
        await TimeOut(name)


def visibility(name: str, timeout: str, *, redeliveries: int = 1) -> Part:
    """What a system with such a queue needs: `parts=(queue.visibility("jobs", "30 s"),)`.

    `timeout`: how long a message is in flight, unless it is deleted. `redeliveries`: how often it comes back
    before it is a dead letter. Raises `BadInputError` for fewer than 0.
    """
    if redeliveries < 0:
        raise BadInputError(f"queue.visibility: redeliveries: found {redeliveries}; allowed: 0 or more")
    return Part(
        cells=(queue_key(name), in_flight_key(name), sent_key(name), dead_key(name)),
        settings=((f"queue {name}", Settings(timeout, redeliveries)),),
        actors=(Actor(f"queue {name}", None, partial(_let_come_back, name), is_environment=True),),
    )
