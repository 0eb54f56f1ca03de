"""Every interleaving of a scenario under a policy, counted and judged."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from batchsim.engines.exhaustive.counting import Counts, probability_of, schedules_to
from batchsim.engines.exhaustive.fates import DecisiveSteps, decisions
from batchsim.engines.exhaustive.graph import COMES_BACK, Graph, WalkedStep
from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.occurring import occurrences_in
from batchsim.engines.exhaustive.reduction import Reduction
from batchsim.engines.exhaustive.scouting import STEPS_MAX, send_scouts
from batchsim.engines.exhaustive.search import (
    INTERRUPTED,
    UNBOUNDED,
    Bounds,
    GaveUp,
    Level,
    Lookout,
    Search,
)
from batchsim.engines.occurrences import Occurrence, missing
from batchsim.html_table import html_table
from batchsim.model.history import MEMORIES_MAX
from batchsim.model.properties import Property
from batchsim.model.system import remembering
from batchsim.scenario import Scenario, check_for_exploration

WHOLE_STATES_MAX = 4_000_000
"""A graph of so many states is searched whole even if it need not: working out what to skip would take longer."""


@dataclass(frozen=True, slots=True)
class OutcomeClass:
    """All schedules that come to the same (`System.class_of`)."""

    outcome: Any
    """That of the witness."""
    verdicts: tuple[str, ...]
    schedules: int | None
    """How many there are, exactly; of an incomplete exploration: how many were found; `None`: not counted."""
    share: float | None
    """Their probability if at each state every enabled step is equally likely; `None`: not counted."""
    witness: tuple[WalkedStep, ...] = field(repr=False)
    """A shortest one of the graph."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """What an exhaustive exploration found."""

    policy: str
    is_complete: bool
    """Whether every state was looked into."""
    stopped_by: str | None
    """Why it is not complete: a bound was hit, or it was interrupted."""
    bounds: Bounds
    states: int
    transitions: int
    schedules: int | None
    """How many there are; `None`: not counted."""
    outcomes: tuple[OutcomeClass, ...]
    """Those that are not ok first, then by the length of their witness."""
    decisive: tuple[DecisiveSteps, ...] = field(repr=False)
    graph: Graph = field(repr=False)
    """To be walked by code of your own; where nothing is counted, it is a tree (`Graph.is_tree`)."""
    faults: tuple[Occurrence, ...] = ()
    """Whether each fault of the scenario happens, in the order of `Scenario.faults`."""
    unreached: tuple[str, ...] = ()
    """What some run is to come to (`sometimes`), and none does; of an incomplete exploration nothing is said."""
    uncounted_because: str | None = None
    """Why schedules were not counted, and decisive steps not looked for, where that was asked for."""

    @property
    def missing_faults(self) -> tuple[int, ...]:
        """The numbers of the pinned faults that happen in no schedule that was explored."""
        return missing(self.faults)

    @property
    def is_proof(self) -> bool:
        """Whether what it says is proved within the scenario: it is complete, and misses no pinned fault."""
        return self.is_complete and not self.missing_faults

    @property
    def verdicts(self) -> frozenset[str]:
        """Every verdict that some schedule gives."""
        return frozenset(verdict for each in self.outcomes for verdict in each.verdicts)

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        known = "" if self.is_complete else f", incomplete: {self.stopped_by}"
        caption = f"{self.policy}: {self.states:,} states, {self.transitions:,} transitions{known}"
        rows = (
            (
                ", ".join(each.verdicts),
                "-" if each.schedules is None else f"{each.schedules:,}",
                "-" if each.share is None else f"{100 * each.share:.4g} %",
                len(each.witness),
            )
            for each in self.outcomes
        )
        return html_table(caption, ("verdict", "schedules", "share", "steps of the shortest"), rows)


def explore(
    scenario: Scenario,
    policy: Any = None,
    *,
    properties: Sequence[Property] = (),
    bounds: Bounds = UNBOUNDED,
    on_level: Callable[[Level], bool] | None = None,
    merges: bool = True,
    exchanges: bool = True,
    twins: bool = True,
    counts: bool = True,
    reduces: bool = False,
) -> Exploration:
    """Explore every interleaving of a scenario under a policy; times and seed play no part.

    `properties`: verdicts of your own. `bounds`: where to give up. `on_level`: called time and again while it
    searches; whether to go on. `merges`: whether histories that leave a coroutine at the same point are one local
    state; `exchanges`: whether states that differ only in which child run is where are one (without, the answers
    are the same and the graph is larger). `twins`: likewise, whether actors that are alike
    are. `counts`: whether schedules are counted, and decisive steps looked for.
    `reduces`: they are not, and in a graph that is too large orders of steps that commute are skipped; the
    outcomes are the same. Raises `InvalidScenario` for faults with a probability, `BadInputError` for twins that
    do different things, and for a property over history whose memory is of no use.
    """
    if scenario.setting.faults:
        check_for_exploration(scenario)
    system = remembering(scenario.system(policy), properties, memories_max=MEMORIES_MAX)
    if not twins:
        system = replace(system, actors=tuple(each.told_apart() for each in system.actors))
    table = StepTable(Layout(system, merges=merges, exchanges=exchanges))
    is_to_be_counted = counts and not reduces
    search = (
        _outcomes_only(table, bounds, on_level)
        if reduces
        else _search(table, bounds, on_level, only_first_edges=not is_to_be_counted)
    )
    if on_level is not None and is_to_be_counted and search.is_complete:
        found = Level(len(search.levels_begin) - 1, search.states, search.edges.count, 0, is_counting=True)
        if not on_level(found):
            search.is_complete, search.stopped_by = False, INTERRUPTED
    graph = Graph(search)
    outcomes = graph.outcomes
    verdicts = [system.verdicts_of(outcome, properties) for outcome in outcomes]
    is_counted = is_to_be_counted and not graph.has_cycle
    counts_to = schedules_to(graph) if is_counted else None
    classes = _classes(graph, outcomes, verdicts, counts_to)
    bad = sorted({name for given in verdicts for name in given if name != "ok"})
    return Exploration(
        policy=system.name,
        is_complete=search.is_complete,
        stopped_by=search.stopped_by,
        bounds=bounds,
        states=graph.states,
        transitions=graph.transitions,
        schedules=sum(each.schedules or 0 for each in classes) if is_counted else None,
        outcomes=classes,
        decisive=tuple(decisions(graph, verdicts, bad)) if is_counted else (),
        graph=graph,
        faults=occurrences_in(graph, scenario, counts_to),
        unreached=system.unreached(outcomes, properties) if search.is_complete else (),
        uncounted_because=f"{COMES_BACK}, so there is no number of schedules"
        if is_to_be_counted and not is_counted
        else None,
    )


def _outcomes_only(table: StepTable, bounds: Bounds, on_level: Callable[[Level], bool] | None) -> Search:
    states_max = min(bounds.states_max or WHOLE_STATES_MAX, WHOLE_STATES_MAX)
    whole = _search(table, replace(bounds, states_max=states_max), on_level, only_first_edges=True)
    if table.layout.has_background and not whole.is_complete:
        # What to skip is worked out for graphs without cycles.
        return _search(table, bounds, on_level, only_first_edges=True)
    if whole.is_complete or whole.stopped_by == INTERRUPTED:
        return whole
    lookout = Lookout(bounds, on_level)
    lookout.level = Level(0, whole.states, whole.edges.count, 0)
    try:
        # A search that gives up beyond so many states is not worth more steps than that.
        send_scouts(table, steps_max=bounds.states_max or STEPS_MAX, look=lookout.look)
    except GaveUp as why:
        whole.stopped_by = str(why)
        return whole
    del whole  # its memory is needed
    return _search(table, bounds, on_level, Reduction(table.layout), only_first_edges=True)


def _search(
    table: StepTable,
    bounds: Bounds,
    on_level: Callable[[Level], bool] | None,
    reduction: Reduction | None = None,
    *,
    only_first_edges: bool,
) -> Search:
    while True:
        search = Search(table, reduction, only_first_edges=only_first_edges)
        search.run(bounds, on_level)
        if not search.is_complete or search.chose_well(bounds, on_level):
            return search


def _classes(
    graph: Graph, outcomes: Sequence[Any], verdicts: Sequence[tuple[str, ...]], counts: Counts | None
) -> tuple[OutcomeClass, ...]:
    probability = None if counts is None else probability_of(graph)
    members: dict[Hashable, list[int]] = {}
    for place, (outcome, given) in enumerate(zip(outcomes, verdicts, strict=True)):
        members.setdefault(graph.layout.system.class_key(outcome, given), []).append(place)
    terminals = graph.terminals.tolist()
    classes = (
        OutcomeClass(
            outcome=outcomes[places[0]],
            verdicts=verdicts[places[0]],
            schedules=None if counts is None else sum(counts[terminals[place]] for place in places),
            share=None if probability is None else float(sum(probability[terminals[place]] for place in places)),
            witness=tuple(graph.walk(graph.shortest_path(terminals[places[0]]))),
        )
        for places in members.values()
    )
    return tuple(
        sorted(classes, key=lambda each: (each.verdicts == ("ok",), len(each.witness), -(each.schedules or 0)))
    )
