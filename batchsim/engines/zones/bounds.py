"""Difference bounds: many zones over the same instants in one array.

Theory
======

A zone is a set of instants, given by how far each may be after each other: `D[x, y]` is the most that x can
be after y (a *difference bound matrix*; Dill, *Timing assumptions and verification of finite-state concurrent
systems*, 1989). Closed under shortest paths it is the one tightest form, and then one more constraint, one
more instant, or one instant less take a row and a column, not another closure. All functions here take and
give closed matrices, an array of shape (zones, instants, instants).

All bounds are whole microseconds and not strict. So a zone that is not empty holds whole instants, and what
holds for all whole instants holds for all.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.zones.windows import NEVER_US, DelayWindow

Matrices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]

_CHUNK = 1 << 22
"""Numbers that are compared at once."""


def first_of(zones: Matrices, first: int, later: list[int]) -> tuple[Matrices, Flags]:
    """The zones in which one instant comes no later than others, and which those are; empty ones are left out."""
    onward = zones[:, later[0]] if len(later) == 1 else zones[:, later].min(axis=1)
    is_possible: Flags = onward[:, first] >= 0
    if not is_possible.all():
        zones, onward = zones[is_possible], onward[is_possible]
    closer: Matrices = np.minimum(zones, zones[:, :, first, None] + onward[:, None])
    _cut(closer)
    return closer, is_possible


def later_than(zones: Matrices, one: int, other: int) -> Matrices:
    """The zones in which one instant comes a microsecond or more after another; in each of them it may."""
    later: Matrices = np.minimum(zones, zones[:, :, other, None] - 1 + zones[:, one, None, :])
    _cut(later)
    return later


def with_instants(zones: Matrices, new: list[tuple[int, DelayWindow]]) -> Matrices:
    """The zones with more instants, each within a window after one of those before it."""
    count = zones.shape[1]
    size = count + len(new)
    wider = np.zeros((len(zones), size, size), dtype=np.int64)
    wider[:, :count, :count] = zones
    for place, (base, window) in enumerate(new, count):
        wider[:, place, :place] = wider[:, base, :place] + window.max_us
        wider[:, :place, place] = wider[:, :place, base] - window.min_us
        if window.max_us >= NEVER_US:
            wider[:, place, :place] = NEVER_US
    _cut(wider)
    return wider


def _cut(zones: Matrices) -> None:
    """What is nearly never is never, so that sums of it stay numbers."""
    np.copyto(zones, NEVER_US, where=zones > NEVER_US // 2)


def only(zones: Matrices, kept: list[int]) -> Matrices:
    """The zones of some instants, in this order, whatever the others are."""
    return np.ascontiguousarray(zones[:, kept][:, :, kept])


def is_within(zones: Matrices, others: Matrices) -> Flags:
    """For each zone and each of the others, whether it lies within it."""
    count, width = len(zones), zones.shape[1] * zones.shape[2]
    flat, flat_others = zones.reshape(count, width), others.reshape(len(others), width)
    result = np.empty((count, len(others)), dtype=bool)
    step = max(1, _CHUNK // max(1, len(others) * width))
    for begin in range(0, count, step):
        part = flat[begin : begin + step, None, :]
        result[begin : begin + step] = (part <= flat_others[None, :, :]).all(axis=2)
    return result


def is_within_any(zones: Matrices, others: Matrices, kernels: ModuleType | None = None) -> Flags:
    """For each zone, whether it lies within one of the others; `kernels`: compiled loops, if they are to do it."""
    if kernels is None:
        return np.asarray(is_within(zones, others).any(axis=1))
    return np.asarray(kernels.is_within_any(rows_of(zones), rows_of(others)))


def rows_of(zones: Matrices) -> Numbers:
    """The zones as compiled loops have them: a row for each."""
    return np.ascontiguousarray(zones).reshape(len(zones), zones.shape[1] * zones.shape[2])
