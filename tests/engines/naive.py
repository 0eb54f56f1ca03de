"""A naive enumerator: a plain recursive search that takes every step that is possible.

No memo of states, no symmetry but that of protocol.md §3.5 (of idle twins that hold the same, "one of them takes
it" is one step), no merging of states: each schedule is gone through by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from copy import copy
from typing import Any, Generic, NamedTuple, TypeVar

from batchsim.batch.actors import PARENT, SDK, actors_of, world_after_phase_1
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.trace import Outcome, outcome_of
from batchsim.batch.world import World
from batchsim.engines.exhaustive.task import Pending, Task
from batchsim.engines.own_errors import ToldError
from batchsim.model.cells import Cells
from batchsim.model.operation import BlockingOperation
from batchsim.model.system import Actor, AtRest, RaisedError, Results, System, at_rest, remembering

T = TypeVar("T")
History = tuple[tuple[int, Any], ...]


class At(NamedTuple):
    """Where an actor is after a history of answers, which alone determines it."""

    pending: tuple[Pending, ...]
    has_ended: bool
    result: Any
    raised: ToldError | None
    point: Hashable
    """Where its coroutine stands, and what it holds there."""
    has_moved: bool


def enumerate_schedules(setting: Setting, policy: Policy) -> Counter[Outcome]:
    """How many schedules of the batch come to each outcome."""
    cells = Cells()
    world_after_phase_1(setting, policy, cells)
    actors = list(actors_of(setting, policy))

    def outcome(cells: Cells, ends: list[At]) -> Outcome:
        results = {actor.name: end.result for actor, end in zip(actors, ends, strict=True)}
        return outcome_of(World(cells), setting, results[SDK], results.get(PARENT))

    return _Enumerator(actors, World, outcome).count(cells)


def enumerate_system(system: System[Any]) -> Counter[tuple[AtRest, tuple[str, ...]]]:
    """How many schedules of a system of one's own come to each outcome with its verdicts."""
    system = remembering(system)
    actors = list(system.actors)
    cells = Cells()
    system.begin(cells)

    def outcome(cells: Cells, ends: list[At]) -> tuple[AtRest, tuple[str, ...]]:
        has_begun = [
            actor.begins_with is None or actor.begins_with in cells or end.has_moved
            for actor, end in zip(actors, ends, strict=True)
        ]
        there = [(actor, end) for actor, end, begun in zip(actors, ends, has_begun, strict=True) if begun]
        waiting = (
            each.name
            for each, end in there
            if not (each.is_twin or each.is_spare or each.is_background or end.has_ended)
        )
        returned = {each.name: end.result for each, end in there if each.is_judged and end.has_ended}
        raised = (RaisedError(each.name_of_its_like, *end.raised) for each, end in there if end.raised)
        end = at_rest(World(cells), Results(returned, waiting, raised))
        return end, system.verdicts_of(end)

    return _Enumerator(actors, system.world, outcome, catches=True).count(cells)


class _Enumerator(Generic[T]):
    def __init__(
        self,
        actors: list[Actor],
        world: Callable[[Cells], Any],
        outcome: Callable[[Cells, list[At]], T],
        *,
        catches: bool = False,
    ) -> None:
        self._actors = actors
        self._catches = catches
        self._world = world
        self._outcome = outcome
        self._known: list[dict[History, At]] = [{} for _ in self._actors]
        """The coroutines are run once for each history: a table of what they do, not of states."""
        self._counts: Counter[T] = Counter()

    def count(self, cells: Cells) -> Counter[T]:
        """How many schedules come to each outcome, from these cells on."""
        self._search([()] * len(self._actors), cells)
        return self._counts

    def _search(self, histories: list[History], cells: Cells) -> None:
        steps = list(self._steps(histories, cells))
        is_over = all(self._actors[place].is_background for place, _, _ in steps)
        for place, history, after in steps if not is_over else ():
            self._search([*histories[:place], history, *histories[place + 1 :]], after)
        if is_over:
            self._counts[self._outcome(cells, list(map(self._at, range(len(histories)), histories)))] += 1

    def _steps(self, histories: list[History], cells: Cells) -> Iterator[tuple[int, History, Cells]]:
        idle_twins: set[tuple[str, Any, Hashable]] = set()
        for place, (actor, history) in enumerate(zip(self._actors, histories, strict=True)):
            if actor.begins_with is not None and actor.begins_with not in cells and not history:
                continue
            at = self._at(place, history)
            for position, (_, operation, _) in enumerate(at.pending):
                if actor.is_twin and isinstance(operation, BlockingOperation):
                    idle = (actor.kind, operation.bare, at.point)
                    if idle in idle_twins:
                        continue
                    idle_twins.add(idle)
                for alternative in operation.alternatives(self._world(_copied(cells))):
                    after = _copied(cells)
                    answer = operation.apply_alternative(self._world(after), alternative)
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
            task = Task(actor.program(), actor.expose, catches=self._catches)
            for position, answer in history:
                task.answer(position, answer)
            point = () if task.has_ended else task.key()
            known = At(task.pending, task.has_ended, task.result, task.raised, point, bool(history))
            self._known[place][history] = known
            task.close()
        return known


def _copied(cells: Cells) -> Cells:
    """Cells of their own; what collections hold is never changed in place."""
    return Cells({key: copy(value) for key, value in cells.items()})
