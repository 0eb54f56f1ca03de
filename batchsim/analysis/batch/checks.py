"""The checks of a policy, seen from outside: what may stand in their place, and what else a policy is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from batchsim.batch.decision import Check, Decision
from batchsim.batch.policy import CHECKS, Policy
from batchsim.batch.stores import BatchRow
from batchsim.scenario import Decided


def with_checks(policy: Policy, check: Callable[[str], Check]) -> Policy:
    """The policy with other checks, each made for the name of its own; what it leaves out stays out."""
    others: dict[str, Any] = {name: check(name) for name in CHECKS if getattr(policy, name) is not None}
    return replace(policy, **others)


def check_of(policy: Policy, name: str) -> Check:
    """The check of that name."""
    check: Check = getattr(policy, name)
    return check


def switches_of(policy: Policy) -> Policy:
    """All of a policy but its checks and its name; equal for policies with the same switches."""
    return replace(with_checks(policy, lambda _: _undecided), name="", summary="")


def _undecided(row: BatchRow) -> Decision:
    raise AssertionError("a policy of which only the switches are looked at")


class Decisions:
    """What a policy decides in a run, and whether another one would decide the same there.

    A policy of another system than the batch is like no other one.
    """

    def __init__(self, policy: Any) -> None:
        self._policy = policy
        is_batch = isinstance(policy, Policy)
        self.noting: Any = with_checks(policy, self._noting) if is_batch else policy
        """The policy, whose checks note what they decide."""
        self.noted: list[Decided] = []
        """What they decided, in order."""
        self._switches = switches_of(policy) if is_batch else None

    def _noting(self, name: str) -> Check:
        check = check_of(self._policy, name)

        def decide(row: BatchRow) -> Decision:
            decision = check(row)
            self.noted.append(Decided(name, row, decision))
            return decision

        return decide

    def would_be_like(self, other: Decisions) -> bool:
        """Whether this policy decides the same wherever the other one was asked, in that order."""
        return (
            self._switches is not None
            and self._switches == other._switches
            and all(
                check_of(self._policy, name)(row) is decision for name, row, decision in dict.fromkeys(other.noted)
            )
        )
