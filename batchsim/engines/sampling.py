"""From 64 random bits to a latency: the inverse of each distribution function, cut to its support.

Bits and result are integers (microseconds); each function here returns a *sampler* of that kind.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, expm1, inf, log, log1p
from statistics import NormalDist
from typing import NamedTuple

from batchsim.engines.streams import another
from batchsim.scenario.latencies import (
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

Sampler = Callable[[int], int]
LegSampler = Callable[[int], tuple[int, int]]
"""From bits to (request leg, response leg)."""

_BITS = 53
"""As many of the 64 bits as a float holds exactly."""
_LARGEST_BELOW_1 = 1 - 2.0**-_BITS
_Z_99 = NormalDist().inv_cdf(0.99)


@lru_cache(maxsize=4096)
def leg_sampler(latency: Latency) -> LegSampler:
    """The sampler of both legs; a round trip is halved, the odd microsecond falls to the response."""
    match latency:
        case RoundTrip(Constant(us)):
            halves = (us // 2, us - us // 2)
            return lambda _: halves
        case Legs(Constant(request_us), Constant(response_us)):
            legs = (request_us, response_us)
            return lambda _: legs
        case RoundTrip(Uniform(min_us, max_us)):
            return _uniform_round_trip(min_us, max_us)
        case RoundTrip(distribution):
            return _halved(sampler(distribution))
        case Legs(request, Constant(response_us)):
            return _before(sampler(request), response_us)
        case Legs(request, response):
            return _both(sampler(request), sampler(response))


def _uniform_round_trip(min_us: int, max_us: int) -> LegSampler:
    span = max_us - min_us + 1

    def sample(bits: int) -> tuple[int, int]:
        total = min_us + ((bits >> 11) * span >> _BITS)
        request = total >> 1
        return request, total - request

    return sample


def _halved(total: Sampler) -> LegSampler:
    def sample(bits: int) -> tuple[int, int]:
        total_us = total(bits)
        return total_us // 2, total_us - total_us // 2

    return sample


def _before(request: Sampler, response_us: int) -> LegSampler:
    return lambda bits: (request(bits), response_us)


def _both(request: Sampler, response: Sampler) -> LegSampler:
    return lambda bits: (request(bits), response(another(bits)))


def sampler(distribution: Distribution) -> Sampler:
    """The sampler of one distribution."""
    match distribution:
        case Constant(us):
            return lambda _: us
        case Uniform(min_us, max_us):
            span = max_us - min_us + 1
            return lambda bits: min_us + ((bits >> 11) * span >> _BITS)
        case Empirical(samples_us):
            return lambda bits: samples_us[(bits >> 11) * len(samples_us) >> _BITS]
        case Backoff():
            return _backoff(distribution)
        case Exponential():
            return _exponential(distribution)
        case Normal():
            return _normal(distribution, lambda x: x)
        case Lognormal():
            return _normal(distribution, exp)


def _backoff(backoff: Backoff) -> Sampler:
    base_ms = backoff.base_us // backoff.ROUNDED_TO_US
    half = 1 << (_BITS - 1)

    def sample(bits: int) -> int:
        delay_ms = base_ms + (((bits >> 11) * base_ms + half) >> _BITS)
        return min(backoff.longest_us, delay_ms * backoff.ROUNDED_TO_US)

    return sample


def _probability(bits: int) -> float:
    """Strictly between 0 and 1."""
    return ((bits >> 12) + 0.5) / (1 << (_BITS - 1))


def mass_of(distribution: Exponential) -> float:
    """How much of the distribution lies within its support."""
    if distribution.max_us is None:
        return 1.0
    return -expm1(-(distribution.max_us - distribution.min_us) / distribution.mean_us)


def _exponential(distribution: Exponential) -> Sampler:
    mean_us, min_us, max_us = distribution.mean_us, distribution.min_us, distribution.max_us
    mass = mass_of(distribution)

    def sample(bits: int) -> int:
        return _cut(min_us - mean_us * log1p(-_probability(bits) * mass), min_us, max_us)

    return sample


class Bell(NamedTuple):
    """A normal distribution, of microseconds or of their logarithms."""

    normal: NormalDist
    below: float
    """How much of it lies below the support …"""
    above: float
    """… and how much up to the end of that."""


def bell_of(distribution: Normal | Lognormal) -> Bell:
    """What is cut to the support."""
    min_us, max_us = distribution.min_us, distribution.max_us
    match distribution:
        case Normal(mean_us, sd_us):
            normal = NormalDist(mean_us, sd_us)
            return Bell(normal, normal.cdf(min_us), 1.0 if max_us is None else normal.cdf(max_us))
        case Lognormal(median_us, p99_us):
            normal = NormalDist(log(median_us), log(p99_us / median_us) / _Z_99)
            below = normal.cdf(log(min_us) if min_us else -inf)
            return Bell(normal, below, 1.0 if max_us is None else normal.cdf(log(max_us) if max_us else -inf))


def _normal(distribution: Normal | Lognormal, to_us: Callable[[float], float]) -> Sampler:
    min_us, max_us = distribution.min_us, distribution.max_us
    normal, below, above = bell_of(distribution)

    def sample(bits: int) -> int:
        probability = min(_LARGEST_BELOW_1, below + _probability(bits) * (above - below))
        if probability <= 0.0:  # the support lies far out in the lower tail, where floats run out
            return min_us
        return _cut(to_us(normal.inv_cdf(probability)), min_us, max_us)

    return sample


def _cut(value_us: float, min_us: int, max_us: int | None) -> int:
    """To whole microseconds, within the support: rounding must not leave it."""
    us = max(min_us, round(value_us))
    return us if max_us is None else min(max_us, us)
