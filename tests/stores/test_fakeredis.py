"""Redis commands answer as fakeredis does, and leave the same keys, with and without a time to live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim.model.cells import Cells
from batchsim.model.parts import PARTS
from batchsim.model.system import World
from batchsim.stores import redis
from batchsim.stores.expiry import ttl_of
from tests.stores.agreeing import applied

fakeredis = pytest.importorskip("fakeredis")

PLAIN, SORTED, HASHES = ("a", "b"), ("za", "zb"), ("ha", "hb")
KEYS = (*PLAIN, *SORTED, *HASHES)
key, sorted_key, hash_key = map(st.sampled_from, (PLAIN, SORTED, HASHES))
value, member, field = st.integers(0, 3), st.sampled_from("pqr"), st.sampled_from("xyz")
end = st.sampled_from(("LEFT", "RIGHT"))
values = st.lists(value, min_size=1, max_size=3)


def call(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, tuple[Any, ...]]]:
    return st.tuples(st.just(name), st.tuples(*arguments))


def several(name: str) -> st.SearchStrategy[tuple[str, tuple[Any, ...]]]:
    return st.builds(lambda key, values: (name, (key, *values)), key, values)


CALLS = st.one_of(
    *(
        call(name, key)
        for name in ("get", "getdel", "exists", "scard", "smembers", "lpop", "rpop", "llen", "lrange")
    ),
    *(call(name, key, value) for name in ("set", "getset", "incr", "decr", "sismember", "lrem")),
    *(several(name) for name in ("sadd", "srem", "lpush", "rpush")),
    *(call(name, key, key) for name in ("mget", "delete", "rpoplpush")),
    *(call(name, key) for name in ("setnx", "setex", "expire", "persist")),
    call("lmove", key, key, end, end),
    *(call(name, sorted_key) for name in ("zcard", "zrange", "zpopmin")),
    *(call(name, sorted_key, member) for name in ("zscore", "zrem")),
    call("zadd", sorted_key, member, value),
    call("zrangebyscore", sorted_key, value, value),
    *(call(name, hash_key) for name in ("hgetall", "hlen")),
    *(call(name, hash_key, field) for name in ("hget", "hexists")),
    *(call(name, hash_key, field, value) for name in ("hset", "hincrby")),
    call("hdel", hash_key, field, field),
)
OURS: dict[str, Callable[..., Any]] = {
    "setnx": lambda key: redis.set(key, 1, nx=True),
    "setex": lambda key: redis.set(key, 1, ex="1000 s"),
    "expire": lambda key: redis.expire(key, "1000 s"),
}
THEIRS: dict[str, Callable[..., Any]] = {
    "setnx": lambda server, key: server.set(key, 1, nx=True),
    "setex": lambda server, key: server.set(key, 1, ex=1000),
    "expire": lambda server, key: server.expire(key, 1000),
    "lrange": lambda server, key: server.lrange(key, 0, -1),
    "lrem": lambda server, key, value: server.lrem(key, 0, value),
    "zrange": lambda server, key: server.zrange(key, 0, -1),
    "zadd": lambda server, key, member, score: server.zadd(key, {member: score}),
    "zpopmin": lambda server, key: (server.zpopmin(key) or [None])[0],
}
TRUTHS = ("set", "setnx", "setex", "expire", "persist", "exists", "sismember", "hexists")


def plain(answer: Any) -> Any:
    match answer:
        case str():
            return int(answer) if answer.isdigit() else answer
        case set():
            return tuple(sorted(map(plain, answer)))
        case dict():
            return tuple(sorted((plain(name), plain(each)) for name, each in answer.items()))
        case list() | tuple():
            return tuple(map(plain, answer))
    return answer


def theirs(server: Any, name: str, arguments: tuple[Any, ...]) -> Any:
    try:
        answer = THEIRS[name](server, *arguments) if name in THEIRS else getattr(server, name)(*arguments)
    except Exception as error:
        return type(error).__name__
    return bool(answer) if name in TRUTHS else plain(answer)


def ours(world: World, name: str, arguments: tuple[Any, ...]) -> Any:
    answer = applied(OURS[name](*arguments) if name in OURS else getattr(redis, name)(*arguments), world)
    return answer.__name__ if isinstance(answer, type) else plain(answer)


@given(st.lists(CALLS, max_size=20))
def test_answers_and_keys_are_those_of_redis(calls: list[tuple[str, tuple[Any, ...]]]) -> None:
    server = fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True)
    world = World(Cells())
    world.cells[PARTS] = redis.expiring(*KEYS).settings
    for name, arguments in calls:
        assert ours(world, name, arguments) == theirs(server, name, arguments)
        assert {each for each in KEYS if each in world.cells} == set(server.keys())
        assert {each for each in KEYS if ttl_of(each) in world.cells} == {
            each for each in KEYS if server.ttl(each) > 0
        }
