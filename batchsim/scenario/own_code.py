"""Policies and verdicts of the user's own, guarded: what they do wrong is told in one clear message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from batchsim.protocol.policy import Check, Decision, Policy
from batchsim.protocol.stores import BatchRow
from batchsim.trace import Outcome
from batchsim.user_code import UserCodeError
from batchsim.verdicts import Property

A = TypeVar("A")
R = TypeVar("R")


def guarded_policy(policy: Policy, reference: str) -> Policy:
    """The same policy; its decisions raise `UserCodeError` where they fail or return no `Decision`."""

    def guarded(name: str, check: Check) -> Check:
        return _guarded(check, Decision, f"{reference}: {name}")

    return replace(
        policy,
        on_entry=guarded("on_entry", policy.on_entry),
        on_count_mismatch=guarded("on_count_mismatch", policy.on_count_mismatch),
        on_seal_lost=guarded("on_seal_lost", policy.on_seal_lost),
    )


def guarded_property(own: Property, reference: str) -> Property:
    """The same property; it raises `UserCodeError` where it fails or returns no bool."""
    return replace(own, holds=_guarded(own.holds, bool, f"{reference}: holds"))


def _guarded(decide: Callable[[A], R], expected: type[R], what: str) -> Callable[[A], R]:
    def guarded(subject: A) -> R:
        try:
            answer = decide(subject)
        except Exception as error:
            raise UserCodeError(f"{what}({_short(subject)}) raised {type(error).__name__}: {error}") from error
        if not isinstance(answer, expected):
            allowed = f"a {expected.__name__}"
            raise UserCodeError(f"{what}({_short(subject)}) returned {answer!r}; allowed: {allowed}")
        return answer

    return guarded


def _short(subject: object) -> str:
    match subject:
        case BatchRow(status=status, sealed=sealed):
            return f"{status}, {'sealed' if sealed else 'not sealed'}"
        case Outcome():
            return "outcome"
        case _:
            return repr(subject)
