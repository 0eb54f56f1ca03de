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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchsim.engines.exhaustive import Exploration, Graph
from batchsim.engines.exhaustive.distinct import stable_order
from batchsim.engines.exhaustive.stepping import Label
from batchsim.model.operation import Footprint
from batchsim.model.properties import Property

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Masks = NDArray[np.uint64]
Site = tuple[int, ...]
Pair = tuple[int, int]
"""Two events by number: the earlier one, and the later one."""
NEVER = -1
"""In place of a later event: it is enough that the earlier one takes effect."""
BITS = 64
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
    given = [system.verdicts_of(outcome, properties) for outcome in graph.outcomes]
    failing = sorted(exploration.verdicts - {"ok"})
    events = Events(graph)
    return tuple(
        Explainer(events, np.array([verdict in each for each in given], dtype=bool)).explain(verdict)
        for verdict in failing
    )


class Events:
    """Which event each edge of a graph is, and the orders in which passes over the graph take its edges."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.all, event_of_label = _events(graph)
        self.footprints = _footprints(graph, self.all, event_of_label)
        self.of_edge = event_of_label[graph.edge_labels]

    @cached_property
    def _incoming(self) -> tuple[Numbers, Numbers, Numbers]:
        """The edges by the place of their target; the place of each state; where the edges to each place begin.

        Places are those in the levels of the graph, one after the other.
        """
        graph = self.graph
        place = np.empty(graph.states, dtype=np.int64)
        place[np.concatenate(graph.topological_levels)] = np.arange(graph.states)
        of_target = place[graph.targets]
        begins = np.concatenate(([0], np.cumsum(np.bincount(of_target, minlength=graph.states))))
        return stable_order(of_target), place, begins

    def edges_to(self, state: int) -> list[int]:
        """The edges that lead to a state, in their order."""
        order, place, begins = self._incoming
        edges: list[int] = order[begins[place[state]] : begins[place[state] + 1]].tolist()
        return edges

    @cached_property
    def onward(self) -> list[_Level]:
        """The edges by the state that they lead to: level by level, all that lead to it after all before it."""
        order, _, begins = self._incoming
        ends = begins[np.cumsum([0, *map(len, self.graph.topological_levels)])].tolist()
        return [_level(self.graph, self.of_edge, order[begin:end]) for begin, end in pairwise(ends)]

    @cached_property
    def without(self) -> list[Masks]:
        """For each state the events without which it can be reached, as bits: of the first `BITS`, and so on."""
        return [self._without(first) for first in range(0, len(self.all), BITS)]

    def _without(self, first: int) -> Masks:
        places = np.arange(len(self.all)) - first
        is_asked = (places >= 0) & (places < BITS)
        kept = np.full(len(places), ALL, dtype=np.uint64)
        kept[is_asked] ^= np.uint64(1) << places[is_asked].astype(np.uint64)
        reached = np.zeros(self.graph.states, dtype=np.uint64)
        reached[0] = ALL
        for level in self.onward:
            level.pull(reached, reached[level.sources] & kept[level.events])
        return reached

    @cached_property
    def _by_event(self) -> tuple[Numbers, Numbers, Numbers]:
        """The edges by their event; the events that occur; and where their edges begin."""
        count = np.bincount(self.of_edge, minlength=len(self.all))
        occurring = np.flatnonzero(count)
        # Of so short numbers NumPy sorts stably without comparing.
        order = np.argsort(self.of_edge.astype(np.uint16), kind="stable")
        return order, occurring, (np.cumsum(count) - count)[occurring]

    def coming_after(self, reached: Flags) -> list[Masks]:
        """For each event, where it leads to one of these states: those that need not come before it, as bits."""
        order, occurring, begins = self._by_event
        sources, is_asked = self.graph.sources[order], reached[self.graph.targets[order]]
        found = []
        for without in self.without:
            masks = np.zeros(len(self.all), dtype=np.uint64)
            masks[occurring] = np.bitwise_or.reduceat(np.where(is_asked, without[sources], np.uint64(0)), begins)
            found.append(masks)
        return found

    def compete(self, first: int, second: int) -> bool:
        """Whether two events are of different actors, and conflict."""
        conflict = self.footprints[first].conflicts_with(self.footprints[second])
        return conflict and self.all[first].actor != self.all[second].actor


class _Level(NamedTuple):
    """Edges that lead to the states of a level, by these states."""

    edges: Numbers
    sources: Numbers
    events: Numbers
    targets: Numbers
    """The states, each once."""
    begins: Numbers
    """Where the edges to each of them begin."""

    def pull(self, masks: NDArray[Any], by_edge: NDArray[Any]) -> None:
        """Let each target's mask be that of all its edges together."""
        if len(self.targets):
            masks[self.targets] = np.bitwise_or.reduceat(by_edge, self.begins)


def _level(graph: Graph, events: Numbers, edges: Numbers) -> _Level:
    targets = graph.targets[edges]
    begins = np.flatnonzero(np.diff(targets, prepend=-1))
    return _Level(edges, graph.sources[edges], events[edges], targets[begins], begins)


class Explainer:
    """Looks for order constraints among the schedules of a graph.

    `has_verdict`: for each terminal state of the graph whether the verdict is given there.
    """

    def __init__(self, events: Events, has_verdict: Flags) -> None:
        self._of_graph, self._graph = events, events.graph
        self._events = events.all
        self._failing, self._passing = self._graph.terminals[has_verdict], self._graph.terminals[~has_verdict]

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
        return self._of_graph.of_edge[edges].tolist()  # type: ignore[no-any-return]

    def reason_of(self, edges: list[int]) -> tuple[Pair, ...] | None:
        """The smallest set for one schedule: what it obeys, and no passing one obeys in full; `None`: none.

        Pairs of events by number, both of which it has. Of several, the one that is settled first.
        """
        events = self.events_of(edges)
        first = {event: place for place, event in reversed(list(enumerate(events)))}
        pairs = [
            pair
            for pair in permutations(first, 2)
            if first[pair[0]] < first[pair[1]] and self._of_graph.compete(*pair)
        ]
        return self._smallest_of(sorted(pairs, key=lambda pair: (first[pair[1]], first[pair[0]])))

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
        return not _has_bit(self._can_be_missing, event)

    @cached_property
    def _can_be_missing(self) -> list[int]:
        """The events that some failing schedule has not, as bits."""
        return [int(np.bitwise_or.reduce(without[self._failing])) for without in self._of_graph.without]

    def _constraint(self, earlier: int, later: int) -> Constraint:
        return Constraint(self._events[earlier], () if later == NEVER else (self._events[later],))

    def _candidates(self) -> list[Pair]:
        """The constraints that every failing schedule obeys, those with the likeliest meaning first."""
        can_fail = self._leads_to(self._failing)
        after = [each.tolist() for each in self._of_graph.coming_after(can_fail)]
        pairs = []
        for earlier in filter(self._always_occurs, range(len(self._events))):
            if self._events[earlier].way:
                pairs.append((earlier, NEVER))
            group, place = divmod(earlier, BITS)
            broken = [bool(mask >> place & 1) for mask in after[group]]
            pairs += [
                (earlier, later)
                for later in range(len(self._events))
                if not broken[later] and self._of_graph.compete(earlier, later)
            ]
        return sorted(pairs, key=lambda pair: self._constraint(*pair))

    def _leads_to(self, terminals: Numbers) -> Flags:
        leads = np.zeros(self._graph.states, dtype=bool)
        leads[terminals] = True
        for level in reversed(self._of_graph.onward):
            leads[
                level.sources[np.repeat(leads[level.targets], np.diff(level.begins, append=len(level.edges)))]
            ] = True
        return leads

    def _schedule_that_obeys(
        self, constraints: list[Pair], ends: Numbers, *, in_full: bool = True
    ) -> list[int] | None:
        """The edges of a schedule to one of these ends that obeys all of these; `None`: there is none.

        `in_full`: otherwise it is enough that no later event comes before its earlier one, be there one or not.
        """
        seen = _Seen(constraints)
        reached = np.zeros(self._graph.states, dtype=seen.dtype)
        reached[0] = 1
        for level in self._of_graph.onward:
            level.pull(reached, seen.after(reached[level.sources], level.events))
        sought = seen.all if in_full else seen.any
        found = np.flatnonzero(reached[ends] & sought)
        if not len(found):
            return None
        return self._edges_to(int(ends[found[0]]), sought, seen, reached)

    def _edges_to(self, state: int, sought: int, seen: _Seen, reached: NDArray[Any]) -> list[int]:
        """The edges to a state, of a schedule that has seen what is sought when it is there."""
        now = _lowest(int(reached[state]) & sought)
        schedule: list[int] = []
        while state != 0:
            edge, now = next(
                (edge, before)
                for edge in self._of_graph.edges_to(state)
                for before in range(1 << seen.count)
                if int(reached[self._graph.sources[edge]]) >> before & 1
                and seen.step(before, int(self._of_graph.of_edge[edge])) == now
            )
            schedule.append(edge)
            state = int(self._graph.sources[edge])
        return schedule[::-1]


class _Seen:
    """Of which constraints a schedule has had the earlier event: sets of such sets, as the bits of a mask.

    Bit s of a mask stands for the set s of constraints, itself a number with a bit for each of them.
    """

    def __init__(self, constraints: Sequence[Pair]) -> None:
        self._constraints = constraints
        self.count = count = len(constraints)
        bits = 1 << count
        self.dtype = np.dtype(object if bits > BITS else f"u{max(bits // 8, 1)}")
        self.any = (1 << bits) - 1
        self.all = 1 << (bits - 1)
        self._lacking = [sum(1 << s for s in range(bits) if not s >> place & 1) for place in range(count)]
        """For each constraint the sets that it is not in."""

    def step(self, before: int, event: int) -> int | None:
        """The set after an event; `None`: the event is not allowed."""
        after = before
        for place, (earlier, later) in enumerate(self._constraints):
            if not before >> place & 1:
                if later == event:
                    return None
                after |= (earlier == event) << place
        return after

    def after(self, masks: NDArray[Any], events: Numbers) -> NDArray[Any]:
        """Each of these masks after an event; they are changed."""
        for event in {each for pair in self._constraints for each in pair} - {NEVER}:
            here = np.flatnonzero(events == event)
            if not len(here):
                continue
            some = masks[here]
            for lacking, (_, later) in zip(self._lacking, self._constraints, strict=True):
                if later == event:
                    some &= self.any ^ lacking
            for place, (earlier, _) in enumerate(self._constraints):
                if earlier == event:
                    lacking = self._lacking[place]
                    some = some & (self.any ^ lacking) | (some & lacking) << (1 << place)
            masks[here] = some
        return masks


def _lowest(mask: int) -> int:
    """The place of the lowest bit."""
    return (mask & -mask).bit_length() - 1


def _has_bit(masks: Sequence[int], event: int) -> bool:
    return bool(masks[event // BITS] >> event % BITS & 1)


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
