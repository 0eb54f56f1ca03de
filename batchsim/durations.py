"""Durations: text with a unit outside, whole microseconds (`_us`) inside."""

from __future__ import annotations

import re

UNITS_US = {"us": 1, "ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000}
DURATION_US_MAX = 30 * 24 * UNITS_US["h"]
DURATION_PATTERN = r"^[0-9]{1,20}(\.[0-9]{1,20})? *(us|ms|s|min|h)$"
DURATION_SENTENCE = "a number with a unit (us, ms, s, min, h), such as 200 ms"

_DURATION = re.compile(r"(?P<whole>[0-9]{1,20})(\.(?P<fraction>[0-9]{1,20}))? *(?P<unit>us|ms|s|min|h)")


class InvalidDuration(ValueError):
    """A value is no duration; the text of the exception says what is allowed instead."""


def parse_duration(value: object) -> int:
    """Microseconds (`_us`) of a duration such as `"1.5 s"`, or of a plain `0`; raises `InvalidDuration`."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == 0:
        return 0
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidDuration(DURATION_SENTENCE)
    fraction = match["fraction"] or ""
    # Integers, not floats: 0.1 s must be 100000 us exactly.
    numerator: int = int(match["whole"] + fraction) * UNITS_US[match["unit"]]
    duration_us, rest = divmod(numerator, int("1" + "0" * len(fraction)))
    if rest:
        raise InvalidDuration("a whole number of microseconds")
    if duration_us > DURATION_US_MAX:
        raise InvalidDuration("at most 30 days (720 h)")
    return duration_us


def format_duration(duration_us: int) -> str:
    """Microseconds (`_us`) for people, without loss: `850 us`, `11 ms`, `6.048 s`, `2 h`, `-5 ms`."""
    sign, size_us = ("-", -duration_us) if duration_us < 0 else ("", duration_us)
    unit = _unit_for(size_us)
    whole, rest_us = divmod(size_us, UNITS_US[unit])
    digits = len(str(UNITS_US[unit])) - 1
    fraction = f".{rest_us:0{digits}d}".rstrip("0") if rest_us else ""
    return f"{sign}{whole}{fraction} {unit}"


def _unit_for(size_us: int) -> str:
    # Minutes and hours only when whole: 61 s has no finite decimal in minutes.
    for unit in ("h", "min"):
        if size_us and size_us % UNITS_US[unit] == 0:
            return unit
    return next((unit for unit in ("s", "ms") if size_us >= UNITS_US[unit]), "us")
