"""Fewer zones for the same instants: zones within others go, and those whose union is a zone become one."""

from __future__ import annotations

import numpy as np

from batchsim.engines.zones.bounds import Flags, Matrices, is_within
from batchsim.engines.zones.windows import NEVER_US

Members = list[list[int]]


def merged(zones: Matrices, members: Members) -> tuple[Matrices, Members]:
    """Zones that cover the same whole instants, with what each is made of."""
    zones, members = _without_covered(zones, members)
    while len(zones) > 1:
        before = len(zones)
        zones, members = _merge_once(zones, members)
        if len(zones) == before:
            break
    return zones, members


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
    kept: Flags = ~np.any(within, axis=1)
    return zones[kept], [each for each, stays in zip(members, kept.tolist(), strict=True) if stays]


def _merge_once(zones: Matrices, members: Members) -> tuple[Matrices, Members]:
    """Grow each zone by all others with which its union is a zone."""
    alive = np.ones(len(zones), dtype=bool)
    zones = zones.copy()
    members = [list(each) for each in members]
    for first in range(len(zones)):
        while alive[first]:
            others = np.flatnonzero(alive)
            others = others[others > first]
            if not len(others):
                break
            fits = union_is_a_zone(zones[first], zones[others])
            if not fits.any():
                break
            other = others[np.argmax(fits)]
            zones[first] = np.maximum(zones[first], zones[other])
            members[first] += members[other]
            alive[other] = False
            swallowed = alive & is_within(zones, zones[first : first + 1])[:, 0]
            swallowed[first] = False
            alive &= ~swallowed
    return zones[alive], [each for each, stays in zip(members, alive, strict=True) if stays]


def union_is_a_zone(zone: Matrices, others: Matrices) -> Flags:
    """For each of the others whether every whole instant of the hull with one zone lies in one of the two.

    The hull less the zone is cut into the parts in which one bound of the zone is exceeded by a microsecond or
    more; each must lie within the other one.
    """
    result = np.ones(len(others), dtype=bool)
    hulls = np.maximum(zone, others)
    exceeded = (hulls > zone).any(axis=0)
    for x, y in np.argwhere(exceeded).tolist():
        open_ = np.flatnonzero(result & (hulls[:, x, y] > zone[x, y]))
        if not len(open_):
            continue
        hull, other = hulls[open_], others[open_]
        # In this part y comes no later than -(bound + 1) after x.
        part = np.minimum(hull, hull[:, :, y, None] - (zone[x, y] + 1) + hull[:, x, None, :])
        part[part > NEVER_US // 2] = NEVER_US
        result[open_] &= (part <= other).all(axis=(1, 2))
    return result
