"""What the endpoint does: the handlers of phase-2 requests (protocol.md 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from batchsim.batch.history import PUSHED
from batchsim.batch.operations.rows import describe_row, is_unsealed_and_pending
from batchsim.batch.steps import ItemOperation
from batchsim.batch.stores import (
    BATCH_ROW,
    ENQUEUED_ITEMS,
    META,
    QUEUE,
    BatchRow,
    Claim,
    Message,
    Status,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Footprint, Operation, touches


@dataclass(frozen=True, slots=True)
class FindBatch(Operation[BatchRow]):
    """Read the batch row."""

    name: ClassVar[str] = "postgres.find_batch"
    done_by: ClassVar[tuple[str, ...]] = ("handler", "job", "reaper")
    footprint_of_class: ClassVar[Footprint] = touches(reads=(BATCH_ROW,))

    def apply(self, world: World) -> BatchRow:
        return world.postgres.find_batch()

    def describe(self, answer: Any) -> str:
        return describe_row(answer)


@dataclass(frozen=True, slots=True)
class Upload(ItemOperation[None]):
    """Upload a large payload to the object store."""

    name: ClassVar[str] = "store.upload"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    is_wait: ClassVar[bool] = True

    @property
    def reads_body(self) -> bool:
        return True

    def apply(self, world: World) -> None:
        """Nobody reads the object store."""

    def describe(self, answer: Any) -> str:
        return f"item {self.index}"


@dataclass(frozen=True, slots=True)
class GetMeta(ItemOperation[int | None]):
    """Read the metadata of the batch: its `run_count`, or `None` where cleanup was."""

    name: ClassVar[str] = "redis.get_meta"
    done_by: ClassVar[tuple[str, ...]] = ("handler", "consumer")
    footprint_of_class: ClassVar[Footprint] = touches(reads=(META,))
    held: Claim | None = None
    """Of a consumer: the message that it holds."""
    is_first: bool = False
    """Of a handler: whether it does nothing for the item before."""

    @property
    def reads_body(self) -> bool:
        return self.is_first

    @property
    def message(self) -> Claim | None:
        return self.held

    @property
    def leaves_message(self) -> bool:
        return self.held is not None

    def apply(self, world: World) -> int | None:
        meta: int | None = world.redis.get(META)
        return meta

    def describe(self, answer: Any) -> str:
        return "absent" if answer is None else "present"


@dataclass(frozen=True, slots=True)
class MarkEnqueued(ItemOperation[bool]):
    """Mark an item as enqueued; whether it was not already."""

    name: ClassVar[str] = "redis.mark_enqueued"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(ENQUEUED_ITEMS,))

    def apply(self, world: World) -> bool:
        return world.redis.sadd(ENQUEUED_ITEMS, self.index) == 1

    def describe(self, answer: Any) -> str:
        return f"item {self.index}" if answer else f"item {self.index} was already there"


def _push(world: World, index: int) -> None:
    message = Message(index)
    if world.history.was_pushed(index):
        world.queue.put_again(message)
    else:
        world.queue.push(message)
    world.history.note_push(index)


@dataclass(frozen=True, slots=True)
class PushMessage(ItemOperation[None]):
    """Push the message of an item to the batch queue."""

    name: ClassVar[str] = "queue.push"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(QUEUE, PUSHED))
    may_unblock: ClassVar[bool] = True

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def apply(self, world: World) -> None:
        _push(world, self.index)

    def describe(self, answer: Any) -> str:
        return f"item {self.index}"


class Enqueued(StrEnum):
    """What became of an item that was to be enqueued."""

    ACCEPTED = "accepted"
    DUPLICATE = "was already there"
    NOT_INITIALIZED = "the batch is gone"


@dataclass(frozen=True, slots=True)
class EnqueueItem(ItemOperation[Enqueued]):
    """In one script: look for the metadata, mark an item as enqueued, and push its message if it was not."""

    name: ClassVar[str] = "redis.mark_enqueued"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(reads=(META,), writes=(ENQUEUED_ITEMS, QUEUE, PUSHED))
    may_unblock: ClassVar[bool] = True
    is_first: bool = False
    """Whether the handler does nothing for the item before."""

    @property
    def reads_body(self) -> bool:
        return self.is_first

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return (QUEUE,) if answer is Enqueued.ACCEPTED else ()

    def apply(self, world: World) -> Enqueued:
        if world.redis.get(META) is None:
            return Enqueued.NOT_INITIALIZED
        if not world.redis.sadd(ENQUEUED_ITEMS, self.index):
            return Enqueued.DUPLICATE
        _push(world, self.index)
        return Enqueued.ACCEPTED

    def describe(self, answer: Any) -> str:
        return f"item {self.index} {answer}"


@dataclass(frozen=True, slots=True)
class EnqueuedCount(Operation[int]):
    """Count the items that are marked as enqueued."""

    name: ClassVar[str] = "redis.enqueued_count"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(reads=(ENQUEUED_ITEMS,))

    def apply(self, world: World) -> int:
        return world.redis.scard(ENQUEUED_ITEMS)


@dataclass(frozen=True, slots=True)
class Seal(Operation[bool]):
    """Seal the batch, where it is PENDING and not sealed; whether the row changed."""

    name: ClassVar[str] = "postgres.seal"
    done_by: ClassVar[tuple[str, ...]] = ("handler",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(BATCH_ROW,))

    def apply(self, world: World) -> bool:
        changed = world.postgres.update_batch(
            lambda row: row._replace(sealed=True, status=Status.PROCESSING), where=is_unsealed_and_pending
        )
        return changed == 1

    def describe(self, answer: Any) -> str:
        return "sealed" if answer else "no row changed"
