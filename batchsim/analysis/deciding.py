"""Which of its places an operation is at where it decides: `postgres.find_batch #2`, as in order constraints.

An exploration tells decisive steps by their operation and actor. Where the actor does that operation at several
places of its code, that says too little: the first step of every order may be another of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from batchsim.analysis.constraints import Events, Explanation, explanations
from batchsim.engines.exhaustive import DecisiveSteps, Exploration
from batchsim.engines.exhaustive.fates import decisive_edges, fates
from batchsim.model.properties import Property

Places = tuple[int, ...]
"""Numbers of places, from 1; empty: there is only one."""


class Explained(NamedTuple):
    """What is said of an exploration beside its outcomes."""

    reasons: Sequence[Explanation] = ()
    """Why its verdicts are given."""
    places: Sequence[Places] = ()
    """For each of its decisive steps, at which places they are."""


NOT_EXPLAINED = Explained()


def explained(exploration: Exploration, properties: Sequence[Property] = ()) -> Explained:
    """All of it; `properties`: the verdicts of the user's own that it was explored with."""
    return Explained(explanations(exploration, properties), places_of_decisions(exploration, properties))


def places_of_decisions(exploration: Exploration, properties: Sequence[Property] = ()) -> tuple[Places, ...]:
    """For each of the decisive steps of an exploration, at which places they are."""
    if not exploration.decisive:
        return ()
    graph = exploration.graph
    events = Events(graph)
    if not any(event.place for event in events.all):
        return ((),) * len(exploration.decisive)
    system = graph.layout.system
    given = [system.verdicts_of(outcome, properties) for outcome in graph.outcomes]
    found: dict[tuple[str, str, str | None, str], set[int]] = {}
    for verdict in dict.fromkeys(each.verdict for each in exploration.decisive):
        avoids, may_avoid = (each == 1 for each in fates(graph, given, [verdict]))
        edges = decisive_edges(graph, avoids, may_avoid)
        for label, event in set(
            zip(graph.edge_labels[edges].tolist(), events.of_edge[edges].tolist(), strict=True)
        ):
            kind, way = graph.labels[label].kind, graph.labels[label].alternative
            found.setdefault((kind.operation.name, kind.role.name, way, verdict), set()).add(
                events.all[event].place
            )
    return tuple(
        tuple(sorted(found[each.operation, each.actor, each.alternative, each.verdict] - {0}))
        for each in exploration.decisive
    )


def with_places(exploration: Exploration, places: Sequence[Places]) -> list[tuple[DecisiveSteps, Places]]:
    """Each decisive step with its places; without any where they were not looked for."""
    return list(zip(exploration.decisive, places or [()] * len(exploration.decisive), strict=True))


def numbered(operation: str, places: Places) -> str:
    """`postgres.find_batch #2`, `postgres.find_batch #2 or #3`."""
    return f"{operation} {' or '.join(f'#{each}' for each in places)}" if places else operation
