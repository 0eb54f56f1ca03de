"""A lane feeds one coroutine: it issues what is awaited, lets it take effect, and goes on with the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simpy.events import Event

from batchsim.engines.latencies import Latencies, Stream
from batchsim.engines.timed.conductor import Conductor
from batchsim.engines.timed.events import At, Clock
from batchsim.engines.timed.recorder import Observer, Recorder
from batchsim.engines.timed.side_by_side import Group, Report, program_of
from batchsim.engines.timed.waiting import Waiting
from batchsim.protocol.cast import Actor
from batchsim.protocol.cells import GuardedCells
from batchsim.protocol.operation import (
    Alternative,
    BlockingOperation,
    Both,
    ForEach,
    Operation,
    Program,
    ProtocolError,
    World,
)
from batchsim.trace import Step

End = Callable[["Lane", Any, Exception | None], None]
"""Told of the end of a lane: with a result, or a failure."""


def _report_to(report: Report) -> End:
    return lambda lane, result, failure: report(result, failure, lane.after)


class Stage:
    """What all lanes of a run share."""

    def __init__(
        self,
        clock: Clock,
        world: World,
        latencies: Latencies,
        waiting: Waiting,
        recorder: Recorder,
        observer: Observer | None,
        conductor: Conductor | None,
        call_spare: Callable[[int | None], None],
    ) -> None:
        self.clock = clock
        self.world = world
        self.latencies = latencies
        self.waiting = waiting
        self.recorder = recorder
        self.observer = observer
        self.conductor = conductor
        self.call_spare = call_spare
        """Lets the next spare actor begin after a step, the others being busy."""
        self.guard = world.cells if isinstance(world.cells, GuardedCells) else None


class Lane:
    """A coroutine that is being fed: an actor's own, or one that it runs side by side with others."""

    __slots__ = (
        "_alternative",
        "_end",
        "_issued_us",
        "_operation",
        "_program",
        "_response_us",
        "_stage",
        "_tie",
        "_travel_us",
        "_woken_by",
        "actor",
        "after",
        "name",
        "streams",
    )

    def __init__(
        self,
        stage: Stage,
        actor: Actor,
        name: str,
        program: Program[Any],
        streams: dict[str, Stream],
        end: End,
    ) -> None:
        self._stage = stage
        self.actor = actor
        self.name = name
        self._program = program
        self.streams = streams
        self._end = end
        self.after: int | None = None
        """The step before the next one."""
        self._operation: Operation[Any]
        self._issued_us = self._response_us = self._travel_us = self._tie = 0
        self._alternative: Alternative | None = None
        self._woken_by: int | None = None

    def begin(self, delay_us: int, after: int | None) -> None:
        """Start the coroutine, `delay_us` from now."""
        self.after = after
        self._go_on(None, None, delay_us)

    def _go_on(self, answer: Any, failure: Exception | None, delay_us: int) -> None:
        """Resume the coroutine, which can act again `delay_us` from now, and issue what it awaits."""
        try:
            awaited = self._program.send(answer) if failure is None else self._program.throw(failure)
        except StopIteration as end:
            self._finish(end.value, None, delay_us)
            return
        except ProtocolError as raised:
            self._finish(None, raised, delay_us)
            return
        if not isinstance(awaited, Operation):
            self._side_by_side(awaited, delay_us)
            return
        self._operation = awaited
        stream = self.streams.get(awaited.name) or self._open_stream(awaited, awaited.name)
        request_us, self._response_us, tie = stream(awaited)
        if awaited.is_instant:
            request_us = 0
        self._tie = tie
        clock = self._stage.clock
        self._issued_us = clock.now_us + delay_us
        if isinstance(awaited, BlockingOperation):
            self._send_blocking(awaited, delay_us, request_us)
        else:
            At(clock, delay_us + request_us, tie, self._take_effect)

    def _open_stream(self, operation: Operation[Any], name: str) -> Stream:
        stream = self.streams[name] = self._stage.latencies.open_stream(self.actor, operation, name)
        return stream

    def _send_blocking(self, operation: BlockingOperation[Any], delay_us: int, request_us: int) -> None:
        self._woken_by = None
        self._travel_us = 0
        if operation.acts_on_arrival:
            self._travel_us, request_us, self._response_us = self._response_us, 0, 0
        At(self._stage.clock, delay_us + request_us, self._tie, self._arrive)

    def _side_by_side(self, awaited: Both[Any, Any] | ForEach, delay_us: int) -> None:
        def begin(number: int, delay_us: int, after: int | None, report: Report) -> None:
            name = f"{self.name}.{number}" if isinstance(awaited, ForEach) else self.name
            program = program_of(awaited, number)
            child = Lane(self._stage, self.actor, name, program, self.streams, _report_to(report))
            child.begin(delay_us, after)

        def finish(results: Any, failure: Exception | None, after: int | None) -> None:
            self.after = after
            self._go_on(results, failure, 0)

        Group(awaited, begin, finish).begin(delay_us, self.after)

    def _finish(self, result: Any, failure: Exception | None, delay_us: int) -> None:
        if delay_us:
            At(self._stage.clock, delay_us, self._tie, lambda _: self._end(self, result, failure))
        else:
            self._end(self, result, failure)

    # -- effects -------------------------------------------------------------------------------

    def _take_effect(self, _: Event) -> None:
        stage, operation = self._stage, self._operation
        if stage.conductor is not None and not stage.conductor.is_turn_of(self.name, operation):
            stage.conductor.hold(self.name, operation, lambda: self._after(0, self._take_effect))
            return
        if stage.guard is not None:
            stage.guard.admit(operation.name, *operation.footprint())
        answer = operation.apply(stage.world)
        self._note_step(operation, answer, None)
        if operation.may_unblock:
            self._unblock(operation)
        self._go_on(answer, None, self._response_us)
        if stage.conductor is not None:
            stage.conductor.advance()

    def _after(self, delay_us: int, callback: Callable[[Event], None]) -> None:
        At(self._stage.clock, delay_us, self._tie, callback)

    def _arrive(self, _: Event) -> None:
        self._look(None)

    def _look(self, woken_by: int | None) -> None:
        """Whether a blocking operation can act; otherwise wait."""
        stage, operation = self._stage, self._operation
        assert isinstance(operation, BlockingOperation)
        self._woken_by = woken_by
        if stage.guard is not None:
            stage.guard.admit(operation.name, *operation.footprint())
        alternatives = operation.alternatives(stage.world)
        if stage.conductor is not None and alternatives:
            self._look_with(stage.conductor, alternatives)
            return
        for alternative in alternatives:
            if stage.waiting.is_due(alternative.timer):
                self._receive(alternative)
                return
        stage.waiting.wait(operation.waits_for(), self.actor.number or 0, self._tie, self._look)

    def _look_with(self, conductor: Conductor, alternatives: tuple[Alternative, ...]) -> None:
        """As the order has it: now, when the timer of the chosen way has run out, or not yet."""
        if not conductor.is_turn_of(self.name, self._operation):
            conductor.hold(self.name, self._operation, lambda: self._after(0, self._arrive))
            return
        chosen = next(filter(conductor.chooses, alternatives))
        remaining_us = self._stage.waiting.remaining_us(chosen.timer)
        if remaining_us:
            self._after(remaining_us, self._arrive)
        else:
            self._receive(chosen)

    def _receive(self, alternative: Alternative) -> None:
        self._alternative = alternative
        if self._travel_us:
            self._after(self._travel_us, self._take_effect_in_a_way)
        else:
            self._take_effect_in_a_way(None)

    def _take_effect_in_a_way(self, _: Event | None) -> None:
        stage, operation = self._stage, self._operation
        assert isinstance(operation, BlockingOperation)
        assert self._alternative is not None
        if stage.guard is not None:
            stage.guard.admit(operation.name, *operation.footprint())
        answer = operation.apply_alternative(stage.world, self._alternative)
        self._note_step(operation, answer, self._woken_by)
        stage.recorder.note_call(operation, answer, stage.clock.now_us)
        if self.actor.is_spare and not stage.waiting.is_awaited(operation.waits_for()):
            stage.call_spare(self.after)
        self._go_on(answer, None, self._response_us)
        if stage.conductor is not None:
            stage.conductor.advance()

    def _note_step(self, operation: Operation[Any], answer: Any, woken_by: int | None) -> None:
        stage = self._stage
        recorder = stage.recorder
        number = recorder.taken
        recorder.taken = number + 1
        recorder.ended_us = now_us = stage.clock.now_us
        if recorder.keep is None or operation.name in recorder.keep:
            answered_us = now_us + self._response_us
            issued_us, after = self._issued_us, self.after
            step = Step(number, self.name, operation, answer, issued_us, now_us, answered_us, after, woken_by)
            recorder.steps.append(step)
            if stage.observer is not None:
                self._show(step)
        self.after = number

    def _show(self, step: Step) -> None:
        if self._stage.guard is not None:
            self._stage.guard.release()
        assert self._stage.observer is not None
        self._stage.observer(self._stage.world, step)

    def _unblock(self, operation: Operation[Any]) -> None:
        stage = self._stage
        stage.recorder.note_call(operation, None, stage.clock.now_us)
        timer = operation.timer()
        if timer is None:
            stage.waiting.wake(operation.unblocks(), self.after)
            return
        stream = self.streams.get(timer.delay_of) or self._open_stream(operation, timer.delay_of)
        delay_us, _, _ = stream(operation)
        stage.waiting.start_timer(timer.key, delay_us, operation.unblocks(), self.after)
