"""The layout of global states with time: who is slow by name, or takes longer, is nobody's like."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from batchsim.engines.exhaustive.layout import Layout
from batchsim.model.system import Actor, System
from batchsim.scenario import Scenario


class TimedLayout(Layout):
    """The columns of all actors and cells of a system, which is that of a scenario.

    Child runs that take as long as one another are exchanged, where none of them can be singled out.
    """

    def __init__(self, system: System[Any], scenario: Scenario) -> None:
        self._scenario = scenario
        self._named = {slow.actor for slow in scenario.injected_delays}
        super().__init__(system, merges=True, exchanges=not scenario.injected_delays and not system.faults)

    def actors(self) -> Iterator[Actor]:
        """Everybody who has a column."""
        for actor in super().actors():
            yield actor.told_apart() if actor.name in self._named else actor

    def like(self, actor: Actor) -> Hashable:
        """What is said of the latencies of its item alone."""
        return self._scenario.latencies.given_for(actor.number)
