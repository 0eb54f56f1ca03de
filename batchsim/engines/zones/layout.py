"""The layout of global states with time: who is slow by name is nobody's twin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from batchsim.engines.exhaustive.layout import Layout
from batchsim.model.system import Actor, System
from batchsim.scenario import Slow


class TimedLayout(Layout):
    """The columns of all actors and cells of a system."""

    def __init__(self, system: System[Any], delays: Iterable[Slow]) -> None:
        self._named = {slow.actor for slow in delays}
        super().__init__(system, merges=True)

    def actors(self) -> Iterator[Actor]:
        """Everybody who has a column."""
        for actor in super().actors():
            yield actor.told_apart() if actor.name in self._named else actor
