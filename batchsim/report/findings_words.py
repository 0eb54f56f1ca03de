"""The findings in words: what a cell says, and how a policy stands against another one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from batchsim.analysis.findings import Base, Budget, Compared, Findings, Known, PolicyStanding, TableCell
from batchsim.report.phrases import counted

HONEST = "true_failure"
"""The call rejected and the work was not done: no defect by itself."""


def nothing_found(cell: TableCell, budget: Budget) -> str:
    """What a cell says in which no verdict is listed; of a pair of faults, none that neither gives alone."""
    none = "no more" if len(budget.names) == 2 else "none"
    if cell.known is Known.SAMPLED:
        return f"{none} found in {counted_schedules(cell)}{_never(cell, budget)}"
    return f"{none}, proved" if cell.known is Known.PROVED else "cannot happen"


def maybe_more(cell: TableCell) -> str:
    """What a cell says below the verdicts that are listed; empty: these are all."""
    return f"maybe more ({counted_schedules(cell)})" if cell.known is Known.SAMPLED else ""


def counted_schedules(cell: TableCell) -> str:
    """`480 sampled schedules`."""
    return f"{cell.schedules:,} sampled schedule{'' if cell.schedules == 1 else 's'}"


def named(budget: Budget) -> str:
    """A budget in a sentence."""
    return str(budget) if budget.names else "no fault"


def standing_in_words(compared: Compared, against: str) -> str:
    """How a policy stands, and how that is known; `against`: the name of the other one."""
    match compared.standing:
        case PolicyStanding.CLOSED:
            return "closed, proved"
        case PolicyStanding.NOT_FOUND | PolicyStanding.CANNOT_HAPPEN:
            return _without_it(compared.ours, compared.budget)
        case PolicyStanding.CAME_BACK:
            return f"came back ({against}: {_without_it(compared.theirs, compared.budget)})"
        case _:
            return "open"


def _without_it(cell: TableCell, budget: Budget) -> str:
    """What is known of a policy that was not found to give a verdict."""
    if cell.known is Known.SAMPLED:
        return f"not found in {counted_schedules(cell)}{_never(cell, budget)}"
    return "proved not to occur" if cell.known is Known.PROVED else "cannot happen"


def _never(cell: TableCell, budget: Budget) -> str:
    """What is to be added of schedules that were drawn, if the faults are in none of them."""
    faults = "the faults" if len(budget.names) > 1 else "the fault"
    return "" if cell.happened else f", {faults} in none of them"


class Alike(NamedTuple):
    """A verdict under some budgets, where a policy stands alike."""

    base: Base
    verdict: str
    budgets: tuple[Budget, ...]
    standing: PolicyStanding
    words: str

    @property
    def under(self) -> str:
        """The budgets in words."""
        return ", ".join(map(named, self.budgets))


def alike(compared: Iterable[Compared], against: str) -> list[Alike]:
    """How a policy stands, with all budgets together under which it stands alike as to a verdict."""
    budgets: dict[tuple[Base, str, PolicyStanding, str], list[Budget]] = {}
    for each in compared:
        words = standing_in_words(each, against)
        budgets.setdefault((each.base, each.verdict, each.standing, words), []).append(each.budget)
    together = [
        Alike(base, verdict, tuple(under), standing, words)
        for (base, verdict, standing, words), under in budgets.items()
    ]
    bases = list(dict.fromkeys(each.base for each in together))
    return sorted(together, key=lambda each: (bases.index(each.base), each.verdict))


def standings_in_short(compared: Sequence[Compared]) -> str:
    """`5 closed, 3 open, 1 came back, 2 not found (no proof)`, a verdict under a budget being one."""
    words = {
        PolicyStanding.CLOSED: "closed",
        PolicyStanding.OPEN: "open",
        PolicyStanding.CAME_BACK: "came back",
        PolicyStanding.NOT_FOUND: "not found (no proof)",
        PolicyStanding.CANNOT_HAPPEN: "under faults that cannot happen",
    }
    count = {standing: sum(each.standing is standing for each in compared) for standing in words}
    always = (PolicyStanding.CLOSED, PolicyStanding.OPEN, PolicyStanding.CAME_BACK)
    return ", ".join(f"{count[each]} {words[each]}" for each in words if count[each] or each in always)


def sizes_in_words(findings: Findings, base: Base) -> str:
    """`1 and 2 items, 1 consumer`."""
    batches = [batch for batch in findings.scope.batches if batch.base == base]
    items = sorted({batch.items for batch in batches})
    consumers = sorted({batch.consumers for batch in batches})
    return f"{_counts(items, 'item')}, {_counts(consumers, 'consumer')}"


def _counts(numbers: Sequence[int], noun: str) -> str:
    if len(numbers) == 1:
        return counted(numbers[0], noun)
    return f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]} {noun}s"


def faults_in_words(budgets: Iterable[Budget]) -> str:
    """Which budgets there are: `no fault, each fault once, each pair of faults once`."""
    sizes = {len(budget.names) for budget in budgets}
    words = {0: "no fault", 1: "each fault once", 2: "each pair of faults once"}
    return ", ".join(words[size] for size in sorted(sizes))
