"""A lane feeds one coroutine: it issues what is awaited, lets it take effect, and goes on with the answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from heapq import heappush
from typing import Any, ClassVar

from batchsim.bad_input import BadInputError
from batchsim.engines.latencies import Streams
from batchsim.engines.own_errors import ToldError, is_own, no_operation, of_effect, place_of_await, placed, told
from batchsim.engines.recorded_draws import AnyLatencies
from batchsim.engines.timed.events import Clock, Recurring
from batchsim.engines.timed.recorder import Recorder
from batchsim.engines.timed.side_by_side import GiveUp, Group, Report, program_of
from batchsim.engines.timed.waiting import Waiting
from batchsim.model.cells import Key
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Both,
    Chance,
    ForEach,
    Operation,
    Program,
    ProtocolError,
    Raised,
    Stopped,
    give_up,
    stops,
)
from batchsim.model.run import step_of
from batchsim.model.system import Actor

OnEnd = Callable[["Lane", Any, Exception | None, int], None]
"""Told of the end of a lane: with a result or a failure, and in how many microseconds its last answer is there."""
Callbacks = list[Callable[[Any], None]]
"""What an event calls."""


def _report_to(report: Report) -> OnEnd:
    return lambda lane, result, failure, delay_us: report(
        result, failure, lane.stage.clock.now_us + delay_us, lane.after
    )


class Stage:
    """What all lanes of a run share."""

    def __init__(
        self,
        clock: Clock,
        world: Any,
        latencies: AnyLatencies,
        waiting: Waiting,
        recorder: Recorder,
        call_spare: Callable[[int | None], None],
    ) -> None:
        self.clock = clock
        self.world = world
        self.latencies = latencies
        self.waiting = waiting
        self.recorder = recorder
        self.call_spare = call_spare
        """Lets the next spare actor begin after a step, the others being busy."""
        self.stopped: set[Actor] = set()
        """Who stopped for good."""
        self.catches = False
        """Whether an error of a coroutine's own is an end of its actor; otherwise whoever runs it gets it."""
        self.raised: dict[Actor, ToldError] = {}
        """The errors that ended actors."""
        self.held_back: list[Lane] = []
        """Those that wait for nothing, and cannot act: a fault holds them back."""

    def goes_on(self) -> bool:
        """Whether anybody who is not in the background can take a step, be it after a while."""
        ahead = (*self.clock.scheduled(), *self.waiting.waiters())
        return any(
            lane.operation.alternatives(self.world)
            for lane in ahead
            if isinstance(lane, Lane) and not lane.actor.is_background and lane.actor not in self.stopped
        )

    def let_look(self, step: int | None) -> None:
        """Any step may let those go on whom a fault holds back: it may have ended what the fault was about."""
        held_back, self.held_back = self.held_back, []
        for lane in held_back:
            lane.wake(step)

    def fail(self, actor: Actor, error: Exception) -> None:
        """An error that nobody handled ends an actor."""
        self.raised.setdefault(actor, told(error))
        self.stopped.add(actor)

    def lane(self, actor: Actor, suffix: str, program: Program[Any], streams: Streams, end: OnEnd | None) -> Lane:
        """A lane on this stage."""
        return Lane(self, actor, suffix, program, streams, end)


class Lane(Recurring):
    """A coroutine that is being fed: an actor's own, or one that it runs side by side with others.

    It is the event of what it does next; one thing at most is ahead of it.
    """

    def __init__(
        self,
        stage: Stage,
        actor: Actor,
        suffix: str,
        program: Program[Any],
        streams: Streams,
        end: OnEnd | None,
    ) -> None:
        self.stage = stage
        self.actor = actor
        self._suffix = suffix
        """Tells it from the other lanes of its actor."""
        self._program = program
        self.streams = streams
        self._is_exposed = bool(actor.exposures or actor.memories or actor.adapts)
        self._end = end
        """Told of its end, if anybody is."""
        self._drawn_after: int | None = -1
        """The step before the operation that numbers were drawn for last."""
        self.after: int | None = None
        """The step before the next one."""
        self.is_given_up = False

    @cached_property
    def name(self) -> str:
        """The name under which people see it: `handler-1.0`; one text for all its steps."""
        return f"{self.actor.name}{self._suffix}"

    @property
    def place(self) -> str:
        """The line of the user's that awaits what it does next: `own.py:7`; empty: there is none."""
        return place_of_await(self._program).removesuffix(": ")

    def begin(self, delay_us: int, after: int | None) -> None:
        """Start the coroutine, `delay_us` from now."""
        self.after = after
        self._go_on(None, None, delay_us)

    def _go_on(self, answer: Any, failure: Exception | None, delay_us: int) -> None:
        """Resume the coroutine, which can act again `delay_us` from now, and issue what it awaits."""
        if answer.__class__ is Raised and stops(answer):  # no `finally` of its own runs, no `except` meets it
            give_up(self._program)
            self._finish(None, Stopped(), delay_us)
            return
        try:
            awaited = self._program.send(answer) if failure is None else self._program.throw(failure)
        except StopIteration as end:
            self._finish(end.value, None, delay_us)
            return
        except ProtocolError as raised:
            self._finish(None, raised, delay_us)
            return
        except Exception as error:
            if not (self.stage.catches and is_own(error)):
                raise placed(error) from error.__cause__
            self._finish(None, error, delay_us)
            return
        if not isinstance(awaited, Operation):
            if not isinstance(awaited, Both | ForEach):
                raise no_operation(self._program, awaited)
            self._side_by_side(awaited, delay_us)
            return
        stage = self.stage
        request_us, self._response_us, tie = stage.latencies.draw_legs(
            self.actor, self.streams, awaited, awaited.name
        )
        if self._is_exposed:
            awaited = self.actor.expose(awaited)
            if awaited.slower_while:
                request_us += stage.latencies.slower_us(awaited, stage.world)
        self.operation: Operation[Any] = awaited
        self.tie = tie
        clock = stage.clock
        self._issued_us = clock.now_us + delay_us
        if awaited.has_alternatives:
            self._send_to_be_asked(awaited, delay_us, request_us)
            return
        if not awaited.is_instant:
            delay_us += request_us
        self.callbacks = self.TAKE_EFFECT
        heappush(clock.queue, (clock.now_us + delay_us, tie, next(clock.numbers), self))  # type: ignore[misc]

    def _send_to_be_asked(self, operation: Operation[Any], delay_us: int, request_us: int) -> None:
        self._travel_us = 0
        if operation.acts_on_arrival:
            self._travel_us, self._response_us = self._response_us, 0
        elif not operation.is_instant:
            delay_us += request_us
        self.wake_after(delay_us, self.ARRIVE)

    def wake_after(self, delay_us: int, to: Callbacks) -> None:
        """Call back later; nothing else may be pending."""
        self.callbacks = to
        clock = self.stage.clock
        heappush(clock.queue, (clock.now_us + delay_us, self.tie, next(clock.numbers), self))  # type: ignore[misc]

    def _side_by_side(self, awaited: Both[Any, Any] | ForEach, delay_us: int) -> None:
        clock = self.stage.clock

        def begin(number: int, at_us: int, after: int | None, report: Report) -> GiveUp:
            suffix = f"{self._suffix}.{number}" if isinstance(awaited, ForEach) else self._suffix
            program = self._program_of(awaited, number)
            child = self.stage.lane(self.actor, suffix, program, self.streams, _report_to(report))
            child.begin(at_us - clock.now_us, after)
            return child.give_up

        def finish(results: Any, failure: Exception | None, at_us: int, after: int | None) -> None:
            self.after = after
            self._go_on(results, failure, at_us - clock.now_us)

        def lose(failure: Exception) -> None:
            if not isinstance(failure, ProtocolError):
                self.stage.fail(self.actor, failure)

        Group(awaited, begin, finish, lose).begin(clock.now_us + delay_us, self.after)

    def _program_of(self, awaited: Both[Any, Any] | ForEach, number: int) -> Program[Any]:
        """The coroutine number `number` of those that are awaited together."""
        return program_of(awaited, number)

    def _finish(self, result: Any, failure: Exception | None, delay_us: int) -> None:
        end = self._end
        if isinstance(failure, Stopped):
            self.stage.stopped.add(self.actor)
        if end is None:
            if failure is not None and not isinstance(failure, Stopped):
                raise failure
        else:
            end(self, result, failure, delay_us)

    def give_up(self) -> None:
        """Go no further."""
        self.is_given_up = True

    # -- effects -------------------------------------------------------------------------------

    def _take_effect(self) -> None:
        stage, operation = self.stage, self.operation
        if self.is_given_up or (stage.stopped and self.actor in stage.stopped):
            return
        try:
            answer = operation.apply(stage.world)
        except Exception as error:
            self._tell_of_effect(error)
            raise
        self._note_step(operation, answer, None)
        if operation.may_unblock:
            self._unblock(operation, answer)
        if stage.held_back:
            stage.let_look(self.after)
        self._go_on(answer, None, self._response_us)

    def _tell_of_effect(self, error: Exception) -> None:
        """Where what an operation was given keeps it from taking effect, raise that with the line."""
        told_of_it = of_effect(self.operation, error)
        if told_of_it is not None:
            raise BadInputError(f"{place_of_await(self._program)}{told_of_it}") from error

    def _arrive(self) -> None:
        self.look(None)

    def look(self, woken_by: int | None) -> None:
        """Let an operation act in the first way that it can; otherwise wait."""
        stage, operation = self.stage, self.operation
        self._woken_by = woken_by
        if self.is_given_up or (stage.stopped and self.actor in stage.stopped):
            return
        for alternative in self._ways():
            if alternative.is_usual or (stage.waiting.can_be(alternative) and self._is_drawn(alternative)):
                if alternative.is_held:
                    break
                self.receive(alternative)
                return
        if isinstance(operation, BlockingOperation):
            stage.waiting.wait(operation.waits_for(), self.actor.number or 0, self)
        else:
            stage.held_back.append(self)

    def _ways(self) -> tuple[Alternative, ...]:
        """The ways in which the operation can turn out now."""
        return self.operation.alternatives(self.stage.world)

    def _is_drawn(self, alternative: Alternative) -> bool:
        chance = alternative.chance
        return chance is None or chance.begin <= self._number_for(chance) < chance.end

    def _number_for(self, chance: Chance) -> float:
        """One number for each opportunity, however often the operation looks whether it can act."""
        if self._drawn_after != self.after:
            self._drawn, self._drawn_after = dict[tuple[Key, str | None], float](), self.after
        drawn = chance.fault, chance.opportunity
        if drawn not in self._drawn:
            latencies, operation = self.stage.latencies, self.operation.bare
            self._drawn[drawn] = latencies.draw_chance(self.actor, self.streams, operation, chance)
        return self._drawn[drawn]

    def wake(self, step: int | None) -> None:
        """Look again at this instant: a step made ready what the operation waits for."""
        self._woken_by = step
        self.wake_after(0, self.LOOK_AGAIN)

    def _look_again(self) -> None:
        self.look(self._woken_by)

    def receive(self, alternative: Alternative) -> None:
        """The operation can act, in this way: it does when its answer has travelled."""
        self.alternative = alternative
        if self._travel_us:
            self.wake_after(self._travel_us, self.TAKE_EFFECT_IN_A_WAY)
        else:
            self._take_effect_in_a_way()

    def _take_effect_in_a_way(self) -> None:
        stage, alternative = self.stage, self.alternative
        if self.is_given_up or (stage.stopped and self.actor in stage.stopped):
            return
        if self._travel_us:
            found = self._on_arrival(self._ways())
            if found is None:
                self.look(self._woken_by)
                return
            alternative = found
        if alternative.fault is not None:
            stage.recorder.faults[alternative.fault] += 1
        self._take_effect_so(alternative)

    def _take_effect_so(self, alternative: Alternative) -> None:
        """Take effect in this way."""
        stage, operation = self.stage, self.operation
        try:
            answer = operation.apply_alternative(stage.world, alternative)
        except Exception as error:
            self._tell_of_effect(error)
            raise
        self._note_step(operation, answer, self._woken_by, alternative.label)
        if self.actor.is_spare and isinstance(operation.bare, BlockingOperation):
            self._call_spare(operation.bare)
        if operation.may_unblock:
            self._unblock(operation, answer)
        if stage.held_back:
            stage.let_look(self.after)
        self._go_on(answer, None, self._response_us)

    def _on_arrival(self, alternatives: tuple[Alternative, ...]) -> Alternative | None:
        """What travelled is here: the first way in which it can act now; `None`: in none."""
        can_be = self.stage.waiting.can_be
        return next((each for each in alternatives if can_be(each) and self._is_drawn(each)), None)

    def _call_spare(self, operation: BlockingOperation[Any]) -> None:
        """Somebody like this one has to wait instead."""
        if not self.stage.waiting.is_awaited(operation.waits_for()):
            self.stage.call_spare(self.after)

    def _note_step(
        self, operation: Operation[Any], answer: Any, woken_by: int | None, alternative: str | None = None
    ) -> None:
        recorder = self.stage.recorder
        number = recorder.taken
        recorder.taken = number + 1
        recorder.ended_us = now_us = self.stage.clock.now_us
        written = () if recorder.cells is None else recorder.cells.take_notes()
        name = operation.name
        is_kept = recorder.keep is None or name in recorder.keep
        is_noted = name in recorder.names_noted
        if is_kept or is_noted:
            times = self._issued_us, now_us, now_us + self._response_us
            bare = operation.bare
            step = step_of((number, self.name, bare, answer, *times, self.after, woken_by, alternative, written))
            if is_kept:
                recorder.steps.append(step)
            if is_noted:
                recorder.noted.append(step)
        self.after = number

    def _unblock(self, operation: Operation[Any], answer: Any) -> None:
        stage = self.stage
        timer = operation.timer_after(answer) if operation.may_start_timer else None
        if timer is not None:
            delays_us = stage.latencies.draw_delays_us(self.actor, self.streams, operation.bare, timer)
            for each, delay_us in zip(timer.each(), delays_us, strict=True):
                stage.waiting.start_timer(each.key, delay_us, operation.unblocks_after(answer), self.after)
            if not timer.wakes_at_once:
                return
        # What an outage held back, or a failover brought back, may be enough for several.
        wake = stage.waiting.wake_all if operation.wakes_all else stage.waiting.wake
        wake(operation.unblocks_after(answer), self.after)

    # What a lane can do next. They are lists as SimPy wants them, made once as lanes are many.

    TAKE_EFFECT: ClassVar[Callbacks] = [_take_effect]
    ARRIVE: ClassVar[Callbacks] = [_arrive]
    LOOK_AGAIN: ClassVar[Callbacks] = [_look_again]
    TAKE_EFFECT_IN_A_WAY: ClassVar[Callbacks] = [_take_effect_in_a_way]
