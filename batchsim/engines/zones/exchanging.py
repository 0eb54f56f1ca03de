"""Child runs that are alike stand in the order of their times: who of them is who makes no difference.

As without time (`exhaustive/symmetry.py`) actors that are exchangeable are so together with the cells with which
they begin. With time the instants of those who are at the same place have an order, too. Zones are split by it,
and each part is that of the order in which they stand; so which child run ends first is one step, and not one for
each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.values import ABSENT
from batchsim.engines.zones.slots import InstantKind, Slot

if TYPE_CHECKING:
    from batchsim.engines.zones.state_class import GlobalState
    from batchsim.engines.zones.step import Landing


class Exchanging:
    """What is exchanged in the state classes of a system: nothing, in most."""

    def __init__(self, layout: Layout) -> None:
        self._pairs = [(role.columns.start, cell) for role, cell in layout.exchangeable]
        self._cell_of = dict(self._pairs)
        self.cells = frozenset(self._cell_of.values())
        """The columns of the cells that change places with those who begin with them."""

    def sort(self, columns: list[int], row: GlobalState, on_their_way: Collection[int]) -> None:
        """Let those stand side by side who are at the same place; `columns`: for each the one to stand there."""
        there = [(actor, cell) for actor, cell in self._pairs if row[cell] != ABSENT]
        if len(there) < 2:
            return
        order = sorted(there, key=lambda pair: (row[pair[0]], row[pair[1]], pair[0] in on_their_way, pair[0]))
        for (place, _), (actor, _) in zip(there, order, strict=True):
            columns[place] = actor

    def row_after(self, row: GlobalState, columns: list[int]) -> GlobalState:
        """The state in which everybody, with his cell, stands where he is to."""
        after = [row[column] for column in columns] + list(row[len(columns) :])
        for actor, cell in self._pairs:
            after[cell] = row[self._cell_of[columns[actor]]]
        return tuple(after)

    @staticmethod
    def in_turn(landing: Landing) -> Iterator[Landing]:
        """The same zones, by the order of the instants of those who are at the same place."""
        parts: Iterable[Landing] = [landing]
        for group in landing.state_class.alike:
            # Each is put where it belongs among those before it.
            for count in range(1, len(group)):
                for place in range(count, 0, -1):
                    parts = [half for part in parts for half in _in_order(part, group[place - 1], group[place])]
        yield from parts

    def alike(self, row: GlobalState, slots: Sequence[Slot]) -> list[list[int]]:
        """The places, among the instants to come, of those who wait for one answer each at the same place."""
        if not self._pairs:
            return []
        own: dict[int, list[int]] = {}
        for place, slot in enumerate(slots):
            if slot.kind is InstantKind.OPERATION:
                own.setdefault(slot.place, []).append(place)
        groups: dict[Any, list[int]] = {}
        for actor, cell in self._pairs:
            places = own.get(actor, ())
            if len(places) == 1 and row[cell] != ABSENT:
                groups.setdefault((row[actor], row[cell], slots[places[0]].number), []).append(places[0])
        return [group for group in groups.values() if len(group) > 1]


def _in_order(landing: Landing, one: int, other: int) -> Iterator[Landing]:
    """The zones in which two instants are in order, and those in which they are not, exchanged."""
    zone_set, names, columns = landing.zone_set, list(landing.names), list(landing.columns)
    later, earlier = zone_set.after(names[one], names[other])
    if later.is_empty:
        yield landing
        return
    if not earlier.is_empty:
        yield landing._replace(zone_set=earlier)
    slots = landing.state_class.slots
    first, second = slots[one].place, slots[other].place
    names[one], names[other] = names[other], names[one]
    columns[first], columns[second] = columns[second], columns[first]
    yield landing._replace(zone_set=later, names=tuple(names), columns=tuple(columns))
