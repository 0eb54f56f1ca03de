"""`batchsim explore --timed`: only what latencies within the intervals of the scenario allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from batchsim.analysis.judging import Given
from batchsim.analysis.witnesses import WitnessStep, timed_steps_of
from batchsim.cli.exploring import Explorer, Facts
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.recorded_draws import Draw
from batchsim.engines.zones import TimedExploration, TimedOutcome, explore_timed
from batchsim.model.properties import Property
from batchsim.report.contract import explore_timed_document
from batchsim.report.search_progress import SearchProgress
from batchsim.report.timed_exploration import show_timed_explorations
from batchsim.scenario import Scenario, check_for_timed_exploration


class WithinIntervals(Explorer[TimedExploration]):
    """The engine of zones."""

    flag = ("--timed",)
    is_of_all_latencies = True
    unit = "zones"

    def check(self, scenario: Scenario) -> None:
        check_for_timed_exploration(scenario)

    def explore(
        self,
        scenario: Scenario,
        policy: Any,
        properties: Sequence[Property],
        bounds: Bounds,
        progress: SearchProgress,
    ) -> TimedExploration:
        return explore_timed(scenario, policy, properties=properties, bounds=bounds, on_level=progress.show)

    def witness_of(self, outcome: TimedOutcome) -> tuple[tuple[WitnessStep, ...], tuple[Draw, ...]]:
        return timed_steps_of(outcome), outcome.witness.draws

    def facts(self, exploration: TimedExploration) -> Facts:
        # Latencies allow no verdict that no order gives; they need not allow each that one gives.
        return {"needs_end": exploration.verdicts <= {"ok"}}

    def show(
        self,
        console: Console,
        scenario: Scenario,
        found: Sequence[TimedExploration],
        commands: Sequence[Sequence[str]],
    ) -> None:
        show_timed_explorations(console, scenario, found, commands)

    def document(
        self, scenario: str, found: Sequence[TimedExploration], judged: Sequence[Given]
    ) -> dict[str, Any]:
        return explore_timed_document(scenario, found, judged)
