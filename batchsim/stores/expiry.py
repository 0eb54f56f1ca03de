"""Keys of Redis that expire: a time to live is a cell, and an actor of the environment waits for its end.

With time, a key vanishes when it has lived so long since that was said last. Without, it may vanish at any moment
from then on. What deletes or sets a key takes its time to live away, what changes it does not, as in Redis.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar

from batchsim.model.cells import Cells, IfListed, Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Timer, touches
from batchsim.model.parts import Part, setting_of
from batchsim.model.system import Actor


@lru_cache(maxsize=4096)
def ttl_of(key: Key) -> IfListed:
    """The cell that is there while a key has a time to live; its timer, too."""
    return IfListed(f"redis:ttl:{key}")


def forget(cells: Cells, keys: Iterable[Key]) -> None:
    """A key that is gone has no time to live."""
    for key in keys:
        if cells.read(ttl_of(key)) is not None and cells.read(key) is None:
            cells.delete(ttl_of(key))


def check_expiring(cells: Cells, key: Key, operation: str) -> None:
    """Raises `BadInputError` where nothing would let the key expire."""
    setting_of(cells, f"redis.expiring({key!r})", operation, f"redis.expiring({key!r})")


def let_expire(cells: Cells, key: Key) -> None:
    """The key has a time to live now."""
    cells.write(ttl_of(key), value=True)


def timer_of(key: Key, duration: str) -> Timer:
    """The timer of its time to live."""
    return Timer(ttl_of(key), f"{Expired.name}({duration})", wakes_at_once=True)


@dataclass(frozen=True, slots=True)
class Expired(BlockingOperation[None]):
    """The time to live of a key has passed: Redis drops it."""

    name: ClassVar[str] = "redis.expired"
    group: ClassVar[str | None] = ""
    default_latency: ClassVar[Any] = 0
    is_wait: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    key: Key

    def waits_for(self) -> Key:
        """The time to live."""
        return ttl_of(self.key)

    def footprint(self) -> Footprint:
        """The key and its time to live."""
        return touches(writes=(self.key, ttl_of(self.key)))

    def unblocks(self) -> tuple[Key, ...]:
        """Somebody may wait until the key is gone."""
        return (self.key,)

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """One, while the key has a time to live."""
        return () if world.cells.read(ttl_of(self.key)) is None else (Alternative(timer=ttl_of(self.key)),)

    def apply(self, world: Any) -> None:
        """Drop the key."""
        world.cells.delete(self.key)
        world.cells.delete(ttl_of(self.key))

    def describe(self, answer: Any) -> str:
        """Which key."""
        return self.key


async def _drop(key: Key) -> None:
    while True:
        await Expired(key)


def expiring(*keys: Key) -> Part:
    """What a system needs where keys are given a time to live: `parts=(redis.expiring("lease"),)`."""
    return Part(
        cells=tuple(cell for key in keys for cell in (key, ttl_of(key))),
        settings=tuple((f"redis.expiring({key!r})", True) for key in keys),
        actors=tuple(Actor(f"expiry of {key}", None, partial(_drop, key), is_twin=True) for key in keys),
        timers=tuple((ttl_of(key), Expired.name) for key in keys),
    )
