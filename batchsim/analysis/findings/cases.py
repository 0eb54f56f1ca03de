"""What is looked at: a policy, a budget of faults, and a small batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from batchsim.protocol.faults import Crash, Cut, Disconnect, Fault, LostResponse, Redeliver, StoreError
from batchsim.protocol.setting import Call

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


BUDGETS = tuple(Budget(names) for size in range(3) for names in combinations(ONCE, size))
"""None, each fault once, and each pair of faults once."""


class Case(NamedTuple):
    """One exploration."""

    policy: str
    """The name of a shipped policy."""
    without: str
    """A switch of it that is turned off; empty: none."""
    budget: Budget
    call: Call
    items: int
    consumers: int


@dataclass(frozen=True, slots=True)
class Scope:
    """How much of all that."""

    policies: tuple[str, ...]
    items: tuple[int, ...] = (1, 2)
    consumers: tuple[int, ...] = (1, 2)
    calls: tuple[Call, ...] = tuple(Call)
    budgets: tuple[Budget, ...] = BUDGETS
    without: tuple[tuple[str, str], ...] = ()
    """Policies of which a switch is turned off, each with the switch: under no more than one fault."""


def cases_of(scope: Scope, faults: Sequence[int]) -> Iterator[Case]:
    """The cases of a scope whose budgets have so many faults."""
    for budget in scope.budgets:
        if len(budget.names) not in faults:
            continue
        variants = [(policy, "") for policy in scope.policies]
        variants += scope.without if len(budget.names) < 2 else ()
        for policy, without in variants:
            for call in scope.calls:
                for items in scope.items:
                    for consumers in scope.consumers if not without else scope.consumers[-1:]:
                        yield Case(policy, without, budget, call, items, consumers)
