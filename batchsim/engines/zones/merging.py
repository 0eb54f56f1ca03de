"""Fewer zones for the same instants: zones within others go, and those whose union is a zone become one."""

from __future__ import annotations

from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.zones.bounds import Flags, Matrices, is_within, rows_of
from batchsim.engines.zones.windows import NEVER_US

Members = list[list[int]]
_CHUNK = 1 << 18
"""Numbers of zones that are compared at once."""


def merged(zones: Matrices, members: Members, kernels: ModuleType | None = None) -> tuple[Matrices, Members]:
    """Zones that cover the same whole instants, with what each is made of.

    `kernels`: compiled loops, if they are to do it; they leave the same zones.
    """
    if kernels is not None and len(zones) > 1:
        return _merged_by(kernels, zones, members)
    zones, members = _without_covered(zones, members)
    is_new = np.ones(len(zones), dtype=bool)
    while len(zones) > 1 and is_new.any():
        zones, members, is_new = _merge_once(zones, members, is_new)
    return zones, members


def _merged_by(kernels: ModuleType, zones: Matrices, members: Members) -> tuple[Matrices, Members]:
    rows, size = rows_of(zones).copy(), zones.shape[1]
    left, made_of, ends = kernels.merge(rows, size)
    parts = np.split(made_of, ends[:-1])
    return rows[left].reshape(len(left), size, size), [
        [member for place in part.tolist() for member in members[place]] for part in parts
    ]


def _without_covered(zones: Matrices, members: Members) -> tuple[Matrices, Members]:
    count = len(zones)
    if count == 1:
        return zones, members
    within = is_within(zones, zones)
    # Of equal ones the first stays.
    equal = within & within.T
    earlier = np.tri(count, k=-1, dtype=bool)
    within &= ~equal | earlier
    np.fill_diagonal(within, val=False)
    kept = ~within.any(axis=1)
    return zones[kept], [members[place] for place in np.flatnonzero(kept).tolist()]


def _merge_once(zones: Matrices, members: Members, is_new: Flags) -> tuple[Matrices, Members, Flags]:
    """Grow each zone by all others with which its union is a zone; which of them grew.

    `is_new`: of those that are not, no two fit.
    """
    alive, grew = np.ones(len(zones), dtype=bool), np.zeros(len(zones), dtype=bool)
    fitting = _fitting(zones, is_new)
    zones = zones.copy()
    members = [list(each) for each in members]
    for first in range(len(zones)):
        # What comes after it is as it was, and so is it until it grows.
        fits = fitting[first] & alive
        while alive[first] and fits.any():
            other = int(np.argmax(fits))
            zones[first] = np.maximum(zones[first], zones[other])
            members[first] += members[other]
            alive[other], grew[first] = False, True
            swallowed = alive & is_within(zones, zones[first : first + 1])[:, 0]
            swallowed[first] = False
            alive &= ~swallowed
            others = np.flatnonzero(alive[first + 1 :]) + first + 1
            fits = np.zeros(len(zones), dtype=bool)
            fits[others] = union_is_a_zone(zones[first : first + 1], zones[others])
    return zones[alive], [each for each, stays in zip(members, alive, strict=True) if stays], grew[alive]


def _fitting(zones: Matrices, is_new: Flags) -> Flags:
    """For each zone, and each after it, whether their union is a zone; where one of the two is new."""
    count = len(zones)
    fitting = np.zeros((count, count), dtype=bool)
    firsts, others = np.nonzero(np.triu(is_new[:, None] | is_new, k=1))
    step = max(1, _CHUNK // zones[0].size)
    for begin in range(0, len(firsts), step):
        some, rest = firsts[begin : begin + step], others[begin : begin + step]
        fitting[some, rest] = union_is_a_zone(zones[some], zones[rest])
    return fitting


def union_is_a_zone(zones: Matrices, others: Matrices) -> Flags:
    """For each zone and its other one, whether every whole instant of their hull lies in one of the two.

    The hull less the zone is cut into the parts in which one bound of the zone is exceeded by a microsecond or
    more; each must lie within the other one. One of them shows it of nearly all that do not: that of the bound
    which is exceeded most, and of it where the other one is exceeded most.
    """
    result = np.zeros(len(others), dtype=bool)
    hulls = np.maximum(zones, others)
    open_ = _may_fit(zones, others, hulls)
    zones, others, hulls = np.broadcast_to(zones, others.shape)[open_], others[open_], hulls[open_]
    fits = np.ones(len(open_), dtype=bool)
    exceeded = hulls > zones
    for x, y in np.argwhere(exceeded.any(axis=0)).tolist():
        asked = np.flatnonzero(fits & exceeded[:, x, y])
        if not len(asked):
            continue
        hull = hulls[asked]
        # In this part y comes no later than -(bound + 1) after x.
        most = hull[:, :, y] - (zones[asked, x, y, None] + 1)
        part = np.minimum(hull, most[:, :, None] + hull[:, x, None, :])
        part[part > NEVER_US // 2] = NEVER_US
        fits[asked] = (part <= others[asked]).all(axis=(1, 2))
    result[open_] = fits
    return result


def _may_fit(zones: Matrices, others: Matrices, hulls: Matrices) -> NDArray[np.int64]:
    """The places of those of which one part of the hull does not show that the union is no zone."""
    count, size = len(hulls), hulls.shape[1]
    each = np.arange(count)
    x, y = np.divmod((hulls - zones).reshape(count, size * size).argmax(axis=1), size)
    u, v = np.divmod((hulls - others).reshape(count, size * size).argmax(axis=1), size)
    bound = np.broadcast_to(zones, hulls.shape)[each, x, y]
    part = hulls[each, u, y] - (bound + 1) + hulls[each, x, v]
    part = np.minimum(np.where(part > NEVER_US // 2, NEVER_US, part), hulls[each, u, v])
    is_within_zone = hulls[each, x, y] == bound
    return np.flatnonzero(is_within_zone | (part <= others[each, u, v]))
