"""A naive enumerator: a plain recursive search that runs the coroutines anew for every step.

No memo, no symmetry but that of protocol.md §3.5 (of idle twins, "one of them takes it" is one step), no
merging of states: each schedule is gone through by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from batchsim.engines.exhaustive.task import Task
from batchsim.protocol.cast import Actor, cast, world_after_phase_1
from batchsim.protocol.cells import Cells
from batchsim.protocol.operation import BlockingOperation, World
from batchsim.protocol.policy import Policy
from batchsim.protocol.setting import Setting
from batchsim.trace import Outcome, outcome_of

History = tuple[tuple[int, Any], ...]


def enumerate_schedules(setting: Setting, policy: Policy) -> Counter[Outcome]:
    """How many schedules come to each outcome."""
    actors = list(cast(setting, policy))
    cells = Cells()
    world_after_phase_1(setting, policy, cells)
    counts: Counter[Outcome] = Counter()
    _search(setting, actors, [()] * len(actors), cells, counts)
    return counts


def _search(
    setting: Setting, actors: list[Actor], histories: list[History], cells: Cells, counts: Counter[Outcome]
) -> None:
    is_last = True
    for place, history, after in _steps(actors, histories, cells):
        is_last = False
        _search(setting, actors, [*histories[:place], history, *histories[place + 1 :]], after, counts)
    if is_last:
        sdk = _run(actors[0], histories[0])
        counts[outcome_of(World(cells), setting, sdk.result)] += 1
        sdk.close()


def _steps(actors: list[Actor], histories: list[History], cells: Cells) -> Iterator[tuple[int, History, Cells]]:
    idle_twins: set[tuple[str, Any]] = set()
    for place, (actor, history) in enumerate(zip(actors, histories, strict=True)):
        if actor.begins_with is not None and actor.begins_with not in cells:
            continue
        task = _run(actor, history)
        pending = task.pending
        task.close()
        for position, (_, operation, _) in enumerate(pending):
            if actor.is_twin and isinstance(operation, BlockingOperation):
                if (actor.kind, operation.bare) in idle_twins:
                    continue
                idle_twins.add((actor.kind, operation.bare))
            for alternative in operation.alternatives(World(deepcopy(cells))):
                after = deepcopy(cells)
                answer = operation.apply_alternative(World(after), alternative)
                longer = (*history, (position, answer))
                _publish(actor, history, longer, after)
                yield place, longer, after


def _publish(actor: Actor, before: History, after: History, cells: Cells) -> None:
    if actor.returns_to is None:
        return
    earlier, later = _run(actor, before), _run(actor, after)
    if later.has_ended and not earlier.has_ended and later.result is not None:
        cells[actor.returns_to] = later.result
    earlier.close()
    later.close()


def _run(actor: Actor, history: History) -> Task:
    task = Task(actor.program(), actor.expose)
    for position, answer in history:
        task.answer(position, answer)
    return task
