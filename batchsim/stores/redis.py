"""Redis commands as operations: each is one step, with the footprint of its keys.

The cell of a key has the key's name. Values are what cells can hold: numbers, strings, tuples; sets, sorted sets,
lists and hashes are made by the commands that write them. A key that holds an empty collection is absent, as in
Redis. Not here: blocking commands with a timeout, and what looks at the clock.

    from batchsim.stores import redis

    if await redis.incr("batch:processed") == size:
        await redis.delete("batch:processed", "batch:items")
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from batchsim.model.cells import Cells, Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, touches

T_co = TypeVar("T_co", covariant=True)
Value = Hashable
Apply = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Command(Operation[T_co]):
    """One Redis command."""

    may_unblock: ClassVar[bool] = True
    verb: str
    keys: tuple[Key, ...]
    arguments: tuple[Any, ...] = ()
    run: Apply = field(repr=False, compare=False, kw_only=True)
    reads_only: bool = field(default=False, repr=False, kw_only=True)
    about: int | None = field(default=None, kw_only=True)
    """The item that it is about, if any: faults and latencies can single it out."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """`redis.` and the command."""
        return f"redis.{self.verb}"

    @property
    def item(self) -> int | None:
        """The item that it is about, if any."""
        return self.about

    def footprint(self) -> Footprint:
        """Its keys."""
        return touches(reads=self.keys) if self.reads_only else touches(writes=self.keys)

    def unblocks(self) -> tuple[Key, ...]:
        """What is pushed, somebody may wait for."""
        return () if self.reads_only else self.keys

    def apply(self, world: Any) -> T_co:
        """Run it."""
        answer: T_co = self.run(world.cells, *self.keys, *self.arguments)
        return answer


@dataclass(frozen=True, slots=True)
class BlockingPop(BlockingOperation[Any]):
    """`BLPOP`, `BRPOP` without a timeout: wait for an element of a list, and take it."""

    may_unblock: ClassVar[bool] = False
    verb: str
    key: Key
    from_left: bool

    @property
    def name(self) -> str:  # type: ignore[override]
        """`redis.` and the command."""
        return f"redis.{self.verb}"

    def waits_for(self) -> Key:
        """The list."""
        return self.key

    def footprint(self) -> Footprint:
        """The list."""
        return touches(writes=(self.key,))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """One, if there is an element."""
        return (Alternative(),) if world.cells.read(self.key) else ()

    def apply(self, world: Any) -> Any:
        """Take an element."""
        return _pop(world.cells, self.key, 0 if self.from_left else -1)


def _reading(verb: str, key: Key, *arguments: Any, run: Apply) -> Command[Any]:
    return Command(verb, (key,), arguments, run=run, reads_only=True)


def _writing(verb: str, key: Key, *arguments: Any, run: Apply) -> Command[Any]:
    return Command(verb, (key,), arguments, run=run)


# -- strings and keys ------------------------------------------------------------------------------


def get(key: Key) -> Command[Any]:
    """`GET`: the value, or `None`."""
    return _reading("get", key, run=_get)


def set(key: Key, value: Value, *, nx: bool = False) -> Command[bool]:
    """`SET`, `SET NX`: whether it was set; with `nx` only where the key is absent."""
    return _writing("set", key, value, nx, run=_set)


def incr(key: Key, amount: int = 1) -> Command[int]:
    """`INCRBY`: the new value."""
    return _writing("incr", key, amount, run=_incr)


def decr(key: Key, amount: int = 1) -> Command[int]:
    """`DECRBY`: the new value."""
    return _writing("decr", key, -amount, run=_incr)


def exists(key: Key) -> Command[bool]:
    """`EXISTS`: whether the key is there."""
    return _reading("exists", key, run=lambda cells, key: cells.read(key) is not None)


def delete(*keys: Key) -> Command[int]:
    """`DEL`: how many of the keys were there."""
    return Command("delete", keys, run=lambda cells, *keys: sum(cells.delete(key) for key in keys))


def _get(cells: Cells, key: Key) -> Any:
    return cells.read(key)


def _set(cells: Cells, key: Key, value: Value, nx: bool) -> bool:
    if nx and cells.read(key) is not None:
        return False
    cells.write(key, value)
    return True


def _incr(cells: Cells, key: Key, amount: int) -> int:
    value: int = (cells.read(key) or 0) + amount
    cells.write(key, value)
    return value


# -- sets ------------------------------------------------------------------------------------------


def sadd(key: Key, *members: Value) -> Command[int]:
    """`SADD`: how many members were added."""
    return _writing("sadd", key, *members, run=_sadd)


def srem(key: Key, *members: Value) -> Command[int]:
    """`SREM`: how many members were removed."""
    return _writing("srem", key, *members, run=_srem)


def scard(key: Key) -> Command[int]:
    """`SCARD`: how many members; 0 where the key is absent."""
    return _reading("scard", key, run=lambda cells, key: len(cells.read(key) or ()))


def sismember(key: Key, member: Value) -> Command[bool]:
    """`SISMEMBER`: whether it is a member."""
    return _reading("sismember", key, member, run=lambda cells, key, member: member in (cells.read(key) or ()))


def smembers(key: Key) -> Command[tuple[Any, ...]]:
    """`SMEMBERS`: the members, sorted."""
    return _reading("smembers", key, run=lambda cells, key: tuple(sorted(cells.read(key) or ())))


def _sadd(cells: Cells, key: Key, *members: Value) -> int:
    held: Any = cells.modify(key, builtins.set)
    new = [member for member in dict.fromkeys(members) if member not in held]
    for member in new:
        held.add(member)
    return len(new)


def _srem(cells: Cells, key: Key, *members: Value) -> int:
    if cells.read(key) is None:
        return 0
    held: Any = cells.modify(key, builtins.set)
    gone = [member for member in dict.fromkeys(members) if member in held]
    for member in gone:
        held.discard(member)
    _delete_if_empty(cells, key)
    return len(gone)


# -- lists -----------------------------------------------------------------------------------------


def lpush(key: Key, *values: Value) -> Command[int]:
    """`LPUSH`: the new length."""
    return _writing("lpush", key, *values, run=lambda cells, key, *values: _push(cells, key, values, 0))


def rpush(key: Key, *values: Value) -> Command[int]:
    """`RPUSH`: the new length."""
    return _writing("rpush", key, *values, run=lambda cells, key, *values: _push(cells, key, values, None))


def lpop(key: Key) -> Command[Any]:
    """`LPOP`: the first element, or `None`."""
    return _writing("lpop", key, run=lambda cells, key: _pop(cells, key, 0))


def rpop(key: Key) -> Command[Any]:
    """`RPOP`: the last element, or `None`."""
    return _writing("rpop", key, run=lambda cells, key: _pop(cells, key, -1))


def blpop(key: Key) -> BlockingPop:
    """`BLPOP` without a timeout: the first element, when there is one."""
    return BlockingPop("blpop", key, from_left=True)


def brpop(key: Key) -> BlockingPop:
    """`BRPOP` without a timeout: the last element, when there is one."""
    return BlockingPop("brpop", key, from_left=False)


def llen(key: Key) -> Command[int]:
    """`LLEN`: how many elements."""
    return _reading("llen", key, run=lambda cells, key: len(cells.read(key) or ()))


def lrange(key: Key) -> Command[tuple[Any, ...]]:
    """`LRANGE 0 -1`: all elements."""
    return _reading("lrange", key, run=lambda cells, key: tuple(cells.read(key) or ()))


def _push(cells: Cells, key: Key, values: tuple[Any, ...], place: int | None) -> int:
    held: list[Any] = cells.modify(key, list)
    for value in values:
        held.insert(len(held) if place is None else place, value)
    return len(held)


def _pop(cells: Cells, key: Key, place: int) -> Any:
    if cells.read(key) is None:
        return None
    held: list[Any] = cells.modify(key, list)
    value = held.pop(place)
    _delete_if_empty(cells, key)
    return value


# -- sorted sets -----------------------------------------------------------------------------------


def zadd(key: Key, member: Value, score: int) -> Command[int]:
    """`ZADD`: how many members are new, 0 or 1."""
    return _writing("zadd", key, member, score, run=_zadd)


def zrem(key: Key, member: Value) -> Command[int]:
    """`ZREM`: how many members were removed, 0 or 1."""
    return _writing("zrem", key, member, run=_zrem)


def zcard(key: Key) -> Command[int]:
    """`ZCARD`: how many members."""
    return _reading("zcard", key, run=lambda cells, key: len(cells.read(key) or ()))


def zrange(key: Key) -> Command[tuple[Any, ...]]:
    """`ZRANGE 0 -1`: the members by their scores, equal ones by themselves."""
    return _reading("zrange", key, run=lambda cells, key: tuple(_by_score(cells.read(key) or {})))


def zpopmin(key: Key) -> Command[Any]:
    """`ZPOPMIN`: the member with the lowest score and that score, or `None`."""
    return _writing("zpopmin", key, run=_zpopmin)


def _by_score(scores: dict[Any, int]) -> list[Any]:
    return sorted(scores, key=lambda member: (scores[member], member))


def _zadd(cells: Cells, key: Key, member: Value, score: int) -> int:
    scores: dict[Any, int] = cells.modify(key, dict)
    is_new = member not in scores
    scores[member] = score
    return int(is_new)


def _zrem(cells: Cells, key: Key, member: Value) -> int:
    if member not in (cells.read(key) or ()):
        return 0
    scores: dict[Any, int] = cells.modify(key, dict)
    del scores[member]
    _delete_if_empty(cells, key)
    return 1


def _zpopmin(cells: Cells, key: Key) -> Any:
    if cells.read(key) is None:
        return None
    scores: dict[Any, int] = cells.modify(key, dict)
    member = _by_score(scores)[0]
    score = scores.pop(member)
    _delete_if_empty(cells, key)
    return member, score


# -- hashes ----------------------------------------------------------------------------------------


def hset(key: Key, name: str, value: Value) -> Command[int]:
    """`HSET`: how many fields are new, 0 or 1."""
    return _writing("hset", key, name, value, run=_zadd)


def hget(key: Key, name: str) -> Command[Any]:
    """`HGET`: the value of a field, or `None`."""
    return _reading("hget", key, name, run=lambda cells, key, name: (cells.read(key) or {}).get(name))


def hgetall(key: Key) -> Command[tuple[tuple[str, Any], ...]]:
    """`HGETALL`: all fields with their values, sorted by name."""
    return _reading("hgetall", key, run=lambda cells, key: tuple(sorted((cells.read(key) or {}).items())))


def _delete_if_empty(cells: Cells, key: Key) -> None:
    if not cells.read(key):
        cells.delete(key)
