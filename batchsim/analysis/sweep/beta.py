"""The beta distribution: its distribution function and its quantiles, in plain floats."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

_ITERATIONS_MAX = 10_000
_PRECISION = 1e-15
_TINY = 1e-300


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (DLMF 8.17.22), to about 1e-12."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1) / (a + b + 2):  # where the fraction of the other tail converges fast
        return 1.0 - beta_cdf(1.0 - x, b, a)
    log_front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    return exp(log_front) / (a * _continued_fraction(x, a, b))


def _continued_fraction(x: float, a: float, b: float) -> float:
    """1 + d1/(1 + d2/(1 + …)), by the method of Lentz as modified by Thompson and Barnett (1986)."""
    value = c = 1.0
    d = 0.0
    for number in range(1, _ITERATIONS_MAX):
        m = number // 2
        if number % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / ((1.0 + term * d) or _TINY)
        c = (1.0 + term / c) or _TINY
        value *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            return value
    raise ArithmeticError(f"no convergence for x = {x}, a = {a}, b = {b}")


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x below which the mass is `probability`, by bisection to the last bit that a float has."""
    low, high = 0.0, 1.0
    while True:
        middle = (low + high) / 2
        if not low < middle < high:
            return middle
        if beta_cdf(middle, a, b) < probability:
            low = middle
        else:
            high = middle
