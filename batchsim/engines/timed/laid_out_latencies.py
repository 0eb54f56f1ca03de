"""Latencies as rows of numbers, for runs that are compiled: the parameters of what `sampling.py` computes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from batchsim.engines.sampling import bell_of, mass_of
from batchsim.engines.timed import columns as c
from batchsim.engines.timed.tabled import NotTabled
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

_LARGEST = 1 << 36
"""A part of fewer microseconds than these, which are 19 hours, is computed in 64 bits."""
AddList = Callable[[Sequence[int]], int]
"""Adds a list of numbers to the memory; where it stands."""


def bits_of_reals(numbers: Sequence[float]) -> list[int]:
    """Numbers as the whole ones that have the same bits."""
    return [int(each) for each in np.array(numbers, np.float64).view(np.int64)]


def numbers_of(latency: Latency, add: AddList) -> list[int]:
    """The row of a latency; raises `NotTabled` where numbers get too large."""
    nothing = [c.CONSTANT, 0, 0, 0, 0]
    match latency:
        case RoundTrip(Constant(us)):
            return [c.FIXED_LEGS, *_constant(us // 2), *_constant(us - us // 2)]
        case Legs(Constant(request_us), Constant(response_us)):
            return [c.FIXED_LEGS, *_constant(request_us), *_constant(response_us)]
        case RoundTrip(distribution):
            return [c.HALVED, *_of_distribution(distribution, add), *nothing]
        case Legs(request, Constant(response_us)):
            return [c.REQUEST_ONLY, *_of_distribution(request, add), *_constant(response_us)]
        case Legs(request, response):
            return [c.BOTH_LEGS, *_of_distribution(request, add), *_of_distribution(response, add)]


def _constant(us: int) -> list[int]:
    return [c.CONSTANT, us, 0, 0, 0]


def _of_distribution(distribution: Distribution, add: AddList) -> list[int]:
    match distribution:
        case Constant(us):
            return _constant(us)
        case Uniform(min_us, max_us):
            return [c.UNIFORM, min_us, _not_too_large(max_us - min_us + 1), 0, 0]
        case Empirical(samples_us):
            return [c.EMPIRICAL, add(samples_us), _not_too_large(len(samples_us)), 0, 0]
        case Backoff(_, longest_us):
            base_ms = _not_too_large(distribution.base_us // distribution.ROUNDED_TO_US)
            return [c.BACKOFF, base_ms, longest_us, distribution.ROUNDED_TO_US, 0]
        case Exponential(mean_us, min_us, max_us):
            mass = bits_of_reals((mass_of(distribution),))
            return [c.EXPONENTIAL, *_support(min_us, max_us), *bits_of_reals((mean_us,)), add(mass)]
        case Normal(_, _, min_us, max_us) | Lognormal(_, _, min_us, max_us):
            kind = c.NORMAL if isinstance(distribution, Normal) else c.LOGNORMAL
            normal, below, above = bell_of(distribution)
            rest = bits_of_reals((normal.stdev, below, above))
            return [kind, *_support(min_us, max_us), *bits_of_reals((normal.mean,)), add(rest)]


def _support(min_us: int, max_us: int | None) -> tuple[int, int]:
    return min_us, c.NONE if max_us is None else max_us


def _not_too_large(number: int) -> int:
    if number >= _LARGEST:
        raise NotTabled
    return number
