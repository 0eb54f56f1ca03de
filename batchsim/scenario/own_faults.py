"""Faults of the user's own: a class in a file, whose fields an entry of `faults` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from batchsim.model.faults import Fault
from batchsim.scenario.durations import InvalidDuration, parse_duration
from batchsim.scenario.schema.own_types import NotOfType, read_as
from batchsim.scenario.spelling import did_you_mean
from batchsim.user_code import UserCodeError, load_from_file, told, what_it_did

COMMON = {"at": "at_us", "at_most": "at_most", "probability": "probability"}
"""What every fault can be given, and its field."""
AT_MOST_MAX = 9


def read_own_fault(reference: str, given: object, directory: Path) -> Fault:
    """The fault of a class `path.py:NAME` with the fields that an entry gives; raises `UserCodeError`."""
    kind = load_from_file(reference, directory, type)
    if not issubclass(kind, Fault) or not is_dataclass(kind):
        raise UserCodeError(f"{reference}: found {told(kind)}; allowed: a dataclass derived from Fault")
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
    return _made(kind, plain, reference)


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
    except Exception as error:
        raise UserCodeError(f"{reference} {what_it_did(error)}") from None
    return made
