"""The memory under all stores: one flat mapping from a key to its value.

Everything that one actor can learn of another goes through a cell, so a step's *footprint*
(the keys that it reads and writes) says exactly which other steps it can disturb. A cell that
is absent holds nothing: a deleted Redis key, a row that was never inserted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Set
from difflib import get_close_matches
from functools import wraps
from typing import Any, TypeVar

from batchsim.bad_input import BadInputError

Key = str
T = TypeVar("T")


class IfListed(str):
    """A cell that an operation touches only in a system that lists it; in any other it is always absent.

    So a command can say that it takes away the time to live of its key, and is of use where no key has one.
    """

    __slots__ = ()


class Cells(dict[Key, Any]):
    """The values of all keys; stores work on it through these methods only."""

    __slots__ = ()

    def read(self, key: Key) -> Any:
        """The value of `key`, or `None`; not to be changed in place."""
        return self.get(key)

    def name_of(self, key: Key) -> Key:
        """The name that the cell has for everybody."""
        return key

    def modify(self, key: Key, empty: Callable[[], T]) -> T:
        """The value of `key` to be changed in place, made by `empty` where absent."""
        value: T | None = self.get(key)
        if value is None:
            value = self[key] = empty()
        return value

    def write(self, key: Key, value: Hashable) -> None:
        """Replace the value of `key`."""
        self[key] = value

    def alter(
        self, key: Key, empty: Callable[[], T], change: Callable[[T], T], where: Callable[[T], bool] | None = None
    ) -> int:
        """Replace the value of `key` by what `change` makes of it, where it meets a condition; 1 if so, or 0.

        `empty` makes it where it is absent. It is a method of its own as a database does it in one statement.
        """
        value = self.modify(key, empty)
        if where is not None and not where(value):
            return 0
        self.write(key, change(value))
        return 1

    def delete(self, key: Key) -> bool:
        """Remove `key`; whether it was there."""
        return self.pop(key, None) is not None


class UndeclaredKeyError(BadInputError):
    """An operation touched a key that is not in its footprint."""


class UnknownCellError(BadInputError):
    """An operation touches a cell that its system does not list."""


def known_of(touched: Set[Key], listed: Set[Key], what: str) -> set[Key]:
    """Those of the cells that an operation touches that its system lists; raises `UnknownCellError`.

    `what`: the operation in words. A cell that counts only where it is listed may be left out.
    """
    unknown = sorted(cell for cell in touched - listed if not isinstance(cell, IfListed))
    if unknown:
        # What is near comes first: it may be a slip.
        told = sorted(str(each) for each in listed if not isinstance(each, IfListed))
        near = get_close_matches(unknown[0], told, n=1)
        known = ", ".join([*near, *(each for each in told if each not in near)][:LISTED_MAX])
        more = ", …" if len(listed) > LISTED_MAX else ""
        by = next((f"; {text} lists it" for begin, text in LISTED_BY.items() if unknown[0].startswith(begin)), "")
        allowed = f"{f'a cell that is listed ({known}{more})' if told else 'a cell that is listed: none is'}{by}"
        raise UnknownCellError(f"{what} touches the cell {unknown[0]!r}; allowed: {allowed}")
    return set(touched & listed)


LISTED_MAX = 6
LISTED_BY: dict[str, str] = {}
"""By the first letters of cells of stores: what lists them in a system."""


def _of_all(name: str) -> Any:
    """A method of a dictionary that looks at whatever is there: no footprint declares that."""
    method = getattr(dict, name)

    def look(cells: GuardedCells, *given: Any) -> Any:
        cells.check_all()
        return method(cells, *given)

    return wraps(method)(look)


class GuardedCells(Cells):
    """Cells that admit one operation's footprint and nothing else, until they are released.

    That holds for the methods of a dictionary, too: code of a user's may call them.
    """

    __slots__ = ("_operation", "_reads", "_writes")

    def __init__(self, cells: Mapping[Key, Any]) -> None:
        super().__init__(cells)
        self.release()

    def admit(self, operation: str, reads: Iterable[Key], writes: Iterable[Key]) -> None:
        """From now on only these keys may be touched, in the name of `operation`."""
        self._operation = operation
        self._writes: frozenset[Key] | None = frozenset(writes)
        self._reads: frozenset[Key] | None = frozenset(reads) | self._writes

    def release(self) -> None:
        """From now on every key may be touched."""
        self._operation = ""
        self._reads = self._writes = None

    def read(self, key: Key) -> Any:
        """As in `Cells`; raises `UndeclaredKeyError` outside the footprint."""
        self._check(key, self._reads, "reads")
        return super().read(key)

    def modify(self, key: Key, empty: Callable[[], T]) -> T:
        """As in `Cells`; raises `UndeclaredKeyError` outside the footprint."""
        self._check(key, self._writes, "changes")
        return super().modify(key, empty)

    def write(self, key: Key, value: Hashable) -> None:
        """As in `Cells`; raises `UndeclaredKeyError` outside the footprint."""
        self._check(key, self._writes, "writes")
        super().write(key, value)

    def delete(self, key: Key) -> bool:
        """As in `Cells`; raises `UndeclaredKeyError` outside the footprint."""
        self._check(key, self._writes, "deletes")
        return super().delete(key)

    def get(self, key: Key, default: Any = None) -> Any:
        """As of a dictionary; raises `UndeclaredKeyError` outside the footprint, as all that follow."""
        self._check(key, self._reads, "reads")
        return super().get(key, default)

    def __getitem__(self, key: Key) -> Any:
        self._check(key, self._reads, "reads")
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._check(key, self._reads, "reads")
        return super().__contains__(key)

    def __setitem__(self, key: Key, value: Any) -> None:
        self._check(key, self._writes, "writes")
        super().__setitem__(key, value)

    def __delitem__(self, key: Key) -> None:
        self._check(key, self._writes, "deletes")
        super().__delitem__(key)

    def pop(self, key: Key, *default: Any) -> Any:
        """As of a dictionary."""
        self._check(key, self._writes, "deletes")
        return super().pop(key, *default)

    def setdefault(self, key: Key, default: Any = None) -> Any:
        """As of a dictionary."""
        self._check(key, self._writes, "writes")
        return super().setdefault(key, default)

    def update(self, *given: Any, **named: Any) -> None:
        """As of a dictionary."""
        for key, value in dict(*given, **named).items():
            self[key] = value

    __iter__, __reversed__, __len__ = map(_of_all, ("__iter__", "__reversed__", "__len__"))
    keys, values, items = map(_of_all, ("keys", "values", "items"))
    copy, clear, popitem = map(_of_all, ("copy", "clear", "popitem"))
    __eq__, __ne__, __or__, __ror__, __ior__ = map(_of_all, ("__eq__", "__ne__", "__or__", "__ror__", "__ior__"))
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """What may be touched, whatever else is there: some engines keep no other cells for a step."""
        if self._reads is None:
            return super().__repr__()
        return repr(
            {key: dict.__getitem__(self, key) for key in sorted(self._reads) if dict.__contains__(self, key)}
        )

    @property
    def is_guarded(self) -> bool:
        """Whether an operation's footprint is admitted, and nothing else."""
        return self._reads is not None

    def check_all(self) -> None:
        """Raise `UndeclaredKeyError` if only a footprint is admitted."""
        if self._reads is not None:
            raise UndeclaredKeyError(
                f"{self._operation} looks at all cells that there are, which no footprint can declare "
                f"(declared: {', '.join(sorted(self._reads)) or 'nothing'})"
            )

    def _check(self, key: object, admitted: frozenset[Key] | None, verb: str) -> None:
        if admitted is not None and key not in admitted:
            raise UndeclaredKeyError(
                f"{self._operation} {verb} {key}, which its footprint does not declare "
                f"(declared: {', '.join(sorted(admitted)) or 'nothing'})"
            )


class FrozenList(tuple[Any, ...]):
    """A list as a value."""

    __slots__ = ()


class FrozenQueue(tuple[Any, ...]):
    """A deque as a value."""

    __slots__ = ()


class FrozenSortedSet(tuple[tuple[Any, int], ...]):
    """A sorted set (members with scores) as a value."""

    __slots__ = ()


def freeze(value: Any) -> Hashable:
    """The hashable twin of a cell's value."""
    match value:
        case set():
            return frozenset(value)
        case dict():
            return FrozenSortedSet(sorted(value.items()))
        case list():
            return FrozenList(value)
        case deque():
            return FrozenQueue(value)
        case _:
            return value  # type: ignore[no-any-return]


def thaw(value: Any) -> Any:
    """A fresh mutable value, equal to the one that was frozen."""
    match value:
        case frozenset():
            return set(value)
        case FrozenSortedSet():
            return dict(value)
        case FrozenList():
            return list(value)
        case FrozenQueue():
            return deque(value)
        case _:
            return value
