"""What the findings mean: what can occur under a budget, what only a pair of faults gives, and what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchsim.analysis.findings.cases import Budget, Case
from batchsim.analysis.findings.examining import Finding, Witness
from batchsim.protocol.setting import Call


@dataclass(frozen=True, slots=True)
class Found:
    """A verdict that occurs, and the case with its shortest witness."""

    case: Case
    witness: Witness
    is_of_one_consumer: bool
    """Whether it occurs only where there is one consumer."""


class Judgement:
    """The findings, for all sizes of the batch together."""

    def __init__(self, findings: Mapping[Case, Finding]) -> None:
        self._findings = findings

    @property
    def cases(self) -> int:
        """How many there are."""
        return len(self._findings)

    @property
    def complete(self) -> int:
        """How many of them were explored to the end."""
        return sum(finding.is_complete for finding in self._findings.values())

    def is_complete(self, policy: str, budget: Budget, call: Call, without: str = "") -> bool:
        """Whether every size was explored to the end."""
        return all(finding.is_complete for finding in self._of(policy, budget, call, without))

    def found(self, policy: str, budget: Budget, call: Call, without: str = "") -> dict[str, Found]:
        """By verdict that some size gives under a budget."""
        found: dict[str, Found] = {}
        for finding in self._of(policy, budget, call, without):
            for verdict, witness in finding.witnesses.items():
                is_of_one = finding.case.consumers == 1
                before = found.get(verdict)
                if before is None:
                    found[verdict] = Found(finding.case, witness, is_of_one)
                    continue
                best = before.witness if len(before.witness) <= len(witness) else witness
                case = before.case if best is before.witness else finding.case
                found[verdict] = Found(case, best, before.is_of_one_consumer and is_of_one)
        return dict(sorted(found.items()))

    def only_together(self, policy: str, budget: Budget, call: Call) -> dict[str, Found]:
        """Those that no smaller budget gives."""
        smaller = {verdict for part in budget.parts for verdict in self.up_to(policy, part, call)}
        return {
            verdict: each for verdict, each in self.found(policy, budget, call).items() if verdict not in smaller
        }

    def up_to(self, policy: str, budget: Budget, call: Call) -> set[str]:
        """The verdicts that occur under a budget or a smaller one."""
        verdicts = set(self.found(policy, budget, call))
        for part in budget.parts:
            verdicts |= self.up_to(policy, part, call)
        return verdicts

    def proved_gone(self, one: str, other: str, budget: Budget, call: Call) -> list[str]:
        """What one policy gives at a size that was explored to the end under the other, which never gives it."""
        gone: set[str] = set()
        for case, finding in self._findings.items():
            if (case.policy, case.budget, case.call, case.without) == (one, budget, call, ""):
                same_size = self._findings.get(case._replace(policy=other))
                if same_size is not None and same_size.is_complete:
                    gone.update(finding.witnesses)
        return sorted(gone - set(self.found(other, budget, call)))

    def by_fault(
        self, policy: str, call: Call, budgets: tuple[Budget, ...], without: str = ""
    ) -> dict[str, list[Budget]]:
        """Each verdict that occurs under some budget, with the budgets."""
        under: dict[str, list[Budget]] = {}
        for budget in budgets:
            for verdict in self.found(policy, budget, call, without):
                under.setdefault(verdict, []).append(budget)
        return dict(sorted(under.items()))

    def _of(self, policy: str, budget: Budget, call: Call, without: str) -> list[Finding]:
        return [
            finding
            for case, finding in self._findings.items()
            if (case.policy, case.budget, case.call, case.without) == (policy, budget, call, without)
        ]


def judge(findings: Mapping[Case, Finding]) -> Judgement:
    """What they mean."""
    return Judgement(findings)
