"""Values as they are: Python calls 1, True and 1.0 equal, and whoever remembers by a value must not."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from numbers import Number
from typing import Any


def exact(value: Any) -> Hashable:
    """A key for a value that has a hash: equal to another's only if the values are, and of the same types.

    For Python 1, True, 1.0 and a member of an `IntEnum` are one value, so are a tuple and a named one, and
    likewise two that hold them.
    """
    types = _types(value)
    key: Hashable = value if types is None else (_EXACT, value, types)
    return key


_EXACT = object()
_TYPES_KEPT_MAX = 1 << 12
"""Of so many types it is kept how they are told apart: a step can make one anew each time."""


def _types(value: Any) -> Hashable:
    """What tells a value from those of other types that Python calls equal to it; `None`: there are none."""
    return _teller(type(value))(value)  # type: ignore[arg-type]


@lru_cache(_TYPES_KEPT_MAX)
def _teller(kind: type[Any]) -> Callable[[Any], Hashable]:
    """`_types`, for values of one type: states are told apart by millions of them."""
    # By its name: a type that is made anew each time is one and the same.
    name = f"{kind.__module__}.{kind.__qualname__}"
    equality: Any = kind.__eq__
    if kind in (int, str) or equality is object.__eq__:
        return lambda _: None
    if kind is tuple:
        return _types_of
    if kind is frozenset:
        return _types_of_elements
    if kind is bool or issubclass(kind, Enum | str):
        return lambda _: name
    if issubclass(kind, Number):
        return lambda value: (name, repr(value))
    if issubclass(kind, tuple):
        return lambda value: (name, _types_of(value))
    if issubclass(kind, frozenset):
        return lambda value: (name, _types_of_elements(value))
    if not is_dataclass(kind):
        return lambda _: name
    names = tuple(each.name for each in fields(kind))
    if len(names) < _MANY:
        return lambda value: _types_of([getattr(value, name) for name in names])
    return lambda value: _known_types(value, names)


def _types_of(parts: Iterable[Any]) -> Hashable:
    types = tuple([_teller(type(each))(each) for each in parts])  # type: ignore[arg-type]
    return None if types.count(None) == len(types) else types


def _types_of_elements(value: frozenset[Any]) -> Hashable:
    of_elements = ((each, _types(each)) for each in value)
    return frozenset(each for each in of_elements if each[1] is not None) or None


def _known_types(value: Any, names: Sequence[str]) -> Hashable:
    """What has many fields is mostly one that is asked about time and again: a setting, a policy."""
    known = _KNOWN.get(id(value))
    if known is None or known[0] is not value:
        known = _KNOWN[id(value)] = value, _types_of([getattr(value, name) for name in names])
        if len(_KNOWN) > _KNOWN_MAX:
            del _KNOWN[next(iter(_KNOWN))]
    return known[1]


_MANY, _KNOWN_MAX = 8, 64
_KNOWN: dict[int, tuple[Any, Hashable]] = {}
"""By identity, some values that were asked about, and what was said of them."""


COMPARABLE = "what can be compared and hashed (a tuple, no list)"
"""What a value is to be that states are told apart by."""
OF_A_KIND = "values of one kind, as numbers or texts, where they are counted with or put in order"
HASHED = "what has a hash (a number, a text, a tuple, a frozen dataclass; no list or dictionary)"
"""What an operation is to be given."""
EQUAL = "what equals another one that is made alike (a number, a text, a tuple, a frozen dataclass)"
"""What a value is to be that runs and states are compared by."""


FLAT = "what is nested less than a hundred times, and does not hold itself"
"""What a value is to be that has to be looked through."""
_DEPTH_MAX = 100


def has_equality(value: Any) -> bool:
    """Whether a value is more than the object that it is: otherwise each run has, and prints, another one."""
    if isinstance(value, tuple):
        return all(map(has_equality, value))
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - not a number
        return False
    of_type: Any = type(value).__eq__
    return value is None or isinstance(value, Enum) or of_type is not object.__eq__


def is_flat(value: Any, depth: int = 0) -> bool:
    """Whether tuples in a value are nested no deeper than can be looked through."""
    if not isinstance(value, tuple):
        return True
    return depth < _DEPTH_MAX and all(is_flat(each, depth + 1) for each in value)
