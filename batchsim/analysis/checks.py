"""The checks of a policy, seen from outside: what may stand in their place, and what else a policy is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from batchsim.batch.decision import Check, Decision
from batchsim.batch.policy import CHECKS, Policy
from batchsim.batch.stores import BatchRow


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
