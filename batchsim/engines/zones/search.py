"""The search: every zone of every state class that can be reached, a step deeper at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
        self.frontier: list[ZoneNode] = []
        """Nodes that were found, and not looked into."""
        self.transitions = 0
        self.zones = 0
        self._pairs = 0
        """Of zones that were compared, about."""
        self.most = 0
        """Zones that reached one state class at once, at most."""
        self.slowed = 0
        """Which delays have occurred in some run, each a bit."""
        self.depth = 0
        self.is_complete = False
        self.stopped_by: str | None = None
        self._waiting: dict[StateClass, _Arrivals] = {}
        for landing in stepper.first():
            self.arrive(-1, -1, landing, landing.zone_set.only(landing.names))
        self.take_in()

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
        run_together([self], bounds, on_level, crowded=crowded)

    def arrive(self, node: int, firing: int, landing: Landing, zone_set: ZoneSet) -> None:
        """Note what reaches a state class; `node`: from which node, -1: it is the beginning."""
        zone_set = zone_set.with_like_marks()
        if zone_set.is_empty:
            return
        self.slowed |= landing.change.delays_so_far.occurred
        arrivals = self._waiting.setdefault(landing.state_class, _Arrivals())
        arrivals.zones.append(zone_set.zones)
        arrivals.numbers.append(np.arange(len(zone_set.zones)) + self._arrivals_count)
        self.arrivals.append((node, firing, zone_set.origins))
        self._begins.append(self._arrivals_count)
        self._arrivals_count += len(zone_set.zones)

    def take_in(self, lookout: Lookout | None = None) -> None:
        """Let what was noted be where the search goes on."""
        waiting, self._waiting, self.frontier = self._waiting, {}, []
        for state_class, arrivals in waiting.items():
            if lookout is not None:
                lookout.look()
            known = self._found.setdefault(state_class, [])
            zones, numbers = np.concatenate(arrivals.zones), np.concatenate(arrivals.numbers)
            self.most = max(self.most, len(zones))
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
            self.frontier.append(node)
            self.zones += len(zones)


def run_together(
    searches: Sequence[ZoneSearch], bounds: Bounds, on_level: OnLevel | None = None, *, crowded: int | None = None
) -> None:
    """Run searches with one stepper side by side: what a step does apart from times is worked out once for all."""
    lookout = Lookout(bounds, on_level)
    first = searches[0]
    try:
        while any(search.frontier for search in searches):
            if crowded is not None and first.most >= crowded:
                return
            for search in searches:
                search.depth += 1
            lookout.level = Level(first.depth, first.zones, first.transitions, len(first.frontier))
            lookout.look_now()
            bounds.look_at(first.zones, "zones")
            together: dict[StateClass, list[tuple[ZoneSearch, ZoneNode]]] = {}
            for search in searches:
                for node in search.frontier:
                    together.setdefault(node.state_class, []).append((search, node))
            for state_class, nodes in together.items():
                _expand(state_class, nodes, lookout)
            for search in searches:
                search.take_in(lookout)
        for search in searches:
            search.is_complete = True
    except GaveUp as why:
        for search in searches:
            search.stopped_by = str(why)


def _expand(state_class: StateClass, nodes: list[tuple[ZoneSearch, ZoneNode]], lookout: Lookout) -> None:
    zones = nodes[0][1].zones if len(nodes) == 1 else np.concatenate([node.zones for _, node in nodes])
    zone_set, stepper = ZoneSet(zones, np.arange(len(zones)), state_class.slots), nodes[0][0].stepper
    for place, firing in enumerate(state_class.firings):
        lookout.look()
        for enabled in stepper.enabled(state_class, firing, zone_set):
            if enabled.is_empty:
                continue
            for (search, _), part in _shared_out(enabled, nodes):
                search.transitions += len(part.zones)
            for landing in stepper.after(state_class, firing, enabled):
                for (search, node), part in _shared_out(landing.zone_set, nodes):
                    search.arrive(node.number, place, landing, part)


def _shared_out(
    zone_set: ZoneSet, nodes: list[tuple[ZoneSearch, ZoneNode]]
) -> Iterator[tuple[tuple[ZoneSearch, ZoneNode], ZoneSet]]:
    """To each of some nodes, what comes of its own zones."""
    if len(nodes) == 1:
        yield nodes[0], zone_set
        return
    begin = 0
    for each in nodes:
        end = begin + len(each[1].zones)
        part = zone_set.chosen((zone_set.origins >= begin) & (zone_set.origins < end))
        yield each, part._replace(origins=part.origins - begin)
        begin = end
