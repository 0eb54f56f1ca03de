"""`batchsim explore --timed`: only what latencies within the intervals of the scenario allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchsim.analysis.judging import Given
from batchsim.analysis.witnesses import WitnessStep, timed_steps_of
from batchsim.cli.exploring import Asked, Explorer, Facts
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.recorded_draws import Draw
from batchsim.engines.zones import TimedExploration, TimedOutcome, explore_timed
from batchsim.model.properties import Property
from batchsim.report.search_progress import SearchProgress
from batchsim.rounding import rounded
from batchsim.scenario import Scenario, check_for_timed_exploration

if TYPE_CHECKING:
    from rich.console import Console

    from batchsim.report.page.answers import Answer


class WithinIntervals(Explorer[TimedExploration]):
    """The engine of zones."""

    flag = ("--timed",)
    is_of_all_latencies = True
    unit = "zones"
    question = "all latencies within the intervals of the scenario"
    size_means = (
        "A situation is where every actor is, what the stores hold and what is under way; a zone is a set of "
        "times at which it can be so. Together they are all that can happen within the intervals."
    )
    further = ("steps", "for example, ends after")

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
        from batchsim.report.timed_exploration import show_timed_explorations

        show_timed_explorations(console, scenario, found, commands)

    def answer(
        self, scenario: Scenario, asked: Asked, exploration: TimedExploration, commands: Sequence[str]
    ) -> Answer:
        from batchsim.analysis.runs import run_policy
        from batchsim.report.page.answers import Answer, AnsweredOutcome
        from batchsim.report.timed_exploration import claim_of

        outcomes = []
        for each, command in zip(exploration.outcomes, commands, strict=True):
            steps = timed_steps_of(each)
            run = run_policy(
                scenario, asked.name, asked.policy, asked.properties, steps, each.verdicts, each.witness.draws
            )
            further = str(len(steps)), rounded(each.witness.steps[-1].at_us)
            outcomes.append(AnsweredOutcome(each.outcome, each.verdicts, further, run, command))
        return Answer(asked.name, asked.policy, claim_of(exploration), tuple(outcomes))

    def document(
        self, scenario: str, found: Sequence[TimedExploration], judged: Sequence[Given]
    ) -> dict[str, Any]:
        from batchsim.report.contract import explore_timed_document

        return explore_timed_document(scenario, found, judged)
