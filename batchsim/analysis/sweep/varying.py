"""`--vary NAME=A..B:STEPS`: a field of the scenario takes several values, each a point of the sweep."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from batchsim.bad_input import BadInputError
from batchsim.scenario import InvalidDuration, format_duration, parse_duration

ALLOWED = "NAME=A..B:STEPS, such as items.execution=1 s..30 s:10, with :log for steps of equal ratio"
NAMES_MAX = 2
STEPS_MAX = 1000
_AXIS = re.compile(r"(?P<name>[^=]+)=(?P<first>.+?)\.\.(?P<last>.+?):(?P<steps>[0-9]{1,20})(?P<log>:log)?")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_WHOLE = re.compile(r"[0-9]+")


class Value(NamedTuple):
    """A value of a field."""

    text: str
    """As `--set` takes it."""
    number: float
    """Microseconds of a duration, percents of a percentage; otherwise the number itself."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A field and its values."""

    name: str
    unit: str
    """Of the numbers: `us`, `%`, or nothing."""
    is_log: bool
    """Whether it is its ratio that is the same from step to step."""
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One value for each field that is varied."""

    values: tuple[tuple[str, Value], ...] = ()

    @property
    def key(self) -> str:
        """Tells it from all other points, whatever the order of the fields."""
        return json.dumps(sorted((name, value.text) for name, value in self.values))

    @property
    def overrides(self) -> tuple[str, ...]:
        """The options of `--set` that lead to it."""
        return tuple(f"{name}={value.text}" for name, value in self.values)


def points_of(axes: Sequence[Axis]) -> tuple[Point, ...]:
    """Every combination of values, the last axis fastest; one point where nothing is varied."""
    names = [axis.name for axis in axes]
    combinations = product(*(axis.values for axis in axes))
    return tuple(Point(tuple(zip(names, values, strict=True))) for values in combinations)


def parse_axes(options: Sequence[str]) -> tuple[Axis, ...]:
    """The axes that options ask for; raises `BadInputError`."""
    axes = tuple(_parse_axis(option) for option in options)
    if len(axes) > NAMES_MAX:
        raise BadInputError(f"--vary: found {len(axes)} names; allowed: at most {NAMES_MAX}")
    if len({axis.name for axis in axes}) < len(axes):
        raise BadInputError(f"--vary: found {axes[0].name} twice; allowed: different names")
    return axes


def parse_point(options: Sequence[str]) -> Point:
    """The point at which fields have the values that options (`NAME=VALUE`) give; raises `BadInputError`.

    However a value is written, it is the point at which a sweep has that value.
    """
    values = []
    for option in options:
        name, equals, text = (part.strip() for part in option.partition("="))
        if not (name and equals and text):
            allowed = "NAME=VALUE, such as items.execution='1 s'"
            raise BadInputError(f"--at {option}: found no value of a field; allowed: {allowed}")
        unit, number = _number(f"--at {option}", text)
        values.append((name, _value(number, unit)))
    if len(values) > NAMES_MAX:
        raise BadInputError(f"--at: found {len(values)} names; allowed: at most {NAMES_MAX}")
    if len(dict(values)) < len(values):
        raise BadInputError(f"--at: found {values[0][0]} twice; allowed: different names")
    return Point(tuple(values))


def _parse_axis(option: str) -> Axis:
    match = _AXIS.fullmatch(option)
    if match is None:
        raise BadInputError(f"--vary {option}: found no axis; allowed: {ALLOWED}")
    name, steps, is_log = match["name"].strip(), int(match["steps"]), match["log"] is not None
    if not 2 <= steps <= STEPS_MAX:
        raise BadInputError(f"--vary {option}: found {steps} steps; allowed: 2 to {STEPS_MAX}")
    unit, first, last = _ends(option, match["first"].strip(), match["last"].strip())
    if is_log and min(first, last) <= 0:
        raise BadInputError(f"--vary {option}: found a log axis from 0; allowed: ends above 0")
    whole = unit == "us" or (_WHOLE.fullmatch(match["first"].strip()) and _WHOLE.fullmatch(match["last"].strip()))
    numbers = [_between(first, last, step, steps, is_log=is_log) for step in range(steps)]
    values = tuple(_value(round(number) if whole else number, unit) for number in numbers)
    if len({value.text for value in values}) < steps:
        allowed = "steps of a microsecond at least"
        if unit != "us":
            allowed = "as many steps as there are whole numbers; a duration has a unit, as in 1 ms..2 ms"
        raise BadInputError(f"--vary {option}: found a value twice; allowed: {allowed}")
    return Axis(name, unit, is_log, values)


def _ends(option: str, *texts: str) -> tuple[str, float, float]:
    """The unit of an axis and the numbers at its ends."""
    ends = [_number(f"--vary {option}", text) for text in texts]
    units = {unit for unit, number in ends if number}
    if len(units) > 1:
        raise BadInputError(f"--vary {option}: found ends of different kinds; allowed: ends with like units")
    return units.pop() if units else ends[0][0], ends[0][1], ends[1][1]


def _number(option: str, text: str) -> tuple[str, float]:
    digits = text.removesuffix("%").rstrip()
    if _NUMBER.fullmatch(digits):
        return "%" if digits != text else "", float(digits)
    try:
        return "us", parse_duration(text)
    except InvalidDuration as error:
        raise BadInputError(f"{option}: found {text!r}; allowed: {error}, or a number") from None


def _between(first: float, last: float, step: int, steps: int, *, is_log: bool) -> float:
    if step == steps - 1:
        return last
    share = step / (steps - 1)
    if is_log:
        return first * math.pow(last / first, share)
    return first + (last - first) * share


def _value(number: float, unit: str) -> Value:
    match unit:
        case "us":
            return Value(format_duration(round(number)), number)
        case "%":
            return Value(f"{number:.12g}%", number)
        case _:
            return Value(f"{number:.12g}", number)
