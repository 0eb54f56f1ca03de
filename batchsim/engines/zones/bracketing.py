"""Crowded explorations: the answer lies between that of more runs than there are and that of fewer.

Many zones of one situation differ by little, and by nothing that matters later: which of two runs began half a
millisecond before the other. No union of them is a zone, so all are kept, and there are more with every item. So
once a situation has many, two searches go on from the beginning, each with a zone or a few for a situation:

- a *wide* one joins all its zones to their hull. It holds every run, and may hold some that cannot be: what it
  does not find is impossible.
- a *narrow* one goes on from some of its zones, and leaves the others out. Each of its runs is possible: what it
  finds is so, and has a witness.

Where both come to the same, that is the answer, and it is exact. Where they do not, the narrow one keeps more; and
if that does not help, the search of all zones goes on where it was. (Behrmann, Bouyer, Larsen and Pelánek, *Lower
and upper bounds in zone-based abstractions of timed automata*, 2006, have the hull as an approximation alone.)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from types import ModuleType
from typing import NamedTuple

import numpy as np

from batchsim.engines.exhaustive.search import Bounds, OnLevel
from batchsim.engines.zones.bounds import Matrices
from batchsim.engines.zones.merging import Members, merged
from batchsim.engines.zones.search import ZoneSearch, run_together
from batchsim.engines.zones.step import ZoneStepper
from batchsim.engines.zones.windows import NEVER_US

CROWDED = 128
"""A search in which so many zones reach one situation at once is crowded."""
_KEPT = (1, 16)
"""So many zones of a situation narrow searches keep, one after the other."""
_WIDEST_US = 1 << 40
"""A bound counts as no more, where zones are compared by how wide they are."""


class Searched(NamedTuple):
    """The searches that say what there is."""

    all: ZoneSearch
    """It holds every run, and no outcome that is impossible."""
    possible: ZoneSearch
    """It holds a run to each outcome, and none that is impossible; in most cases the same search."""


def searched(
    stepper: ZoneStepper,
    claims: Callable[[ZoneSearch], Hashable],
    bounds: Bounds,
    on_level: OnLevel | None = None,
) -> Searched:
    """Search all runs; `claims`: all that will be said of them, of one that is complete."""
    search = ZoneSearch(stepper)
    search.run(bounds, on_level, crowded=CROWDED)
    if search.is_complete or search.stopped_by is not None:
        return Searched(search, search)
    for kept in _KEPT:
        wide, narrow = ZoneSearch(stepper, hulls), ZoneSearch(stepper, partial(widest, kept))
        run_together([wide, narrow], bounds, on_level)
        if not wide.is_complete:
            break
        if claims(narrow) == claims(wide):
            return Searched(wide, narrow)
    search.run(bounds, on_level)
    return Searched(search, search)


def hulls(zones: Matrices, members: Members, _: object = None) -> tuple[Matrices, Members]:
    """The least zone that holds all of these, or a few: what may never come is told from what has to."""
    never = zones >= NEVER_US
    if (never == never[0]).all():
        return zones.max(axis=0)[None], [[number for each in members for number in each]]
    alike: dict[bytes, list[int]] = {}
    for place, each in enumerate(never):
        alike.setdefault(each.tobytes(), []).append(place)
    parts = [(zones[places], [members[place] for place in places]) for places in alike.values()]
    joined = [hulls(*part) for part in parts]
    return np.concatenate([part for part, _ in joined]), [each for _, some in joined for each in some]


def widest(
    count: int, zones: Matrices, members: Members, kernels: ModuleType | None = None
) -> tuple[Matrices, Members]:
    """So many of the merged zones at most: those with the widest bounds, in the order in which they were found."""
    zones, members = merged(zones, members, kernels)
    if len(zones) <= count:
        return zones, members
    widths = np.minimum(zones, _WIDEST_US).sum(axis=(1, 2))
    kept = np.sort(np.argsort(-widths, kind="stable")[:count])
    return zones[kept], [members[place] for place in kept.tolist()]
