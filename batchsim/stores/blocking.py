"""Pops that wait for an element of a list, with a timeout or without.

A pop with a timeout that finds nothing is blocked under a number, the lowest that is free, and goes on when there
is an element or when its time has passed. So many can be blocked on a list at once as the system says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from batchsim.bad_input import BadInputError
from batchsim.model.cells import Cells, IfListed, Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, Timer, touches
from batchsim.model.parts import PARTS, Part, setting_of
from batchsim.stores.expiry import forget, ttl_of
from batchsim.stores.kinds import WRONG_TYPE, Kind

TIMEOUT = "redis.timeout"
"""The name under which a scenario can give how long timeouts are, in place of what the code says."""
BLOCKED_MAX = 8
"""So many can be blocked on a list with a timeout at once."""


@lru_cache(maxsize=4096)
def blocked_on(key: Key, number: int) -> IfListed:
    """The cell that is there while somebody is blocked on a list under this number; his timer, too."""
    return IfListed(f"redis:blocked:{key}:{number}")


@lru_cache(maxsize=4096)
def all_blocked_on(key: Key) -> tuple[IfListed, ...]:
    """Those of all numbers that there can be."""
    return tuple(blocked_on(key, number) for number in range(BLOCKED_MAX))


def pop(cells: Cells, key: Key, place: int) -> Any:
    """Take the element at this place, 0 or -1, of a list; `None`: there is no list; refused of another type."""
    if cells.read(key) is None:
        return None
    if not Kind.LIST.admits(cells.read(key)):
        return WRONG_TYPE
    held: list[Any] = cells.modify(key, list)
    value = held.pop(place)
    if not held:
        cells.delete(key)
    forget(cells, (key,))
    return value


@dataclass(frozen=True, slots=True)
class _Pop(Operation[Any]):
    """`BLPOP`, `BRPOP`: of which list, and which of its ends."""

    verb: str
    key: Key
    from_left: bool

    @property
    def name(self) -> str:  # type: ignore[override]
        """`redis.` and the command."""
        return f"redis.{self.verb}"

    def take(self, cells: Cells) -> Any:
        """Take an element of the list, which there is."""
        return pop(cells, self.key, 0 if self.from_left else -1)


@dataclass(frozen=True, slots=True)
class BlockingPop(_Pop, BlockingOperation[Any]):
    """A pop without a timeout: wait for an element of a list, and take it."""

    may_unblock: ClassVar[bool] = False

    def waits_for(self) -> Key:
        """The list."""
        return self.key

    def footprint(self) -> Footprint:
        """The list, and its time to live."""
        return touches(writes=(self.key, ttl_of(self.key)))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """One, if there is an element."""
        return (Alternative(),) if world.cells.read(self.key) else ()

    def apply(self, world: Any) -> Any:
        """Take an element."""
        return self.take(world.cells)


@dataclass(frozen=True, slots=True)
class Blocked:
    """In place of an element: the list is empty, and the client is blocked on it under this number."""

    number: int

    def __str__(self) -> str:
        return "nothing yet"


@dataclass(frozen=True, slots=True)
class PopOrBlock(_Pop):
    """A pop with a timeout arrives at Redis: it takes an element, or is blocked."""

    group: ClassVar[str | None] = "redis"
    may_unblock: ClassVar[bool] = True
    timeout: str

    def footprint(self) -> Footprint:
        """The list, its time to live, and who is blocked on it."""
        blocked = all_blocked_on(self.key)
        return touches(reads=(PARTS,), writes=(self.key, ttl_of(self.key), *blocked))

    def unblocks(self) -> tuple[Key, ...]:
        """Who is blocked; in the end it is he himself."""
        return all_blocked_on(self.key)

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        """Only he himself."""
        return (blocked_on(self.key, answer.number),) if isinstance(answer, Blocked) else ()

    def timer_after(self, answer: Any) -> Timer | None:
        """The timeout, if he is blocked."""
        if not isinstance(answer, Blocked):
            return None
        return Timer(blocked_on(self.key, answer.number), f"{TIMEOUT}({self.timeout})")

    def apply(self, world: Any) -> Any:
        """An element, or `Blocked`."""
        cells = world.cells
        if cells.read(self.key):
            return self.take(cells)
        part = f"redis.timeouts({self.key!r})"
        clients: int = setting_of(cells, part, self.name, part)
        for number in range(clients):
            if cells.read(blocked_on(self.key, number)) is None:
                cells.write(blocked_on(self.key, number), value=True)
                return Blocked(number)
        raise BadInputError(
            f"{self.name}: found more than {clients} clients that are blocked on {self.key} with a timeout; "
            f"allowed: redis.timeouts({self.key!r}, clients={clients + 1}), up to {BLOCKED_MAX}"
        )


@dataclass(frozen=True, slots=True)
class Unblocked(_Pop, BlockingOperation[Any]):
    """What comes back of it: a client that is blocked goes on, with an element or as its timeout has passed."""

    group: ClassVar[str | None] = "redis"
    is_instant: ClassVar[bool] = True
    number: int

    def waits_for(self) -> Key:
        """That it is blocked."""
        return blocked_on(self.key, self.number)

    def footprint(self) -> Footprint:
        """The list, its time to live, and that it is blocked."""
        return touches(writes=(self.key, ttl_of(self.key), self.waits_for()))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """An element, if there is one; otherwise the timeout, sooner or later."""
        if world.cells.read(self.key):
            return (Alternative(),)
        return (Alternative("timeout", timer=blocked_on(self.key, self.number)),)

    def apply_alternative(self, world: Any, alternative: Alternative) -> Any:
        """Take an element, or `None`."""
        world.cells.delete(self.waits_for())
        return None if alternative.label else self.take(world.cells)

    def describe(self, answer: Any) -> str:
        """The element, or that there was none in time."""
        return "times out" if answer is None else str(answer)


async def pop_within(verb: str, key: Key, timeout: str, *, from_left: bool) -> Any:
    """An element of a list; `None`: there was none in time."""
    found = await PopOrBlock(verb, key, from_left, timeout)
    return await Unblocked(verb, key, from_left, found.number) if isinstance(found, Blocked) else found


def timeouts(*keys: Key, clients: int = 2) -> Part:
    """What a system needs where pops of lists have a timeout: `parts=(redis.timeouts("jobs", clients=3),)`.

    `clients`: how many can be blocked on one list with a timeout at once, at most `BLOCKED_MAX`.
    """
    if not 1 <= clients <= BLOCKED_MAX:
        raise BadInputError(f"redis.timeouts: clients: found {clients}; allowed: 1 to {BLOCKED_MAX}")
    cells = tuple(blocked_on(key, number) for key in keys for number in range(clients))
    return Part(
        cells=(*keys, *cells),
        settings=tuple((f"redis.timeouts({key!r})", clients) for key in keys),
        timers=tuple((cell, TIMEOUT) for cell in cells),
    )
