"""What a policy is called where people are told of it: in tables, and in the lines that explain an exit code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from batchsim.scenario.names import shipped_beside

if TYPE_CHECKING:
    from batchsim.scenario import Scenario


def by_what_it_was_asked_for(scenario: Scenario, asked: str, policy: Any) -> Any:
    """A policy by its own name, or by its reference where that is the name of a shipped one.

    Who forgets `name` in `replace` leaves it: what is so of the one would be told of the other.
    """
    known = scenario.known_policies
    return replace(policy, name=asked) if asked not in known and policy.name in known else policy


def headings_of(chosen: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """By the name that each policy was asked for by: its name, which is short.

    It is the reference where another one among them has that name, or where it is that of a shipped policy which
    this one is not: that would say of the shipped one what is so of somebody's change to it.
    """
    policies = dict(chosen)
    shipped = shipped_beside(policies.values())
    names = [policy.name for policy in policies.values()]
    return {
        asked: policy.name
        if names.count(policy.name) == 1 and (policy.name not in shipped or asked in shipped)
        else asked
        for asked, policy in policies.items()
    }
