"""Policies and verdicts of the user's own, guarded: what they do wrong is told in one clear message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from batchsim.protocol.policy import Check, Decision, Policy
from batchsim.protocol.stores import BatchRow
from batchsim.trace import Outcome
from batchsim.user_code import UserCodeError
from batchsim.verdicts import VERDICTS, Property

A = TypeVar("A")
R = TypeVar("R")

INGEST_CONCURRENCY_MAX = 1000
ON_ENTRY = (Decision.PROCEED, Decision.OK, Decision.REJECT)
ON_COUNT_MISMATCH = (Decision.OK, Decision.NOT_SEALED, Decision.REJECT)
ON_SEAL_LOST = (Decision.OK, Decision.REJECT)


def guarded_policy(policy: Policy, reference: str) -> Policy:
    """The same policy; its decisions raise `UserCodeError` where they fail or decide what cannot be done there.

    Raises `UserCodeError` for a field that is of no use.
    """
    _check_name(policy.name, reference)
    _check_text(policy.summary, f"{reference}: summary")
    _check_limit(policy.ingest_concurrency, f"{reference}: ingest_concurrency")

    def guarded(name: str, check: Check, allowed: tuple[Decision, ...]) -> Check:
        names = ", ".join(f"Decision.{each.name}" for each in allowed)
        return _guarded(check, lambda answer: answer in allowed, f"{reference}: {name}", names)

    return replace(
        policy,
        on_entry=guarded("on_entry", policy.on_entry, ON_ENTRY),
        on_count_mismatch=guarded("on_count_mismatch", policy.on_count_mismatch, ON_COUNT_MISMATCH),
        on_seal_lost=guarded("on_seal_lost", policy.on_seal_lost, ON_SEAL_LOST),
    )


def guarded_property(own: Property, reference: str) -> Property:
    """The same property; it raises `UserCodeError` where it fails or returns no bool.

    Raises `UserCodeError` for a name that is of no use.
    """
    _check_name(own.name, reference)
    if own.name in VERDICTS:
        raise UserCodeError(f"{reference}: name: found {own.name!r}; allowed: a name that is not batchsim's own")
    holds = _guarded(own.holds, lambda answer: isinstance(answer, bool), f"{reference}: holds", "True, False")
    return replace(own, holds=holds)


def _check_name(name: object, reference: str) -> None:
    _check_text(name, f"{reference}: name")
    if not name:
        raise UserCodeError(f"{reference}: name: found nothing; allowed: one line of text")


def _check_text(text: object, what: str) -> None:
    if not isinstance(text, str) or not text.isprintable():
        raise UserCodeError(f"{what}: found {_shown(text)}; allowed: one line of text")


def _check_limit(limit: object, what: str) -> None:
    if not isinstance(limit, int) or not 1 <= limit <= INGEST_CONCURRENCY_MAX:
        allowed = f"a whole number from 1 to {INGEST_CONCURRENCY_MAX}"
        raise UserCodeError(f"{what}: found {_shown(limit)}; allowed: {allowed}")


def _guarded(
    decide: Callable[[A], R], is_allowed: Callable[[R], bool], what: str, allowed: str
) -> Callable[[A], R]:
    def guarded(subject: A) -> R:
        try:
            answer = decide(subject)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # `sys.exit` must not pass for an answer either
            raised = f"{type(error).__name__}: {_shown(error, str)}"
            raise UserCodeError(f"{what}({_short(subject)}) raised {raised}") from error
        if not is_allowed(answer):
            raise UserCodeError(f"{what}({_short(subject)}) returned {_shown(answer)}; allowed: {allowed}")
        return answer

    return guarded


def _shown(value: object, how: Callable[[object], str] = repr) -> str:
    """A value of the user's in a line, even if it cannot show itself."""
    try:
        text = how(value)
    except Exception:
        text = f"an unprintable {type(value).__name__}"
    return text if text.isprintable() else repr(text)


def _short(subject: object) -> str:
    match subject:
        case BatchRow(status=status, sealed=sealed):
            return f"{status}, {'sealed' if sealed else 'not sealed'}"
        case Outcome():
            return "outcome"
        case _:
            return _shown(subject)
