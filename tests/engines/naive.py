"""A naive enumerator: a plain recursive search that takes every step that is possible.

No memo of states, no symmetry but that of protocol.md §3.5 (of idle twins, "one of them takes it" is one step), no
merging of states: each schedule is gone through by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import copy
from typing import Any, NamedTuple

from batchsim.batch.cast import cast, world_after_phase_1
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.trace import Outcome, outcome_of
from batchsim.batch.world import World
from batchsim.engines.exhaustive.task import Pending, Task
from batchsim.model.cells import Cells
from batchsim.model.operation import BlockingOperation

History = tuple[tuple[int, Any], ...]


class At(NamedTuple):
    """Where an actor is after a history of answers, which alone determines it."""

    pending: tuple[Pending, ...]
    has_ended: bool
    result: Any


def enumerate_schedules(setting: Setting, policy: Policy) -> Counter[Outcome]:
    """How many schedules come to each outcome."""
    return _Enumerator(setting, policy).counts


class _Enumerator:
    def __init__(self, setting: Setting, policy: Policy) -> None:
        self._setting = setting
        self._actors = list(cast(setting, policy))
        self._known: list[dict[History, At]] = [{} for _ in self._actors]
        """The coroutines are run once for each history: a table of what they do, not of states."""
        self.counts: Counter[Outcome] = Counter()
        cells = Cells()
        world_after_phase_1(setting, policy, cells)
        self._search([()] * len(self._actors), cells)

    def _search(self, histories: list[History], cells: Cells) -> None:
        is_last = True
        for place, history, after in self._steps(histories, cells):
            is_last = False
            self._search([*histories[:place], history, *histories[place + 1 :]], after)
        if is_last:
            self.counts[outcome_of(World(cells), self._setting, self._at(0, histories[0]).result)] += 1

    def _steps(self, histories: list[History], cells: Cells) -> Iterator[tuple[int, History, Cells]]:
        idle_twins: set[tuple[str, Any]] = set()
        for place, (actor, history) in enumerate(zip(self._actors, histories, strict=True)):
            if actor.begins_with is not None and actor.begins_with not in cells:
                continue
            for position, (_, operation, _) in enumerate(self._at(place, history).pending):
                if actor.is_twin and isinstance(operation, BlockingOperation):
                    if (actor.kind, operation.bare) in idle_twins:
                        continue
                    idle_twins.add((actor.kind, operation.bare))
                for alternative in operation.alternatives(World(_copied(cells))):
                    after = _copied(cells)
                    answer = operation.apply_alternative(World(after), alternative)
                    longer = (*history, (position, answer))
                    self._publish(place, history, longer, after)
                    yield place, longer, after

    def _publish(self, place: int, before: History, after: History, cells: Cells) -> None:
        cell = self._actors[place].returns_to
        if cell is None:
            return
        earlier, later = self._at(place, before), self._at(place, after)
        if later.has_ended and not earlier.has_ended and later.result is not None:
            cells[cell] = later.result

    def _at(self, place: int, history: History) -> At:
        known = self._known[place].get(history)
        if known is None:
            actor = self._actors[place]
            task = Task(actor.program(), actor.expose)
            for position, answer in history:
                task.answer(position, answer)
            known = self._known[place][history] = At(task.pending, task.has_ended, task.result)
            task.close()
        return known


def _copied(cells: Cells) -> Cells:
    """Cells of their own; what collections hold is never changed in place."""
    return Cells({key: copy(value) for key, value in cells.items()})
