"""What steps of the batch have in common: an item, the message of one, the body of a request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from batchsim.batch.stores import Claim
from batchsim.model.operation import Operation, ProtocolError

T_co = TypeVar("T_co", covariant=True)


class BodyNotRead(ProtocolError):
    """The connection broke before the whole body of a request had arrived."""

    in_words = "the rest of the body does not arrive"


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

    delivery: int = field(default=1, kw_only=True)
    """Which delivery of the message it holds. No store is told; it says whose claim a crash gives up."""

    @property
    def message(self) -> Claim | None:
        """That of the item."""
        return Claim(self.index, self.delivery)


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
