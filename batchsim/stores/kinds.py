"""What a key of Redis can hold."""

from __future__ import annotations

from enum import Enum
from typing import Any

from batchsim.model.operation import StoreFailure


class ResponseError(StoreFailure):
    """Redis refuses a command: the key holds another type (`WRONGTYPE`), or no whole number."""

    in_words = "is refused by Redis"


class Kind(Enum):
    """What a key can hold."""

    STRING = "a string"
    NUMBER = "a whole number"
    SET = "a set"
    LIST = "a list"
    MAP = "a hash or a sorted set"

    def admits(self, value: Any) -> bool:
        """Whether a value is of this kind; `None`, an absent key, is of each."""
        return value is None or self is _kind_of(value) or (self is Kind.STRING and _kind_of(value) is Kind.NUMBER)


def _kind_of(value: Any) -> Kind:
    match value:
        case set() | frozenset():
            return Kind.SET
        case list():
            return Kind.LIST
        case dict():
            return Kind.MAP
        case int() if not isinstance(value, bool):
            return Kind.NUMBER
    return Kind.STRING
