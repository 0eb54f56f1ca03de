"""Zones on their way through a step: their bounds, the names of their instants, and where they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from batchsim.engines.zones.bounds import Flags, Matrices, Numbers, first_of, later_than, only, with_instants
from batchsim.engines.zones.slots import InstantKind, Slot
from batchsim.engines.zones.windows import AT_ONCE, DelayWindow


class ZoneSet(NamedTuple):
    """Zones over the same instants."""

    zones: Matrices
    origins: Numbers
    """For each zone the number of the one that it was made of."""
    names: tuple[Slot, ...]
    """What each instant is."""

    def place(self, name: Slot) -> int:
        """The row and column of an instant."""
        return self.names.index(name)

    def chosen(self, flags: Flags) -> ZoneSet:
        """Some of the zones."""
        return self if flags.all() else ZoneSet(self.zones[flags], self.origins[flags], self.names)

    def first_of(self, first: Slot, later: Sequence[Slot]) -> ZoneSet:
        """Those in which an instant comes no later than others."""
        places = [self.place(name) for name in later if name != first]
        if not places or not len(self.zones):
            return self
        closer, is_possible = first_of(self.zones, self.place(first), places)
        origins = self.origins if len(closer) == len(self.zones) else self.origins[is_possible]
        return ZoneSet(closer, origins, self.names)

    def ordered(self, before: Slot, after: Slot) -> ZoneSet:
        """Those in which one instant comes no later than another."""
        return self.first_of(before, (after,))

    def halves(self, one: Slot, other: Slot) -> tuple[ZoneSet, ZoneSet]:
        """Those in which one instant comes no later than another, and those in which it comes no earlier."""
        return self.ordered(one, other), self.ordered(other, one)

    def after(self, one: Slot, other: Slot) -> tuple[ZoneSet, ZoneSet]:
        """Those in which one instant comes later than another, and those in which it does not."""
        x, y = self.place(one), self.place(other)
        is_possible = self.zones[:, x, y] > 0
        if not is_possible.any():
            return self.chosen(is_possible), self
        later = self.chosen(is_possible)
        return ZoneSet(later_than(later.zones, x, y), later.origins, self.names), self.ordered(one, other)

    def with_instants(self, new: Sequence[tuple[Slot, Slot, DelayWindow]]) -> ZoneSet:
        """The zones with more instants: the name of each, that of its base, and the window between."""
        if not new:
            return self
        if any(window.is_marked for _, _, window in new):
            new = [*new, *self._marks(new)]
        names = (*self.names, *(name for name, _, _ in new))
        windows = [(names.index(base), window) for _, base, window in new]
        return ZoneSet(with_instants(self.zones, windows), self.origins, names)

    def _marks(self, new: Sequence[tuple[Slot, Slot, DelayWindow]]) -> Iterator[tuple[Slot, Slot, DelayWindow]]:
        """Both ends of legs that are solved for, by the number of the leg."""
        count = sum(name.kind is InstantKind.MARK for name in self.names) // 2
        marked = ((name, base) for name, base, window in new if window.is_marked)
        for number, (name, base) in enumerate(marked, count):
            yield Slot(InstantKind.MARK, number, 0), base, AT_ONCE
            yield Slot(InstantKind.MARK, number, 1), name, AT_ONCE

    def with_like_marks(self) -> ZoneSet:
        """Those in which no leg that is solved for is longer than another one for certain."""
        begins = [
            place for place, name in enumerate(self.names) if name.kind is InstantKind.MARK and not name.number
        ]
        if len(begins) < 2:
            return self
        ends = [self.place(self.names[begin]._replace(number=1)) for begin in begins]
        least_us = -self.zones[:, begins, ends].min(axis=1)
        most_us = self.zones[:, ends, begins].min(axis=1)
        return self.chosen(least_us <= most_us)

    def renamed(self, names: dict[Slot, Slot]) -> ZoneSet:
        """The same zones, some instants under another name."""
        if not names:
            return self
        after = tuple([names.get(name, name) for name in self.names])
        # Of two instants under one name a run would know the time of one only.
        assert len(set(after)) == len(after), after
        return ZoneSet(self.zones, self.origins, after)

    def only(self, names: Sequence[Slot]) -> ZoneSet:
        """The zones of some instants, in this order."""
        if tuple(names) == self.names:
            return self
        return ZoneSet(only(self.zones, [self.place(name) for name in names]), self.origins, tuple(names))

    @property
    def is_empty(self) -> bool:
        """Whether there is no zone."""
        return not len(self.zones)


def one_zone(name: Slot) -> ZoneSet:
    """One zone of one instant."""
    return ZoneSet(np.zeros((1, 1, 1), dtype=np.int64), np.zeros(1, dtype=np.int64), (name,))
