"""The clock of a run, and the one kind of event on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop

from simpy import Environment
from simpy.events import Event


class Clock(Environment):
    """A SimPy environment whose time is a whole number of microseconds."""

    def __init__(self) -> None:
        super().__init__(initial_time=0)
        self.now_us = 0
        """The time; all delays are integers, so it stays one."""
        self.queue, self.numbers = self._queue, self._eid
        """What `schedule` of SimPy puts in order, and tells apart by: for who schedules very much."""

    def run_to_rest(self, events_max: int) -> bool:
        """Run until nothing is scheduled: `run()` of SimPy for events that never fail and stop nothing.

        Whether it came to that within so many events.
        """
        queue = self._queue
        for _ in range(events_max):
            if not queue:
                return True
            self._now, _, _, event = heappop(queue)
            self.now_us = self._now  # type: ignore[assignment]
            for callback in event.callbacks:
                callback(event)
        return not queue

    def scheduled(self) -> Iterator[Event]:
        """What is to come."""
        return (event for _, _, _, event in self._queue)

    def run_while(self, goes_on: Callable[[], bool], events_max: int) -> bool:
        """Likewise, and no longer than `goes_on` says so, which is asked before each event."""
        queue = self._queue
        for _ in range(events_max):
            if not queue or not goes_on():
                return True
            self._now, _, _, event = heappop(queue)
            self.now_us = self._now  # type: ignore[assignment]
            for callback in event.callbacks:
                callback(event)
        return not queue


class At(Event):
    """Calls `callback`, `delay_us` from now; events of one instant come in the order of `tie`."""

    # One is made for every step. So what is the same for all stands here, not in each.
    _ok = True
    _value = None

    def __init__(self, clock: Clock, delay_us: int, tie: int, callback: Callable[[Event], None]) -> None:
        self.callbacks = [callback]
        clock.schedule(self, tie, delay_us)  # type: ignore[arg-type]  # SimPy's own are 0 and 1


class Recurring(Event):
    """An event that is used again and again, never for two instants at once.

    Whoever schedules it sets `callbacks`; they are called with the event, and stay.
    """

    _ok = True
    _value = None
