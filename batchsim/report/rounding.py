"""Durations rounded for reading; exact ones are `format_duration`'s."""

from __future__ import annotations

from batchsim.scenario.durations import UNITS_US

_LEAST_US = {"h": 90 * UNITS_US["min"], "min": 90 * UNITS_US["s"], "s": UNITS_US["s"], "ms": UNITS_US["ms"]}
"""From where on a unit is used."""


def rounded(duration_us: int) -> str:
    """A duration in three digits: `69.9 ms`, `20 s`, `2 h`."""
    if duration_us < 0:
        return f"-{rounded(-duration_us)}"
    for unit, least_us in _LEAST_US.items():
        if duration_us >= least_us:
            return f"{_three_digits(duration_us, UNITS_US[unit])} {unit}"
    return f"{duration_us} us"


def _three_digits(duration_us: int, unit_us: int) -> str:
    decimals = next((places for places in (2, 1) if duration_us < 10 ** (3 - places) * unit_us), 0)
    # Half up, in integers: no float could tip a digit.
    whole, fraction = divmod((2 * duration_us * 10**decimals + unit_us) // (2 * unit_us), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)
