"""What the dispatcher does, and the queue by itself, where a message can come back (protocol.md 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.batch.steps import MessageOperation
from batchsim.batch.stores import (
    CLAIMED_MAX,
    QUEUE,
    WORKER_LIST,
    Claim,
    Message,
    claims_key,
    holders_key,
    in_flight_key,
    slot_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Timer, touches


def visibility_timer(index: int) -> Key:
    """The timer of the visibility timeout of the message of an item."""
    return f"visibility:{index}"


@dataclass(frozen=True, slots=True)
class ClaimMessages(BlockingOperation[tuple[Claim, ...]]):
    """In one script: move the first messages of the queue, as many as have a free slot, to in-flight records."""

    name: ClassVar[str] = "queue.claim"
    done_by: ClassVar[tuple[str, ...]] = ("dispatcher",)
    is_idle: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    run_count: int
    slots: int | None = None
    """How many messages can hold a slot; `None`: there are no more messages than slots."""
    has_tokens: bool = False
    """Whether a claim says which delivery it is of."""
    is_held: bool = False
    """Whether it matters who has a message in hand: somebody can leave one."""
    is_numbered: bool = False
    """Whether claims are counted, as an item can have a second message of the same delivery."""

    def waits_for(self) -> Key:
        return QUEUE

    def footprint(self) -> Footprint:
        items = range(self.run_count)
        slots = () if self.slots is None else tuple(map(slot_key, items))
        held = tuple(map(holders_key, items)) if self.is_held else ()
        counts = tuple(map(claims_key, items)) if self.is_numbered else ()
        return touches(reads=slots, writes=(QUEUE, *map(in_flight_key, items), *held, *counts))

    def timer_after(self, answer: Any) -> Timer | None:
        if not answer:
            return None
        # One scan finds all that were claimed together.
        (first, item), *others = ((visibility_timer(claim.item), claim.item) for claim in answer)
        about = in_flight_key(item)
        return Timer(first, Redeliver.name, wakes_at_once=True, item=item, also=tuple(others), about=about)

    def unblocks(self) -> tuple[Key, ...]:
        return tuple(map(in_flight_key, range(self.run_count)))

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        return tuple(in_flight_key(claim.item) for claim in answer)

    @property
    def leaves_message(self) -> bool:
        return True

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        free = self._free_slots(world)
        return tuple(self._ways(world, free)) if free > 0 else ()

    def _free_slots(self, world: World) -> int:
        if self.slots is None:
            return CLAIMED_MAX
        return min(CLAIMED_MAX, self.slots - sum(map(world.queue.has_slot, range(self.run_count))))

    def _ways(self, world: World, free: int) -> Iterator[Alternative]:
        """The first message is one that is due; the others follow by their scores, due or not."""
        waiting = world.queue.by_score()
        fresh = [each for each in waiting if each.is_fresh]
        for first in fresh[:1] or waiting:
            timer = first.timer
            others = (each for each in waiting if each is not first)
            claimed = (first, *others)[:free]
            if self.is_numbered:
                claimed = tuple(map(world.queue.as_next_claim, claimed))
            yield Alternative(None if timer is None else f"item {first.item}", timer, claimed)

    def claims(self, messages: tuple[Message, ...]) -> tuple[Claim, ...]:
        """What is claimed with some messages."""
        return tuple(Claim(each.item, each.delivery if self.has_tokens else 0) for each in messages)

    def messages_taken(self, alternative: Alternative) -> tuple[Claim, ...]:
        return self.claims(alternative.choice)

    def apply_alternative(self, world: World, alternative: Alternative) -> tuple[Claim, ...]:
        messages: tuple[Message, ...] = alternative.choice
        claims = self.claims(messages)
        for message, claim in zip(messages, claims, strict=True):
            world.queue.claim(message)
            if self.is_numbered:
                world.queue.count_claim(message)
            if self.is_held:
                world.queue.hold(claim)
        return claims

    def describe(self, answer: Any) -> str:
        return told_claims(answer)


@dataclass(frozen=True, slots=True)
class OfferMessage(MessageOperation[None]):
    """Put the key of a claimed message at the end of the worker list; its slot is taken."""

    name: ClassVar[str] = "queue.offer"
    lets_go: ClassVar[bool] = True
    done_by: ClassVar[tuple[str, ...]] = ("dispatcher",)
    is_of_faults: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    next_ones: tuple[Claim, ...] = ()
    """What is claimed too, and has yet to be offered."""
    takes_slot: bool = False
    is_held: bool = False
    """Whether it matters who has a message in hand: somebody can leave one."""

    def footprint(self) -> Footprint:
        slot = (slot_key(self.index),) if self.takes_slot else ()
        held = (holders_key(self.index),) if self.is_held else ()
        return touches(writes=(WORKER_LIST, *slot, *held))

    def unblocks(self) -> tuple[Key, ...]:
        return (WORKER_LIST,)

    @property
    def leaves_message(self) -> bool:
        return True

    @property
    def messages(self) -> tuple[Claim, ...]:
        return (self.message, *self.next_ones)

    def apply(self, world: World) -> None:
        world.queue.offer(self.message)
        if self.is_held:
            world.queue.let_go(self.message)
        if self.takes_slot:
            world.queue.hold_slot(self.index)

    def describe(self, answer: Any) -> str:
        return told_claims((self.message,))


def told_claims(claims: tuple[Claim, ...]) -> str:
    """Which items, and which delivery where that is known: `items 0, 1`."""
    names = [f"{each.item}{f' (delivery {each.delivery})' if each.delivery > 1 else ''}" for each in claims]
    return f"item{'s' if len(names) > 1 else ''} {', '.join(names)}"


@dataclass(frozen=True, slots=True)
class Redeliver(BlockingOperation[None]):
    """The visibility timeout of a message has passed: it goes back from its in-flight record to the queue.

    It goes back with the score that it had, so to the front, and frees its slot. Its key stays in the worker list.
    """

    name: ClassVar[str] = "queue.redeliver"
    done_by: ClassVar[tuple[str, ...]] = ("queue",)
    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    index: int
    can_be_left: bool = False
    """Whether it comes by itself, to a message that nobody will complete."""

    @property
    def item(self) -> int | None:
        return self.index

    def waits_for(self) -> Key:
        return in_flight_key(self.index)

    def footprint(self) -> Footprint:
        index = self.index
        who_has_it = (WORKER_LIST, holders_key(index)) if self.can_be_left else ()
        return touches(reads=who_has_it, writes=(QUEUE, in_flight_key(index), slot_key(index)))

    def unblocks(self) -> tuple[Key, ...]:
        return (QUEUE,)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        is_left = self.can_be_left and world.queue.is_left(self.index)
        return (Alternative(timer=visibility_timer(self.index)),) if is_left else ()

    def apply(self, world: World) -> None:
        world.queue.redeliver(self.index)
        world.queue.free_slot(self.index)

    def describe(self, answer: Any) -> str:
        return f"item {self.index}"
