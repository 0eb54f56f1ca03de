"""`batchsim explore --exact`: the probability of each outcome in the timed model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchsim.analysis.judging import ANY, Given, Rate
from batchsim.cli.exploring import Asked, Explorer, Facts
from batchsim.engines.chain import ExactExploration, explore_exact
from batchsim.engines.chain.fitness import check_for_chain
from batchsim.engines.exhaustive import Bounds
from batchsim.model.properties import Property
from batchsim.report import words
from batchsim.report.search_progress import SearchProgress
from batchsim.scenario import Scenario

if TYPE_CHECKING:
    from rich.console import Console

    from batchsim.report.page.answers import Answer


class Exactly(Explorer[ExactExploration]):
    """The engine that solves a Markov chain; it has no witnesses."""

    flag = ("--exact",)
    takes_rates = True
    question = "the probability of each outcome, exactly"
    further = ("probability",)

    def check(self, scenario: Scenario) -> None:
        check_for_chain(scenario)

    def explore(
        self,
        scenario: Scenario,
        policy: Any,
        properties: Sequence[Property],
        bounds: Bounds,
        progress: SearchProgress,
    ) -> ExactExploration:
        return explore_exact(scenario, policy, properties=properties, bounds=bounds, on_level=progress.show)

    def facts(self, exploration: ExactExploration) -> Facts:
        def rates(verdict: str) -> list[Rate]:
            return [_rate(exploration, verdict)]

        return {"needs_end": True, "rates": rates}

    def show(
        self,
        console: Console,
        scenario: Scenario,
        found: Sequence[ExactExploration],
        commands: Sequence[Sequence[str]],
    ) -> None:
        from batchsim.report.exactness import show_exact_explorations

        show_exact_explorations(console, scenario, found)

    def answer(
        self, scenario: Scenario, asked: Asked, exploration: ExactExploration, commands: Sequence[str]
    ) -> Answer:
        from batchsim.report.exactness import claim_of
        from batchsim.report.page.answers import Answer, AnsweredOutcome

        outcomes = (
            AnsweredOutcome(each.outcome, each.verdicts, (words.share(each.probability),), None, "")
            for each in exploration.outcomes
        )
        return Answer(asked.name, asked.policy, claim_of(exploration), tuple(outcomes))

    def document(
        self, scenario: str, found: Sequence[ExactExploration], judged: Sequence[Given]
    ) -> dict[str, Any]:
        from batchsim.report.contract import exact_document

        return exact_document(scenario, found, judged)


def _rate(exploration: ExactExploration, verdict: str) -> Rate:
    """How probable a verdict is, or any that is not ok."""
    given = [
        each.probability
        for each in exploration.outcomes
        if (each.verdicts != ("ok",) if verdict == ANY else verdict in each.verdicts)
    ]
    error = exploration.relative_error_max
    low, high = sum(given) * (1 - error), sum(given) * (1 + error) + exploration.unresolved
    told = f"probability {_percent(sum(given))}"
    return Rate(low, high, told if exploration.is_complete else f"{told} to {_percent(high)}")


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"
