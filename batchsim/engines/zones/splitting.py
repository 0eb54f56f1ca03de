"""What no difference bound can say is split into cases: zones in which it is so, and zones in which it is not."""

from __future__ import annotations

from collections.abc import Sequence

from batchsim.engines.zones.slots import BASE, InstantKind, Slot
from batchsim.engines.zones.windows import NEVER_US, DelayWindow
from batchsim.engines.zones.zone_set import ZoneSet


def latest(zone_set: ZoneSet, end: Slot) -> list[ZoneSet]:
    """Who awaits several goes on with the last of them."""
    before, after = zone_set.halves(end, BASE)
    # The end is past: its place is no column, as that of an arrival is.
    swapped = after.renamed({BASE: Slot(InstantKind.ARRIVAL, -1 - end.place, end.number), end: BASE})
    return [each for each in (before, swapped) if not each.is_empty]


def received(zone_set: ZoneSet, slot: Slot, there: Slot, travel: DelayWindow) -> list[ZoneSet]:
    """What is to be received travels from when it is there, and who receives it too."""
    if slot not in zone_set.names:
        return [zone_set.with_instants([(slot, there, travel)])]
    arrival = Slot(InstantKind.ARRIVAL, slot.place, slot.number)
    before, after = zone_set.renamed({slot: arrival}).halves(arrival, there)
    halves = (before.with_instants([(slot, there, travel)]), after.with_instants([(slot, arrival, travel)]))
    return [each for each in halves if not each.is_empty]


def met_or_late(zone_set: ZoneSet, slot: Slot, at: Slot) -> list[ZoneSet]:
    """Who is to arrive has arrived, or comes later."""
    if slot not in zone_set.names:
        return [zone_set]
    met, late = zone_set.halves(slot, at)
    past = Slot(InstantKind.ARRIVAL, slot.place, slot.number)
    return [each for each in (met.renamed({slot: past}), late) if not each.is_empty]


def told_of(zone_set: ZoneSet, slot: Slot, timers: Sequence[Slot], at: Slot) -> list[ZoneSet]:
    """Who has arrived knows of each of some timers whether it has run out."""
    if slot in zone_set.names:
        return [zone_set]
    zone_sets = [zone_set]
    for timer in timers:
        past = Slot(InstantKind.PAST, -1 - timer.place, 2)
        zone_sets = [half for each in zone_sets for half in sooner_or_later(each, timer, at, past)]
    return zone_sets


def sooner_or_later(zone_set: ZoneSet, name: Slot, at: Slot, past: Slot) -> list[ZoneSet]:
    """An instant passes before another one, or comes after it; one that may never come comes after it."""
    if name not in zone_set.names:
        return [zone_set]
    sooner, later = zone_set.halves(name, at)
    is_never = (zone_set.zones[:, zone_set.place(name), zone_set.place(at)] >= NEVER_US).all()
    halves = [later] if is_never else [sooner.renamed({name: past}), later]
    return [each for each in halves if not each.is_empty]
