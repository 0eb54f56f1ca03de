"""The search: every zone of every state class that can be reached, a step deeper at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from batchsim.engines.exhaustive.search import Bounds, GaveUp, Level, Lookout, OnLevel
from batchsim.engines.zones.bounds import Matrices, Numbers, is_within_any
from batchsim.engines.zones.compiled import kernels_for
from batchsim.engines.zones.merging import Members, merged
from batchsim.engines.zones.state_class import StateClass
from batchsim.engines.zones.step import Landing, ZoneStepper
from batchsim.engines.zones.zone_set import ZoneSet

Joining = Callable[[Matrices, Members, ModuleType | None], tuple[Matrices, Members]]
"""What is kept of the zones that reach a state class, with what each is made of; by compiled loops, or without."""


@dataclass(slots=True)
class ZoneNode:
    """The zones of one state class that were found at one depth."""

    number: int
    state_class: StateClass
    zones: Matrices
    members: list[list[int]]
    """For each zone the arrivals that it is the union of."""


@dataclass(slots=True)
class _Arrivals:
    """What reaches a state class, zone by zone."""

    zones: list[Matrices] = field(default_factory=list)
    numbers: list[Numbers] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a zone was reached."""

    node: int
    zone: int
    firing: int


class ZoneSearch:
    """Zones, as they are found; `join`: where not all are kept as they are (`bracketing.py`)."""

    def __init__(self, stepper: ZoneStepper, join: Joining = merged) -> None:
        self.stepper = stepper
        self._join = join
        self.nodes: list[ZoneNode] = []
        self.arrivals: list[tuple[int, int, Numbers]] = []
        self._begins: list[int] = []
        self._arrivals_count = 0
        self._found: dict[StateClass, list[ZoneNode]] = {}
        self._frontier: list[ZoneNode] = []
        self.transitions = 0
        self.zones = 0
        self._pairs = 0
        """Of zones that were compared, about."""
        self._most = 0
        """Zones that reached one state class at once."""
        self.slowed = 0
        """Which delays have occurred in some run, each a bit."""
        self.depth = 0
        self.is_complete = False
        self.stopped_by: str | None = None
        waiting: dict[StateClass, _Arrivals] = {}
        for landing in stepper.first():
            self._arrive(waiting, -1, -1, landing, landing.zone_set.only(landing.names))
        self._take_in(waiting)

    @property
    def state_classes(self) -> int:
        """How many state classes were found."""
        return len(self._found)

    def arrival(self, number: int) -> Arrival:
        """How a zone was reached: from which node and zone, by which firing; -1: the beginning."""
        place = int(np.searchsorted(self._begins, number, side="right")) - 1
        node, firing, origins = self.arrivals[place]
        return Arrival(node, int(origins[number - self._begins[place]]), firing)

    def run(self, bounds: Bounds, on_level: OnLevel | None = None, *, crowded: int | None = None) -> None:
        """Search until nothing is new, a bound is hit, or `on_level` says that it is enough.

        `crowded`: where so many zones reach one state class at once, it stops, too; it can be run again.
        """
        lookout = Lookout(bounds, on_level)
        try:
            while self._frontier:
                if crowded is not None and self._most >= crowded:
                    return
                self.depth += 1
                lookout.level = Level(self.depth, self.zones, self.transitions, len(self._frontier))
                lookout.look_now()
                bounds.look_at(self.zones, "zones")
                waiting: dict[StateClass, _Arrivals] = {}
                for node in self._frontier:
                    self._expand(node, waiting, lookout)
                self._take_in(waiting, lookout)
            self.is_complete = True
        except GaveUp as why:
            self.stopped_by = str(why)

    def _expand(self, node: ZoneNode, waiting: dict[StateClass, _Arrivals], lookout: Lookout) -> None:
        state_class = node.state_class
        zone_set = ZoneSet(node.zones, np.arange(len(node.zones)), state_class.slots)
        for place, firing in enumerate(state_class.firings):
            lookout.look()
            for enabled in self.stepper.enabled(zone_set, firing, state_class.deadlines):
                if enabled.is_empty:
                    continue
                self.transitions += len(enabled.zones)
                for landing in self.stepper.after(state_class, firing, enabled):
                    self._arrive(waiting, node.number, place, landing, landing.zone_set)

    def _arrive(
        self, waiting: dict[StateClass, _Arrivals], node: int, firing: int, landing: Landing, zone_set: ZoneSet
    ) -> None:
        zone_set = zone_set.with_like_marks()
        if zone_set.is_empty:
            return
        self.slowed |= landing.change.delays_so_far.occurred
        arrivals = waiting.setdefault(landing.state_class, _Arrivals())
        arrivals.zones.append(zone_set.zones)
        arrivals.numbers.append(np.arange(len(zone_set.zones)) + self._arrivals_count)
        self.arrivals.append((node, firing, zone_set.origins))
        self._begins.append(self._arrivals_count)
        self._arrivals_count += len(zone_set.zones)

    def _take_in(self, waiting: dict[StateClass, _Arrivals], lookout: Lookout | None = None) -> None:
        self._frontier = []
        for state_class, arrivals in waiting.items():
            if lookout is not None:
                lookout.look()
            known = self._found.setdefault(state_class, [])
            zones, numbers = np.concatenate(arrivals.zones), np.concatenate(arrivals.numbers)
            self._most = max(self._most, len(zones))
            self._pairs += len(zones) * (len(zones) + sum(len(node.zones) for node in known))
            kernels = kernels_for(self._pairs)
            for node in known:
                new = ~is_within_any(zones, node.zones, kernels)
                zones, numbers = zones[new], numbers[new]
            if not len(zones):
                continue
            zones, members = self._join(zones, [[number] for number in numbers.tolist()], kernels)
            node = ZoneNode(len(self.nodes), state_class, zones, members)
            self.nodes.append(node)
            known.append(node)
            self._frontier.append(node)
            self.zones += len(zones)
