"""All that is known once every case was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from batchsim.analysis.findings.batches import Source
from batchsim.analysis.findings.examining import Effort, Finding
from batchsim.analysis.findings.scope import Base, Budget, Scope, SizedBatch, SurveyCase
from batchsim.analysis.findings.table import Compared, FindingsTable, Found
from batchsim.scenario.shipped import shipped_directory


class FindingPlace(NamedTuple):
    """Where a verdict is found."""

    policy: str
    base: Base
    budget: Budget
    verdict: str


@dataclass(frozen=True)
class Findings:
    """What was found, and of what."""

    scope: Scope
    effort: Effort
    findings: Mapping[SurveyCase, Finding]
    sources: Mapping[SizedBatch, Source]
    asked: tuple[str, ...]
    """The policies that were asked for; each is held against one, which may be none of them."""
    against: str
    names: Mapping[str, str]
    """By policy, as it was asked for: its name for people, which no other one has."""

    @cached_property
    def judgement(self) -> FindingsTable:
        """What the findings mean."""
        return FindingsTable(self.findings)

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The names of all scenarios."""
        return tuple(dict.fromkeys(base.scenario for base in self.scope.bases))

    def compared(self, policy: str) -> list[Compared]:
        """How one of the policies stands against the one that they are held against."""
        return self.judgement.compared(policy, self.against, self.scope.bases, self.scope.budgets)

    def shown(self, policy: str) -> Iterator[tuple[FindingPlace, Found]]:
        """Every verdict that a policy gives, where it is found; of a pair of faults what neither gives alone."""
        for base in self.scope.bases:
            for budget in self.scope.budgets:
                for verdict, found in self.judgement.shown(policy, budget, base).items():
                    yield FindingPlace(policy, base, budget, verdict), found

    def called(self, base: Base) -> str:
        """What a base is called among the others: its call, and its scenario where there are several."""
        if base.call is None:
            return base.scenario
        return base.call.value if len(self.scenarios) == 1 else f"{base.scenario}, {base.call.value}"

    def verdicts_beside(self, source: Source) -> tuple[str, ...]:
        """The verdicts of the user's own that a scenario does not list itself."""
        return tuple(each for each in self.scope.verdicts if each not in source.verdicts)

    def explore(self, case: SurveyCase) -> list[str]:
        """The words of the command that explores a case."""
        source = self.sources[case.batch]
        overrides = [word for each in source.under(self.scope.entries(case.budget)) for word in ("--set", each)]
        verdicts = [word for each in self.verdicts_beside(source) for word in ("--verdict", each)]
        # A file may begin like an option.
        file = f"./{source.file}" if str(source.file).startswith("-") else str(source.file)
        if Path(file).is_absolute() and Path(file).parent == shipped_directory():
            file = Path(file).stem  # a page is sent on: where the package lies is nobody's business
        return ["batchsim", "explore", file, "--policy", case.policy, *overrides, *verdicts, "--reduce"]
