"""What is looked at: a policy, a budget of faults, and a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.setting import Call
from batchsim.model.faults import Fault
from batchsim.scenario import Scenario


class Once(NamedTuple):
    """A fault that may happen once, anywhere."""

    fault: Fault
    entry: str
    """As a list of faults in a scenario has it, on one line."""


def _once(fault: Fault) -> Once:
    return Once(fault, f"{{{fault.word}: {{at_most: 1}}}}")


ONCE: dict[str, Once] = {
    "lost_response": _once(LostResponse(at_most=1)),
    "disconnect": _once(Disconnect(at_most=1)),
    "cut": _once(Cut(at_most=1)),
    "redeliver": _once(Redeliver(at_most=1)),
    "crash": _once(Crash(at_most=1)),
    "store_error": _once(StoreError(at_most=1)),
}
"""Every fault that an order of steps can tell, once, anywhere (`slow` only takes time)."""


class Budget(NamedTuple):
    """The faults that may happen, each once."""

    names: tuple[str, ...]

    @property
    def parts(self) -> tuple[Budget, ...]:
        """The budgets of one fault less."""
        return (
            tuple(Budget(names) for names in combinations(self.names, len(self.names) - 1)) if self.names else ()
        )

    def __str__(self) -> str:
        return " + ".join(self.names) or "none"


NO_FAULT = Budget(())


def budgets_of(faults: Iterable[str], known: Iterable[str] = ONCE) -> tuple[Budget, ...]:
    """None, each of these faults once, and each pair of them once; in the order of those that are known."""
    chosen = set(faults)
    names = [name for name in known if name in chosen]
    return tuple(Budget(each) for size in range(3) for each in combinations(names, size))


BUDGETS = budgets_of(ONCE)


class Base(NamedTuple):
    """What batches of all sizes have in common."""

    scenario: str
    """What the scenario is called that says of which kinds the items are."""
    call: Call | None
    """`None`: it is about a system of the user's own."""


class SizedBatch(NamedTuple):
    """A batch that is looked at."""

    base: Base
    items: int
    consumers: int


class SurveyCase(NamedTuple):
    """One exploration."""

    policy: str
    """A name, or `path/to/file.py:NAME`."""
    without: str
    """A switch of it that is turned off; empty: none."""
    budget: Budget
    batch: SizedBatch


@dataclass(frozen=True, slots=True)
class Scope:
    """How much of all that."""

    policies: tuple[str, ...]
    batches: Mapping[SizedBatch, Scenario]
    """Each batch as a scenario, whose faults are not looked at: each budget takes their place."""
    budgets: tuple[Budget, ...] = BUDGETS
    faults: Mapping[str, Once] = field(default_factory=lambda: ONCE)
    """By name, those of which budgets are."""
    without: tuple[tuple[str, str], ...] = ()
    """Policies of which a switch is turned off, each with the switch: under no more than one fault."""
    verdicts: tuple[str, ...] = ()
    """Verdicts of the user's own, each `path/to/file.py:NAME`."""

    @property
    def is_own(self) -> bool:
        """Whether it is about a system of the user's own."""
        return any(base.call is None for base in self.bases)

    def find_policy(self, name: str, directory: Path) -> Any:
        """One of its policies; raises `KeyError`, `UserCodeError`."""
        return next(iter(self.batches.values())).find_policy(name, directory)

    def entries(self, budget: Budget) -> str:
        """The faults of a budget as a scenario lists them."""
        return f"[{', '.join(self.faults[name].entry for name in budget.names)}]"

    @property
    def bases(self) -> tuple[Base, ...]:
        """Those of its batches."""
        return tuple(dict.fromkeys(batch.base for batch in self.batches))


def cases_of(scope: Scope, faults: Sequence[int] = range(3)) -> Iterator[SurveyCase]:
    """The cases of a scope whose budgets have so many faults.

    Pairs of faults, and policies without one of their switches, are looked at in batches with the fewest items:
    others have too many orders to be explored to the end.
    """
    fewest = {base: min(batch.items for batch in scope.batches if batch.base == base) for base in scope.bases}
    most = {base: max(batch.consumers for batch in scope.batches if batch.base == base) for base in scope.bases}
    for budget in scope.budgets:
        if len(budget.names) not in faults:
            continue
        variants = [(policy, "") for policy in scope.policies]
        variants += scope.without if len(budget.names) < 2 else ()
        for policy, without in variants:
            for batch in scope.batches:
                is_smallest = batch.items == fewest[batch.base]
                if not is_smallest and (without or len(budget.names) > 1):
                    continue
                if not without or batch.consumers == most[batch.base]:
                    yield SurveyCase(policy, without, budget, batch)
