"""What steps of the batch have in common: an item, the message of one, the body of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

from batchsim.batch.stores import Claim, Message
from batchsim.batch.world import World
from batchsim.model.operation import EndsEarly, Operation, ProtocolError

T_co = TypeVar("T_co", covariant=True)


class BodyNotRead(EndsEarly):
    """The connection broke before the whole body of a request had arrived: so many items did."""

    in_words = "the rest of the body does not arrive"


@cache
def body_not_read_after(items: int) -> type[BodyNotRead]:
    """The error that says after how many items the body ended."""
    return type(f"BodyNotReadAfter{items}", (BodyNotRead,), {"arrived": items})


class Replaced(ProtocolError):
    """A process crashed, and another one takes its place: what it had in hand is lost to it."""

    in_words = "crashes, and is replaced"


@dataclass(frozen=True, slots=True)
class ItemOperation(Operation[T_co]):
    """A step that is about one item."""

    index: int

    @property
    def item(self) -> int | None:
        """Its index in the batch."""
        return self.index


@dataclass(frozen=True, slots=True)
class MessageOperation(ItemOperation[T_co]):
    """A step of a consumer that holds the message of an item."""

    delivery: int = field(default=0, kw_only=True)
    """Which delivery of the message it holds, where a token says so; 0: no token does."""

    @property
    def message(self) -> Claim:
        """That of the item."""
        return Claim(self.index, self.delivery)

    def own_record(self, world: World) -> Message | None:
        """The in-flight record of the message; with a token, none but that of the same delivery."""
        record = world.queue.in_flight(self.index)
        if record is None or (self.delivery and record.delivery != self.delivery):
            return None
        return record


@dataclass(frozen=True, slots=True)
class FinalizeOperation(Operation[T_co]):
    """A step of a consumer that finalizes the batch."""

    held: Claim | None = field(default=None, kw_only=True)
    """The message that it has yet to complete, if any."""

    @property
    def message(self) -> Claim | None:
        """The one that it has yet to complete."""
        return self.held

    @property
    def leaves_message(self) -> bool:
        """Whether there is one."""
        return self.held is not None
