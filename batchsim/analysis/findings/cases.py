"""What is looked at: a policy, a budget of faults, and a batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.setting import Call
from batchsim.model.faults import Fault
from batchsim.scenario import Scenario

ONCE: dict[str, Fault] = {
    "lost_response": LostResponse(at_most=1),
    "disconnect": Disconnect(at_most=1),
    "cut": Cut(at_most=1),
    "redeliver": Redeliver(at_most=1),
    "crash": Crash(at_most=1),
    "store_error": StoreError(at_most=1),
}
"""Every fault that an order of steps can tell, once, anywhere (`slow` only takes time)."""


class Budget(NamedTuple):
    """The faults that may happen, each once."""

    names: tuple[str, ...]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """As a setting takes them."""
        return tuple(ONCE[name] for name in self.names)

    @property
    def parts(self) -> tuple[Budget, ...]:
        """The budgets of one fault less."""
        return (
            tuple(Budget(names) for names in combinations(self.names, len(self.names) - 1)) if self.names else ()
        )

    def __str__(self) -> str:
        return " + ".join(self.names) or "none"


NO_FAULT = Budget(())


def budgets_of(faults: Iterable[str]) -> tuple[Budget, ...]:
    """None, each of these faults once, and each pair of them once."""
    chosen = set(faults)
    names = [name for name in ONCE if name in chosen]
    return tuple(Budget(each) for size in range(3) for each in combinations(names, size))


BUDGETS = budgets_of(ONCE)


class Base(NamedTuple):
    """What batches of all sizes have in common."""

    scenario: str
    """What the scenario is called that says of which kinds the items are."""
    call: Call


class Batch(NamedTuple):
    """A batch that is looked at."""

    base: Base
    items: int
    consumers: int


class Case(NamedTuple):
    """One exploration."""

    policy: str
    """A name, or `path/to/file.py:NAME`."""
    without: str
    """A switch of it that is turned off; empty: none."""
    budget: Budget
    batch: Batch


@dataclass(frozen=True, slots=True)
class Scope:
    """How much of all that."""

    policies: tuple[str, ...]
    batches: Mapping[Batch, Scenario]
    """Each batch as a scenario, whose faults are not looked at: each budget takes their place."""
    budgets: tuple[Budget, ...] = BUDGETS
    without: tuple[tuple[str, str], ...] = ()
    """Policies of which a switch is turned off, each with the switch: under no more than one fault."""
    verdicts: tuple[str, ...] = ()
    """Verdicts of the user's own, each `path/to/file.py:NAME`."""

    @property
    def bases(self) -> tuple[Base, ...]:
        """Those of its batches."""
        return tuple(dict.fromkeys(batch.base for batch in self.batches))


def cases_of(scope: Scope, faults: Sequence[int] = range(3)) -> Iterator[Case]:
    """The cases of a scope whose budgets have so many faults."""
    most = {base: max(batch.consumers for batch in scope.batches if batch.base == base) for base in scope.bases}
    for budget in scope.budgets:
        if len(budget.names) not in faults:
            continue
        variants = [(policy, "") for policy in scope.policies]
        variants += scope.without if len(budget.names) < 2 else ()
        for policy, without in variants:
            for batch in scope.batches:
                if not without or batch.consumers == most[batch.base]:
                    yield Case(policy, without, budget, batch)
