"""The inner loops of merging zones, compiled by Numba.

They do what `merging.py` and `bounds.is_within` do in NumPy, in the same order, and leave the same zones. Most
zones are told apart by the first bounds that are looked at: a loop can stop there, and needs no room for each
pair. Only this module imports Numba, which takes a while: `compiled.py` asks for it once a search is large.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

NONE = -1
REMEMBERED = 8
"""So many reasons for which zones did not fit are tried first with the next ones."""


@njit(inline="always")
def _exceeded(zone: Any, other: Any, guess: int) -> int:
    """A bound of the other zone that a zone exceeds, first of all a guess; `NONE`: it lies within."""
    if zone[guess] > other[guess]:
        return guess
    for place in range(len(zone)):
        if zone[place] > other[place]:
            return place
    return NONE


@njit(cache=True)
def is_within_any(zones: Any, others: Any) -> Any:
    """For each zone whether it lies within one of the others; a row for each zone, as below."""
    result = np.zeros(len(zones), dtype=np.bool_)
    for number in range(len(zones)):
        guess = 0
        for other in range(len(others)):
            place = _exceeded(zones[number], others[other], guess)
            if place == NONE:
                result[number] = True
                break
            guess = place
    return result


@njit(cache=True)
def merge(zones: Any, size: int) -> tuple[Any, Any, Any]:
    """Merge zones: a row for each, its bounds one after the other, `size` to an instant.

    Which rows are left, and what they hold by then; of all of them in turn, of which rows they were made; and
    where that of each ends.
    """
    count = len(zones)
    rows = np.empty(count, dtype=np.int64)
    left = _without_covered(zones, rows)
    after, last = np.full(count, NONE), np.arange(count)
    alive, is_new = np.ones(count, dtype=np.bool_), np.ones(count, dtype=np.bool_)
    grew = np.zeros(count, dtype=np.bool_)
    reasons = np.zeros((REMEMBERED, 2), dtype=np.int64)
    room = np.empty((2, zones.shape[1]), dtype=np.int64)
    has_grown = True
    while left > 1 and has_grown:
        has_grown = False
        for place in range(left):
            first = rows[place]
            if not alive[first]:
                continue
            second = place + 1
            while second < left:
                other = rows[second]
                second += 1
                if not alive[other] or not (grew[first] or is_new[first] or is_new[other]):
                    continue
                if not _is_zone(zones[first], zones[other], size, reasons, room):
                    continue
                for bound in range(zones.shape[1]):
                    zones[first, bound] = max(zones[first, bound], zones[other, bound])
                after[last[first]], last[first] = other, last[other]
                alive[other], grew[first], has_grown = False, True, True
                guess = 0
                for number in range(left):
                    each = rows[number]
                    if alive[each] and each != first:
                        exceeded = _exceeded(zones[each], zones[first], guess)
                        alive[each] = exceeded != NONE
                        guess = max(exceeded, 0)
                second = place + 1
        stays = 0
        for place in range(left):
            row = rows[place]
            if alive[row]:
                is_new[row], grew[row] = grew[row], False
                rows[stays] = row
                stays += 1
        left = stays
    members, ends = np.empty(count, dtype=np.int64), np.empty(left, dtype=np.int64)
    end = 0
    for place in range(left):
        member = rows[place]
        while member != NONE:
            members[end] = member
            end += 1
            member = after[member]
        ends[place] = end
    return rows[:left], members[:end], ends


@njit(inline="always")
def _without_covered(zones: Any, rows: Any) -> int:
    """How many zones lie within no other one, of equal ones the first; `rows`: which."""
    left = 0
    for zone in range(len(zones)):
        guess = 0
        is_covered = False
        for place in range(left):
            exceeded = _exceeded(zones[zone], zones[rows[place]], guess)
            if exceeded == NONE:
                is_covered = True
                break
            guess = exceeded
        if is_covered:
            continue
        guess = 0
        stays = 0
        for place in range(left):
            exceeded = _exceeded(zones[rows[place]], zones[zone], guess)
            if exceeded != NONE:
                rows[stays] = rows[place]
                stays += 1
                guess = exceeded
        rows[stays] = zone
        left = stays + 1
    return left


@njit(inline="always")
def _leaves_out(zone: Any, other: Any, size: int, exceeded: int, outside: int) -> Any:
    """Whether the hull has an instant beyond one bound of a zone, and beyond one of the other zone, too."""
    x, y = exceeded // size, exceeded % size
    u, v = outside // size, outside % size
    bound = max(zone[u * size + y], other[u * size + y]) + max(zone[x * size + v], other[x * size + v])
    return bound - zone[exceeded] - 1 > other[outside]


@njit(inline="always")
def _remember(reasons: Any, number: int, exceeded: int, outside: int) -> None:
    """Put a pair in front, in the place of the one of this number."""
    for later in range(number, 0, -1):
        reasons[later, 0], reasons[later, 1] = reasons[later - 1, 0], reasons[later - 1, 1]
    reasons[0, 0], reasons[0, 1] = exceeded, outside


@njit(cache=True)
def _is_zone(zone: Any, other: Any, size: int, reasons: Any, room: Any) -> bool:
    """Whether the union of two zones is a zone, as `merging.union_is_a_zone` has it.

    The part of the hull beyond one bound of the zone lies within the other one, if each bound by which the zone
    exceeds the other one is kept there: so pairs of bounds are all that there is to ask. `reasons`: pairs that
    told others apart; `room`: for those of the two.
    """
    for number in range(REMEMBERED):
        exceeded, outside = reasons[number, 0], reasons[number, 1]
        if (
            other[exceeded] > zone[exceeded]
            and zone[outside] > other[outside]
            and _leaves_out(zone, other, size, exceeded, outside)
        ):
            _remember(reasons, number, exceeded, outside)
            return False
    exceeds, exceeds_other = 0, 0
    for place in range(len(zone)):
        if other[place] > zone[place]:
            room[0, exceeds] = place
            exceeds += 1
        elif zone[place] > other[place]:
            room[1, exceeds_other] = place
            exceeds_other += 1
    for one in range(exceeds):
        for two in range(exceeds_other):
            if _leaves_out(zone, other, size, room[0, one], room[1, two]):
                _remember(reasons, REMEMBERED - 1, room[0, one], room[1, two])
                return False
    return True
