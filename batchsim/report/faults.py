"""The faults of a scenario in words."""

from __future__ import annotations

from collections.abc import Iterator

from batchsim.protocol.faults import Crash, Cut, Disconnect, Effect, Fault, LostResponse, Redeliver, StoreError
from batchsim.report.phrases import counted
from batchsim.scenario import Scenario, Slow, format_duration


def faults_in_words(scenario: Scenario) -> list[tuple[str, str]]:
    """The name of each fault, in the order of the scenario, and what it says: `lost_response`, `attempt 1`."""
    return [
        *((_name(fault), ", ".join(_fields(fault)) or "anywhere") for fault in scenario.setting.faults),
        *(("slow", ", ".join(_fields_of_slow(slow))) for slow in scenario.slowings),
    ]


def _name(fault: Fault) -> str:
    match fault:
        case LostResponse():
            return "lost_response"
        case StoreError():
            return "store_error"
        case _:
            return type(fault).__name__.lower()


def _fields(fault: Fault) -> Iterator[str]:
    match fault:
        case LostResponse(attempt=attempt) | Disconnect(attempt=attempt):
            yield from _numbered("attempt", attempt)
        case Cut(attempt=attempt, after_items=after_items):
            yield from _numbered("attempt", attempt)
            if after_items is not None:
                yield f"after {counted(after_items, 'item')}"
        case Redeliver(item=item):
            yield from _numbered("item", item)
        case Crash(actor=actor, before=before, item=item):
            yield from _where(actor, f"before {before}" if before else None, item)
        case StoreError(actor=actor, operation=operation, item=item, effect=effect):
            yield from _where(actor, operation, item)
            yield _raising(effect)
    yield from _when(fault)


def _numbered(noun: str, number: int | None) -> Iterator[str]:
    if number is not None:
        yield f"{noun} {number}"


def _where(actor: str | None, operation: str | None, item: int | None) -> Iterator[str]:
    if actor is not None:
        yield actor
    if operation is not None:
        yield operation
    yield from _numbered("item", item)


def _raising(effect: Effect | None) -> str:
    return "raises" if effect is None else f"raises {effect} its effect"


def _when(fault: Fault) -> Iterator[str]:
    if fault.at_us is not None:
        yield f"from {format_duration(fault.at_us)} on"
    if fault.at_most is not None:
        yield f"at most {fault.at_most} times" if fault.at_most > 1 else "at most once"
    if fault.probability is not None:
        yield f"probability {100 * fault.probability:g} %"


def _fields_of_slow(slow: Slow) -> Iterator[str]:
    if slow.actor is not None:
        yield slow.actor
    yield slow.operation
    yield from _numbered("item", slow.item)
    yield from _numbered("attempt", slow.attempt)
    yield f"{format_duration(slow.delay_us)} later"
    if slow.probability is not None:
        yield f"probability {100 * slow.probability:g} %"
