"""What a policy of the batch does by each of its switches: told, and turned off to see what it closes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from batchsim.batch.policy import OPTIONAL_CHECKS, Policy
from batchsim.batch.switches import SWITCHES, switches_of


def without(policy: Any, switch: str) -> Any:
    """The policy with a switch turned off, or without a check that it may leave out, if one is named."""
    if not switch:
        return policy
    off: dict[str, Any] = {switch: False if switch in SWITCHES else None} if switch else {}
    return replace(policy, **off)


_OF_CHECKS = {
    "on_missing_meta": "a handler that finds no metadata looks at the row, as after a count mismatch, instead of "
    "answering 500"
}
"""By name of a check that a policy may leave out: what it does where it is not left out."""


def meaning_of(switch: str) -> str:
    """What a policy does by one of its switches, or by a check that it may leave out, in half a sentence."""
    return SWITCHES[switch].meaning if switch in SWITCHES else _OF_CHECKS[switch]


def switches_over(policy: Policy, base: Policy) -> tuple[str, ...]:
    """The checks that a policy has and its base leaves out, and the switches that it has on beside those."""
    checks = [name for name in OPTIONAL_CHECKS if getattr(policy, name) is not getattr(base, name)]
    on = switches_of(policy) - switches_of(base)
    return (*checks, *(name for name in SWITCHES if name in on))
