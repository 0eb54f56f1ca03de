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
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive import Exploration, Graph
from batchsim.engines.exhaustive.stepping import Label
from batchsim.model.operation import Footprint
from batchsim.model.properties import Property

Flags = NDArray[np.bool_]
Site = tuple[int, ...]
Pair = tuple[int, int]
"""Two events by number: the earlier one, and the later one."""
NEVER = -1
"""In place of a later event: it is enough that the earlier one takes effect."""
EVENTS_AT_ONCE = 64
ALL = np.uint64(2**64 - 1)
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
    system = graph.layout.system
    given = [system.verdicts_of(graph.outcome(state), properties) for state in graph.terminals.tolist()]
    failing = sorted(exploration.verdicts - {"ok"})
    return tuple(explain(graph, verdict, [verdict in each for each in given]) for verdict in failing)


def explain(graph: Graph, verdict: str, has_verdict: list[bool]) -> Explanation:
    """Explain a verdict; `has_verdict`: for each terminal state whether it is given there."""
    return Explainer(graph, np.array(has_verdict, dtype=bool)).explain(verdict)


class Explainer:
    """Looks for order constraints among the schedules of a graph; `has_verdict`: as in `explain`."""

    def __init__(self, graph: Graph, has_verdict: Flags) -> None:
        self._graph = graph
        self._failing, self._passing = graph.terminals[has_verdict], graph.terminals[~has_verdict]
        self._events, event_of_label = _events(graph)
        self._event_of_edge = event_of_label[graph.edge_labels]
        self._footprints = _footprints(graph, self._events, event_of_label)
        self._without: dict[int, NDArray[np.uint64]] = {}
        """By the first of `EVENTS_AT_ONCE` events: of each state those of them without which it can be reached."""
        self._edges = [graph.edges_of(level) for level in graph.topological_levels]

    def explain(self, verdict: str) -> Explanation:
        """A smallest set for all schedules of the verdict together."""
        candidates = self._candidates()
        occurring = [pair for pair in candidates if pair[1] == NEVER or self._always_occurs(pair[1])]
        smallest = self._explain_by(verdict, candidates)
        # Among sets of one size, operations that both happen are the plainer reason.
        plain = self._explain_by(verdict, occurring)
        if plain is not None and smallest is not None and _size(plain) <= _size(smallest):
            return plain
        return smallest or Explanation(verdict, None)

    def _explain_by(self, verdict: str, candidates: list[Pair]) -> Explanation | None:
        chosen = self._smallest_of(candidates)
        if chosen is None:
            return None
        return Explanation(verdict, tuple(sorted(self._constraint(*each) for each in chosen)))

    def _smallest_of(self, candidates: list[Pair]) -> tuple[Pair, ...] | None:
        """A smallest set of these that no passing schedule obeys in full; `None`: none is small enough."""
        broken: list[frozenset[int]] = []
        while (chosen := _smallest_hitting_set(broken)) is not None:
            pairs = [candidates[place] for place in chosen]
            passing = self._schedule_that_obeys(pairs, self._passing)
            if passing is None:
                return tuple(pairs)
            events = self.events_of(passing)
            broken.append(frozenset(n for n, each in enumerate(candidates) if not _obeys(events, *each)))
        return None

    def events_of(self, edges: list[int]) -> list[int]:
        """The events of a schedule by number, in order."""
        return self._event_of_edge[edges].tolist()  # type: ignore[no-any-return]

    def reason_of(self, edges: list[int]) -> tuple[Pair, ...] | None:
        """The smallest set for one schedule: what it obeys, and no passing one obeys in full; `None`: none.

        Pairs of events by number, both of which it has. Of several, the one that is settled first.
        """
        events = self.events_of(edges)
        first = {event: place for place, event in reversed(list(enumerate(events)))}
        pairs = [
            pair for pair in permutations(first, 2) if first[pair[0]] < first[pair[1]] and self._compete(*pair)
        ]
        return self._smallest_of(sorted(pairs, key=lambda pair: (first[pair[1]], first[pair[0]])))

    def _compete(self, first: int, second: int) -> bool:
        conflict = self._footprints[first].conflicts_with(self._footprints[second])
        return conflict and self._events[first].actor != self._events[second].actor

    def constraints_of(self, pairs: Sequence[Pair]) -> tuple[Constraint, ...]:
        """Pairs in words."""
        return tuple(self._constraint(*pair) for pair in pairs)

    def failing_beside(self, reasons: Sequence[Sequence[Pair]]) -> list[int] | None:
        """The edges of a failing schedule that obeys none of these in full; `None`: there is none."""
        if not self.can_fail_beside(reasons):
            return None
        swapped: tuple[Pair, ...] = ()
        for number, reason in enumerate(reasons):
            rest = reasons[number + 1 :]
            ways = ((*swapped, (later, earlier)) for earlier, later in reason)
            swapped = next(way for way in ways if self.can_fail_beside(rest, way))
        return self._schedule_that_obeys(list(swapped), self._failing, in_full=False)

    def can_fail_beside(self, reasons: Sequence[Sequence[Pair]], swapped: tuple[Pair, ...] = ()) -> bool:
        """Whether a failing schedule obeys none of these in full, and has no later event before its earlier one.

        There are many ways to break several reasons; asked is only of those that a schedule at hand obeys.
        """
        edges = self._schedule_that_obeys([*dict.fromkeys(swapped)], self._failing, in_full=False)
        if edges is None:
            return False
        events = self.events_of(edges)
        obeyed = next((each for each in reasons if all(_obeys(events, *pair) for pair in each)), None)
        if obeyed is None:
            return True
        rest = [each for each in reasons if each is not obeyed]
        return any(self.can_fail_beside(rest, (*swapped, (later, earlier))) for earlier, later in obeyed)

    def _always_occurs(self, event: int) -> bool:
        return not self._reached_without(event)[self._failing].any()

    def _constraint(self, earlier: int, later: int) -> Constraint:
        return Constraint(self._events[earlier], () if later == NEVER else (self._events[later],))

    def _candidates(self) -> list[Pair]:
        """The constraints that every failing schedule obeys, those with the likeliest meaning first."""
        can_fail = self._leads_to(self._failing)
        pairs = [pair for earlier in range(len(self._events)) for pair in self._obeyed_after(earlier, can_fail)]
        return sorted(pairs, key=lambda pair: self._constraint(*pair))

    def _obeyed_after(self, earlier: int, can_fail: Flags) -> Iterator[Pair]:
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
        first, place = event - event % EVENTS_AT_ONCE, event % EVENTS_AT_ONCE
        if first not in self._without:
            self._without = {first: self._reached_without_any(first)}
        return (self._without[first] >> np.uint64(place) & np.uint64(1)).astype(bool)

    def _reached_without_any(self, first: int) -> NDArray[np.uint64]:
        """One pass over the graph for many events, a bit each."""
        graph, place = self._graph, self._event_of_edge - first
        is_asked = (place >= 0) & (place < EVENTS_AT_ONCE)
        kept = np.full(len(place), ALL, dtype=np.uint64)
        kept[is_asked] ^= np.uint64(1) << place[is_asked].astype(np.uint64)
        reached = np.zeros(graph.states, dtype=np.uint64)
        reached[0] = ALL
        for edges in self._edges:
            np.bitwise_or.at(reached, graph.targets[edges], reached[graph.sources[edges]] & kept[edges])
        return reached

    def _leads_to(self, terminals: NDArray[np.int64]) -> Flags:
        leads = np.zeros(self._graph.states, dtype=bool)
        leads[terminals] = True
        for edges in reversed(self._edges):
            leads[self._graph.sources[edges[leads[self._graph.targets[edges]]]]] = True
        return leads

    def _schedule_that_obeys(
        self, constraints: list[Pair], ends: NDArray[np.int64], *, in_full: bool = True
    ) -> list[int] | None:
        """The edges of a schedule to one of these ends that obeys all of these; `None`: there is none.

        `in_full`: otherwise it is enough that no later event comes before its earlier one, be there one or not.
        """
        graph, count = self._graph, len(constraints)
        came_by = np.full((graph.states, 1 << count), -1, dtype=np.int64)
        came_by[0, 0] = graph.transitions  # no edge: the beginning
        for edges in self._edges:
            for seen in range(1 << count):
                live = edges[came_by[graph.sources[edges], seen] >= 0]
                if len(live):
                    self._take(live, seen, constraints, came_by)
        done = (1 << count) - 1
        for seen in (done,) if in_full else range(1 << count):
            reached = ends[came_by[ends, seen] >= 0]
            if len(reached):
                return self._edges_to(int(reached[0]), seen, constraints, came_by)
        return None

    def _take(
        self,
        edges: NDArray[np.int64],
        seen: int,
        constraints: list[Pair],
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

    def _edges_to(self, state: int, seen: int, constraints: list[Pair], came_by: NDArray[np.int64]) -> list[int]:
        schedule: list[int] = []
        while state != 0:
            edge, seen = divmod(int(came_by[state, seen]), 1 << len(constraints))
            schedule.append(edge)
            state = int(self._graph.sources[edge])
        return schedule[::-1]


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
    """The events of a graph, and for each label which of them it is."""
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
    return list(numbers), np.array(of_label, dtype=np.int64)


def _event(label: Label) -> Event:
    kind = label.kind
    is_any = kind.operation.item is None or kind.role.is_exchanged
    about = "" if is_any else f"item {kind.operation.item}"
    return Event(kind.operation.name, about, kind.role.name + kind.lane, 0, label.alternative or "")


def _footprints(graph: Graph, events: list[Event], event_of_label: NDArray[np.int64]) -> list[Footprint]:
    """What each event touches, all its occurrences together."""
    reads: list[set[str]] = [set() for _ in events]
    writes: list[set[str]] = [set() for _ in events]
    occurs = np.bincount(graph.edge_labels, minlength=len(graph.labels)) > 0
    for label in np.flatnonzero(occurs).tolist():
        event, footprint = int(event_of_label[label]), graph.labels[label].kind.footprint
        reads[event] |= footprint.reads
        writes[event] |= footprint.writes
    return [Footprint(frozenset(r), frozenset(w)) for r, w in zip(reads, writes, strict=True)]
