"""Runs of one scenario under many seeds at once, compiled."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.streams import bases_of
from batchsim.engines.timed import columns as c
from batchsim.engines.timed.laid_out import LaidOut, Numbers
from batchsim.engines.timed.tabled import Table
from batchsim.model.system import Actor, System
from batchsim.scenario import Scenario

_ROOM = 256
"""A run may at first have so many lanes, events and the like …"""
_ROOM_MAX = 1 << 14
"""… and so many at last."""
_MISSES_MAX = 64
"""So many runs may meet something new before that is worked out."""


class End(NamedTuple):
    """What a run came to."""

    outcome: Any
    faults: tuple[int, ...]
    """Of each fault of the scenario 1, if it happened."""


class Seeds:
    """Some seeds, and where their streams begin."""

    def __init__(self, seeds: Sequence[int]) -> None:
        self._seeds = seeds
        self._columns: dict[bytes, NDArray[np.uint64]] = {}

    def __len__(self) -> int:
        return len(self._seeds)

    def bases(self, names: Sequence[bytes]) -> NDArray[np.uint64]:
        """Of the streams of some names, by seed and name."""
        new = [name for name in names if name not in self._columns]
        if new:
            rows = np.array([bases_of(seed, new) for seed in self._seeds], dtype=np.uint64)
            self._columns.update(zip(new, rows.T, strict=True))
        bases = np.empty((len(self), len(names)), dtype=np.uint64)
        for column, name in enumerate(names):
            bases[:, column] = self._columns[name]
        return bases


class CompiledRuns:
    """The runs of one system."""

    def __init__(
        self,
        kernels: ModuleType,
        scenario: Scenario,
        system: System[Any],
        table: Table,
        actors: tuple[Actor, ...],
        events_max: int,
    ) -> None:
        self._kernels = kernels
        self._laid_out = LaidOut(kernels, scenario, system, table, actors)
        self._events_max = events_max
        self._room = _ROOM
        self._done = 0
        self._ends: dict[bytes, End] = {}
        self.steps = 0
        """So many were taken so far."""

    def ends(self, seeds: Seeds) -> list[End | None]:
        """What the runs under some seeds come to; `None`: that run is to be made otherwise.

        Raises what code of the user's raises, and `NotTabled`.
        """
        ends: list[End | None] = [None] * len(seeds)
        todo = np.arange(len(seeds))
        while len(todo):
            todo = self._go_on(seeds, todo, ends)
        return ends

    def _go_on(self, seeds: Seeds, todo: Numbers, ends: list[End | None]) -> Numbers:
        """Make runs as far as they come, and learn what they met that was new; those that are still to be made."""
        known, laid_out = self._laid_out.known(), self._laid_out
        # The first runs meet the same new things: as long as few are done, few are made until those are known.
        missed = np.zeros((min(_MISSES_MAX, 1 + self._done), 1 + c.KEY_MAX), np.int64)
        numbers, seen = np.empty((len(todo), laid_out.width), np.int64), np.empty((len(todo), 2), np.int64)
        made, misses = self._kernels.run_all(
            known, seeds.bases(laid_out.names), todo, self._room, self._events_max, numbers, seen, missed
        )
        again, has_no_room = list[int](), False
        for place, (number, (status, steps)) in enumerate(
            zip(todo[:made].tolist(), seen[:made].tolist(), strict=True)
        ):
            if status == c.DONE:
                self._done += 1
                self.steps += steps
                ends[number] = self._end(numbers[place])
            elif status == c.UNKNOWN:
                again.append(number)
            elif status == c.NO_ROOM and self._room < _ROOM_MAX:
                again.append(number)
                has_no_room = True
        if has_no_room:
            self._room *= 2
        for row in dict.fromkeys(tuple(row[1 : 1 + row[0]]) for row in missed[:misses].tolist()):
            laid_out.learn(row)
        return np.concatenate([np.array(again, np.int64), todo[made:]])

    def _end(self, numbers: Numbers) -> End:
        key = numbers.tobytes()
        end = self._ends.get(key)
        if end is None:
            end = self._ends[key] = End(*self._laid_out.end(numbers))
        return end
