"""The different ones among many numbers, by a sort that uses the vector units of the processor.

`numpy.unique` sorts stably as soon as it is asked for indices, which takes several times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


def distinct(values: NDArray[Any]) -> tuple[NDArray[Any], Numbers, Numbers]:
    """The different values in order, for each the first place where it stands, and for each place which it is."""
    order = np.argsort(values)
    ordered = values[order]
    is_new = np.ones(len(values), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_new[1:])
    begins = np.flatnonzero(is_new)
    inverse = np.empty(len(values), dtype=np.int64)
    inverse[order] = np.cumsum(is_new) - 1
    first = np.minimum.reduceat(order, begins) if len(begins) else order
    return ordered[begins], first, inverse


def stable_order(values: Numbers) -> Numbers:
    """The places of numbers below 2^31, as many at most, in their order; of equal ones, in that of the places."""
    if bool((values[1:] >= values[:-1]).all()):
        return np.arange(len(values))
    return np.argsort(values << 32 | np.arange(len(values)))
