"""Intervals hold what they should as often as they say: against published values, and by exact sums."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest

from batchsim.analysis.sweep.beta import beta_cdf, beta_quantile
from batchsim.analysis.sweep.intervals import difference_interval, share_interval


@pytest.mark.parametrize(("count", "runs"), [(1, 3), (3, 10), (50, 100), (1, 1000), (700, 1000)])
def test_the_distribution_is_a_tail_of_the_binomial_one(count: int, runs: int) -> None:
    x = Fraction(count, runs + 1)
    tail = sum(comb(runs, k) * x**k * (1 - x) ** (runs - k) for k in range(count, runs + 1))
    assert beta_cdf(float(x), count, runs - count + 1) == pytest.approx(float(tail), rel=1e-10)


def test_a_quantile_is_where_the_distribution_has_its_mass() -> None:
    for a, b in ((1, 9), (5000, 3), (40, 60), (300_000, 700_000)):
        for probability in (0.0005, 0.025, 0.5, 0.975):
            assert beta_cdf(beta_quantile(probability, a, b), a, b) == pytest.approx(probability, rel=1e-8)


@pytest.mark.parametrize(
    ("count", "runs", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 5.
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_intervals_of_a_share_are_the_published_ones(count: int, runs: int, low: float, high: float) -> None:
    assert share_interval(count, runs) == pytest.approx((low, high), abs=5e-5)
    mirrored = share_interval(runs - count, runs)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_no_failure_in_many_runs_still_has_an_upper_bound() -> None:
    for runs in (1, 10, 1_000, 1_000_000):
        assert share_interval(0, runs) == pytest.approx((0, 1 - 0.025 ** (1 / runs)), rel=1e-9)
    assert share_interval(0, 0) == (0, 1)


@pytest.mark.parametrize("runs", [5, 30])
def test_an_interval_of_a_share_holds_it_at_least_as_often_as_it_says(runs: int) -> None:
    intervals = [share_interval(count, runs) for count in range(runs + 1)]
    for percent in range(1, 100):
        p = percent / 100
        held = sum(
            comb(runs, count) * p**count * (1 - p) ** (runs - count)
            for count, (low, high) in enumerate(intervals)
            if low <= p <= high
        )
        assert held >= 0.95


@pytest.mark.parametrize(("p", "q"), [(0.3, 0.1), (0.05, 0.05), (0.6, 0.0), (0.02, 0.0), (0.5, 0.5), (0.4, 0.3)])
def test_an_interval_of_a_difference_holds_it_as_often_as_it_says(p: float, q: float) -> None:
    runs = 40
    held = sum(
        comb(runs, first) * comb(runs - first, second) * p**first * q**second * rest ** (runs - first - second)
        for first in range(runs + 1)
        for second in range(runs + 1 - first)
        for low, high in [difference_interval(first, second, runs)]
        for rest in [1 - p - q]
        if low <= p - q <= high
    )
    assert held >= 0.945


def test_a_difference_of_nothing_is_not_known_to_be_nothing() -> None:
    low, high = difference_interval(0, 0, 1000)
    assert (low, high) == pytest.approx((-0.003682, 0.003682), abs=1e-6)
    assert difference_interval(7, 3, 100) == pytest.approx([-x for x in difference_interval(3, 7, 100)[::-1]])
