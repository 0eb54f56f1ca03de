"""Instants of a run as max-plus sums of its legs: what each step waited for, by the rules of the timed engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property, partial

from batchsim.analysis.window.legs import REQUEST, RESPONSE, delivery_to, uses_of, wait_of_phase_1
from batchsim.analysis.window.sums import START, Instant, latest, plus
from batchsim.analysis.window.turns import turns_of
from batchsim.protocol.operation import BlockingOperation
from batchsim.protocol.operations import (
    CleanupWithTombstone,
    Deliver,
    ExpireTombstone,
    PushMessage,
    RetryMessage,
    ScheduleCompletion,
    TakeCompletion,
    TakeExpiry,
    TakeMessage,
)
from batchsim.protocol.stores import Message
from batchsim.trace import Step, Trace


class NotDerived(Exception):
    """A run whose instants are no largest of sums: why."""


class Causes:
    """Of each step of a run, the steps that it waited for, and the instant of its effect."""

    def __init__(self, trace: Trace) -> None:
        self.steps = trace.steps
        self._turns = turns_of(trace)
        self._uses = uses_of(trace)
        self._joined = [tuple(self._find_joined(step)) for step in self.steps]
        self._enabling = [self._find_enabling(step) for step in self.steps]

    def before(self, number: int) -> tuple[int, ...]:
        """The steps that a step waited for, each directly."""
        enabling = self._enabling[number]
        return self._joined[number] if enabling is None else (*self._joined[number], enabling)

    @cached_property
    def ancestors(self) -> list[frozenset[int]]:
        """Of each step, all that it waited for."""
        found: list[frozenset[int]] = []
        for step in self.steps:
            direct = self.before(step.number)
            found.append(frozenset(direct).union(*(found[each] for each in direct)))
        return found

    @cached_property
    def instants(self) -> list[Instant]:
        """Of each step, the instant of its effect; raises `TooManySums`."""
        found: list[Instant] = []
        for step in self.steps:
            found.append(self._effect(step, found))
        return found

    def due(self, number: int, operation: str) -> Instant:
        """When the timer that a step started runs out."""
        return plus(self.instants[number], self._uses[number].leg(REQUEST, operation))

    def freed_later(self, number: int) -> tuple[int, ...]:
        """The steps after which other consumers were free, later than the one who took a message."""
        return self._turns[number].freed_later if number in self._turns else ()

    def freed(self, number: int) -> int | None:
        """The step after which the consumer was free who took a message; `None`: it had done nothing yet."""
        return self._turns[number].freed

    def ready(self, number: int) -> Instant:
        """When the answer of a step lets its actor go on."""
        return self._ready(self.steps[number], self.instants)

    # -- what a step waited for ----------------------------------------------------------------

    def _find_joined(self, step: Step) -> Iterator[int]:
        """The steps whose answers let it be issued, or the one whose effect let its actor begin."""
        if isinstance(step.operation, TakeMessage):
            freed = self._turns[step.number].freed
            yield from () if freed is None else (freed,)
            return
        if step.after is None or isinstance(step.operation, TakeCompletion):
            return  # there are as many job workers as can be busy
        last = self.steps[step.after]
        if actor_of(last) != actor_of(step):
            yield last.number
        elif last.actor == step.actor:
            yield from (each.number for each in self._issued_together(last, step))
        elif last.actor == actor_of(step):
            yield last.number
        elif step.actor == actor_of(step):
            yield from self._ends_of_lanes(last, step)
        else:
            raise NotDerived("more items than the handler enqueues at once")

    def _issued_together(self, last: Step, step: Step) -> Iterator[Step]:
        """The step whose answer came last, and the one that was issued together with it, if any."""
        for each in self.steps[: step.number]:
            if each.actor == last.actor and each.after == last.after:
                yield each

    def _ends_of_lanes(self, last: Step, step: Step) -> Iterator[int]:
        ends: dict[str, int] = {}
        for each in self.steps[: step.number]:
            if actor_of(each) == actor_of(last) and each.actor != actor_of(each):
                ends[each.actor] = each.number
        yield from ends.values()

    def _find_enabling(self, step: Step) -> int | None:
        """The step that made possible what a blocked operation does."""
        match step.operation:
            case TakeMessage():
                message: Message = step.answer
                return self._last(step, partial(_puts, message=message))
            case TakeCompletion():
                return self._last(step, lambda each: isinstance(each.operation, ScheduleCompletion))
            case ExpireTombstone():
                return self._last(step, lambda each: isinstance(each.operation, CleanupWithTombstone))
            case Deliver(attempt=attempt):
                handler = f"handler-{attempt}"
                return step.woken_by or self._last(step, lambda each: actor_of(each) == handler)
            case TakeExpiry():
                return None
            case BlockingOperation():
                raise NotDerived(f"{step.name}: faults have no window")
            case _:
                return None

    def _last(self, step: Step, is_it: Callable[[Step], bool]) -> int:
        found: int = next(each.number for each in reversed(self.steps[: step.number]) if is_it(each))
        return found

    # -- when it took effect ---------------------------------------------------------------------

    def _effect(self, step: Step, found: list[Instant]) -> Instant:
        issued = self._issued(step, found)
        use, operation = self._uses[step.number], step.operation
        enabling = self._enabling[step.number]
        match operation:
            case TakeMessage():
                assert enabling is not None
                put = found[enabling]
                if isinstance(self.steps[enabling].operation, RetryMessage):
                    put = plus(put, self._uses[enabling].leg(REQUEST))
                return latest((plus(issued, use.leg(REQUEST)), put))
            case TakeCompletion() | ExpireTombstone():
                assert enabling is not None
                leg = self._uses[enabling].leg(REQUEST, operation.name)
                return latest((issued, plus(found[enabling], leg)))
            case TakeExpiry():
                return latest((issued, plus(START, wait_of_phase_1())))
            case Deliver():
                assert enabling is not None
                answered = plus(found[enabling], self._uses[enabling].leg(RESPONSE))
                return plus(latest((issued, answered)), use.leg(RESPONSE))
            case _ if operation.is_instant:
                return issued
            case _:
                return plus(issued, use.leg(REQUEST))

    def _issued(self, step: Step, found: list[Instant]) -> Instant:
        joined = self._joined[step.number]
        is_freed = isinstance(step.operation, TakeMessage)
        if joined and (is_freed or actor_of(self.steps[joined[0]]) == actor_of(step)):
            return latest(self._ready(self.steps[each], found) for each in joined)
        begun = found[joined[0]] if joined else START
        if actor_of(step).startswith("handler-"):
            return plus(begun, delivery_to(int(actor_of(step).removeprefix("handler-"))))
        return begun

    def _ready(self, step: Step, found: list[Instant]) -> Instant:
        """When the answer of a step lets its actor go on."""
        if step.operation.acts_on_arrival:
            return found[step.number]
        return plus(found[step.number], self._uses[step.number].leg(RESPONSE))


def actor_of(step: Step) -> str:
    """The actor, of which lanes are parts: `handler-1` of `handler-1.0`."""
    return step.actor.partition(".")[0]


def _puts(step: Step, message: Message) -> bool:
    match step.operation:
        case PushMessage(index=index):
            return bool(message.attempt == 1 and index == message.item)
        case RetryMessage(index=index, attempt=attempt):
            return index == message.item and attempt + 1 == message.attempt
        case _:
            return False
