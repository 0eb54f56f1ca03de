"""Instants of a run as max-plus sums of its legs: what each step waited for, by the rules of the timed engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from batchsim.analysis.batch.takers import takers_of
from batchsim.analysis.window.legs import REQUEST, RESPONSE, delivery_to, uses_of, wait_of_phase_1
from batchsim.analysis.window.sums import START, Instant, latest, plus
from batchsim.batch.actors import TIMERS_OF_PHASE_1
from batchsim.batch.operations import Deliver, TakeJob, TakeMessage
from batchsim.batch.trace import Trace
from batchsim.model.cells import Key
from batchsim.model.operation import BlockingOperation, Timer
from batchsim.model.run import Step


class NotDerived(Exception):
    """A run whose instants are no largest of sums: why."""


class Causes:
    """Of each step of a run, the steps that it waited for, and the instant of its effect."""

    def __init__(self, trace: Trace) -> None:
        self.steps = trace.steps
        self.is_batch = isinstance(trace, Trace)
        self._turns = takers_of(trace) if self.is_batch else {}
        self._uses = uses_of(trace)
        self._joined = [tuple(self._find_joined(step)) for step in self.steps]
        self._enabling = [self._find_enabling(step) for step in self.steps]

    def told(self, step: Step) -> str:
        """A step in words: what, of which item, by whom."""
        item = "" if step.operation.item is None else f" of item {step.operation.item}"
        who = actor_of(step)
        if self.is_batch and not who.startswith("handler"):
            who = who.partition("-")[0]
        return f"{step.name}{item} ({who})"

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

    def due(self, number: int) -> Instant:
        """When what a step made possible is so: with its effect, or when the timer that it started runs out."""
        return self._due(number, self.instants)

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
        if step.after is None or isinstance(step.operation, TakeJob):
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
        """The last steps of all lanes; of the lane alone that failed, if one did: nobody waits for the others."""
        ends: dict[str, Step] = {}
        for each in self.steps[: step.number]:
            if actor_of(each) == actor_of(last) and each.actor != actor_of(each):
                ends[each.actor] = each
        has_failed = max(each.answered_us for each in ends.values()) != step.issued_us
        yield from (last.number,) if has_failed else (each.number for each in ends.values())

    def _find_enabling(self, step: Step) -> int | None:
        """The step that made possible what a blocked operation does; `None`: phase 1 did, or nothing need be."""
        operation = step.operation
        if not isinstance(operation, BlockingOperation) or operation.waits_for() in TIMERS_OF_PHASE_1:
            return None
        if isinstance(operation, Deliver):
            handler = f"handler-{operation.attempt}"
            if step.woken_by is not None:
                return step.woken_by
            return self._last(step, lambda each: actor_of(each) == handler)
        if not self.is_batch:
            return self._maker(step, operation.waits_for())
        cell, item = operation.waits_for(), getattr(step.answer, "item", None)
        return self._last(step, lambda each: makes_ready(each, cell) and item in (None, each.operation.item))

    def _maker(self, step: Step, cell: Key) -> int | None:
        """In any other system: the step that made the cell ready this time; `None`: it was so from the beginning.

        What is taken from a cell, one step puts there each time: the k-th that is taken, the k-th that was put.
        """
        takers = [each for each in self.steps[: step.number] if _takes_from(each, cell)]
        makers = [each.number for each in self.steps[: step.number] if makes_ready(each, cell)]
        if not any(_takes_from(each, cell) and each.change_of(cell) is not None for each in (*takers, step)):
            return makers[0] if makers else None  # nobody takes anything: once is enough
        return makers[len(takers)] if len(takers) < len(makers) else None

    def _last(self, step: Step, is_it: Callable[[Step], bool]) -> int:
        before = (each.number for each in reversed(self.steps[: step.number]) if is_it(each))
        found: int | None = next(before, None)
        if found is None:
            raise NotDerived(f"no step made {self.told(step)} possible")
        return found

    # -- when it took effect ---------------------------------------------------------------------

    def _effect(self, step: Step, found: list[Instant]) -> Instant:
        issued = self._issued(step, found)
        use, operation = self._uses[step.number], step.operation
        enabling = self._enabling[step.number]
        arrives = issued if operation.is_instant else plus(issued, use.leg(REQUEST))
        if not isinstance(operation, BlockingOperation):
            return arrives
        if enabling is None:
            return latest((arrives, plus(START, wait_of_phase_1(TIMERS_OF_PHASE_1[operation.waits_for()]))))
        if operation.acts_on_arrival:
            answered = plus(found[enabling], self._uses[enabling].leg(RESPONSE))
            return plus(latest((issued, answered)), use.leg(RESPONSE))
        return latest((arrives, self._due(enabling, found)))

    def _due(self, number: int, found: list[Instant]) -> Instant:
        timer = timer_of(self.steps[number])
        if timer is None:
            return found[number]
        return plus(found[number], self._uses[number].leg(REQUEST, timer.delay_of))

    def _issued(self, step: Step, found: list[Instant]) -> Instant:
        joined = self._joined[step.number]
        is_freed = isinstance(step.operation, TakeMessage)
        if joined and (is_freed or actor_of(self.steps[joined[0]]) == actor_of(step)):
            return latest(self._ready(self.steps[each], found) for each in joined)
        begun = found[joined[0]] if joined else START
        if self.is_batch and actor_of(step).startswith("handler-"):
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


def makes_ready(step: Step, cell: Key) -> bool:
    """Whether it made ready a cell that somebody may wait for."""
    return cell in step.operation.unblocks_after(step.answer)


def timer_of(step: Step) -> Timer | None:
    """The timer that it started, if any."""
    return step.operation.timer_after(step.answer)


def _takes_from(step: Step, cell: Key) -> bool:
    """Whether it waited for a cell and got what it waited for."""
    operation = step.operation
    return isinstance(operation, BlockingOperation) and operation.waits_for() == cell and step.took_effect
