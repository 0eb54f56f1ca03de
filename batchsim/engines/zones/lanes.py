"""Lanes that are alike act in the order in which they came to wait: in any other order they come to the same.

An actor that runs coroutines side by side may say that nobody tells their numbers apart
(`Actor.has_lanes_alike`). Let two of its lanes wait until the same operation takes effect, `i` since before `j`.
From a run in which `j` acts before `i`, another one is made: each of them acts when the other one did, and in all
that follows they have each other's name. It is a run of the system, too:

- When `j` begins to wait, both did the same, so the state is the same with their names exchanged.
- Each acts within its window, as that of `j` begins and ends no earlier than that of `i`: what is late enough for
  `j` is so for `i`, and what is early enough for `i` is so for `j`.

It comes to the same but for names, and its first step out of order comes later, if there still is one. So there
is a run to each outcome in which lanes that are alike keep their order, and of those only the first may act: ten
lanes that begin together have one order, not 3,628,800. Nothing is renamed: such a run takes place as it is told.
(Ip and Dill, *Better verification through symmetry*, 1996, have what makes names exchangeable.)
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from batchsim.engines.zones.slots import InstantKind, Slot

if TYPE_CHECKING:
    from batchsim.engines.zones.state_class import GlobalState, Guide


class LanesInOrder:
    """The lanes of a system that keep their order: none, in most."""

    def __init__(self, guide: Guide) -> None:
        self._guide = guide
        columns = [role.columns.start for role in guide.layout.roles_with_lanes_alike()]
        self._others = {
            column: [
                other
                for other, role in enumerate(guide.roles)
                if other != column and role.actors[0].kind == guide.roles[column].actors[0].kind
            ]
            for column in columns
        }
        """By the column of each actor whose lanes are alike: those of others of its kind."""

    def alike(self, row: GlobalState, slots: Sequence[Slot]) -> list[list[int]]:
        """The places, among the instants to come, of lanes that are alike, in their order."""
        if not self._others:
            return []
        groups: dict[Hashable, list[int]] = {}
        for place, slot in enumerate(slots):
            if slot.kind is InstantKind.OPERATION and self._are_alike(row, slot.place):
                kind = self._guide.kinds(row, slot.place)[slot.number]
                if kind.lane:
                    like = self._guide.layout.like(int(kind.lane[1:]))
                    groups.setdefault((slot.place, kind.operation.name, kind.site, like), []).append(place)
        return [group for group in groups.values() if len(group) > 1]

    def _are_alike(self, row: GlobalState, column: int) -> bool:
        others = self._others.get(column)
        return others is not None and not any(self._guide.has_begun(row, other) for other in others)
