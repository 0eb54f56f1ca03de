"""The exact probability of every outcome in the timed model of a scenario."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchsim.bad_input import BadInputError
from batchsim.engines.chain.absorption import Absorption
from batchsim.engines.chain.fitness import check_for_chain
from batchsim.engines.chain.layout import ClockLayout
from batchsim.engines.chain.memoryless import Means
from batchsim.engines.chain.search import ChainSearch
from batchsim.engines.chain.spare import are_enough
from batchsim.engines.exhaustive.graph import COMES_BACK, Graph
from batchsim.engines.exhaustive.moves import StepKind, StepTable
from batchsim.engines.exhaustive.scouting import STEPS_MAX, send_scouts
from batchsim.engines.exhaustive.search import UNBOUNDED, Bounds, GaveUp, Lookout, OnLevel
from batchsim.engines.occurrences import Occurrence, missing
from batchsim.model.history import MEMORIES_MAX
from batchsim.model.properties import Property
from batchsim.model.system import System, remembering
from batchsim.scenario import InvalidScenario, Problem, Scenario

SCOUTS = 8
"""Enough to meet most latencies, so that what is wrong with them is told at once and together."""
SCOUTED_STEPS = 1000
"""So many steps they take even if the search is to give up earlier."""
TIE_TOLERANCE = 1e-9
"""By how much the order of steps at one instant may change a probability: as much as nobody can measure."""


@dataclass(frozen=True, slots=True)
class ExactOutcome:
    """All ends of the chain that are told as one (`System.class_of`)."""

    outcome: Any
    verdicts: tuple[str, ...]
    probability: float
    """Of an incomplete exploration: at least so much."""


@dataclass(frozen=True, slots=True)
class ExactExploration:
    """How likely a scenario comes to what under a policy."""

    policy: str
    is_complete: bool
    """Whether every state was looked into; otherwise each probability is a lower bound."""
    stopped_by: str | None
    """Why it is not complete: a bound was hit, or it was interrupted."""
    bounds: Bounds
    states: int
    states_in_time: int
    """In how many of them time passes; the others are passed at once, or are ends."""
    transitions: int
    outcomes: tuple[ExactOutcome, ...]
    """Those that are not ok first, then the likelier ones."""
    relative_error_max: float
    """A bound of the relative error of each probability, from the rounding of its computation."""
    graph: Graph
    """To be walked by code of your own."""
    faults: tuple[Occurrence, ...] = ()
    """Whether each fault of the scenario happens, and how likely, in the order of `Scenario.faults`."""
    unreached: tuple[str, ...] = ()
    """What some run is to come to (`sometimes`), and none does; of an incomplete exploration nothing is said."""

    @property
    def missing_faults(self) -> tuple[int, ...]:
        """The numbers of the pinned faults that happen in no run that was explored."""
        return missing(self.faults)

    @property
    def is_proof(self) -> bool:
        """Whether what it says of all runs is proved: it is complete, and misses no pinned fault."""
        return self.is_complete and not self.missing_faults

    @property
    def verdicts(self) -> frozenset[str]:
        """Every verdict of positive probability."""
        return frozenset(verdict for each in self.outcomes for verdict in each.verdicts)

    @property
    def unresolved(self) -> float:
        """The probability of what was not looked into."""
        return 0.0 if self.is_complete else max(0.0, 1.0 - sum(each.probability for each in self.outcomes))

    def probability_of(self, verdict: str) -> float:
        """The probability of a verdict; of an incomplete exploration at least so much."""
        return sum((each.probability for each in self.outcomes if verdict in each.verdicts), 0.0)


def explore_exact(
    scenario: Scenario,
    policy: Any = None,
    *,
    properties: Sequence[Property] = (),
    bounds: Bounds = UNBOUNDED,
    on_level: OnLevel | None = None,
    merges: bool = True,
) -> ExactExploration:
    """Work out the probability of every outcome of timed runs of a scenario, whatever their seed.

    Each leg must take no time, or be exponential without bounds: the scenario then is a continuous-time Markov
    chain. `properties`, `bounds`, `on_level`: as in `explore`. `merges`: whether states from which the same
    follows are one (without, the probabilities are the same and the graph is larger). Raises `InvalidScenario` for
    other latencies, for faults that have a moment or leave messages in flight, and where two steps at one instant
    could come in either order and that mattered; `BadInputError` for runs that need not end, and for actors in the
    background.
    """
    system = remembering(scenario.system(policy), properties, memories_max=MEMORIES_MAX)
    check_for_chain(scenario)
    if system.has_background:
        raise BadInputError(
            f"{system.name}: found an actor in the background; allowed: none, in an exact exploration"
        )
    graph, stopped_by = _graph(scenario, system, bounds, on_level, exchanges=merges, rests=merges)
    is_complete = stopped_by is None
    absorption = Absorption(graph)
    ends = (graph.outcome(state) for state in graph.terminals.tolist())
    return ExactExploration(
        policy=system.name,
        is_complete=is_complete,
        stopped_by=stopped_by,
        bounds=bounds,
        states=graph.states,
        states_in_time=absorption.states_in_time,
        transitions=graph.transitions,
        outcomes=_outcomes(scenario, graph, absorption, properties, is_complete=is_complete),
        relative_error_max=absorption.relative_error_max,
        graph=graph,
        faults=tuple(_occurrences(scenario, graph, absorption)),
        unreached=system.unreached(ends, properties) if is_complete else (),
    )


def _graph(
    scenario: Scenario,
    system: System[Any],
    bounds: Bounds,
    on_level: OnLevel | None,
    *,
    exchanges: bool,
    rests: bool,
) -> tuple[Graph, str | None]:
    """The graph of the chain, and why it is not complete, if it is not."""
    means = Means(scenario)
    layout = ClockLayout(system, means, exchanges=exchanges, rests=rests)
    search = _search(means, layout, bounds, on_level)
    graph, stopped_by = Graph(search), search.stopped_by
    del search  # its memory is needed
    if graph.has_cycle:
        raise BadInputError(f"{system.name}: {COMES_BACK}; allowed: runs that end, in an exact exploration")
    if not all(are_enough(graph, role) for role in layout.at_once_idle.values()):
        del graph  # likewise
        return _graph(scenario, system, bounds, on_level, exchanges=exchanges, rests=False)
    return graph, stopped_by


def _search(means: Means, layout: ClockLayout, bounds: Bounds, on_level: OnLevel | None) -> ChainSearch:
    table = StepTable(layout)
    steps_max = STEPS_MAX if bounds.states_max is None else max(bounds.states_max, SCOUTED_STEPS)
    with suppress(GaveUp):  # so does the search, then
        send_scouts(table, SCOUTS, steps_max=steps_max, look=Lookout(bounds, on_level).look)
    means.check()
    search = ChainSearch(table)
    search.run(bounds, on_level)
    means.check()
    return search


def _occurrences(scenario: Scenario, graph: Graph, absorption: Absorption) -> Iterator[Occurrence]:
    """How likely each fault happens at least once: one that is a probability leaves no trace in the states."""
    happens_in = np.array([-1 if label.fault is None else label.fault for label in graph.labels], dtype=np.int64)
    for number, fault in enumerate(graph.layout.system.faults):
        edges = (happens_in == number)[graph.edge_labels]
        probability = absorption.probability_to_take(edges)
        is_known = not any(absorption.ties(probability, TIE_TOLERANCE, edges))
        yield Occurrence(fault, bool(probability[0] > 0), probability=float(probability[0]) if is_known else None)


def _outcomes(
    scenario: Scenario,
    graph: Graph,
    absorption: Absorption,
    properties: Sequence[Property],
    *,
    is_complete: bool,
) -> tuple[ExactOutcome, ...]:
    system = graph.layout.system
    members: dict[Hashable, list[int]] = {}
    of_class: dict[Hashable, tuple[Any, tuple[str, ...]]] = {}
    for state in graph.terminals.tolist():
        outcome = graph.outcome(state)
        verdicts = system.verdicts_of(outcome, properties)
        alike = system.class_key(outcome, verdicts)
        of_class.setdefault(alike, (outcome, verdicts))
        members.setdefault(alike, []).append(state)
    found = []
    ends = [np.array(states, dtype=np.int64) for states in members.values()]
    for alike, probability in zip(members, absorption.probabilities_to_end_in(ends), strict=True):
        if is_complete:
            _refuse_ties(scenario, next(absorption.ties(probability, TIE_TOLERANCE), None))
        found.append(ExactOutcome(*of_class[alike], float(probability[0])))
    return tuple(sorted((each for each in found if each.probability > 0), key=_order))


def _order(each: ExactOutcome) -> tuple[bool, float]:
    return (each.verdicts == ("ok",), -each.probability)


def _refuse_ties(scenario: Scenario, tie: tuple[StepKind, StepKind] | None) -> None:
    if tie is None:
        return
    first, second = (f"{kind.operation.name} ({kind.role.name})" for kind in tie)
    allowed = "an exponential leg before one of them, in an exact exploration"
    found = "both take effect at one instant, and which comes first matters"
    raise InvalidScenario([Problem(scenario.file, None, None, f"latency of {first} and {second}", found, allowed)])
