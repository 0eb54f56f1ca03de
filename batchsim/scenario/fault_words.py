"""The faults of a scenario in words, the same wherever one is spoken of."""

from __future__ import annotations

from batchsim.batch.faults import Cut, Disconnect, LostResponse, Redeliver
from batchsim.durations import format_duration
from batchsim.model.faults import Crash, Fault, LostState, ServiceFault, SlowOutage, StoreError
from batchsim.scenario.slow import Slow


def fault_in_words(fault: Fault | Slow) -> str:
    """A fault in a few words: `crash of handler-1 before queue.push`."""
    return f"{_what(fault)}{_when(fault)}"


def numbered_fault(number: int, fault: Fault | Slow) -> str:
    """A fault by its number and in words: `fault 0 (crash of handler-1 before queue.push)`."""
    return f"fault {number} ({fault_in_words(fault)})"


def _what(fault: Fault | Slow) -> str:
    match fault:
        case LostResponse(attempt=attempt, phase=1):
            return f"lost response of phase 1{'' if attempt is None else f', try {attempt}'}"
        case LostResponse(attempt=attempt):
            return f"lost response{_of('attempt', attempt)}"
        case Disconnect(attempt=attempt):
            return f"disconnect{_of('attempt', attempt)}"
        case Cut(attempt=attempt, after_items=after_items):
            after = "" if after_items is None else f" after {after_items} item{'' if after_items == 1 else 's'}"
            return f"cut{_of('attempt', attempt)}{after}"
        case Redeliver(item=item):
            return f"redelivery{_of('item', item)}"
        case Crash(actor=actor, before=before, item=item):
            step = before or (None if item is None else "a step")
            return f"crash{_by(actor)}{'' if step is None else f' before {step}'}{_of('item', item)}"
        case StoreError(actor=actor, operation=operation, item=item, effect=effect):
            step = operation or (None if item is None else "a step")
            where = "" if step is None else f" in {step}{_of('item', item)}"
            return f"store error{_by(actor)}{where}{'' if effect is None else f' {effect} its effect'}"
        case Slow(operation=operation, actor=actor, item=item, attempt=attempt, delay_us=delay_us):
            use = f"{operation}{_by(actor)}{_of('item', item)}{_of('attempt', attempt)}"
            return f"slow {use}, {format_duration(delay_us)} later"
        case ServiceFault(group=group, lasts_us=lasts_us):
            slow = f", {format_duration(fault.delay_us)} later" if isinstance(fault, SlowOutage) else ""
            what = f"slow {group}{slow}" if slow else f"outage of {group}"
            return f"{what}{'' if lasts_us is None else f' for {format_duration(lasts_us)}'}"
        case LostState(keys=keys, last_writes=None):
            return f"loss of {', '.join(keys)}"
        case LostState(keys=keys, last_writes=count):
            return f"loss of the last {'write' if count == 1 else f'{count} writes'} of {', '.join(keys)}"
        case _:
            return fault.in_words()


def _by(actor: str | None) -> str:
    return "" if actor is None else f" of {actor}"


def _of(noun: str, number: int | None) -> str:
    return "" if number is None else f" of {noun} {number}"


def _when(fault: Fault | Slow) -> str:
    if fault.probability is not None:
        return f", with a probability of {100 * fault.probability:g} %"
    if isinstance(fault, Slow):
        return ""
    if fault.at_us is not None:
        return f", from {format_duration(fault.at_us)} on"
    if fault.at_most is not None:
        return ", at most once" if fault.at_most == 1 else f", at most {fault.at_most} times"
    return ""
