"""From a zone back to the beginning: one run that leads there, with a time for every instant of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from batchsim.engines.zones.bounds import Matrices
from batchsim.engines.zones.search import ZoneNode, ZoneSearch
from batchsim.engines.zones.slots import START, Slot
from batchsim.engines.zones.state_class import Firing, StateClass
from batchsim.engines.zones.step import Landing
from batchsim.engines.zones.windows import NEVER_US
from batchsim.engines.zones.zone_set import ZoneSet

Times = dict[Slot, int]


class PathStep(NamedTuple):
    """A step of a run, or its beginning."""

    before: StateClass | None
    """`None`: it is the beginning."""
    firing: Firing | None
    landing: Landing
    times_us: Times
    """Of every instant that the step involves."""


def path_to(search: ZoneSearch, node: ZoneNode, zone: int, times: Times | None = None) -> list[PathStep]:
    """A run that ends in a zone; its first step is the beginning, at time 0.

    `times`: of the instants that the end has, where it has any.
    """
    times = times or {}
    steps: list[PathStep] = []
    while not steps or steps[-1].before is not None:
        step, number, zone = _step_before(search, node, zone, times)
        steps.append(step)
        if step.before is None:
            break
        node = search.nodes[number]
        # The instants that were to come are the first ones of the step, whatever they are called now.
        times = dict(zip(node.state_class.slots, step.times_us.values(), strict=False))
    begin_us = steps[-1].times_us[START]
    return [_shifted(step, begin_us) for step in reversed(steps)]


def _shifted(step: PathStep, begin_us: int) -> PathStep:
    return step._replace(times_us={name: time - begin_us for name, time in step.times_us.items()})


def _step_before(search: ZoneSearch, node: ZoneNode, zone: int, times: Times) -> tuple[PathStep, int, int]:
    """A step that leads to a zone at these times; with the number of the node and of the zone before."""
    for member in node.members[zone]:
        arrival = search.arrival(member)
        before, firing = None, None
        if arrival.node >= 0:
            before = search.nodes[arrival.node].state_class
            firing = before.firings[arrival.firing]
        for landing in _landings(search, arrival.node, arrival.zone, firing):
            if landing.state_class is node.state_class:
                fixed = {
                    name: times[slot] for slot, name in zip(node.state_class.slots, landing.names, strict=True)
                }
                found = _times_in(landing.zone_set, fixed)
                if found is not None:
                    step = PathStep(before, firing, landing, found)
                    return step, arrival.node, arrival.zone
    raise AssertionError("a zone holds a moment that nothing leads to")


def _landings(search: ZoneSearch, number: int, zone: int, firing: Firing | None) -> Iterator[Landing]:
    if firing is None:
        yield from search.stepper.first()
        return
    node = search.nodes[number]
    zone_set = ZoneSet(node.zones[zone : zone + 1], np.zeros(1, dtype=np.int64), node.state_class.slots)
    for enabled in search.stepper.enabled(node.state_class, firing, zone_set):
        yield from search.stepper.after(node.state_class, firing, enabled, explicit=True)


def _times_in(zone_set: ZoneSet, fixed: Times) -> Times | None:
    """Times of all instants within one of the zones, those of some being fixed; `None`: there are none."""
    for zone in zone_set.zones:
        places = {zone_set.place(name): time for name, time in fixed.items()}
        if all(t - u <= zone[x, y] for x, t in places.items() for y, u in places.items()):
            return dict(zip(zone_set.names, completed(zone, places), strict=True))
    return None


def completed(zone: Matrices, places: dict[int, int]) -> list[int]:
    """Times for the other instants too, each as late as it may be; there always is one, as bounds are closed."""
    for place in range(len(zone)):
        if place in places:
            continue
        if not places:
            places[place] = 0
            continue
        earliest = max(time - int(zone[other, place]) for other, time in places.items())
        latest = min(time + int(zone[place, other]) for other, time in places.items())
        places[place] = latest if latest < NEVER_US // 2 else max(earliest, 0)
    return [places[place] for place in range(len(zone))]
