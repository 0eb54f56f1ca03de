"""What no difference bound can say is split into cases: zones in which it is so, and zones in which it is not."""

from __future__ import annotations

from collections.abc import Sequence

from batchsim.engines.zones.batch import Batch
from batchsim.engines.zones.slots import BASE, Instant, Slot
from batchsim.engines.zones.windows import NEVER_US, Window


def latest(batch: Batch, end: Slot) -> list[Batch]:
    """Who awaits several goes on with the last of them."""
    before, after = batch.halves(end, BASE)
    swapped = after.renamed({BASE: Slot(Instant.ARRIVAL, end.place, end.number), end: BASE})
    return [each for each in (before, swapped) if not each.is_empty]


def received(batch: Batch, slot: Slot, there: Slot, travel: Window) -> list[Batch]:
    """What is to be received travels from when it is there, and who receives it too."""
    if slot not in batch.names:
        return [batch.with_instants([(slot, there, travel)])]
    arrival = Slot(Instant.ARRIVAL, slot.place, slot.number)
    before, after = batch.renamed({slot: arrival}).halves(arrival, there)
    halves = (before.with_instants([(slot, there, travel)]), after.with_instants([(slot, arrival, travel)]))
    return [each for each in halves if not each.is_empty]


def met_or_late(batch: Batch, slot: Slot, at: Slot) -> list[Batch]:
    """Who is to arrive has arrived, or comes later."""
    if slot not in batch.names:
        return [batch]
    met, late = batch.halves(slot, at)
    past = Slot(Instant.ARRIVAL, slot.place, slot.number)
    return [each for each in (met.renamed({slot: past}), late) if not each.is_empty]


def told_of(batch: Batch, slot: Slot, timers: Sequence[Slot], at: Slot) -> list[Batch]:
    """Who has arrived knows of each of some timers whether it has run out."""
    if slot in batch.names:
        return [batch]
    batches = [batch]
    for timer in timers:
        past = Slot(Instant.PAST, -1 - timer.place, 2)
        batches = [half for each in batches for half in sooner_or_later(each, timer, at, past)]
    return batches


def sooner_or_later(batch: Batch, name: Slot, at: Slot, past: Slot) -> list[Batch]:
    """An instant passes before another one, or comes after it; one that may never come comes after it."""
    if name not in batch.names:
        return [batch]
    sooner, later = batch.halves(name, at)
    is_never = (batch.zones[:, batch.place(name), batch.place(at)] >= NEVER_US).all()
    halves = [later] if is_never else [sooner.renamed({name: past}), later]
    return [each for each in halves if not each.is_empty]
