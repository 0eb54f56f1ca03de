"""What the findings mean: what can occur under a budget, what only a pair of faults gives, and what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from batchsim.analysis.findings.examining import Finding, FoundSchedule
from batchsim.analysis.findings.scope import Base, Budget, SurveyCase


@dataclass(frozen=True, slots=True)
class Found:
    """A verdict that occurs, and the case with its shortest witness."""

    case: SurveyCase
    witness: FoundSchedule
    is_of_one_consumer: bool
    """Whether it occurs only where there is one consumer."""


class Known(StrEnum):
    """How much is known of what a policy does under a budget."""

    PROVED = "proved"
    """Every batch was explored to the end, and the faults happen: what was not found does not occur."""
    SAMPLED = "sampled"
    """Of some batch only schedules were drawn: what was not found there may still occur."""
    CANNOT_HAPPEN = "cannot happen"
    """Every batch was explored to the end, and no schedule has all faults of the budget: nothing is said."""


@dataclass(frozen=True, slots=True)
class TableCell:
    """What a policy can come to under a budget, for batches of all sizes together."""

    known: Known
    found: Mapping[str, Found]
    """By verdict that is not ok."""
    schedules: int
    """How many were drawn, of the batches that were not explored to the end."""
    happened: int
    """In how many of these all faults of the budget happened."""
    gives_ok: bool
    """Whether some schedule is ok."""


class PolicyStanding(StrEnum):
    """How a policy stands against another one, as to a verdict under a budget."""

    OPEN = "open"
    """Both give it."""
    CLOSED = "closed"
    """The other one gives it, and this one is proved not to."""
    NOT_FOUND = "not found"
    """The other one gives it, and none of the schedules that were drawn under this one does."""
    CANNOT_HAPPEN = "cannot happen"
    """The other one gives it, and under this one the faults cannot happen."""
    CAME_BACK = "came back"
    """Only this one gives it, as far as is known of the other one."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A verdict that one of two policies gives under a budget."""

    base: Base
    verdict: str
    budget: Budget
    standing: PolicyStanding
    ours: TableCell
    theirs: TableCell
    """Of the policy that it is held against."""


class FindingsTable:
    """The findings, for all sizes of the batch together."""

    def __init__(self, findings: Mapping[SurveyCase, Finding]) -> None:
        self._findings: dict[tuple[str, Budget, Base, str], list[Finding]] = {}
        self._without = {case.batch for case in findings if case.without}
        """The batches in which policies without one of their switches are looked at."""
        for case, finding in findings.items():
            key = (case.policy, case.budget, case.batch.base, case.without)
            self._findings.setdefault(key, []).append(finding)
        self.cases = len(findings)
        """How many there are."""
        self.complete = sum(finding.is_complete for finding in findings.values())
        """How many of them were explored to the end."""

    def cell(self, policy: str, budget: Budget, base: Base, without: str = "") -> TableCell:
        """What a policy can come to under a budget."""
        findings = self._findings.get((policy, budget, base, without), [])
        drawn = [finding for finding in findings if not finding.is_complete]
        happens = any(finding.happened for finding in findings)
        return TableCell(
            known=Known.SAMPLED if drawn else Known.PROVED if happens else Known.CANNOT_HAPPEN,
            found=_found(findings),
            schedules=sum(finding.looked_at for finding in drawn),
            happened=sum(finding.happened for finding in drawn),
            gives_ok=any(finding.gives_ok for finding in findings),
        )

    def found(self, policy: str, budget: Budget, base: Base, without: str = "") -> Mapping[str, Found]:
        """By verdict that some size gives under a budget."""
        return self.cell(policy, budget, base, without).found

    def only_together(self, policy: str, budget: Budget, base: Base) -> dict[str, Found]:
        """Those that no smaller budget gives."""
        smaller = {verdict for part in budget.parts for verdict in self.up_to(policy, part, base)}
        return {
            verdict: each for verdict, each in self.found(policy, budget, base).items() if verdict not in smaller
        }

    def shown(self, policy: str, budget: Budget, base: Base) -> Mapping[str, Found]:
        """What is worth telling: of a pair only what neither fault gives alone.

        Where the faults cannot happen it is nothing: what is given there is given by a smaller budget.
        """
        if self.cell(policy, budget, base).known is Known.CANNOT_HAPPEN:
            return {}
        return (self.only_together if len(budget.names) == 2 else self.found)(policy, budget, base)

    def up_to(self, policy: str, budget: Budget, base: Base) -> set[str]:
        """The verdicts that occur under a budget or a smaller one."""
        verdicts = set(self.found(policy, budget, base))
        for part in budget.parts:
            verdicts |= self.up_to(policy, part, base)
        return verdicts

    def by_fault(
        self, policy: str, base: Base, budgets: Sequence[Budget], without: str = "", *, of_same: bool = False
    ) -> dict[str, list[Budget]]:
        """Each verdict that occurs under some budget, with the budgets.

        `of_same`: only in the batches that policies without one of their switches are looked at in.
        """
        under: dict[str, list[Budget]] = {}
        for budget in budgets:
            findings = self._findings.get((policy, budget, base, without), [])
            some = [each for each in findings if each.case.batch in self._without] if of_same else findings
            for verdict in _found(some):
                under.setdefault(verdict, []).append(budget)
        return dict(sorted(under.items()))

    def compared(
        self, policy: str, against: str, bases: Sequence[Base], budgets: Sequence[Budget]
    ) -> list[Compared]:
        """How a policy stands against another, verdict by verdict; of a pair what neither fault gives alone."""
        return [
            each for base in bases for budget in budgets for each in self._compared(policy, against, base, budget)
        ]

    def _compared(self, policy: str, against: str, base: Base, budget: Budget) -> Iterator[Compared]:
        ours, theirs = self.cell(policy, budget, base), self.cell(against, budget, base)
        our_verdicts, their_verdicts = self.up_to(policy, budget, base), self.up_to(against, budget, base)
        for verdict in sorted({*self.shown(policy, budget, base), *self.shown(against, budget, base)}):
            if ours.known is Known.CANNOT_HAPPEN:
                standing = PolicyStanding.CANNOT_HAPPEN
            elif verdict not in our_verdicts:
                standing = PolicyStanding.CLOSED if ours.known is Known.PROVED else PolicyStanding.NOT_FOUND
            else:
                standing = PolicyStanding.OPEN if verdict in their_verdicts else PolicyStanding.CAME_BACK
            yield Compared(base, verdict, budget, standing, ours, theirs)

    def of_policy(self, policy: str, scenario: str) -> list[Finding]:
        """All findings of a policy in a scenario, with all of its switches."""
        return [
            finding
            for (name, _, base, without), findings in self._findings.items()
            if (name, base.scenario, without) == (policy, scenario, "")
            for finding in findings
        ]


def _found(findings: Sequence[Finding]) -> dict[str, Found]:
    found: dict[str, Found] = {}
    for finding in findings:
        for verdict, witness in finding.witnesses.items():
            is_of_one = finding.case.batch.consumers == 1
            best = Found(finding.case, witness, is_of_one)
            before = found.get(verdict)
            if before is not None:
                best = before if len(before.witness.steps) <= len(witness.steps) else best
                best = replace(best, is_of_one_consumer=before.is_of_one_consumer and is_of_one)
            found[verdict] = best
    return dict(sorted(found.items()))
