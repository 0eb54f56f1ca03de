"""A stage under supervision: footprints are checked, an observer sees each step, a conductor orders them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from batchsim.engines.latencies import Streams
from batchsim.engines.own_errors import place_of_await, what_it_left
from batchsim.engines.recorded_draws import AnyLatencies
from batchsim.engines.timed.conductor import Conductor
from batchsim.engines.timed.events import Clock
from batchsim.engines.timed.lane import Callbacks, Lane, OnEnd, Stage
from batchsim.engines.timed.recorder import Observer, Recorder
from batchsim.engines.timed.waiting import Waiting
from batchsim.model.cells import GuardedCells, UnknownCellError, known_of
from batchsim.model.operation import Alternative, BlockingOperation, Operation, Program, told
from batchsim.model.system import Actor, System
from batchsim.user_code import UserCodeError


class InstrumentedStage(Stage):
    """A stage on which no step goes unseen."""

    def __init__(
        self,
        clock: Clock,
        world: Any,
        latencies: AnyLatencies,
        waiting: Waiting,
        recorder: Recorder,
        call_spare: Callable[[int | None], None],
        observer: Observer | None,
        conductor: Conductor | None,
        checked: System[Any] | None = None,
    ) -> None:
        super().__init__(clock, world, latencies, waiting, recorder, call_spare)
        self.observer = observer
        self.conductor = conductor
        self.checked = checked
        """The system, if it is to be checked what steps touch, and what they leave there."""
        self.listed = None if checked is None else frozenset(checked.cells)
        assert isinstance(world.cells, GuardedCells)
        self.guard = world.cells

    def lane(self, actor: Actor, suffix: str, program: Program[Any], streams: Streams, end: OnEnd | None) -> Lane:
        """A lane on this stage."""
        return InstrumentedLane(self, actor, suffix, program, streams, end)


class InstrumentedLane(Lane):
    """A lane that asks before it acts, and shows what it did."""

    stage: InstrumentedStage

    def give_up(self) -> None:
        """Go no further, nor wait for a turn."""
        super().give_up()
        if self.stage.conductor is not None:
            self.stage.conductor.release(self.name)

    def _take_effect(self) -> None:
        if self.is_given_up:
            return
        conductor = self.stage.conductor
        if conductor is not None and not conductor.is_turn_of(self.name, self.operation):
            conductor.hold(self.name, self.operation, lambda: self.wake_after(0, self.TAKE_EFFECT))
            return
        self._admit()
        if conductor is not None:
            conductor.choose(self.operation.alternatives(self.stage.world))
        super()._take_effect()
        self.stage.guard.release()
        if conductor is not None:
            conductor.advance()

    def look(self, woken_by: int | None) -> None:
        """As the order has it, if there is one: now, when a timer has run out, or not yet."""
        if self.is_given_up:
            return
        self._admit()
        self._look_in_order(woken_by)
        self.stage.guard.release()

    def _look_in_order(self, woken_by: int | None) -> None:
        conductor, operation = self.stage.conductor, self.operation
        alternatives = operation.alternatives(self.stage.world)
        if conductor is None or not alternatives or self.actor in self.stage.stopped:
            super().look(woken_by)
            return
        self._woken_by = woken_by
        if operation.acts_on_arrival:
            super().look(woken_by)  # it travels; whether it is its turn is asked when it arrives
            return
        if not conductor.is_turn_of(self.name, operation):
            conductor.hold(self.name, operation, lambda: self.wake_after(0, self.ARRIVE))
            if isinstance(operation, BlockingOperation):
                # It may be the turn of another one who waits for the same.
                self.stage.waiting.wake((operation.waits_for(),), woken_by)
            return
        chosen = conductor.find(alternatives)
        if chosen is None and isinstance(operation, BlockingOperation):
            self.stage.waiting.wait(operation.waits_for(), self.actor.number or 0, self)
            return
        chosen = conductor.choose(alternatives)
        remaining_us = self._remaining_us(chosen, alternatives)
        if remaining_us:
            self.wake_after(remaining_us, self.ARRIVE)
        else:
            self.receive(chosen)

    def _remaining_us(self, chosen: Alternative, alternatives: tuple[Alternative, ...]) -> int:
        """How long until a way can be taken.

        One of a fault is met by who looks at what it waits for, which nobody does before that can be there.
        """
        remaining_us = self.stage.waiting.remaining_us
        usual_us = [remaining_us(each) for each in alternatives if each.fault is None]
        if chosen.fault is None or not usual_us:
            return remaining_us(chosen)
        return max(remaining_us(chosen), min(usual_us))

    def _take_effect_in_a_way(self) -> None:
        if self.is_given_up:
            return
        self._admit()
        self._take_effect_in_order()
        self.stage.guard.release()

    def _take_effect_in_order(self) -> None:
        conductor, operation = self.stage.conductor, self.operation
        if conductor is not None and operation.acts_on_arrival:
            if not conductor.is_turn_of(self.name, operation):
                conductor.hold(self.name, operation, lambda: self.wake_after(0, self.TAKE_EFFECT_IN_A_WAY))
                return
            chosen = conductor.find(operation.alternatives(self.stage.world))
            if chosen is None:
                assert isinstance(operation, BlockingOperation)
                self.stage.waiting.wait(operation.waits_for(), self.actor.number or 0, self)
                return
            self.alternative = chosen
        super()._take_effect_in_a_way()
        if conductor is not None:
            conductor.advance()

    def _on_arrival(self, alternatives: tuple[Alternative, ...]) -> Alternative | None:
        """As the order has it, if there is one."""
        if self.stage.conductor is None:
            return super()._on_arrival(alternatives)
        return self.alternative if self.alternative in alternatives else None

    def _admit(self) -> None:
        footprint, listed = self.operation.footprint(), self.stage.listed
        if listed is not None:
            try:
                known_of(footprint.reads | footprint.writes, listed, f"{told(self.operation)} by {self.name}")
            except UnknownCellError as unknown:
                raise UnknownCellError(f"{place_of_await(self._program)}{unknown}") from None
        self.stage.guard.admit(told(self.operation), *footprint)

    def _note_step(
        self, operation: Operation[Any], answer: Any, woken_by: int | None, alternative: str | None = None
    ) -> None:
        super()._note_step(operation, answer, woken_by, alternative)
        system = self.stage.checked
        wrong = None if system is None else what_it_left(operation, self.stage.guard, system)
        if wrong is not None:
            raise UserCodeError(f"{place_of_await(self._program)}{wrong}")
        recorder, observer = self.stage.recorder, self.stage.observer
        self.stage.guard.release()
        if observer is not None and recorder.steps and recorder.steps[-1].number == self.after:
            observer(self.stage.world, recorder.steps[-1], operation.on_its_cells)

    TAKE_EFFECT: ClassVar[Callbacks] = [_take_effect]
    TAKE_EFFECT_IN_A_WAY: ClassVar[Callbacks] = [_take_effect_in_a_way]
