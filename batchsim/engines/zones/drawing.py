"""What is drawn in a step: windows for latencies, longer for what is slow, once for each delay.

The timed engine draws what an effect begins at once: the timer that it starts, then the first operation of each
who begins with it, then what its own actor does next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batchsim.engines.injected_delays import PHASE_1, DelaysSoFar, Use, use_of
from batchsim.engines.zones.windows import AT_ONCE, DelayWindow, Windows
from batchsim.model.cells import Key
from batchsim.model.operation import Operation, Timer
from batchsim.model.system import Actor, LegOf


class Drawing:
    """The draws of one step, in their order."""

    def __init__(self, windows: Windows, delays_so_far: DelaysSoFar) -> None:
        self._windows = windows
        self.delays_so_far = delays_so_far
        """What was slow before; when all is drawn, after the step."""

    def delay_of_phase_1(self, name: str) -> DelayWindow:
        """The delay of a timer that phase 1 starts."""
        return self._windows.named(name).request.later(self._added_us(name, PHASE_1))

    def delays(self, actor: Actor, operation: Operation[Any], timer: Timer) -> list[DelayWindow]:
        """The delays of the timers that the effect of an operation starts."""
        usual = self._windows.of(timer.wait or operation, timer.delay_of).request
        uses = (use_of(actor, timer.wait or operation.bare, each) for each in timer.each())
        return [usual.later(self._added_us(timer.delay_of, use)) for use in uses]

    def leg_of(self, leg: LegOf) -> DelayWindow:
        """A request leg after which somebody begins."""
        return self._windows.named(leg.operation, None, leg.attempt).request

    def request(self, actor: Actor, operation: Operation[Any], is_there: Callable[[Key], bool]) -> DelayWindow:
        """The request leg of an operation that is issued; `is_there`: whether a cell is, then."""
        if operation.is_instant:
            return AT_ONCE
        met = self._met(operation.name, use_of(actor, operation.bare))
        if operation.acts_on_arrival:
            self.delays_so_far = self.delays_so_far._replace(travelling=met)
            return AT_ONCE
        slower_us = self._windows.injected_delays.delay_us(met) + operation.slower_us(is_there)
        return self._windows.of(operation).request.later(slower_us)

    def _added_us(self, name: str, use: Use) -> int:
        return self._windows.injected_delays.delay_us(self._met(name, use))

    def _met(self, name: str, use: Use) -> int:
        occurred, travelling = self.delays_so_far
        met = self._windows.injected_delays.met_by(name, use, occurred)
        self.delays_so_far = DelaysSoFar(occurred | met, travelling)
        return met
