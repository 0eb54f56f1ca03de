"""Shares and differences of shares, in words: as many digits as their intervals allow."""

from __future__ import annotations

from math import ceil, floor, log10

from batchsim.analysis.sweep import Difference, Interval, Share
from batchsim.scenario import format_duration

_DECIMALS_MAX = 9


def share(each: Share) -> str:
    """`75.3 % (73.7 … 76.8)`; of none or all, how far from it the truth can be: `< 0.12 %`."""
    if each.runs == 0:
        return "-"
    low, high = each.interval
    decimals = _decimals(each.interval)
    if each.count == 0:
        return f"< {_up(100 * high, decimals)} %"
    if each.count == each.runs:
        return f"> {_down(100 * low, decimals)} %"
    return f"{100 * each.share:.{decimals}f} % ({100 * low:.{decimals}f} … {100 * high:.{decimals}f})"


def difference(each: Difference) -> str:
    """`-75.3 points (-76.8 … -73.7)`; where no run differed, how far the truth can be: `0 ± 0.37 points`."""
    if each.runs == 0:
        return "-"
    low, high = each.interval
    decimals = _decimals(each.interval)
    if each.only_policy == each.only_other == 0:
        return f"0 ± {_up(100 * high, decimals)} points"
    value = f"{100 * each.difference:+.{decimals}f}"
    return f"{value} points ({100 * low:+.{decimals}f} … {100 * high:+.{decimals}f})"


def percent(share: float) -> str:
    """`0.5 %`."""
    return f"{100 * share:.6g} %"


def value(number: float, unit: str) -> str:
    """A value of an axis: `5.158 ms`, `10 %`, `3`."""
    match unit:
        case "us":
            return format_duration(round(number)) if number < 1000 else format_duration(_four_digits(number))
        case "%":
            return f"{number:.4g} %"
        case _:
            return f"{number:.6g}"


def _four_digits(number_us: float) -> int:
    scale: int = 10 ** max(0, floor(log10(number_us)) - 3)
    return round(number_us / scale) * scale


def _decimals(interval: Interval) -> int:
    """Two digits of the width."""
    return max(0, min(_DECIMALS_MAX, 1 - floor(log10(100 * interval.width))))


def _up(number: float, decimals: int) -> str:
    return f"{ceil(number * 10**decimals) / 10**decimals:.{decimals}f}"


def _down(number: float, decimals: int) -> str:
    return f"{floor(number * 10**decimals) / 10**decimals:.{decimals}f}"
