"""Who waits for which cell, and until when: cells, timers, and actors that have not begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from simpy.events import Event

from batchsim.engines.timed.events import At, Clock
from batchsim.model.cells import Cells, Key
from batchsim.model.operation import Alternative
from batchsim.model.system import Actor


class Waiter(Protocol):
    """One who cannot go on."""

    def wake(self, step: int | None) -> None:
        """Look again at this instant: a step made ready what it waits for."""


class Waiting:
    """Everybody who cannot go on by himself."""

    def __init__(self, clock: Clock, cells: Cells, begin: Callable[[Actor, int | None], None]) -> None:
        self._clock = clock
        self._cells = cells
        self._begin = begin
        self._dormant: dict[Key, list[Actor]] = {}
        self._waiters: dict[Key, list[tuple[int, int, Waiter]]] = {}
        self._arrivals = count()
        self._due_us: dict[Key, int] = {}
        self._alarm_us: dict[Key, int] = {}
        self._wake_by: dict[Key, tuple[tuple[Key, ...], int | None]] = {}

    def let_begin_with(self, cell: Key, actor: Actor) -> None:
        """The actor begins when the cell is there."""
        self._dormant.setdefault(cell, []).append(actor)

    def wait(self, cell: Key, rank: int, waiter: Waiter) -> None:
        """Wake the waiter when the cell has become ready; of several who wait, the lowest rank first."""
        heappush(self._waiters.setdefault(cell, []), (rank, next(self._arrivals), waiter))

    def dismiss(self) -> None:
        """Nobody who waits will be woken any more."""
        self._waiters.clear()

    def waiters(self) -> Iterator[Waiter]:
        """Everybody who waits."""
        return (waiter for waiters in self._waiters.values() for _, _, waiter in waiters)

    def is_awaited(self, cell: Key) -> bool:
        """Whether anybody waits for the cell."""
        return bool(self._waiters.get(cell))

    def wake(self, cells: tuple[Key, ...], step: int | None) -> None:
        """Each cell may have become ready by a step: let all begin who begin with it, and one look who waits."""
        for cell in cells:
            # A step that takes a cell away, or an outage that ends, makes look again; nobody begins by that.
            if cell in self._dormant and cell in self._cells:
                for actor in self._dormant.pop(cell):
                    self._begin(actor, step)
            waiters = self._waiters.get(cell)
            if waiters:
                heappop(waiters)[2].wake(step)

    def wake_all(self, cells: tuple[Key, ...], step: int | None) -> None:
        """Each cell may have become ready for any number of those who wait for it: all look, in their order."""
        for cell in cells:
            for _ in range(max(1, len(self._waiters.get(cell, ())))):
                self.wake((cell,), step)

    def remaining_us(self, way: Alternative) -> int:
        """How long until the timers of a way have run out; 0 where there are none."""
        return max(0, self._due_at_us(way) - self._clock.now_us)

    def can_be(self, way: Alternative) -> bool:
        """Whether the timers of a way have run out."""
        return (way.timer is None and not way.due) or self._due_at_us(way) <= self._clock.now_us

    def _due_at_us(self, way: Alternative) -> int:
        due_us = self._due_us
        own_us = 0 if way.timer is None else due_us.get(way.timer, 0)
        return max(own_us, min([due_us.get(key, 0) for key in way.due])) if way.due else own_us

    def start_timer(self, timer: Key, delay_us: int, cells: tuple[Key, ...], step: int | None) -> None:
        """Start a timer, anew if it runs: the cells are ready when it has run out."""
        due_us = self._due_us[timer] = self._clock.now_us + delay_us
        alarm_us = self._alarm_us.get(timer)
        if alarm_us is None or due_us < alarm_us:
            self._set_alarm(timer, due_us)
        self._wake_by[timer] = (cells, step)

    def _set_alarm(self, timer: Key, at_us: int) -> None:
        """One alarm for a timer that is moved many times: it is put off only when it rings."""
        self._alarm_us[timer] = at_us

        def ring(_: Event) -> None:
            if self._alarm_us.get(timer) != at_us:
                return
            del self._alarm_us[timer]
            if self._due_us[timer] > at_us:
                self._set_alarm(timer, self._due_us[timer])
            else:
                self.wake(*self._wake_by[timer])

        At(self._clock, at_us - self._clock.now_us, 0, ring)
