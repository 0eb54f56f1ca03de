"""The kinds of values that the fields of a scenario have."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

from batchsim.durations import DURATION_PATTERN, DURATION_SENTENCE, InvalidDuration, parse_duration
from batchsim.scenario.latencies import Empirical
from batchsim.scenario.measurements import (
    QUANTILES_ALLOWED,
    UNITS,
    UNITS_US,
    Wanted,
    between,
    quantiles_of,
    read_measurements,
    recognised,
)
from batchsim.scenario.problems import InvalidScenario
from batchsim.scenario.samples import read_samples_us
from batchsim.scenario.schema.rules import JsonSchema, Reading, Rule, refusal, refused_elsewhere
from batchsim.scenario.spelling import did_you_mean

_A_DURATION = {"title": "Duration", "description": "A number with a unit (us, ms, s, min, h)"}
DURATION_SCHEMA: JsonSchema = {
    **_A_DURATION,
    "anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, {"const": 0}],
}
TITLE_LENGTH_MAX = 200


def whole_number(low: int, high: int) -> Rule:
    """An integer from `low` to `high`, both included."""
    allowed = f"a whole number from {low} to {high}"

    def read(value: object, _reading: Reading) -> int:
        if type(value) is not int or not low <= value <= high:
            raise refusal(allowed)
        return value

    return Rule(allowed, read, {"type": "integer", "minimum": low, "maximum": high})


def choice(names: Iterable[str], meaning: Callable[[str], object] = str) -> Rule:
    """One of some names."""
    known = tuple(names)
    allowed = ", ".join(known)

    def read(value: object, _reading: Reading) -> object:
        if not isinstance(value, str) or value not in known:
            raise refusal(allowed, did_you_mean(value, known))
        return meaning(value)

    return Rule(allowed, read, {"enum": list(known)})


def duration() -> Rule:
    """A duration in microseconds."""
    return Rule(DURATION_SENTENCE, lambda value, _reading: duration_us_of(value), DURATION_SCHEMA)


def positive_duration() -> Rule:
    """A duration in microseconds, at least 1."""

    def read(value: object, _reading: Reading) -> int:
        duration_us = duration_us_of(value)
        if duration_us == 0:
            raise refusal("longer than 0")
        return duration_us

    pattern = DURATION_PATTERN.replace("^", "^(?=.*[1-9])")
    schema = {**_A_DURATION, "type": "string", "pattern": pattern}
    return Rule(f"{DURATION_SENTENCE}, longer than 0", read, schema)


def duration_us_of(value: object, allowed: str | None = None) -> int:
    """Microseconds (`_us`) of a duration in a scenario; `allowed` tells what else could stand there."""
    try:
        return parse_duration(value)
    except InvalidDuration as error:
        sentence = str(error)
        hint = "add a unit" if isinstance(value, int | float) and not isinstance(value, bool) else ""
        raise refusal(allowed if allowed and sentence == DURATION_SENTENCE else sentence, hint) from error


def _read_title(value: object, _reading: Reading) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= TITLE_LENGTH_MAX and _is_clean(value):
        return value
    raise refusal(TITLE.allowed, _quote_it(value))


def _read_prose(value: object, _reading: Reading) -> str:
    if isinstance(value, str) and _is_clean(value.replace("\n", "").replace("\t", "")):
        return value
    raise refusal(PROSE.allowed, _quote_it(value))


def _is_clean(text: str) -> bool:
    # Control characters would reach terminals and make XML reports invalid; no report could show surrogates.
    return not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text)


def _quote_it(value: object) -> str:
    return "put it in quotes" if isinstance(value, int | float) else ""


def _read_position(value: object, reading: Reading) -> int:
    if type(value) is not int or value < 0:
        raise refusal(POSITION.allowed)
    if reading.run_count is not None and value >= reading.run_count:
        last = reading.run_count - 1
        raise refusal(f"{f'0 to {last}' if last else '0'}, as batch.items is {reading.run_count}")
    return value


def _read_index(value: object, reading: Reading) -> int:
    index = _read_position(value, reading)
    reading.once("item", index)
    return index


_SOURCE_KEYS = ("file", "column", "where", "unit")
_SOURCE = "the path of a CSV file, or a mapping with file, column, where, unit"


def _read_samples(value: object, reading: Reading) -> Empirical:
    if isinstance(value, dict):
        file, wanted = _source(value)
    elif isinstance(value, str) and value:
        file, wanted = value, None
    else:
        raise refusal(_SOURCE)
    path = reading.directory / file
    try:
        if wanted is None and recognised(path) is None:
            return Empirical(read_samples_us(path))
        return Empirical(read_measurements(path, wanted or Wanted()).samples_us)
    except InvalidScenario as error:
        (problem,) = error.problems
        if problem.line is not None:
            raise refused_elsewhere(problem) from error
        allowed = "a CSV file with a duration in each line" if wanted is None else problem.allowed
        raise refusal(allowed, problem.found or "") from error


def _source(value: dict[object, object]) -> tuple[str, Wanted]:
    """Which file, and which values in it."""
    file, column, where, unit = (value.get(key) for key in _SOURCE_KEYS)
    for key in value:
        if key not in _SOURCE_KEYS:
            raise refusal(
                ", ".join(_SOURCE_KEYS), did_you_mean(str(key), _SOURCE_KEYS), found=f"the unknown key {key!r}"
            )
    texts = all(each is None or isinstance(each, str) for each in (column, unit))
    conditions = {} if where is None else where
    if not (texts and isinstance(file, str) and file and isinstance(conditions, dict)):
        raise refusal(_SOURCE)
    if unit is not None and unit not in UNITS_US:
        raise refusal(f"unit: one of {UNITS}", found=str(unit))
    # A column of a file says true and false as YAML does, and not as Python.
    wanted = tuple(
        (str(name), str(text).lower() if isinstance(text, bool) else str(text))
        for name, text in conditions.items()
    )
    return file, Wanted(column, wanted, unit)  # type: ignore[arg-type]


def _read_quantiles(value: object, _reading: Reading) -> Empirical:
    if not isinstance(value, dict):
        raise refusal(QUANTILES_ALLOWED)
    points = {str(name): duration_us_of(each) for name, each in value.items()}
    try:
        return Empirical(between(quantiles_of(points)))
    except ValueError as error:
        raise refusal(str(error)) from error


TITLE = Rule(
    f"one line of text, 1 to {TITLE_LENGTH_MAX} characters",
    _read_title,
    {"type": "string", "pattern": r"\S", "maxLength": TITLE_LENGTH_MAX},
)
PROSE = Rule("text without control characters", _read_prose, {"type": "string"})
POSITION = Rule("a whole number from 0 to batch.items - 1", _read_position, {"type": "integer", "minimum": 0})
INDEX = Rule(POSITION.allowed, _read_index, POSITION.schema)
_TEXT: JsonSchema = {"type": "string", "minLength": 1}
SAMPLES = Rule(
    _SOURCE,
    _read_samples,
    {
        "anyOf": [
            _TEXT,
            {
                "type": "object",
                "properties": {
                    "file": _TEXT,
                    "column": _TEXT,
                    "where": {"type": "object"},
                    "unit": {"enum": [*UNITS_US]},
                },
                "required": ["file"],
                "additionalProperties": False,
            },
        ]
    },
)
QUANTILES = Rule(
    QUANTILES_ALLOWED,
    _read_quantiles,
    {
        "type": "object",
        "patternProperties": {r"^(min|max|p[0-9]{1,2}(\.[0-9]{1,6})?)$": DURATION_SCHEMA},
        "additionalProperties": False,
        "required": ["max"],
        "minProperties": 2,
    },
)
