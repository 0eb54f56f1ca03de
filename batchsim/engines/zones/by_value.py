"""Every outcome that the latencies of a scenario allow under a policy, by the value of a parameter of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive.layout import Layout
from batchsim.engines.exhaustive.moves import StepTable
from batchsim.engines.exhaustive.search import UNBOUNDED, Bounds, Level
from batchsim.engines.zones.explore import TimedOutcome
from batchsim.engines.zones.parameter import Probe, WindowsWithParameter, times_with, values_in
from batchsim.engines.zones.path import path_to
from batchsim.engines.zones.ranges import Range, united
from batchsim.engines.zones.search import ZoneNode, ZoneSearch
from batchsim.engines.zones.slots import InstantKind
from batchsim.engines.zones.state_class import Guide
from batchsim.engines.zones.step import ZoneStepper
from batchsim.engines.zones.timetable import timetable
from batchsim.engines.zones.windows import Windows
from batchsim.model.history import MEMORIES_MAX
from batchsim.model.properties import Property
from batchsim.model.system import remembering


@dataclass(frozen=True, slots=True)
class EndByValue:
    """Runs that come to the same, and the values of the parameter with which they are possible."""

    outcome: Any
    verdicts: tuple[str, ...]
    values: Range
    node: ZoneNode = field(repr=False)
    zone: int = field(repr=False)


class ExplorationByValue:
    """What a timed exploration with a parameter found."""

    def __init__(
        self, search: ZoneSearch, guide: Guide, windows: Windows, least_us: int, properties: Sequence[Property]
    ) -> None:
        self._search = search
        self._guide = guide
        self._windows = windows
        self.is_complete = search.is_complete
        self.stopped_by = search.stopped_by
        self.state_classes = search.state_classes
        self.zones = search.zones
        self.is_used = any(
            slot.kind is InstantKind.MARK for node in search.nodes for slot in node.state_class.slots
        )
        """Whether some run takes as long as the parameter says, anywhere."""
        self.ends = tuple(self._ends(least_us, properties))

    def _ends(self, least_us: int, properties: Sequence[Property]) -> Iterator[EndByValue]:
        for node in self._search.nodes:
            if node.state_class.is_terminal:
                outcome = self._guide.layout.outcome(list(node.state_class.row))
                verdicts = self._guide.layout.system.verdicts_of(outcome, properties)
                for place, zone in enumerate(node.zones):
                    values = values_in(zone) if node.state_class.slots else Range(least_us, None)
                    if values is not None:
                        yield EndByValue(outcome, verdicts, values, node, place)

    def values_of(self, *verdicts: str) -> tuple[Range, ...]:
        """The values with which some latencies give one of these verdicts."""
        return united(each.values for each in self.ends if not set(verdicts).isdisjoint(each.verdicts))

    @property
    def verdicts(self) -> frozenset[str]:
        """Every verdict that some run gives, with some value."""
        return frozenset(verdict for each in self.ends for verdict in each.verdicts)

    def run_to(self, end: EndByValue, value_us: int) -> TimedOutcome:
        """One of the runs of an end with a value (us), one of those that are possible."""
        times = times_with(end.node.zones[end.zone], end.node.state_class.slots, value_us)
        path = path_to(self._search, end.node, end.zone, times)
        return TimedOutcome(end.outcome, end.verdicts, timetable(self._guide, self._windows, path))


def explore_by_value(
    one: Probe,
    other: Probe,
    policy: Any,
    *,
    least_us: int = 0,
    properties: Sequence[Property] = (),
    bounds: Bounds = UNBOUNDED,
    on_level: Callable[[Level], bool] | None = None,
) -> ExplorationByValue:
    """Explore all runs with every latency within its interval, for all values of a parameter from a least one on.

    `one`, `other`: the scenario with two of its values, from which one sees which legs are as long as it says. For
    the rest it is as `explore_timed`. Raises `NoLeg` where the parameter is not the length of legs.
    """
    scenario = one.scenario
    system = remembering(scenario.system(policy), properties, memories_max=MEMORIES_MAX)
    if system.faults or scenario.injected_delays:
        raise BadInputError(f"{scenario.file}: faults: found some; allowed: none, in a timed exploration")
    guide = Guide(StepTable(Layout(system, merges=True)))
    windows = WindowsWithParameter(one, other, least_us)
    search = ZoneSearch(ZoneStepper(guide, windows))
    search.run(bounds, on_level)
    return ExplorationByValue(search, guide, windows, least_us, properties)
