"""Scripts for Redis, derived from what an operation does: nothing is written twice.

`apply` is run on answers that are made up. Where a command can be answered in two ways that `apply` may tell apart
(0 or 1, nothing or something), both are tried, so a tree of commands comes out, and the tree is a script. What a
command answers beyond that is a `Something`: it may be passed on, and `apply` may ask whether it is there; an
operation that looks closer is no script, and becomes a transaction instead.

After the script `apply` runs once more, on the answers that Redis gave, for the answer of the operation and for
what it does in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from batchsim.engines.live.codec import text_of, value_of
from batchsim.model.cells import Cells, Key

PATHS_MAX = 64


class NoScript(Exception):
    """The operation is no script."""


class Something:
    """An answer that is there, whatever it is."""

    def __bool__(self) -> bool:
        return True

    def _refuse(self, *_: Any) -> Any:
        raise NoScript

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __add__ = __radd__ = __len__ = __iter__ = _refuse
    __int__ = __index__ = __contains__ = __sub__ = __rsub__ = _refuse
    __hash__ = object.__hash__


SOMETHING = Something()


class Call(NamedTuple):
    """A command that an operation issues."""

    name: str
    keys: tuple[Key, ...]
    words: tuple[str, ...]
    """What else it is given."""
    is_number: bool
    """Whether it is answered with a number; otherwise with a text or nothing."""
    answers: tuple[Any, ...]
    """In which ways, as far as `apply` may tell them apart."""


@dataclass
class Tree:
    """A command, and what follows each of its answers."""

    call: Call
    next: dict[Any, Tree | None] = field(default_factory=dict)

    @property
    def is_single(self) -> bool:
        """Whether it is one command, whatever it is answered."""
        return all(each is None for each in self.next.values())


class _Fork(Exception):
    """The next command, whose answer is not given."""

    def __init__(self, call: Call) -> None:
        self.call = call


class Asking:
    """Stands for Redis: answers what it is given, in order, or a number of the real ones."""

    def __init__(self, answers: tuple[Any, ...]) -> None:
        self._answers = list(answers)

    def _ask(self, call: Call) -> Any:
        if not self._answers:
            raise _Fork(call)
        answer = self._answers.pop(0)
        return value_of(answer) if isinstance(answer, str) else answer

    def get(self, key: Key) -> Any:
        """`GET`."""
        return self._ask(Call("GET", (key,), (), False, (None, SOMETHING)))

    def set(self, key: Key, value: Any) -> None:
        """`SET`."""
        self._ask(Call("SET", (key,), (text_of(value),), False, (SOMETHING,)))

    def incr(self, key: Key) -> Any:
        """`INCR`."""
        return self._ask(Call("INCR", (key,), (), True, (SOMETHING,)))

    def sadd(self, key: Key, member: Any) -> Any:
        """`SADD`."""
        return self._ask(Call("SADD", (key,), (text_of(member),), True, (0, 1)))

    def scard(self, key: Key) -> Any:
        """`SCARD`."""
        return self._ask(Call("SCARD", (key,), (), True, (SOMETHING,)))

    def zadd(self, key: Key, member: Any, score: int) -> None:
        """`ZADD`."""
        self._ask(Call("ZADD", (key,), (str(score), text_of(member)), True, (SOMETHING,)))

    def rpush(self, key: Key, value: Any) -> None:
        """`RPUSH`."""
        self._ask(Call("RPUSH", (key,), (text_of(value),), True, (SOMETHING,)))

    def delete(self, *keys: Key) -> Any:
        """`DEL`."""
        return self._ask(Call("DEL", keys, (), True, (SOMETHING,)))

    def zrange(self, key: Key) -> Any:
        """`ZRANGE`: more than one answer."""
        raise NoScript

    lrange = zrange


class NoCells(Cells):
    """In place of cells, while a script is derived: whoever touches one is none, but for those of no store."""

    def __init__(self, is_memory: Callable[[Key], bool]) -> None:
        super().__init__()
        self._is_memory = is_memory

    def _check(self, key: Key) -> None:
        if not self._is_memory(key):
            raise NoScript

    def read(self, key: Key) -> Any:
        """Nothing is there."""
        self._check(key)
        return super().read(key)

    def modify(self, key: Key, empty: Callable[[], Any]) -> Any:
        """To be thrown away."""
        self._check(key)
        return super().modify(key, empty)

    def write(self, key: Key, value: Any) -> None:
        """To be thrown away."""
        self._check(key)
        super().write(key, value)

    def delete(self, key: Key) -> bool:
        """To be thrown away."""
        self._check(key)
        return super().delete(key)


def tree_of(apply: Callable[[Asking], Any]) -> Tree | None:
    """The commands that an operation issues; `None`: none. Raises `NoScript`."""
    paths = [0]

    def explored(answers: tuple[Any, ...]) -> Tree | None:
        paths[0] += 1
        if paths[0] > PATHS_MAX:
            raise NoScript
        try:
            apply(Asking(answers))
        except _Fork as fork:
            return Tree(fork.call, {each: explored((*answers, each)) for each in fork.call.answers})
        return None

    return explored(())


class Script(NamedTuple):
    """A tree as a script."""

    text: str
    keys: tuple[Key, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=4096)
def _text(lines: tuple[str, ...]) -> str:
    return "\n".join(lines)


def script_of(tree: Tree) -> Script:
    """The script: it answers what each of its commands was answered, in order."""
    keys: list[Key] = []
    words: list[str] = []

    def place(value: str, values: list[str]) -> int:
        values.append(value)
        return len(values)

    def lines(tree: Tree, number: int, indent: str) -> list[str]:
        call = tree.call
        given = [f"KEYS[{place(key, keys)}]" for key in call.keys]
        given += [f"ARGV[{place(word, words)}]" for word in call.words]
        name = f"a{number}"
        code = [
            f"{indent}local {name} = redis.call({', '.join((repr(call.name), *given))})",
            f"{indent}answers[{number}] = {name}",
        ]
        if len(call.answers) == 1:
            following = tree.next[call.answers[0]]
            return code + (lines(following, number + 1, indent) if following else [])
        no, yes = tree.next[call.answers[0]], tree.next[call.answers[1]]
        test = f"{name} == 0" if call.is_number else f"not {name}"
        for head, branch in ((f"if {test} then", no), ("else", yes)):
            code.append(f"{indent}{head}")
            code += lines(branch, number + 1, f"{indent}  ") if branch else []
        return [*code, f"{indent}end"]

    body = ("local answers = {}", *lines(tree, 1, ""), "return answers")
    return Script(_text(body), tuple(keys), tuple(words))
