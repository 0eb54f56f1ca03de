"""Times rounded for reading; exact ones are in the timeline and in the JSON."""

from __future__ import annotations

_UNITS_US = {"h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000, "ms": 1_000}
_LEAST_US = {"h": 90 * _UNITS_US["min"], "min": 90 * _UNITS_US["s"], "s": _UNITS_US["s"], "ms": _UNITS_US["ms"]}
"""From where on a unit is used."""


def rounded(duration_us: int) -> str:
    """A duration in three digits: `69.9 ms`, `20 s`, `2 h`."""
    if duration_us < 0:
        return f"-{rounded(-duration_us)}"
    for unit, least_us in _LEAST_US.items():
        if duration_us >= least_us:
            return f"{_three_digits(duration_us, _UNITS_US[unit])} {unit}"
    return f"{duration_us} us"


def _three_digits(duration_us: int, unit_us: int) -> str:
    decimals = next((places for places in (2, 1) if duration_us < 10 ** (3 - places) * unit_us), 0)
    # Half up, in integers: no float could tip a digit.
    whole, fraction = divmod((2 * duration_us * 10**decimals + unit_us) // (2 * unit_us), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)


def instant(at_us: int) -> str:
    """An instant to the millisecond: `9.112 s`; in the first second to the microsecond: `354.388 ms`."""
    if at_us < _UNITS_US["s"]:
        return f"{at_us // 1000}.{at_us % 1000:03} ms"
    at_ms = (2 * at_us + 1000) // 2000
    return f"{at_ms // 1000}.{at_ms % 1000:03} s"


def exact_instant(at_us: int) -> str:
    """An instant to the microsecond, such that instants align: `9.112424 s`."""
    return f"{at_us // 1_000_000}.{at_us % 1_000_000:06} s"
