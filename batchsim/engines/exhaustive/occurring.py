"""In how many schedules each fault of a scenario happens.

A fault that is pinned or a budget has a cell that holds how often it may still happen, and never fills up again.
So the end of a schedule tells whether it happened, and every state beyond that it happens.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive.counting import Counts
from batchsim.engines.exhaustive.graph import Graph
from batchsim.engines.occurrences import Occurrence
from batchsim.model.exposure import fault_key
from batchsim.model.faults import Fault
from batchsim.scenario import Scenario


def occurrences_in(graph: Graph, scenario: Scenario, counts: Counts | None) -> tuple[Occurrence, ...]:
    """Whether each fault happens; `counts`: of the schedules to each state, if they are known."""
    of_faults = [
        _of_fault(graph, number, fault, counts) for number, fault in enumerate(graph.layout.system.faults)
    ]
    return scenario.listed(of_faults, [Occurrence(slow, None) for slow in scenario.slowings])


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
    column = graph.layout.column_of[fault_key(number)]
    has_happened: NDArray[np.bool_] = graph.rows[:, column] != graph.rows[0, column]
    return has_happened
