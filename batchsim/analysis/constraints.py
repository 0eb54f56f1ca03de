"""The smallest reason for a verdict: order constraints that explain it, and nothing less.

An *order constraint* says that the first occurrence of one operation takes effect before any of another, of a
different actor, and that the two conflict; or that an operation turns out in a way of its own (a fault befalls
it), whatever comes later. Every failing schedule obeys certain constraints. Wanted is a smallest
set of those that no passing schedule obeys in full: then a schedule fails exactly if it obeys the set.

A passing schedule that obeys all constraints chosen so far must be ruled out by one that it breaks; so the choice
is a smallest hitting set of what such schedules break, found anew with each of them (Chandrasekaran et al.,
*Algorithms for implicit hitting set problems*, SODA 2011). A schedule that breaks none shows that there is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive import Exploration, Graph
from batchsim.engines.exhaustive.search import Label
from batchsim.protocol.operation import Footprint
from batchsim.verdicts import Property, verdicts_of

Flags = NDArray[np.bool_]
Site = tuple[int, ...]
NEVER = -1
"""In place of a later event: it is enough that the earlier one takes effect."""
CONSTRAINTS_MAX = 4
"""A larger set explains nothing to anybody."""


class Event(NamedTuple):
    """An operation at one place of the code of an actor, or of any one of twins."""

    operation: str
    about: str
    """Which item it is about; empty: none."""
    actor: str
    place: int
    """Of the places where the actor does this operation, which, from 1; 0: there is one."""
    way: str = ""
    """How it turns out; empty: as usual."""

    def __str__(self) -> str:
        about = f" of {self.about}" if self.about else ""
        place = f" #{self.place}" if self.place else ""
        way = f" [{self.way}]" if self.way else ""
        return f"{self.operation}{about}{place} ({self.actor}){way}"


@dataclass(frozen=True, slots=True, order=True)
class Constraint:
    """The first `earlier` takes effect before any `later`, if there is one; otherwise: it takes effect at all."""

    earlier: Event
    later: tuple[Event, ...]

    def __str__(self) -> str:
        return f"{self.earlier} before {self.later[0]}" if self.later else str(self.earlier)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why schedules come to a verdict."""

    verdict: str
    constraints: tuple[Constraint, ...] | None
    """A smallest set that all of them obey and no other schedule obeys in full; `None`: there is none."""


def explanations(exploration: Exploration, properties: Sequence[Property] = ()) -> tuple[Explanation, ...]:
    """An explanation of each verdict that is not ok; none of an exploration that is incomplete or reduced."""
    if not exploration.is_complete or exploration.schedules is None:
        return ()
    graph = exploration.graph
    given = [verdicts_of(graph.outcome(state), properties) for state in graph.terminals.tolist()]
    failing = sorted(exploration.verdicts - {"ok"})
    return tuple(explain(graph, verdict, [verdict in each for each in given]) for verdict in failing)


def explain(graph: Graph, verdict: str, has_verdict: list[bool]) -> Explanation:
    """Explain a verdict; `has_verdict`: for each terminal state whether it is given there."""
    return _Explainer(graph, np.array(has_verdict, dtype=bool)).explain(verdict)


class _Explainer:
    def __init__(self, graph: Graph, has_verdict: Flags) -> None:
        self._graph = graph
        self._failing, self._passing = graph.terminals[has_verdict], graph.terminals[~has_verdict]
        self._events, self._event_of_edge = _events(graph)
        self._footprints = _footprints(graph, self._events, self._event_of_edge)
        self._edges = [graph.edges_of(level) for level in graph.topological_levels]

    def explain(self, verdict: str) -> Explanation:
        candidates = self._candidates()
        occurring = [pair for pair in candidates if pair[1] == NEVER or self._always_occurs(pair[1])]
        smallest = self._explain_by(verdict, candidates)
        # Among sets of one size, operations that both happen are the plainer reason.
        plain = self._explain_by(verdict, occurring)
        if plain is not None and smallest is not None and _size(plain) <= _size(smallest):
            return plain
        return smallest or Explanation(verdict, None)

    def _explain_by(self, verdict: str, candidates: list[tuple[int, int]]) -> Explanation | None:
        broken: list[frozenset[int]] = []
        while (chosen := _smallest_hitting_set(broken)) is not None:
            passing = self._passing_that_obeys([candidates[place] for place in chosen])
            if passing is None:
                constraints = (self._constraint(*candidates[place]) for place in chosen)
                return Explanation(verdict, tuple(sorted(constraints)))
            broken.append(frozenset(n for n, each in enumerate(candidates) if not _obeys(passing, *each)))
        return None

    def _always_occurs(self, event: int) -> bool:
        return not self._reached_without(event)[self._failing].any()

    def _constraint(self, earlier: int, later: int) -> Constraint:
        return Constraint(self._events[earlier], () if later == NEVER else (self._events[later],))

    def _candidates(self) -> list[tuple[int, int]]:
        """The constraints that every failing schedule obeys, those with the likeliest meaning first."""
        can_fail = self._leads_to(self._failing)
        pairs = [pair for earlier in range(len(self._events)) for pair in self._obeyed_after(earlier, can_fail)]
        return sorted(pairs, key=lambda pair: self._constraint(*pair))

    def _obeyed_after(self, earlier: int, can_fail: Flags) -> Iterator[tuple[int, int]]:
        without = self._reached_without(earlier)
        if without[self._failing].any():
            return
        if self._events[earlier].way:
            yield earlier, NEVER
        graph = self._graph
        breaking = without[graph.sources] & can_fail[graph.targets]
        broken = np.bincount(self._event_of_edge[breaking], minlength=len(self._events)) > 0
        for later, event in enumerate(self._events):
            conflict = self._footprints[earlier].conflicts_with(self._footprints[later])
            if conflict and not broken[later] and event.actor != self._events[earlier].actor:
                yield earlier, later

    def _reached_without(self, event: int) -> Flags:
        """The states that can be reached without an event."""
        reached = np.zeros(self._graph.states, dtype=bool)
        reached[0] = True
        for edges in self._edges:
            free = edges[self._event_of_edge[edges] != event]
            reached[self._graph.targets[free[reached[self._graph.sources[free]]]]] = True
        return reached

    def _leads_to(self, terminals: NDArray[np.int64]) -> Flags:
        leads = np.zeros(self._graph.states, dtype=bool)
        leads[terminals] = True
        for edges in reversed(self._edges):
            leads[self._graph.sources[edges[leads[self._graph.targets[edges]]]]] = True
        return leads

    def _passing_that_obeys(self, constraints: list[tuple[int, int]]) -> list[int] | None:
        """The events of a passing schedule that obeys all of these, in order; `None`: there is none."""
        graph, count = self._graph, len(constraints)
        came_by = np.full((graph.states, 1 << count), -1, dtype=np.int64)
        came_by[0, 0] = graph.transitions  # no edge: the beginning
        for edges in self._edges:
            for seen in range(1 << count):
                live = edges[came_by[graph.sources[edges], seen] >= 0]
                self._take(live, seen, constraints, came_by)
        done = (1 << count) - 1
        ends = self._passing[came_by[self._passing, done] >= 0]
        return None if not len(ends) else self._events_to(int(ends[0]), done, constraints, came_by)

    def _take(
        self,
        edges: NDArray[np.int64],
        seen: int,
        constraints: list[tuple[int, int]],
        came_by: NDArray[np.int64],
    ) -> None:
        events = self._event_of_edge[edges]
        after = np.full(len(edges), seen)
        is_allowed = np.ones(len(edges), dtype=bool)
        for place, (earlier, later) in enumerate(constraints):
            if not seen >> place & 1:
                after[events == earlier] |= 1 << place
                is_allowed &= events != later
        targets = self._graph.targets[edges[is_allowed]]
        came_by[targets, after[is_allowed]] = edges[is_allowed] * (1 << len(constraints)) + seen

    def _events_to(
        self, state: int, seen: int, constraints: list[tuple[int, int]], came_by: NDArray[np.int64]
    ) -> list[int]:
        events: list[int] = []
        while state != 0:
            edge, seen = divmod(int(came_by[state, seen]), 1 << len(constraints))
            events.append(int(self._event_of_edge[edge]))
            state = int(self._graph.sources[edge])
        return events[::-1]


def _size(explanation: Explanation) -> int:
    return len(explanation.constraints or ())


def _obeys(events: list[int], earlier: int, later: int) -> bool:
    """Whether a schedule has the first event, and none of the other before it."""
    if earlier not in events:
        return False
    return later not in events[: events.index(earlier)]


def _smallest_hitting_set(sets: list[frozenset[int]]) -> tuple[int, ...] | None:
    """The smallest set, and of those the first, that has an element of each; `None`: none that is small enough."""
    hits: dict[int, int] = {}
    for element in sorted(frozenset().union(*sets), reverse=True):
        # Of elements that hit the same sets, the first one will do.
        hits[sum(1 << place for place, each in enumerate(sets) if element in each)] = element
    first = sorted((element, mask) for mask, element in hits.items())
    for size in range(CONSTRAINTS_MAX + 1):
        chosen = _first_hitting(first, (1 << len(sets)) - 1, size)
        if chosen is not None:
            return chosen
    return None


def _first_hitting(elements: list[tuple[int, int]], left: int, size: int) -> tuple[int, ...] | None:
    """The first set of this size that hits all that are left; `elements`: each with the sets that it hits."""
    if not left or not size:
        return None if left else ()
    helpful = [(element, mask & left) for element, mask in elements if mask & left]
    hit_most = max((mask.bit_count() for _, mask in helpful), default=0)
    if hit_most * size < left.bit_count():
        return None
    for place, (element, mask) in enumerate(helpful):
        rest = _first_hitting(helpful[place + 1 :], left & ~mask, size - 1)
        if rest is not None:
            return (element, *rest)
    return None


def _events(graph: Graph) -> tuple[list[Event], NDArray[np.int64]]:
    """The events of a graph, and for each edge which of them it is."""
    sites: dict[Event, list[Site]] = {}
    for label in graph.labels:
        sites.setdefault(_event(label), []).append(label.kind.site)
    numbers: dict[Event, int] = {}
    of_label = []
    for label in graph.labels:
        event = _event(label)
        places = sorted(set(sites[event]))
        if len(places) > 1:
            event = event._replace(place=places.index(label.kind.site) + 1)
        of_label.append(numbers.setdefault(event, len(numbers)))
    return list(numbers), np.array(of_label, dtype=np.int64)[graph.edge_labels]


def _event(label: Label) -> Event:
    kind = label.kind
    about = "" if kind.operation.item is None else f"item {kind.operation.item}"
    return Event(kind.operation.name, about, kind.role.name + kind.lane, 0, label.alternative or "")


def _footprints(graph: Graph, events: list[Event], event_of_edge: NDArray[np.int64]) -> list[Footprint]:
    """What each event touches, all its occurrences together."""
    reads: list[set[str]] = [set() for _ in events]
    writes: list[set[str]] = [set() for _ in events]
    pairs = np.unique(np.stack((event_of_edge, graph.edge_labels)), axis=1).T.tolist()
    for event, label in pairs:
        footprint = graph.labels[label].kind.footprint
        reads[event] |= footprint.reads
        writes[event] |= footprint.writes
    return [Footprint(frozenset(r), frozenset(w)) for r, w in zip(reads, writes, strict=True)]
