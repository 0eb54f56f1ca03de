"""Latencies as a small histogram, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log10

from batchsim.rounding import rounded

BARS_MAX = 14
WIDTH = 40
"""Of the longest bar."""
BESIDE = 34
"""Columns of a line that are no bar."""
QUANTILES = (("min", 0.0), ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0))


def quantile(samples_us: Sequence[int], probability: float) -> int:
    """A quantile of values in order."""
    return samples_us[round(probability * (len(samples_us) - 1))]


def histogram(samples_us: Sequence[int], columns: int | None = None) -> Iterator[str]:
    """Lines of a histogram of values in order, whose bars have the same width, or widths that grow alike.

    `columns`: how long a line may be, if it cannot be of any length.
    """
    width = WIDTH if columns is None else min(WIDTH, max(columns - BESIDE, 1))
    low, high = samples_us[0], samples_us[-1]
    if low == high:
        yield f"{rounded(low):>10}  {'#' * width} 100 %"
        return
    edges = _edges(low, high)
    counts = [0] * (len(edges) - 1)
    place = 0
    for value in samples_us:
        while place < len(counts) - 1 and value >= edges[place + 1]:
            place += 1
        counts[place] += 1
    most = max(counts)
    for count, begin, end in zip(counts, edges, edges[1:], strict=False):
        bar = "#" * round(width * count / most) or ("." if count else "")
        share = f"{100 * count / len(samples_us):.1f} %"
        yield f"{rounded(begin):>10} to {rounded(end):<10} {bar:{width}} {share:>7}"


def _edges(low: int, high: int) -> list[int]:
    """Where bars begin and end; of values of several orders of magnitude each is a multiple of the one before."""
    count = min(BARS_MAX, high - low + 1)
    if low > 0 and log10(high / low) > 1.5:
        edges = [round(low * (high / low) ** (number / count)) for number in range(count + 1)]
    else:
        edges = [round(low + (high - low) * number / count) for number in range(count + 1)]
    return sorted(set(edges))
