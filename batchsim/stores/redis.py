"""Redis commands as operations: each is one step, with the footprint of its keys.

The cell of a key has the key's name. Values are what cells can hold: numbers, strings, tuples; sets, sorted sets,
lists and hashes are made by the commands that write them. A key that holds an empty collection is absent, as in
Redis. A command on a key of another type raises `ResponseError`, and changes nothing.

Atomic is what one command does. `blpop` and `brpop` wait, without end or up to a `timeout`. A key can be given a
time to live (`expire`, `set(…, ex=…)`), where its system has `redis.expiring(KEY)` among its parts: see `expiry`.
Left out: scripts and `MULTI` (one step together is a class of one's own: `batchsim.model.operation.Operation`),
`TTL` and all else that looks at the clock, `WATCH`, publish and subscribe, streams.

    from batchsim.stores import redis

    if await redis.incr("batch:processed") == size:
        await redis.delete("batch:processed", "batch:items")

    if await redis.set("lease", owner, nx=True, ex="30 s"):
        ...
"""

from __future__ import annotations

import builtins
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar, overload

from batchsim.model.cells import Cells, Key
from batchsim.model.operation import Footprint, Operation, Raised, Timer, touches
from batchsim.model.parts import PARTS
from batchsim.stores.blocking import BlockingPop, all_blocked_on, pop, pop_within, timeouts
from batchsim.stores.expiry import check_expiring, expiring, forget, let_expire, timer_of, ttl_of
from batchsim.stores.kinds import NO_NUMBER_IN_HASH, WRONG_TYPE, Kind, ResponseError, refusal

__all__ = [
    "ResponseError",
    "blpop",
    "brpop",
    "decr",
    "delete",
    "exists",
    "expire",
    "expiring",
    "get",
    "getdel",
    "getset",
    "hdel",
    "hexists",
    "hget",
    "hgetall",
    "hincrby",
    "hlen",
    "hset",
    "incr",
    "llen",
    "lmove",
    "lpop",
    "lpush",
    "lrange",
    "lrem",
    "mget",
    "persist",
    "rpop",
    "rpoplpush",
    "rpush",
    "sadd",
    "scard",
    "set",
    "sismember",
    "smembers",
    "srem",
    "timeouts",
    "zadd",
    "zcard",
    "zpopmin",
    "zrange",
    "zrangebyscore",
    "zrem",
    "zscore",
]

T_co = TypeVar("T_co", covariant=True)
Value = Hashable
Apply = Callable[..., Any]
End = Literal["LEFT", "RIGHT"]


@dataclass(frozen=True, slots=True)
class Command(Operation[T_co]):
    """One Redis command."""

    group: ClassVar[str | None] = "redis"
    may_unblock: ClassVar[bool] = True
    verb: str
    keys: tuple[Key, ...]
    arguments: tuple[Any, ...] = ()
    run: Apply = field(repr=False, compare=False, kw_only=True)
    reads_only: bool = field(default=False, repr=False, kw_only=True)
    kind: Kind | None = field(default=None, repr=False, kw_only=True)
    """What its keys have to hold, if they are there; `None`: whatever they do."""
    pushes: int = field(default=0, repr=False, kw_only=True)
    """How many elements it adds to the last of its keys, a list: so many who wait for one can go on."""
    persists: bool = field(default=False, repr=False, kw_only=True)
    """Whether it takes their time to live away from the keys that it leaves."""
    expires: str | None = field(default=None, kw_only=True)
    """How long its key has to live then, if the answer is true."""
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
        """Its keys, and their time to live, where they can have one."""
        if self.reads_only:
            return touches(reads=self.keys)
        reads = (PARTS,) if self.expires is not None else ()
        return touches(reads=reads, writes=(*self.keys, *map(ttl_of, self.keys)))

    def unblocks(self) -> tuple[Key, ...]:
        """What it writes, somebody may wait for."""
        if self.reads_only:
            return ()
        lists = self.keys[-1:] * (self.pushes - 1) if self.pushes else ()
        blocked = all_blocked_on(self.keys[-1]) if self.pushes else ()
        ttl = (ttl_of(self.keys[0]),) if self.expires is not None else ()
        return (*self.keys, *lists, *blocked, *ttl)

    def timer(self) -> Timer | None:
        """That of the time to live that it gives its key, if any."""
        return None if self.expires is None else timer_of(self.keys[0], self.expires)

    def timer_after(self, answer: Any) -> Timer | None:
        """The same, if it gave it one."""
        return self.timer() if answer and not isinstance(answer, Raised) else None

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        """As `unblocks`; nothing, if it was refused."""
        return () if isinstance(answer, Raised) else self.unblocks()

    def apply(self, world: Any) -> T_co:
        """Run it; in place of an answer it raises `ResponseError` where a key holds something else."""
        cells = world.cells
        kind = self.kind
        if kind is not None:
            for key in self.keys:
                value = cells.read(key)
                if not kind.admits(value):
                    refused: Any = refusal(kind, value)
                    return refused  # type: ignore[no-any-return]
        if self.reads_only:
            read: T_co = self.run(cells, *self.keys, *self.arguments)
            return read
        if self.expires is not None:
            check_expiring(cells, self.keys[0], self.name)
        forget(cells, self.keys)
        answer: T_co = self.run(cells, *self.keys, *self.arguments)
        forget(cells, self.keys)
        if answer and (self.persists or self.expires is not None):
            for key in self.keys:
                cells.delete(ttl_of(key))
            if self.expires is not None:
                let_expire(cells, self.keys[0])
        return answer

    def describe(self, answer: Any) -> str:
        """The answer; `nil`, as Redis has it, where there is none."""
        return "nil" if answer is None else str(answer)


def _reading(verb: str, *keys: Key, asked: tuple[Any, ...] = (), run: Apply, kind: Kind | None) -> Command[Any]:
    return Command(verb, keys, asked, run=run, reads_only=True, kind=kind)


def _writing(verb: str, key: Key, *arguments: Any, run: Apply, kind: Kind | None) -> Command[Any]:
    return Command(verb, (key,), arguments, run=run, kind=kind)


# -- strings and keys ------------------------------------------------------------------------------


def get(key: Key) -> Command[Any]:
    """`GET`: the value, or `None`."""
    return _reading("get", key, run=_get, kind=Kind.STRING)


def mget(*keys: Key) -> Command[tuple[Any, ...]]:
    """`MGET`: the values, `None` for each that is absent or no string."""
    return _reading("mget", *keys, run=_mget, kind=None)


def set(key: Key, value: Value, *, nx: bool = False, ex: str | None = None) -> Command[bool]:
    """`SET`: whether it was set; with `nx` only where the key is absent. It has no time to live then, but `ex`.

    `ex`: how long it has to live, `"30 s"`; the system needs `redis.expiring(KEY)`, or it raises `BadInputError`.
    """
    return Command("set", (key,), (value, nx), run=_set, persists=True, expires=ex)


def getset(key: Key, value: Value) -> Command[Any]:
    """`GETSET`: sets the value; the one before, or `None`."""
    return _writing("getset", key, value, run=_getset, kind=Kind.STRING)


def getdel(key: Key) -> Command[Any]:
    """`GETDEL`: deletes the key; its value, or `None`."""
    return _writing("getdel", key, run=_getdel, kind=Kind.STRING)


def incr(key: Key, amount: int = 1) -> Command[int]:
    """`INCRBY`: the new value."""
    return _writing("incr", key, amount, run=_incr, kind=Kind.NUMBER)


def decr(key: Key, amount: int = 1) -> Command[int]:
    """`DECRBY`: the new value."""
    return _writing("decr", key, -amount, run=_incr, kind=Kind.NUMBER)


def exists(key: Key) -> Command[bool]:
    """`EXISTS`: whether the key is there."""
    return _reading("exists", key, run=_is_there, kind=None)


def delete(*keys: Key) -> Command[int]:
    """`DEL`: how many of the keys were there."""
    return Command("delete", keys, run=lambda cells, *keys: sum(cells.delete(key) for key in keys))


def expire(key: Key, after: str) -> Command[bool]:
    """`PEXPIRE`: whether the key is there, which has so long to live from now on: `"30 s"`.

    The system needs `redis.expiring(KEY)`, or it raises `BadInputError`. Its name in scenarios is `redis.pexpire`:
    `redis.expire` is a step of the policy *tombstone*.
    """
    return Command("pexpire", (key,), run=_is_there, expires=after)


def persist(key: Key) -> Command[bool]:
    """`PERSIST`: whether the key had a time to live, which it has no longer."""
    return Command("persist", (key,), run=lambda cells, key: cells.delete(ttl_of(key)))


def _get(cells: Cells, key: Key) -> Any:
    return cells.read(key)


def _is_there(cells: Cells, key: Key) -> bool:
    return cells.read(key) is not None


def _mget(cells: Cells, *keys: Key) -> tuple[Any, ...]:
    values = [cells.read(key) for key in keys]
    return tuple(value if Kind.STRING.admits(value) else None for value in values)


def _set(cells: Cells, key: Key, value: Value, nx: bool) -> bool:
    if nx and cells.read(key) is not None:
        return False
    cells.write(key, value)
    return True


def _getset(cells: Cells, key: Key, value: Value) -> Any:
    before = cells.read(key)
    cells.delete(ttl_of(key))
    cells.write(key, value)
    return before


def _getdel(cells: Cells, key: Key) -> Any:
    value = cells.read(key)
    cells.delete(key)
    return value


def _incr(cells: Cells, key: Key, amount: int) -> int:
    value: int = (cells.read(key) or 0) + amount
    cells.write(key, value)
    return value


# -- sets ------------------------------------------------------------------------------------------


def sadd(key: Key, *members: Value) -> Command[int]:
    """`SADD`: how many members were added."""
    return _writing("sadd", key, *members, run=_sadd, kind=Kind.SET)


def srem(key: Key, *members: Value) -> Command[int]:
    """`SREM`: how many members were removed."""
    return _writing("srem", key, *members, run=_srem, kind=Kind.SET)


def scard(key: Key) -> Command[int]:
    """`SCARD`: how many members; 0 where the key is absent."""
    return _reading("scard", key, run=_length, kind=Kind.SET)


def sismember(key: Key, member: Value) -> Command[bool]:
    """`SISMEMBER`: whether it is a member."""
    return _reading("sismember", key, asked=(member,), run=_holds, kind=Kind.SET)


def smembers(key: Key) -> Command[tuple[Any, ...]]:
    """`SMEMBERS`: the members, sorted."""
    return _reading("smembers", key, run=lambda cells, key: tuple(sorted(cells.read(key) or ())), kind=Kind.SET)


def _length(cells: Cells, key: Key) -> int:
    return len(cells.read(key) or ())


def _holds(cells: Cells, key: Key, member: Value) -> bool:
    return member in (cells.read(key) or ())


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
    return _pushing("lpush", key, values, 0)


def rpush(key: Key, *values: Value) -> Command[int]:
    """`RPUSH`: the new length."""
    return _pushing("rpush", key, values, None)


def lpop(key: Key) -> Command[Any]:
    """`LPOP`: the first element, or `None`."""
    return _writing("lpop", key, run=lambda cells, key: pop(cells, key, 0), kind=Kind.LIST)


def rpop(key: Key) -> Command[Any]:
    """`RPOP`: the last element, or `None`."""
    return _writing("rpop", key, run=lambda cells, key: pop(cells, key, -1), kind=Kind.LIST)


@overload
def blpop(key: Key) -> BlockingPop: ...


@overload
def blpop(key: Key, *, timeout: str) -> Awaitable[Any]: ...


def blpop(key: Key, *, timeout: str | None = None) -> BlockingPop | Awaitable[Any]:
    """`BLPOP`: the first element, when there is one; with a `timeout`, `"5 s"`, `None` if there is none in time.

    With a timeout it is two steps: it arrives, and it goes on; the system needs `redis.timeouts(KEY)`.
    """
    if timeout is None:
        return BlockingPop("blpop", key, from_left=True)
    return pop_within("blpop", key, timeout, from_left=True)


@overload
def brpop(key: Key) -> BlockingPop: ...


@overload
def brpop(key: Key, *, timeout: str) -> Awaitable[Any]: ...


def brpop(key: Key, *, timeout: str | None = None) -> BlockingPop | Awaitable[Any]:
    """`BRPOP`: the last element; otherwise as `blpop`."""
    if timeout is None:
        return BlockingPop("brpop", key, from_left=False)
    return pop_within("brpop", key, timeout, from_left=False)


def lmove(source: Key, destination: Key, src: End = "LEFT", dest: End = "RIGHT") -> Command[Any]:
    """`LMOVE`: takes an element from an end of a list to an end of another one, or of the same; it, or `None`."""
    return _moving("lmove", source, destination, src, dest)


def rpoplpush(source: Key, destination: Key) -> Command[Any]:
    """`RPOPLPUSH`: takes the last element of a list to the front of another one, or of the same; it, or `None`."""
    return _moving("rpoplpush", source, destination, "RIGHT", "LEFT")


def llen(key: Key) -> Command[int]:
    """`LLEN`: how many elements."""
    return _reading("llen", key, run=_length, kind=Kind.LIST)


def lrange(key: Key) -> Command[tuple[Any, ...]]:
    """`LRANGE 0 -1`: all elements."""
    return _reading("lrange", key, run=lambda cells, key: tuple(cells.read(key) or ()), kind=Kind.LIST)


def lrem(key: Key, value: Value) -> Command[int]:
    """`LREM 0`: removes all elements that are equal to a value; how many there were."""
    return _writing("lrem", key, value, run=_lrem, kind=Kind.LIST)


def _pushing(verb: str, key: Key, values: tuple[Value, ...], place: int | None) -> Command[int]:
    run = _lpush if place == 0 else _rpush
    return Command(verb, (key,), values, run=run, kind=Kind.LIST, pushes=len(values))


def _moving(verb: str, source: Key, destination: Key, src: End, dest: End) -> Command[Any]:
    return Command(verb, (source, destination), (src, dest), run=_lmove, pushes=1)


def _lpush(cells: Cells, key: Key, *values: Value) -> int:
    held: list[Any] = cells.modify(key, list)
    for value in values:
        held.insert(0, value)
    return len(held)


def _rpush(cells: Cells, key: Key, *values: Value) -> int:
    held: list[Any] = cells.modify(key, list)
    held.extend(values)
    return len(held)


def _lmove(cells: Cells, source: Key, destination: Key, src: End, dest: End) -> Any:
    if cells.read(source) is None:
        return None
    if not (Kind.LIST.admits(cells.read(source)) and Kind.LIST.admits(cells.read(destination))):
        return WRONG_TYPE
    held: list[Any] = cells.modify(source, list)
    value = held.pop(0 if src == "LEFT" else -1)
    (_lpush if dest == "LEFT" else _rpush)(cells, destination, value)
    _delete_if_empty(cells, source)
    return value


def _lrem(cells: Cells, key: Key, value: Value) -> int:
    count: int = (cells.read(key) or []).count(value)
    if count:
        held: list[Any] = cells.modify(key, list)
        for _ in range(count):
            held.remove(value)
        _delete_if_empty(cells, key)
    return count


# -- sorted sets -----------------------------------------------------------------------------------


def zadd(key: Key, member: Value, score: int) -> Command[int]:
    """`ZADD`: how many members are new, 0 or 1."""
    return _writing("zadd", key, member, score, run=_zadd, kind=Kind.MAP)


def zrem(key: Key, member: Value) -> Command[int]:
    """`ZREM`: how many members were removed, 0 or 1."""
    return _writing("zrem", key, member, run=_zrem, kind=Kind.MAP)


def zcard(key: Key) -> Command[int]:
    """`ZCARD`: how many members."""
    return _reading("zcard", key, run=_length, kind=Kind.MAP)


def zscore(key: Key, member: Value) -> Command[int | None]:
    """`ZSCORE`: the score of a member, or `None`."""
    return _reading("zscore", key, asked=(member,), run=_hget, kind=Kind.MAP)


def zrange(key: Key) -> Command[tuple[Any, ...]]:
    """`ZRANGE 0 -1`: the members by their scores, equal ones by themselves."""
    return _reading("zrange", key, run=lambda cells, key: tuple(_by_score(cells.read(key) or {})), kind=Kind.MAP)


def zrangebyscore(key: Key, min: float, max: float) -> Command[tuple[Any, ...]]:
    """`ZRANGEBYSCORE`: those of the members whose scores are from `min` to `max`, both included."""
    return _reading("zrangebyscore", key, asked=(min, max), run=_zrangebyscore, kind=Kind.MAP)


def zpopmin(key: Key) -> Command[Any]:
    """`ZPOPMIN`: the member with the lowest score and that score, or `None`."""
    return _writing("zpopmin", key, run=_zpopmin, kind=Kind.MAP)


def _by_score(scores: dict[Any, int]) -> list[Any]:
    return sorted(scores, key=lambda member: (scores[member], member))


def _zrangebyscore(cells: Cells, key: Key, lowest: float, highest: float) -> tuple[Any, ...]:
    scores: dict[Any, int] = cells.read(key) or {}
    return tuple(member for member in _by_score(scores) if lowest <= scores[member] <= highest)


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
    return _writing("hset", key, name, value, run=_zadd, kind=Kind.MAP)


def hincrby(key: Key, name: str, amount: int = 1) -> Command[int]:
    """`HINCRBY`: the new value of a field; raises `ResponseError` where it is no whole number."""
    return _writing("hincrby", key, name, amount, run=_hincrby, kind=Kind.MAP)


def hdel(key: Key, *names: str) -> Command[int]:
    """`HDEL`: how many of the fields were there."""
    return _writing(
        "hdel", key, *names, run=lambda cells, key, *names: sum(_zrem(cells, key, name) for name in names),
        kind=Kind.MAP,
    )  # fmt: skip


def hget(key: Key, name: str) -> Command[Any]:
    """`HGET`: the value of a field, or `None`."""
    return _reading("hget", key, asked=(name,), run=_hget, kind=Kind.MAP)


def hexists(key: Key, name: str) -> Command[bool]:
    """`HEXISTS`: whether there is such a field."""
    return _reading("hexists", key, asked=(name,), run=_holds, kind=Kind.MAP)


def hlen(key: Key) -> Command[int]:
    """`HLEN`: how many fields."""
    return _reading("hlen", key, run=_length, kind=Kind.MAP)


def hgetall(key: Key) -> Command[tuple[tuple[str, Any], ...]]:
    """`HGETALL`: all fields with their values, sorted by name."""
    return _reading(
        "hgetall", key, run=lambda cells, key: tuple(sorted((cells.read(key) or {}).items())), kind=Kind.MAP
    )


def _hget(cells: Cells, key: Key, name: Any) -> Any:
    return (cells.read(key) or {}).get(name)


def _hincrby(cells: Cells, key: Key, name: str, amount: int) -> Any:
    before = _hget(cells, key, name)
    if not Kind.NUMBER.admits(before):
        return NO_NUMBER_IN_HASH
    fields: dict[Any, Any] = cells.modify(key, dict)
    fields[name] = (before or 0) + amount
    return fields[name]


def _delete_if_empty(cells: Cells, key: Key) -> None:
    if not cells.read(key):
        cells.delete(key)
