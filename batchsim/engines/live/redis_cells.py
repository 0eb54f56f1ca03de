"""Cells in Redis: read some at once, and write changes if nothing that was read has changed meanwhile.

Both are one script. A value is read with a digest of it; who writes says which digests he has read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from batchsim.engines.live.codec import text_of, value_of
from batchsim.engines.live.keys import TTL
from batchsim.engines.live.servers import telling
from batchsim.model.cells import FrozenList, FrozenQueue, FrozenSortedSet, Key

LONG_MS = 3_600_000
"""The time to live on the server: a run ends long before, and that a key expires is a step of the run."""
APPEND = "APPEND"
"""In place of a command: members join a sorted set, each with a score above all others."""
_QUEUED = "@"
"""Begins the members of a sorted set that is a queue, ordered by their scores."""

_CONTENT = """
local function content(key, is_ttl)
  if is_ttl then
    if redis.call('PTTL', key) < 0 then return 'none', {} end
    return 'ttl', {'1'}
  end
  local kind = redis.call('TYPE', key).ok
  if kind == 'string' then return kind, {redis.call('GET', key)} end
  if kind == 'set' then
    local held = redis.call('SMEMBERS', key)
    table.sort(held)
    return kind, held
  end
  if kind == 'zset' then return kind, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end
  if kind == 'list' then return kind, redis.call('LRANGE', key, 0, -1) end
  if kind == 'hash' then
    local names, held = redis.call('HKEYS', key), {}
    table.sort(names)
    for _, name in ipairs(names) do
      held[#held + 1] = name
      held[#held + 1] = redis.call('HGET', key, name)
    end
    return kind, held
  end
  return 'none', {}
end
local function digest(kind, held) return redis.sha1hex(kind .. '\\0' .. table.concat(held, '\\0')) end
"""

READ = (
    _CONTENT
    + """
local read = {}
for place, key in ipairs(KEYS) do
  local kind, held = content(key, ARGV[place] == 't')
  read[place] = {kind, digest(kind, held), held}
end
return read
"""
)

WRITE = (
    _CONTENT
    + """
local wishes = cjson.decode(ARGV[1])
for _, wish in ipairs(wishes.expected) do
  local kind, held = content(KEYS[wish[1]], wish[2])
  if digest(kind, held) ~= wish[3] then return 0 end
end
for _, command in ipairs(wishes.commands) do
  local key = KEYS[command[2]]
  if command[1] == 'APPEND' then
    for place = 3, #command do
      local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')
      redis.call('ZADD', key, (last[2] or 0) + 1, command[place])
    end
  else
    command[2] = key
    redis.call(unpack(command))
  end
end
return 1
"""
)
ELEMENTS_MAX = 500
"""In one command: Lua passes no more than some thousand arguments."""


class Seen(NamedTuple):
    """A cell as it was read."""

    kind: str
    """The type that Redis has for it."""
    digest: str
    value: Any
    """Frozen; `None`: absent."""


ABSENT = "none"


class RedisCells:
    """The cells below one prefix, over one connection."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix
        self._read = client.register_script(READ)
        self._write = client.register_script(WRITE)

    def key(self, cell: Key) -> str:
        """The key of a cell."""
        return self._prefix + cell.removeprefix(TTL)

    def read(self, cells: Iterable[Key]) -> dict[Key, Seen]:
        """Some cells as they are at one moment."""
        asked = list(cells)
        with telling("Redis"):
            answers = self._read(
                [self.key(cell) for cell in asked], ["t" if cell.startswith(TTL) else "k" for cell in asked]
            )
        return {
            cell: Seen(kind, digest, _value_of(kind, held))
            for cell, (kind, digest, held) in zip(asked, answers, strict=True)
        }

    def write(self, expected: Mapping[Key, Seen], after: Mapping[Key, Any]) -> bool:
        """Write cells (frozen; `None`: delete); whether those that are expected were still as they were read."""
        keys: dict[str, int] = {}

        def place(cell: Key) -> int:
            return keys.setdefault(self.key(cell), len(keys) + 1)

        checks = [[place(cell), cell.startswith(TTL), seen.digest] for cell, seen in expected.items()]
        commands: list[list[Any]] = []
        # A time to live is given once its key is there.
        for cell, value in sorted(after.items(), key=lambda each: each[0].startswith(TTL)):
            number = place(cell)
            seen = expected.get(cell) or Seen("", "", None)
            commands += [[name, number, *words] for name, *words in _commands(cell, seen, value)]
        if not commands:
            return True
        with telling("Redis"):
            return bool(self._write(list(keys), [json.dumps({"expected": checks, "commands": commands})]))

    def everything(self) -> dict[Key, Seen]:
        """All that is there below the prefix, listed or not."""
        with telling("Redis"):
            keys = sorted(self._client.scan_iter(f"{self._prefix}*", count=1000))
        return self.read([key.removeprefix(self._prefix) for key in keys])


def _value_of(kind: str, held: list[str]) -> Any:
    """The value of a key, frozen."""
    match kind:
        case "none":
            return None
        case "ttl":
            return True
        case "string":
            return value_of(held[0])
        case "set":
            return frozenset(map(value_of, held))
        case "list":
            return FrozenList(map(value_of, held))
        case "hash":
            return FrozenSortedSet(
                sorted(
                    (value_of(name), value_of(value)) for name, value in zip(held[::2], held[1::2], strict=True)
                )
            )
    if held[0].startswith(_QUEUED):
        return FrozenQueue(value_of(member.split(_QUEUED, 2)[2]) for member in held[::2])
    scores = zip(held[::2], held[1::2], strict=True)
    return FrozenSortedSet(sorted((value_of(member), value_of(score)) for member, score in scores))


def _commands(cell: Key, seen: Seen, after: Any) -> Iterable[tuple[Any, ...]]:
    """What makes a key from what it was to what it is to be; without the key itself."""
    if cell.startswith(TTL):
        if after is None:
            yield ("PERSIST",)
        else:
            yield "PEXPIRE", str(LONG_MS)
        return
    if after is None:
        yield ("DEL",)
        return
    before = seen.value
    if type(before) is not type(after):
        if seen.kind != ABSENT and not (_is_scalar(before) and _is_scalar(after)):
            yield ("DEL",)
        before = None
    match after:
        case frozenset():
            gone = (before or frozenset()) - after
            yield from _in_parts("SREM", sorted(map(text_of, gone)))
            yield from _in_parts("SADD", sorted(map(text_of, after - (before or frozenset()))))
        case FrozenQueue():
            yield from _of_queue(before or FrozenQueue(), after)
        case FrozenSortedSet():
            yield from _of_map(seen.kind, dict(before or ()), dict(after))
        case FrozenList():
            yield from _of_list(before or FrozenList(), after)
        case _:
            yield "SET", text_of(after), "KEEPTTL"


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, frozenset | FrozenQueue | FrozenSortedSet | FrozenList)


def _in_parts(command: str, words: list[str]) -> Iterable[tuple[Any, ...]]:
    for begin in range(0, len(words), ELEMENTS_MAX):
        yield command, *words[begin : begin + ELEMENTS_MAX]


def _of_map(kind: str, before: dict[Any, Any], after: dict[Any, Any]) -> Iterable[tuple[Any, ...]]:
    """A sorted set where all values are scores, unless it is a hash already."""
    is_hash = kind == "hash" or (kind != "zset" and not all(type(each) is int for each in after.values()))
    if kind == "zset" and not all(type(each) is int for each in after.values()):
        yield ("DEL",)
        before, is_hash = {}, True
    gone = [text_of(name) for name in before if name not in after]
    new = [(text_of(name), text_of(value)) for name, value in after.items() if before.get(name) != value]
    yield from _in_parts("HDEL" if is_hash else "ZREM", gone)
    words = [word for name, value in new for word in ((name, value) if is_hash else (value, name))]
    yield from _in_parts("HSET" if is_hash else "ZADD", words)


def _of_list(before: FrozenList, after: FrozenList) -> Iterable[tuple[Any, ...]]:
    count = len(before)
    if after[:count] == before:
        yield from _in_parts("RPUSH", list(map(text_of, after[count:])))
    elif count and after[len(after) - count :] == before:
        yield from _in_parts("LPUSH", list(map(text_of, reversed(after[: len(after) - count]))))
    elif after == before[1:]:
        yield ("LPOP",)
    elif after == before[:-1]:
        yield ("RPOP",)
    else:
        yield ("DEL",)
        yield from _in_parts("RPUSH", list(map(text_of, after)))


def _of_queue(before: FrozenQueue, after: FrozenQueue) -> Iterable[tuple[Any, ...]]:
    """A queue is a sorted set: a message that joins at the end has a higher score than all."""
    old, new = _members(before), _members(after)
    left = [each for each in old if each in new]
    if new[: len(left)] != left:
        yield ("DEL",)
        yield from _in_parts(APPEND, new)
        return
    yield from _in_parts("ZREM", [each for each in old if each not in new])
    yield from _in_parts(APPEND, new[len(left) :])


def _members(queue: FrozenQueue) -> list[str]:
    """The members of a queue: what is in it twice is told apart, as a set holds each once."""
    seen: dict[str, int] = {}
    members = []
    for each in queue:
        text = text_of(each)
        seen[text] = seen.get(text, 0) + 1
        members.append(f"{_QUEUED}{seen[text]}{_QUEUED}{text}")
    return members
