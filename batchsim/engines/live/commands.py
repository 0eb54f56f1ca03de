"""Commands of Redis and statements of PostgreSQL as they are: what ready-made operations do on real servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from batchsim.engines.live.cells import LiveCells
from batchsim.engines.live.codec import pack, text_of, unpack, value_of
from batchsim.engines.live.keys import Store, row_of, store_of
from batchsim.engines.live.postgres_cells import COLUMNS
from batchsim.engines.live.redis_cells import LONG_MS
from batchsim.engines.live.servers import telling
from batchsim.model.cells import Key
from batchsim.model.operation import Operation, Raised
from batchsim.stores import postgres as rows
from batchsim.stores import redis as ready
from batchsim.stores.blocking import BlockingPop
from batchsim.stores.kinds import NO_NUMBER, NO_NUMBER_IN_HASH, WRONG_TYPE


def _optional(text: str | None) -> Any:
    return None if text is None else value_of(text)


class Commands:
    """Single commands on the keys of one system, over this thread's connection."""

    __slots__ = ("_cells",)

    def __init__(self, cells: LiveCells) -> None:
        self._cells = cells

    def call(self, *words: Any, key: Key | None = None, keys: Iterable[Key] = ()) -> Any:
        """Issue a command: its name, its key or keys, and what else it is given."""
        prefixed = [self._cells.redis.key(each) for each in ((key,) if key is not None else keys)]
        name, *arguments = words
        with telling("Redis"):
            return self._cells.lines.redis().execute_command(name, *prefixed, *arguments)

    # -- those that steps of the batch use, named as there -------------------------------------------------

    def get(self, key: Key) -> Any:
        """`GET`."""
        return _optional(self.call("GET", key=key))

    def set(self, key: Key, value: Any) -> None:
        """`SET`."""
        self.call("SET", text_of(value), key=key)

    def incr(self, key: Key) -> int:
        """`INCR`."""
        return int(self.call("INCR", key=key))

    def sadd(self, key: Key, member: Any) -> int:
        """`SADD`."""
        return int(self.call("SADD", text_of(member), key=key))

    def scard(self, key: Key) -> int:
        """`SCARD`."""
        return int(self.call("SCARD", key=key))

    def zadd(self, key: Key, member: Any, score: int) -> None:
        """`ZADD`."""
        self.call("ZADD", score, text_of(member), key=key)

    def zrange(self, key: Key) -> list[Any]:
        """`ZRANGE 0 -1`."""
        return [value_of(each) for each in self.call("ZRANGE", 0, -1, key=key)]

    def rpush(self, key: Key, value: Any) -> None:
        """`RPUSH`."""
        self.call("RPUSH", text_of(value), key=key)

    def lrange(self, key: Key) -> list[Any]:
        """`LRANGE 0 -1`."""
        return [value_of(each) for each in self.call("LRANGE", 0, -1, key=key)]

    def delete(self, *keys: Key) -> int:
        """`DEL`."""
        return int(self.call("DEL", keys=keys))


# -- ready-made commands of Redis -------------------------------------------------------------------


def is_ready_made(operation: Operation[Any]) -> bool:
    """Whether it is one command or one statement, known by its name."""
    match operation:
        case ready.Command(keys=keys):
            return all(store_of(key) is Store.REDIS for key in keys)
        case BlockingPop(key=key):
            return store_of(key) is Store.REDIS
        case rows.Select() | rows.SelectMany() | rows.Insert() | rows.Update() | rows.Delete():
            return True
    return False


def perform(cells: LiveCells, operation: Operation[Any]) -> Any:
    """Issue a ready-made operation; its answer, as in the model."""
    match operation:
        case ready.Command():
            return _refusable(cells, operation)
        case BlockingPop():
            name = "LPOP" if operation.from_left else "RPOP"
            return _optional(Commands(cells).call(name, key=operation.key))
    return _STATEMENTS[type(operation)](cells, operation)


def _refusable(cells: LiveCells, command: ready.Command[Any]) -> Any:
    from redis.exceptions import ResponseError as Refused

    prefixed = [cells.redis.key(key) for key in command.keys]
    client = cells.lines.redis()

    def issue(*words: Any) -> Any:
        with telling("Redis"):
            return client.execute_command(*words)

    try:
        return _VERBS[command.verb](issue, prefixed, command.arguments, command)
    except Exception as error:
        refused = error.__context__
        if isinstance(refused, Refused):
            for known in (WRONG_TYPE, NO_NUMBER_IN_HASH, NO_NUMBER):  # a script adds its own words to them
                if known.text in str(refused):
                    return known
        raise


Issue = Callable[..., Any]
Verb = Callable[[Issue, Sequence[str], Sequence[Any], ready.Command[Any]], Any]


def _texts(values: Iterable[Any]) -> list[str]:
    return [text_of(value) for value in values]


def _values(texts: Iterable[str]) -> tuple[Any, ...]:
    return tuple(value_of(text) for text in texts)


def _set(issue: Issue, keys: Sequence[str], given: Sequence[Any], command: ready.Command[Any]) -> bool:
    value, nx = given
    words = [*(["NX"] if nx else []), *(["PX", LONG_MS] if command.expires is not None else [])]
    return issue("SET", keys[0], text_of(value), *words) is not None


def _zpopmin(issue: Issue, keys: Sequence[str], given: Sequence[Any], command: ready.Command[Any]) -> Any:
    popped = issue("ZPOPMIN", keys[0])
    if not popped:
        return None
    member, score = popped[0] if isinstance(popped[0], list | tuple) else popped
    return value_of(member), int(float(score))


def _hgetall(issue: Issue, keys: Sequence[str], given: Sequence[Any], command: ready.Command[Any]) -> Any:
    held = issue("HGETALL", keys[0])
    pairs = held.items() if isinstance(held, dict) else zip(held[::2], held[1::2], strict=True)
    return tuple(sorted((value_of(name), value_of(value)) for name, value in pairs))


def _score(text: Any) -> int | None:
    return None if text is None else int(float(text))


_VERBS: dict[str, Verb] = {
    "get": lambda issue, k, a, c: _optional(issue("GET", k[0])),
    "mget": lambda issue, k, a, c: tuple(_optional(each) for each in issue("MGET", *k)),
    "set": _set,
    "getset": lambda issue, k, a, c: _optional(issue("GETSET", k[0], text_of(a[0]))),
    "getdel": lambda issue, k, a, c: _optional(issue("GETDEL", k[0])),
    "incr": lambda issue, k, a, c: int(issue("INCRBY", k[0], a[0])),
    "decr": lambda issue, k, a, c: int(issue("INCRBY", k[0], a[0])),
    "exists": lambda issue, k, a, c: bool(issue("EXISTS", k[0])),
    "delete": lambda issue, k, a, c: int(issue("DEL", *k)),
    "pexpire": lambda issue, k, a, c: bool(issue("PEXPIRE", k[0], LONG_MS)),
    "persist": lambda issue, k, a, c: bool(issue("PERSIST", k[0])),
    "sadd": lambda issue, k, a, c: int(issue("SADD", k[0], *_texts(a))),
    "srem": lambda issue, k, a, c: int(issue("SREM", k[0], *_texts(a))),
    "scard": lambda issue, k, a, c: int(issue("SCARD", k[0])),
    "sismember": lambda issue, k, a, c: bool(issue("SISMEMBER", k[0], text_of(a[0]))),
    "smembers": lambda issue, k, a, c: tuple(sorted(_values(issue("SMEMBERS", k[0])))),
    "lpush": lambda issue, k, a, c: int(issue("LPUSH", k[0], *_texts(a))),
    "rpush": lambda issue, k, a, c: int(issue("RPUSH", k[0], *_texts(a))),
    "lpop": lambda issue, k, a, c: _optional(issue("LPOP", k[0])),
    "rpop": lambda issue, k, a, c: _optional(issue("RPOP", k[0])),
    "llen": lambda issue, k, a, c: int(issue("LLEN", k[0])),
    "lrange": lambda issue, k, a, c: _values(issue("LRANGE", k[0], 0, -1)),
    "lrem": lambda issue, k, a, c: int(issue("LREM", k[0], 0, text_of(a[0]))),
    "lmove": lambda issue, k, a, c: _optional(issue("LMOVE", k[0], k[1], a[0], a[1])),
    "rpoplpush": lambda issue, k, a, c: _optional(issue("LMOVE", k[0], k[1], a[0], a[1])),
    "zadd": lambda issue, k, a, c: int(issue("ZADD", k[0], a[1], text_of(a[0]))),
    "zrem": lambda issue, k, a, c: int(issue("ZREM", k[0], text_of(a[0]))),
    "zcard": lambda issue, k, a, c: int(issue("ZCARD", k[0])),
    "zscore": lambda issue, k, a, c: _score(issue("ZSCORE", k[0], text_of(a[0]))),
    "zrange": lambda issue, k, a, c: _values(issue("ZRANGE", k[0], 0, -1)),
    "zrangebyscore": lambda issue, k, a, c: _values(issue("ZRANGEBYSCORE", k[0], a[0], a[1])),
    "zpopmin": _zpopmin,
    "hset": lambda issue, k, a, c: int(issue("HSET", k[0], text_of(a[0]), text_of(a[1]))),
    "hget": lambda issue, k, a, c: _optional(issue("HGET", k[0], text_of(a[0]))),
    "hgetall": _hgetall,
    "hdel": lambda issue, k, a, c: int(issue("HDEL", k[0], *_texts(a))),
    "hexists": lambda issue, k, a, c: bool(issue("HEXISTS", k[0], text_of(a[0]))),
    "hlen": lambda issue, k, a, c: int(issue("HLEN", k[0])),
    "hincrby": lambda issue, k, a, c: int(issue("HINCRBY", k[0], text_of(a[0]), a[1])),
}
"""How each command is issued, and what its answer is in the model."""


# -- ready-made statements of PostgreSQL ---------------------------------------------------------------


def _as_json(columns: rows.Columns) -> str:
    return json.dumps({name: pack(value) for name, value in columns})


def _where(columns: rows.Columns) -> tuple[str, tuple[Any, ...]]:
    """A condition on columns; none is equal to a column that is absent."""
    words = "".join(" AND data -> %s = %s::jsonb" for _ in columns)
    return words, tuple(each for name, value in columns for each in (name, json.dumps(pack(value))))


def _row(data: dict[str, Any]) -> rows.Row:
    return rows.Row({name: unpack(each) for name, each in data.items()})


def _id(table: str, identity: Any) -> tuple[str, str]:
    return row_of(rows.row_key(table, identity))


def _select(cells: LiveCells, each: rows.Select) -> Any:
    found = _select_many(cells, rows.SelectMany(each.table, (each.identity,), each.conditions))
    return found.get(each.identity)


def _select_many(cells: LiveCells, each: rows.SelectMany) -> Any:
    condition, values = _where(each.conditions)
    by_id = {_id(each.table, identity): identity for identity in each.identities}
    found: dict[Any, rows.Row] = {}
    for table in {table for table, _ in by_id}:
        ids = [identity for of, identity in by_id if of == table]
        words = f"SELECT id, data FROM {{table}} WHERE batch = %s AND id = ANY(%s){condition}"
        _, lines = cells.postgres.statement(words, table, (cells.postgres.batch, ids, *values))
        found |= {by_id[table, name]: _row(data) for name, data in lines}
    return rows.Rows({identity: found[identity] for identity in each.identities if identity in found})


def _insert(cells: LiveCells, each: rows.Insert) -> Any:
    table, identity = _id(each.table, each.identity)
    action = "DO UPDATE SET data = {table}.data || EXCLUDED.data" if each.on_conflict == "update" else "DO NOTHING"
    # A row that the statement inserted has no older version.
    words = (
        "INSERT INTO {table} (batch, id, kind, data) VALUES (%s, %s, %s, %s) "
        f"ON CONFLICT (batch, id) {action} RETURNING xmax = 0"
    )
    values = (cells.postgres.batch, identity, COLUMNS, _as_json(each.values))
    _, answered = cells.postgres.statement(words, table, values)
    inserted = bool(answered) and bool(answered[0][0])
    return Raised(rows.UniqueViolation) if each.on_conflict == "raise" and not inserted else inserted


def _update(cells: LiveCells, each: rows.Update) -> Any:
    table, identity = _id(each.table, each.identity)
    condition, conditions = _where(each.conditions)
    added = "".join(" || jsonb_build_object(%s, (data ->> %s)::numeric + %s)" for _ in each.increments)
    increments = [word for name, amount in each.increments for word in (name, name, amount)]
    words = f"UPDATE {{table}} SET data = data || %s{added} WHERE batch = %s AND id = %s{condition} RETURNING data"
    values = (_as_json(each.values), *increments, cells.postgres.batch, identity, *conditions)
    count, answered = cells.postgres.statement(words, table, values)
    if each.returning is None:
        return count
    return rows.Row({name: _row(answered[0][0])[name] for name in each.returning}) if answered else None


def _delete(cells: LiveCells, each: rows.Delete) -> Any:
    table, identity = _id(each.table, each.identity)
    condition, conditions = _where(each.conditions)
    words = f"DELETE FROM {{table}} WHERE batch = %s AND id = %s{condition}"
    count, _ = cells.postgres.statement(words, table, (cells.postgres.batch, identity, *conditions))
    return count


_STATEMENTS: dict[type[Any], Callable[[LiveCells, Any], Any]] = {
    rows.Select: _select,
    rows.SelectMany: _select_many,
    rows.Insert: _insert,
    rows.Update: _update,
    rows.Delete: _delete,
}
