"""How far a share can be from what was counted: confidence intervals."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt
from typing import NamedTuple

from batchsim.analysis.sweep.beta import beta_quantile

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """From end to end."""
        return self.high - self.low


@lru_cache(maxsize=65536)
def share_interval(count: int, runs: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval of Clopper and Pearson (1934) for a share of which `count` of `runs` were seen.

    It holds the true share with at least this confidence, for every number of runs; of 0 it has an upper bound.
    """
    if not 0 <= count <= runs:
        raise ValueError(f"a count of {count} in {runs} runs")
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else beta_quantile(tail, count, runs - count + 1)
    high = 1.0 if count == runs else beta_quantile(1 - tail, count + 1, runs - count)
    return Interval(low, high)


def difference_interval(only_first: int, only_second: int, runs: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval for a difference of two shares, of runs in pairs.

    `only_first` and `only_second`: pairs in which only the one run was counted; the others say nothing of the
    difference. The intervals of these two shares are put together by squares (Zou and Donner, *Construction of
    confidence limits about effect measures*, Statistics in Medicine 27, 2008), with the correlation that they have
    as two of the shares of one sample.
    """
    if runs == 0:
        return Interval(-1.0, 1.0)
    p, q = only_first / runs, only_second / runs
    first, second = share_interval(only_first, runs, confidence), share_interval(only_second, runs, confidence)
    correlation = -sqrt(p * q / ((1 - p) * (1 - q))) if p < 1 and q < 1 else 0.0
    below = _together(p - first.low, second.high - q, correlation)
    above = _together(first.high - p, q - second.low, correlation)
    return Interval(max(-1.0, p - q - below), min(1.0, p - q + above))


def _together(first: float, second: float, correlation: float) -> float:
    return sqrt(first**2 + second**2 - 2 * correlation * first * second)
