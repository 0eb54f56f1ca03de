"""The layout of a state of the chain: that of an exploration, with timers, and legs among the local states.

States from which the same follows at the same rates can be one: where they differ only in which child run is
where, of runs that take as long as one another (`exchanges`), or in who is on its way back to wait for work
(`rests`; see `spare.py`).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from functools import partial
from typing import Any

from batchsim.engines.chain.memoryless import Means
from batchsim.engines.chain.pace import ActorPace
from batchsim.engines.chain.spare import BEGINNING, are_spare, is_back_soon
from batchsim.engines.chain.steps import RunOut, running_key
from batchsim.engines.exhaustive.layout import Layout, Role
from batchsim.engines.exhaustive.task import TIMELESS, Pace
from batchsim.model.cells import Cells, Key
from batchsim.model.system import Actor, System

CLOCK = "clock"
"""The kind of the actors that let timers run out."""


class ClockLayout(Layout):
    """The columns of a system, with time."""

    def __init__(self, system: System[Any], means: Means, *, exchanges: bool, rests: bool) -> None:
        self._means = means
        self._timers = system.timers
        self._rests = rests
        self.at_once_idle: dict[int, Role] = {}
        """By their first column, those who were taken for idle on their way back."""
        super().__init__(system, merges=True, exchanges=exchanges)

    def actors(self) -> Iterator[Actor]:
        """Everybody, and for each timer somebody who lets it run out."""
        yield from super().actors()
        for number, (timer, name) in enumerate(self._timers.items()):
            yield Actor(CLOCK, number, partial(_let_run_out, self._means, timer, name))

    def is_of_system(self, role: Role) -> bool:
        """All but the clocks."""
        return role.actors[0].kind != CLOCK

    def pace_of(self, actor: Actor) -> Pace:
        """Where time passes for an actor."""
        return TIMELESS if actor.kind == CLOCK else ActorPace(self._means, actor, self._timers)

    def like(self, item: int | None) -> Hashable:
        """What is said of the latencies of an item alone."""
        return self._means.given_for(item)

    def settled(self, role: Role, local: int) -> int:
        """The beginning, of one who is to wait as at the beginning."""
        if not self._rests or not are_spare(role) or not is_back_soon(role, local):
            return local
        self.at_once_idle[role.columns.start] = role
        return BEGINNING

    def cells_of_system(self) -> Iterable[Key]:
        """Every cell, and one for each timer."""
        return (*super().cells_of_system(), *map(running_key, self._timers))

    def first_cells(self) -> Cells:
        """What the cells hold before anybody acted, the first timers having been started."""
        cells = super().first_cells()
        for timer, name in self.system.first_timers.items():
            if timer in cells and self._means.legs(name)[0]:
                cells[running_key(timer)] = True
        return cells


async def _let_run_out(means: Means, timer: Key, name: str) -> None:
    while True:
        await RunOut(timer, means.legs(name)[0])
