"""`batchsim explore`: every interleaving of a scenario, time left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from batchsim.analysis.deciding import NOT_EXPLAINED, Explained, explained
from batchsim.analysis.judging import Given
from batchsim.analysis.witnesses import WitnessStep, steps_of
from batchsim.cli.exploring import Asked, Explorer, Facts
from batchsim.engines.exhaustive import Bounds, Exploration, OutcomeClass
from batchsim.engines.exhaustive import explore as explore_policy
from batchsim.engines.exhaustive.compiled import note_one_of_many
from batchsim.model.properties import Property
from batchsim.report.search_progress import SearchProgress
from batchsim.scenario import Scenario, check_for_exploration

if TYPE_CHECKING:
    from rich.console import Console

    from batchsim.analysis.study import Explored
    from batchsim.report.page.answers import Answer


class AllOrders(Explorer[Exploration]):
    """The exhaustive engine; `reduces`: without orders of steps that commute."""

    further = ("steps",)

    def __init__(self, *, reduces: bool) -> None:
        self._reduces = reduces
        if reduces:
            self.flag, self.question = ("--reduce",), "all orders of steps, but for those that commute"
        self._explained: list[Explained] = []

    def check(self, scenario: Scenario) -> None:
        check_for_exploration(scenario)

    def explore(
        self,
        scenario: Scenario,
        policy: Any,
        properties: Sequence[Property],
        bounds: Bounds,
        progress: SearchProgress,
    ) -> Exploration:
        found = explore_policy(
            scenario,
            policy,
            properties=properties,
            bounds=bounds,
            on_level=progress.show,
            reduces=self._reduces,
        )
        note_one_of_many(found.states)
        explains = progress.begin(f"explaining {policy.name}", counts=False)
        self._explained.append(explained(found, properties) if explains else NOT_EXPLAINED)
        return found

    def witness_of(self, outcome: OutcomeClass) -> tuple[tuple[WitnessStep, ...], None]:
        return steps_of(outcome), None

    def facts(self, exploration: Exploration) -> Facts:
        # Some order gives each verdict that is expected. Without one the question is whether it fails.
        return {"needs_all": True, "needs_end": exploration.verdicts <= {"ok"}}

    def show(
        self,
        console: Console,
        scenario: Scenario,
        found: Sequence[Exploration],
        commands: Sequence[Sequence[str]],
    ) -> None:
        from batchsim.report.exploration import show_explorations

        show_explorations(console, scenario, found, self._explained, commands)

    def answer(
        self, scenario: Scenario, asked: Asked, exploration: Exploration, commands: Sequence[str]
    ) -> Answer:
        from batchsim.report.exploration import claim_of
        from batchsim.report.page.answers import Answer, AnsweredOutcome

        outcomes = (
            AnsweredOutcome(each.outcome, each.verdicts, (str(len(each.witness)),), each.witness, command)
            for each, command in zip(exploration.outcomes, commands, strict=True)
        )
        return Answer(asked.name, asked.policy, claim_of(exploration), tuple(outcomes))

    def explored(self, chosen: Sequence[tuple[str, Any]], found: Sequence[Exploration]) -> list[Explored]:
        from batchsim.analysis.study import explored_of

        return [
            explored_of(policy, each, told)
            for (_, policy), each, told in zip(chosen, found, self._explained, strict=True)
        ]

    def document(self, scenario: str, found: Sequence[Exploration], judged: Sequence[Given]) -> dict[str, Any]:
        from batchsim.report.contract import explore_document

        return explore_document(scenario, found, judged, [each.places for each in self._explained])
