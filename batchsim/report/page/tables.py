"""What many walks of a page have in common is in it once, and is known by its number from 0.

A collection that grows item by item has as many values as it has items. So a value may be given by what it
differs in from an earlier one of its cell: it takes as much room as has changed.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Hashable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, Generic, TypeVar

from batchsim.analysis.walking.places import Line, Places
from batchsim.report.outcomes import as_json
from batchsim.visible import visible

SOURCE_LINES_MAX = 120
"""Of one function."""


T = TypeVar("T", bound=Hashable)


class Tables:
    """The tables of one page."""

    def __init__(self) -> None:
        self.texts = _Numbered[str]()
        self._values = _Numbered[str]()
        self._value_entries: list[Any] = []
        self._full: list[Any] = []
        self._places = _Numbered[str]()
        self._place_entries: list[Any] = []
        self._sources = _Numbered[CodeType]()
        self._last: dict[str, int] = {}

    def text(self, text: str) -> int:
        """The number of a text."""
        return self.texts.number_of(visible(text))

    def value(self, cell: str, value: Hashable) -> int | None:
        """The number of a value that a cell has; `None`: it is absent."""
        if value is None:
            return None
        plain = shown(cell, value)
        written = json.dumps(plain, sort_keys=True)
        number = self._values.number_of(written)
        if number == len(self._value_entries):
            self._full.append(plain)
            self._value_entries.append(self._entry(self._last.get(cell), plain, len(written)))
        self._last[cell] = number
        return number

    def _entry(self, base: int | None, plain: Any, length: int) -> Any:
        whole = {"is": plain}
        if base is None or length < 60:
            return whole
        before = self._full[base]
        if isinstance(before, list) and isinstance(plain, list):
            entry: Any = {"of": base, "at": _alike(before, plain)}
            rest, old = plain[entry["at"] :], before[entry["at"] :]
            end = min(_alike(old[::-1], rest[::-1]), len(old), len(rest))
            entry |= {"out": len(old) - end, "in": rest[: len(rest) - end]}
        elif isinstance(before, dict) and isinstance(plain, dict):
            put = {key: each for key, each in plain.items() if key not in before or before[key] != each}
            entry = {"of": base, "put": put, "drop": [key for key in before if key not in plain]}
        else:
            return whole
        return entry if len(json.dumps(entry)) < length else whole

    def places(self, places: Places) -> int:
        """The number of where an actor is."""
        entry = [
            [each.lane, self.text(each.awaits), [[self._source(line), line.number] for line in each.lines]]
            for each in places
        ]
        number = self._places.number_of(json.dumps(entry))
        if number == len(self._place_entries):
            self._place_entries.append(entry)
        return number

    def _source(self, line: Line) -> int:
        return self._sources.number_of(line.code)

    def document(self) -> dict[str, Any]:
        """All tables."""
        return {
            "texts": list(self.texts),
            "values": self._value_entries,
            "places": self._place_entries,
            "sources": [_source_of(code) for code in self._sources],
        }


def shown(cell: str, value: Any) -> Any:
    """A value as a page shows it: as in the contracts, and of a row its columns by their names."""
    if cell.startswith("postgres:") and isinstance(value, tuple) and not hasattr(value, "_asdict"):
        pairs = [each for each in value if isinstance(each, tuple) and len(each) == 2]
        if value and len(pairs) == len(value):
            return _visible(as_json(dict(pairs)))
    if isinstance(value, frozenset) and all(isinstance(each, int) for each in value):
        return sorted(value)
    return _visible(as_json(value))


def _visible(plain: Any) -> Any:
    match plain:
        case str():
            return visible(plain)
        case list():
            return [_visible(each) for each in plain]
        case Mapping():
            return {visible(key): _visible(each) for key, each in plain.items()}
    return plain


def _alike(first: Sequence[Any], second: Sequence[Any]) -> int:
    """How many elements two lists begin with in common."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _source_of(code: CodeType) -> dict[str, Any]:
    line = Line(code, code.co_firstlineno)
    try:
        lines, first = inspect.getsourcelines(code)
    except (OSError, TypeError):
        lines, first = [], code.co_firstlineno
    return {
        "file": visible(line.file),
        "function": line.function,
        "first": first,
        "lines": [visible(each.rstrip("\n")) for each in lines[:SOURCE_LINES_MAX]],
    }


class _Numbered(Generic[T]):
    """Different things, numbered in the order in which they come."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}

    def number_of(self, each: T) -> int:
        return self._numbers.setdefault(each, len(self._numbers))

    def __iter__(self) -> Iterator[T]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)
