"""In how many schedules each fault of a scenario happens.

A fault that is pinned or a budget has a cell that holds how often it may still happen, and never fills up again.
So the end of a schedule tells whether it happened, and every state beyond that it happens.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.counting import Counts
from batchsim.engines.exhaustive.graph import Graph
from batchsim.engines.exhaustive.layout import Role
from batchsim.engines.injected_delays import admits, use_of
from batchsim.engines.occurrences import Occurrence
from batchsim.engines.values import ABSENT
from batchsim.model.exposure import fault_key
from batchsim.model.faults import Fault
from batchsim.scenario import Scenario, Slow


def occurrences_in(graph: Graph, scenario: Scenario, counts: Counts | None) -> tuple[Occurrence, ...]:
    """Whether each fault happens; `counts`: of the schedules to each state, if they are known."""
    of_faults = [
        _of_fault(graph, number, fault, counts) for number, fault in enumerate(graph.layout.system.faults)
    ]
    return scenario.listed(of_faults, [_of_injected_delay(graph, slow) for slow in scenario.injected_delays])


def _of_injected_delay(graph: Graph, slow: Slow) -> Occurrence:
    """Whether anybody issues what is to be slow; if so, nothing is said of it, as time is left out."""
    return Occurrence(slow, None if _can_be_slow(graph, slow) else False)


def _can_be_slow(graph: Graph, slow: Slow) -> bool:
    """Whether some use of an operation that was found is one that an injected delay admits."""
    layout = graph.layout
    if _is_delay(graph, slow.operation):
        return True
    for role in layout.roles:
        if not _has_begun(graph, role):
            continue
        # States do not tell these from others of their kind, so what they do stands for all of them.
        sought = replace(slow, actor=slow.actor and role.actors[0].kind, item=None) if role.is_exchanged else slow
        for number in range(len(role.locals)):
            for pending in role.locals[number].pending:
                operation = pending.operation.bare
                if operation.name == slow.operation and any(
                    admits(sought, use_of(actor, operation)) for actor in role.actors
                ):
                    return True
    return False


def _has_begun(graph: Graph, role: Role) -> bool:
    """Whether anybody of a role ever begins: until then the first operation of a program is issued by nobody."""
    if role.begins_with is None:
        return True
    return bool((graph.column(graph.layout.column_of[role.begins_with]) != ABSENT).any())


def _is_delay(graph: Graph, name: str) -> bool:
    """Whether it is that of a timer, which may run without a step of this name: that much cannot be ruled out."""
    system = graph.layout.system
    timers = (*system.timers.values(), *system.first_timers.values())
    if name in timers or any(name == delay for actor in system.actors for _, delay in actor.timers):
        return True
    return any(name in kind.delays() for kind in dict.fromkeys(label.kind for label in graph.labels))


def _of_fault(graph: Graph, number: int, fault: Fault, counts: Counts | None) -> Occurrence:
    has_happened = _has_happened(graph, number)
    schedules = None
    if counts is not None:
        schedules = sum(counts[state] for state in graph.terminals[has_happened[graph.terminals]].tolist())
    return Occurrence(fault, bool(has_happened.any()), schedules)


def states_with_all(graph: Graph, faults: int) -> int:
    """How many states have each of the first `faults` faults of the setting behind them."""
    has_all = np.ones(graph.states, dtype=np.bool_)
    for number in range(faults):
        has_all &= _has_happened(graph, number)
    return int(has_all.sum())


def _has_happened(graph: Graph, number: int) -> NDArray[np.bool_]:
    """By state: whether a fault is behind it."""
    column = graph.column(graph.layout.column_of[fault_key(number)])
    has_happened: NDArray[np.bool_] = column != column[0]
    return has_happened
