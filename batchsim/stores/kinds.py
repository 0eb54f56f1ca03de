"""What a key of Redis can hold."""

from __future__ import annotations

from enum import Enum
from typing import Any

from batchsim.model.operation import Raised, StoreFailure


class ResponseError(StoreFailure):
    """Redis refuses a command: the key holds another type (`WRONGTYPE`), or no whole number."""

    in_words = "is refused by Redis"


WRONG_TYPE = Raised(ResponseError, text="WRONGTYPE Operation against a key holding the wrong kind of value")
"""The key holds another type."""
NO_NUMBER = Raised(ResponseError, text="value is not an integer or out of range")
"""The key is to be counted with, and holds no whole number."""
NO_NUMBER_IN_HASH = Raised(ResponseError, text="hash value is not an integer")
"""Likewise, a field of a hash."""


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


def refusal(kind: Kind, value: Any) -> Raised:
    """What Redis says where a key is to be of a kind, and holds this value."""
    return NO_NUMBER if kind is Kind.NUMBER and Kind.STRING.admits(value) else WRONG_TYPE


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
