"""From bits to latencies: every distribution keeps its support and its shape."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from math import erf, exp, expm1, log, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim.engines.sampling import leg_sampler, sampler
from batchsim.engines.streams import draw
from batchsim.scenario import (
    Backoff,
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Latency,
    Legs,
    Lognormal,
    Normal,
    RoundTrip,
    Uniform,
)
from tests.strategies import DISTRIBUTIONS, LATENCIES
from tests.trying import examples

BITS = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 1, 2**63, 2**64 - 2, 2**64 - 1]))
ALL_DISTRIBUTIONS = st.one_of(DISTRIBUTIONS, st.integers(1, 8).map(Backoff))
LOWEST, MIDDLE, HIGHEST = 0, 2**63, 2**64 - 1


@settings(max_examples=examples(250, searched=500))
@given(ALL_DISTRIBUTIONS, BITS)
def test_a_draw_stays_within_the_support(distribution: Distribution, bits: int) -> None:
    shortest_us, longest_us = distribution.support_us
    drawn_us = sampler(distribution)(bits)
    assert type(drawn_us) is int
    assert shortest_us <= drawn_us
    assert longest_us is None or drawn_us <= longest_us


@settings(max_examples=examples(250, searched=500))
@given(DISTRIBUTIONS.filter(lambda each: not isinstance(each, Empirical)), BITS, BITS)
def test_more_bits_mean_longer(distribution: Distribution, bits: int, more: int) -> None:
    low, high = min(bits, more), max(bits, more)
    assert sampler(distribution)(low) <= sampler(distribution)(high)


@settings(max_examples=examples(150, searched=300))
@given(st.one_of(ALL_DISTRIBUTIONS.map(RoundTrip), LATENCIES), BITS)
def test_legs_are_halves_of_a_round_trip_or_draws_of_their_own(latency: Latency, bits: int) -> None:
    request_us, response_us = leg_sampler(latency)(bits)
    match latency:
        case RoundTrip(total):
            assert request_us + response_us == sampler(total)(bits)
            assert 0 <= response_us - request_us <= 1
        case Legs(request, response):
            assert request_us == sampler(request)(bits)
            shortest_us, longest_us = response.support_us
            assert shortest_us <= response_us
            assert longest_us is None or response_us <= longest_us


def test_the_legs_of_a_split_latency_are_independent() -> None:
    sample = leg_sampler(Legs(Uniform(0, 1), Uniform(0, 1)))
    counts = {(request, response): 0 for request in (0, 1) for response in (0, 1)}
    for use in range(4_000):
        counts[sample(draw(7, use))] += 1
    assert all(900 < count < 1_100 for count in counts.values())


# -- shapes ------------------------------------------------------------------------------------

S_US = 1_000_000
DRAWS = 4_000
KOLMOGOROV = 1.63 / sqrt(DRAWS)
"""The largest distance that a right sampler exceeds once in a hundred times; the draws are fixed."""

Cdf = Callable[[float], float]


def phi(z: float) -> float:
    return (1 + erf(z / sqrt(2))) / 2


def cut(cdf: Cdf, low: float, high: float | None) -> Cdf:
    below, above = cdf(low), 1.0 if high is None else cdf(high)
    return lambda us: (cdf(us) - below) / (above - below)


def normal(us: float) -> float:
    return phi((us - 5 * S_US) / (2 * S_US))


def lognormal(us: float) -> float:
    return 0.0 if us <= 0 else phi(log(us / S_US) / (log(4) / 2.3263478740408408))


SHAPES: list[tuple[Distribution, Cdf]] = [
    (Uniform(S_US, 3 * S_US), lambda us: (us - S_US) / (2 * S_US)),
    (Exponential(S_US), lambda us: 1 - exp(-us / S_US)),
    (Exponential(S_US, min_us=S_US), lambda us: 1 - exp(-(us - S_US) / S_US)),
    (Exponential(S_US, max_us=S_US), lambda us: expm1(-us / S_US) / expm1(-1)),
    (Normal(5 * S_US, 2 * S_US), cut(normal, 0, None)),
    (Normal(5 * S_US, 2 * S_US, 4 * S_US, 8 * S_US), cut(normal, 4 * S_US, 8 * S_US)),
    (Lognormal(S_US, 4 * S_US), lognormal),
    (Lognormal(S_US, 4 * S_US, S_US // 2, 2 * S_US), cut(lognormal, S_US // 2, 2 * S_US)),
]


@pytest.mark.parametrize(("distribution", "cdf"), SHAPES, ids=lambda each: "" if callable(each) else repr(each))
def test_draws_follow_their_distribution(distribution: Distribution, cdf: Cdf) -> None:
    sample = sampler(distribution)
    drawn = sorted(sample(draw(2024, use)) for use in range(DRAWS))
    distance = max(abs(cdf(us) - (rank + 0.5) / DRAWS) for rank, us in enumerate(drawn))
    assert distance < KOLMOGOROV


@pytest.mark.parametrize(("distribution", "cdf"), SHAPES, ids=lambda each: "" if callable(each) else repr(each))
def test_the_middle_of_the_bits_is_the_median(distribution: Distribution, cdf: Cdf) -> None:
    assert cdf(sampler(distribution)(MIDDLE)) == pytest.approx(0.5, abs=1e-6)


def test_both_ends_of_a_uniform_occur_as_often_as_the_rest() -> None:
    sample = sampler(Uniform(3, 5))
    drawn = [sample(draw(1, use)) for use in range(3_000)]
    assert {drawn.count(us) > 900 for us in (3, 4, 5)} == {True}
    assert (sample(LOWEST), sample(HIGHEST)) == (3, 5)


@pytest.mark.parametrize("distribution", [Normal(10, 5, min_us=10), Lognormal(10, 15, min_us=10)])
def test_the_highest_bits_mean_the_longest_even_where_floats_run_out(distribution: Distribution) -> None:
    sample = sampler(distribution)
    assert sample(HIGHEST) >= sample(HIGHEST - 2**13) > 10


def test_a_lognormal_has_its_median_and_its_99th_percentile() -> None:
    sample = sampler(Lognormal(2_000, 12_000))
    drawn = sorted(sample(use * 2**64 // 10_000) for use in range(10_000))
    assert drawn[5_000] == pytest.approx(2_000, abs=1)
    assert bisect_right(drawn, 12_000) == pytest.approx(9_900, abs=2)


def test_samples_occur_as_often_as_they_were_measured() -> None:
    sample = sampler(Empirical((7, 7, 7, 2)))
    drawn = [sample(draw(5, use)) for use in range(4_000)]
    assert set(drawn) == {7, 2}
    assert 2_900 < drawn.count(7) < 3_100


def test_a_constant_is_what_it_is() -> None:
    assert {sampler(Constant(42))(bits) for bits in (LOWEST, MIDDLE, HIGHEST)} == {42}
    assert leg_sampler(RoundTrip(Constant(5)))(0) == (2, 3)


# -- backoff -----------------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", range(1, 9))
@pytest.mark.parametrize("eighth", range(8))
def test_the_backoff_is_that_of_protocol_md(attempt: int, eighth: int) -> None:
    """`min(30 s, (1 + U) · 1 s · 2^(k-1))`, here with U in eighths, for which it is whole in ms."""
    bits = eighth * 2**61
    in_ms = min(30_000, (8 + eighth) * 1_000 * 2 ** (attempt - 1) // 8)
    assert sampler(Backoff(attempt))(bits) == in_ms * 1_000


@given(st.integers(1, 5), BITS)
def test_a_backoff_is_rounded_to_the_nearest_millisecond(attempt: int, bits: int) -> None:
    exact_us = min(30 * S_US, (1 + bits / 2**64) * S_US * 2 ** (attempt - 1))
    drawn_us = sampler(Backoff(attempt))(bits)
    assert drawn_us % 1_000 == 0
    assert abs(drawn_us - exact_us) <= 500.001
