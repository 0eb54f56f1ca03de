"""Values of cells as text and JSON, and back: what a server keeps of them.

A whole number is its digits, so that INCR works on it; a text is itself, unless it could be taken for something
else. A named tuple is an object with the names of its fields, so that people can read it on the server.
"""

from __future__ import annotations

import dataclasses
import json
import re
from enum import Enum
from typing import Any, get_args, get_type_hints

from batchsim.bad_input import BadInputError

KIND = "!"
"""In an object: the class that it is a value of."""
VALUE = "="
_CLASSES: dict[str, type[Any]] = {}
"""Those whose values were written, by name: no other one is ever made from what a server says."""
_NUMBER = re.compile(r"-?\d+")
_OTHER = re.compile(r"-?\d[\d.eE+-]*|[\[{\"].*|true|false|null|NaN|-?Infinity", re.DOTALL)


def name_of(kind: type[Any]) -> str:
    """The name of a class, which is known from now on."""
    name = f"{kind.__module__}:{kind.__qualname__}"
    _CLASSES[name] = kind
    return name


def class_named(name: str) -> type[Any]:
    """The class of this name, of which a value was written."""
    return _CLASSES[name]


_HINTS: dict[type[Any], dict[str, Any]] = {}


def _hints(kind: type[Any]) -> dict[str, Any]:
    """The types of the fields of a class, as far as they are known."""
    if kind not in _HINTS:
        try:
            _HINTS[kind] = get_type_hints(kind)
        except NameError:
            _HINTS[kind] = {}
    return _HINTS[kind]


def _class_in(hint: Any) -> type[Any] | None:
    """The class of enumerations or named tuples that a field is of, be it optional."""
    for each in (hint, *get_args(hint)):
        if isinstance(each, type) and (issubclass(each, Enum) or hasattr(each, "_fields")):
            return each
    return None


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a named tuple, each as JSON."""
    hints = _hints(type(value))
    return {
        name: _field(each, _class_in(hints.get(name))) for name, each in zip(value._fields, value, strict=True)
    }


def _field(value: Any, kind: type[Any] | None) -> Any:
    if kind is not None and type(value) is kind:
        return value.value if isinstance(value, Enum) else fields_of(value)
    return pack(value)


def made(kind: type[Any], fields: dict[str, Any]) -> Any:
    """The named tuple of these fields."""
    hints = _hints(kind)
    return kind(**{name: _of_field(each, _class_in(hints.get(name))) for name, each in fields.items()})


def _of_field(data: Any, kind: type[Any] | None) -> Any:
    if data is None or kind is None:
        return unpack(data)
    if issubclass(kind, Enum) and not isinstance(data, dict):
        return kind(data)
    if isinstance(data, dict) and KIND not in data:
        return made(kind, data)
    return unpack(data)


def pack(value: Any) -> Any:
    """A value as JSON; raises `BadInputError` for one that no server can keep."""
    match value:
        case Enum():
            return {KIND: name_of(type(value)), VALUE: value.name}
        case None | bool() | int() | float() | str():
            return value
        case tuple() if hasattr(value, "_fields"):
            return {KIND: name_of(type(value)), **fields_of(value)}
        case tuple():
            return [pack(each) for each in value]
        case frozenset():
            return {KIND: "set", VALUE: sorted((pack(each) for each in value), key=json.dumps)}
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            named = {field.name: pack(getattr(value, field.name)) for field in dataclasses.fields(value)}
            return {KIND: name_of(type(value)), **named}
    raise BadInputError(
        f"real servers: found a value of type {type(value).__name__} in a cell; allowed: numbers, texts, tuples, "
        "named tuples, enumerations, dataclasses of them"
    )


def unpack(data: Any) -> Any:
    """The value of JSON."""
    if isinstance(data, list):
        return tuple(unpack(each) for each in data)
    if not isinstance(data, dict):
        return data
    fields = {name: each for name, each in data.items() if name != KIND}
    if data[KIND] == "set":
        return frozenset(unpack(each) for each in fields[VALUE])
    kind = class_named(data[KIND])
    if issubclass(kind, Enum):
        return kind[fields[VALUE]]
    if hasattr(kind, "_fields"):
        return made(kind, fields)
    return kind(**{name: unpack(each) for name, each in fields.items()})


def text_of(value: Any) -> str:
    """A value as an element of Redis."""
    if type(value) is int:
        return str(value)
    if type(value) is str and not _OTHER.fullmatch(value):
        return value
    return json.dumps(pack(value), separators=(",", ":"), sort_keys=True)


def value_of(text: str) -> Any:
    """The value of an element of Redis."""
    if _NUMBER.fullmatch(text):
        return int(text)
    return unpack(json.loads(text)) if _OTHER.fullmatch(text) else text
