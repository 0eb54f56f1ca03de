"""Values of types of the user's own (a dataclass, a pydantic model), read from plain data and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, NamedTuple

from pydantic import BaseModel, TypeAdapter, ValidationError


class Misfit(NamedTuple):
    """One thing that does not fit the type."""

    path: tuple[str | int, ...]
    is_missing: bool
    found: Any
    allowed: str
    """In words that follow `allowed:`."""


class NotOfType(Exception):
    """Plain data is none of the type; `misfits`: everything that does not fit."""

    def __init__(self, misfits: list[Misfit]) -> None:
        super().__init__("; ".join(f"{each.path}: {each.allowed}" for each in misfits))
        self.misfits = misfits


def read_as(kind: Any, plain: Any) -> Any:
    """Plain data as a value of a type; raises `NotOfType`, and whatever a check of the type itself raises."""
    try:
        return TypeAdapter(kind).validate_python(plain)
    except ValidationError as error:
        found = [
            Misfit(
                each["loc"],
                each["type"] == "missing",
                each["input"],
                _allowed(each["type"], each["msg"]),
            )
            for each in error.errors(include_url=False)
        ]
        raise NotOfType(found) from None


_KINDS = {"int": "a whole number", "float": "a number", "bool": "true, false", "string": "a text"}
_OF_A_KIND = ("type", "parsing", "from_float")


def _allowed(error: str, message: str) -> str:
    """What pydantic asks for, without its sentence around it."""
    kind, _, what = error.partition("_")
    if kind in _KINDS and what in _OF_A_KIND:
        return _KINDS[kind]
    told = message.removeprefix("Input should be ")
    return f"{told[:1].lower()}{told[1:]}"


def written_plainly(value: Any) -> Any:
    """The same value as plain data."""
    return TypeAdapter(type(value)).dump_python(value, mode="json")


def content_of_value(value: Any) -> Any:
    """All that a value holds, as plain data: a field that is not shown or not written too, sets sorted.

    Equal values have the same in every process; of different ones it differs.
    """
    match value:
        case Enum():
            return content_of_value(value.value)
        case None | bool() | int() | float() | str():
            return value
        case BaseModel():
            return {name: content_of_value(getattr(value, name)) for name in type(value).model_fields}
        case Mapping():
            return {_content_of_key(key): content_of_value(each) for key, each in value.items()}
        case set() | frozenset():
            return sorted(map(content_of_value, value), key=repr)
        case list() | tuple():
            return list(map(content_of_value, value))
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: content_of_value(getattr(value, each.name)) for each in fields(value)}
    try:
        return written_plainly(value)
    except Exception:  # a type that pydantic was told to take as it is
        return repr(value)


def _content_of_key(key: Any) -> Any:
    """What stands for the key of a mapping: it has a hash."""
    plain = content_of_value(key)
    return repr(plain) if isinstance(plain, list | dict) else plain
