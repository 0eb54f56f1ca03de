"""Faults of the user's own: a class in a file, whose fields an entry of `faults` gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from batchsim.durations import InvalidDuration, parse_duration
from batchsim.model.faults import Fault
from batchsim.scenario.own_exposures import guard_fault
from batchsim.scenario.schema.own_types import NotOfType, read_as
from batchsim.scenario.slow import Slow
from batchsim.scenario.spelling import did_you_mean
from batchsim.signals import is_real
from batchsim.user_code import UserCodeError, load_from_file, told, what_it_did

COMMON = {"at": "at_us", "at_most": "at_most", "probability": "probability"}
"""What every fault can be given, and its field."""
AT_MOST_MAX = 9


def read_own_fault(reference: str, given: object, directory: Path) -> Fault:
    """The fault of a class `path.py:NAME` with the fields that an entry gives; raises `UserCodeError`."""
    kind = load_from_file(reference, directory, type)
    if not issubclass(kind, Fault) or not is_dataclass(kind):
        raise UserCodeError(f"{reference}: found {told(kind)}; allowed: a dataclass derived from Fault")
    _check_word(kind, reference)
    guard_fault(kind, reference)
    # Another process, which knows nothing of the file, reads it for itself.
    kind.__reduce__ = _reduced  # type: ignore[method-assign,assignment]
    values: Mapping[str, Any] = given if isinstance(given, dict) else {}
    if not isinstance(given, dict):
        raise UserCodeError(f"{reference}: found {told(given)}; allowed: a mapping with its fields")
    known = [*COMMON, *(each.name for each in fields(kind) if each.name not in COMMON.values())]
    for key in values:
        if key not in known:
            hint = did_you_mean(key, known)
            allowed = f"{reference}: found the unknown key {key!r}; allowed: {', '.join(known)}"
            raise UserCodeError(f"{allowed}; {hint}" if hint else allowed)
    plain = {COMMON.get(key, key): _common(key, value, reference) for key, value in values.items()}
    made = _made(kind, plain, reference)
    _READ[id(made)] = made, (reference, given, directory)
    return made


def _check_word(kind: type[Fault], reference: str) -> None:
    """It is what reports call the fault: a word of its own, and not that of another one."""
    word = getattr(kind, "word", None)
    if type(word) is not str or not word.strip() or not word.isprintable():
        found = "missing" if word is None else f"found {told(word)}"
        raise UserCodeError(f'{reference}: word: {found}; allowed: its name in reports, word: ClassVar[str] = "…"')
    for other in (*_shipped(Fault), Slow):
        if vars(other).get("word") == word and not issubclass(kind, other):
            raise UserCodeError(f"{reference}: word: found {word!r}, a fault of batchsim; allowed: another word")


def _shipped(kind: type[Fault]) -> Iterator[type[Fault]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("batchsim."):
            yield each
            yield from _shipped(each)


_READ: dict[int, tuple[Fault, tuple[str, object, Path]]] = {}
"""Those that were read, and from what, by their identity, which nothing else can take while they are here."""


def _reduced(fault: Fault) -> tuple[Any, ...]:
    known = _READ.get(id(fault))
    if known is not None:
        return read_own_fault, known[1]
    read = next(each for each in _READ.values() if type(each[0]) is type(fault))
    values = {each.name: getattr(fault, each.name) for each in fields(fault)}
    return _with_values, (read[1], values)


def _with_values(read: tuple[str, object, Path], values: dict[str, Any]) -> Fault:
    """One that was read with other values."""
    return replace(read_own_fault(*read), **values)


def _common(key: str, value: Any, reference: str) -> Any:
    if key == "at":
        try:
            return parse_duration(value)
        except InvalidDuration as error:
            raise UserCodeError(f"{reference}: at: found {value!r}; allowed: {error}") from None
    if key == "at_most" and not (type(value) is int and 1 <= value <= AT_MOST_MAX):
        raise UserCodeError(
            f"{reference}: at_most: found {value!r}; allowed: a whole number from 1 to {AT_MOST_MAX}"
        )
    if key == "probability":
        number = float(value[:-1]) / 100 if isinstance(value, str) and value.endswith("%") else value
        if type(number) not in (int, float) or not 0 < number <= 1:
            raise UserCodeError(f"{reference}: probability: found {value!r}; allowed: a percentage such as 1%")
        return float(number)
    return value


def _made(kind: type[Fault], plain: Mapping[str, Any], reference: str) -> Fault:
    try:
        made: Fault = read_as(kind, dict(plain))
    except NotOfType as error:
        first = error.misfits[0]
        field = ".".join(map(str, first.path))
        found = "missing" if first.is_missing else f"found {told(first.found)}"
        raise UserCodeError(f"{reference}: {field}: {found}; allowed: {first.allowed}") from None
    except BaseException as error:
        if is_real(error):
            raise
        raise UserCodeError(f"{reference} {what_it_did(error)}") from None
    return made
