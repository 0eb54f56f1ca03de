"""Every outcome that the latencies of a scenario allow under a policy, each with a run that comes to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.search import UNBOUNDED, Bounds, Level
from batchsim.engines.occurrences import Occurrence, missing
from batchsim.engines.zones.bracketing import searched
from batchsim.engines.zones.layout import TimedLayout
from batchsim.engines.zones.path import path_to
from batchsim.engines.zones.search import ZoneNode, ZoneSearch
from batchsim.engines.zones.state_class import Guide
from batchsim.engines.zones.step import ZoneStepper
from batchsim.engines.zones.timetable import Timetable, timetable
from batchsim.engines.zones.windows import Windows
from batchsim.model.exposure import fault_key
from batchsim.model.history import MEMORIES_MAX
from batchsim.model.properties import Property
from batchsim.model.system import remembering
from batchsim.scenario import Scenario, check_for_timed_exploration


@dataclass(frozen=True, slots=True)
class TimedOutcome:
    """All runs that come to the same (`System.class_of`)."""

    outcome: Any
    """That of the witness."""
    verdicts: tuple[str, ...]
    witness: Timetable
    """One of the runs, with its times."""


@dataclass(frozen=True, slots=True)
class TimedExploration:
    """What a timed exploration found."""

    policy: str
    is_complete: bool
    """Whether every zone was looked into."""
    stopped_by: str | None
    """Why it is not complete: a bound was hit, or it was interrupted."""
    bounds: Bounds
    """`states_max` bounds the zones."""
    state_classes: int
    """Global states, each with the set of instants that are to come; as `zones`, of the search that holds all."""
    zones: int
    transitions: int
    """Steps from a zone."""
    outcomes: tuple[TimedOutcome, ...]
    """Those that are not ok first, then by the length of their witness."""
    faults: tuple[Occurrence, ...] = ()
    """Whether each fault of the scenario happens in some run, in the order of `Scenario.faults`."""
    unreached: tuple[str, ...] = ()
    """What some run is to come to (`sometimes`), and none does; of an incomplete exploration nothing is said."""

    @property
    def missing_faults(self) -> tuple[int, ...]:
        """The numbers of the pinned faults that happen in no run that was explored."""
        return missing(self.faults)

    @property
    def is_proof(self) -> bool:
        """Whether what it says is proved for all latencies within the intervals.

        It is complete, and misses no pinned fault.
        """
        return self.is_complete and not self.missing_faults

    @property
    def verdicts(self) -> frozenset[str]:
        """Every verdict that some run gives."""
        return frozenset(verdict for each in self.outcomes for verdict in each.verdicts)


def explore_timed(
    scenario: Scenario,
    policy: Any = None,
    *,
    properties: Sequence[Property] = (),
    bounds: Bounds = UNBOUNDED,
    on_level: Callable[[Level], bool] | None = None,
) -> TimedExploration:
    """Explore all runs of a scenario under a policy in which every latency is within its interval.

    The interval of a leg is the support of its distribution, in whole microseconds, without end where that has
    none; each leg of each operation varies by itself, the two halves of a round trip too. Distributions and seed
    play no further part. A pinned fault comes as in a timed run, at the first moment that its fields leave open,
    and at every one that they leave open beside that; a budget is spent, or not, wherever time lets the fault
    happen; what is slow is so at its first use. `properties`: verdicts of your own. `bounds`: where to give up,
    `states_max` in zones. `on_level`: called before each level of the search, with the zones as states; whether to
    go on. Raises `InvalidScenario` for faults with a probability, and for a cut.
    """
    check_for_timed_exploration(scenario)
    system = remembering(scenario.system(policy), properties, memories_max=MEMORIES_MAX)
    table = StepTable(TimedLayout(system, scenario))
    guide = Guide(table)
    windows = Windows(scenario.latency_of, scenario.injected_delays, guide.layout.system.faults)
    faults = guide.layout.system.faults

    def claims(search: ZoneSearch) -> Hashable:
        found = frozenset(_ends(search, guide, properties))
        happens = tuple(_happens(search, guide))
        return found, happens, search.slowed, system.unreached(_outcomes_of_ends(search, guide), properties)

    search, possible = searched(ZoneStepper(guide, windows), claims, bounds, on_level)
    return TimedExploration(
        policy=system.name,
        is_complete=search.is_complete,
        stopped_by=search.stopped_by,
        bounds=bounds,
        state_classes=search.state_classes,
        zones=search.zones,
        transitions=search.transitions,
        outcomes=_outcomes(possible, guide, windows, properties),
        faults=scenario.listed(
            [Occurrence(*each) for each in zip(faults, _happens(search, guide), strict=True)],
            [
                Occurrence(slow, bool(search.slowed >> place & 1))
                for place, slow in enumerate(scenario.injected_delays)
            ],
        ),
        unreached=system.unreached(_outcomes_of_ends(search, guide), properties) if search.is_complete else (),
    )


def _happens(search: ZoneSearch, guide: Guide) -> Iterator[bool]:
    """Whether each fault of the setting happens: its cell holds how often it may still do so."""
    rows = {node.state_class.row for node in search.nodes}
    first = guide.layout.initial_row()
    for number in range(len(guide.layout.system.faults)):
        column = guide.layout.column_of[fault_key(number)]
        yield any(row[column] != first[column] for row in rows)


def _outcomes_of_ends(search: ZoneSearch, guide: Guide) -> Iterator[Any]:
    for node in search.nodes:
        if node.state_class.is_terminal:
            yield guide.layout.outcome(list(node.state_class.row))


def _ends(
    search: ZoneSearch, guide: Guide, properties: Sequence[Property]
) -> dict[Hashable, tuple[Any, tuple[str, ...], ZoneNode]]:
    """Those of one class of outcomes each: what it came to, its verdicts, and where that was found first."""
    system = guide.layout.system
    found: dict[Hashable, tuple[Any, tuple[str, ...], ZoneNode]] = {}
    for node in search.nodes:
        if node.state_class.is_terminal:
            outcome = guide.layout.outcome(list(node.state_class.row))
            verdicts = system.verdicts_of(outcome, properties)
            found.setdefault(system.class_key(outcome, verdicts), (outcome, verdicts, node))
    return found


def _outcomes(
    search: ZoneSearch, guide: Guide, windows: Windows, properties: Sequence[Property]
) -> tuple[TimedOutcome, ...]:
    outcomes = [
        TimedOutcome(outcome, verdicts, timetable(guide, windows, path_to(search, node, 0)))
        for outcome, verdicts, node in _ends(search, guide, properties).values()
    ]
    return tuple(sorted(outcomes, key=lambda each: (each.verdicts == ("ok",), len(each.witness.steps))))
