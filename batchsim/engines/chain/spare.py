"""Spare workers that are idle at once: nobody sees how long they are on their way back, if there are so many.

A spare twin that has done its work waits for more after a response leg, `while True: await Take(); …`. It is taken
for one that waits already: without that leg a batch of four items has about half as many states.

That changes nothing if on no way workers are asked more often than there are of them. For then, with that leg or
without, whenever one is asked somebody waits who was never asked before; which of those who wait goes is no
difference (they are twins), so the same steps are possible, at the same rates. How often they are asked is looked
at when all ways are known (`are_enough`); where it is too often, the chain is searched again, with all legs.
"""

from __future__ import annotations

import numpy as np

from batchsim.engines.chain.steps import LegPasses
from batchsim.engines.exhaustive.graph import Graph
from batchsim.engines.exhaustive.layout import Role
from batchsim.model.operation import BlockingOperation

BEGINNING = 0
"""The local state of one that was never asked."""


def are_spare(role: Role) -> bool:
    """Whether a role is twins of which there may be enough, who from the beginning wait to be asked."""
    first, awaited = role.actors[0], role.locals[BEGINNING].pending
    waits = len(awaited) == 1 and isinstance(awaited[0].operation, BlockingOperation)
    return first.is_spare and first.is_twin and first.begins_with is None and waits


def is_back_soon(role: Role, local: int) -> bool:
    """Whether one of them only has to let a leg pass before it waits again as at the beginning."""
    pending = role.locals[local].pending
    is_leg = len(pending) == 1 and isinstance(pending[0].operation, LegPasses)
    return is_leg and role.locals.after(local, 0, None) == BEGINNING


def are_enough(graph: Graph, role: Role) -> bool:
    """Whether on every way through a graph without cycles each of them can be asked once at most."""
    asks = [label.kind.role is role and label.kind.local == BEGINNING for label in graph.labels]
    asks_by_label = np.array(asks, dtype=np.int32)
    most = np.zeros(graph.states, dtype=np.int32)
    for states, edges, begin in graph.backwards():
        asked = most.take(graph.targets.take(edges)) + asks_by_label.take(graph.edge_labels.take(edges))
        most[states] = np.maximum.reduceat(asked, begin)
    return int(most[0]) <= len(role.actors)
