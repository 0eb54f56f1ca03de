"""The layout of global states with time: who is slow by name, or takes longer, is nobody's like."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.model.system import Actor, System
from batchsim.scenario import Scenario


class TimedLayout(Layout):
    """The columns of all actors and cells of a system, which is that of a scenario.

    Child runs that take as long as one another are exchanged, where none of them can be singled out; and so lanes
    keep their order.
    """

    def __init__(self, system: System[Any], scenario: Scenario) -> None:
        self._scenario = scenario
        self._named = {slow.actor for slow in scenario.injected_delays}
        self._are_alike = not scenario.injected_delays and not system.faults
        super().__init__(system, merges=True, exchanges=self._are_alike)

    def actors(self) -> Iterator[Actor]:
        """Everybody who has a column."""
        for actor in super().actors():
            yield actor.told_apart() if actor.name in self._named else actor

    def like(self, item: int | None) -> Hashable:
        """What is said of the latencies of an item alone."""
        return self._scenario.latencies.given_for(item)

    def roles_with_lanes_alike(self) -> Iterator[Role]:
        """Those that say so, where no lane can be singled out, and no memory tells who did what."""
        for role in self.roles if self._are_alike else ():
            actor = role.actors[0]
            if actor.has_lanes_alike and len(role.actors) == 1 and not actor.memories:
                yield role
