"""Policies and verdicts of the user's own, guarded: what they do wrong is told in one clear message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple, TypeVar

from batchsim.batch.decision import Decision
from batchsim.batch.policies import true_summary
from batchsim.batch.policy import CHECKS, INGEST_CONCURRENCY_MAX, OPTIONAL_CHECKS, STEPS, Policy
from batchsim.batch.stores import BatchRow
from batchsim.batch.trace import Outcome
from batchsim.batch.verdicts import VERDICTS
from batchsim.model.properties import Property
from batchsim.scenario.asking import Asked
from batchsim.scenario.own_steps import guarded_actors, guarded_step
from batchsim.signals import is_real
from batchsim.user_code import UserCodeError, told, what_it_did

F = TypeVar("F")

NAME_LENGTH_MAX = 200


class Decided(NamedTuple):
    """An answer of a check."""

    check: str
    row: BatchRow
    decision: Decision


def guarded_policy(policy: Policy, reference: str) -> Policy:
    """The same policy, whose checks raise `UserCodeError` where they are not functions of the row.

    That is where they fail, decide what cannot be done there, or decide by anything but the row. Raises
    `UserCodeError` for a field that is of no use.
    """
    given = _fields_of(policy, Policy, reference)
    _check_name(given["name"], reference)
    _check_text(given["summary"], f"{reference}: summary")
    _check_number(given["ingest_concurrency"], f"{reference}: ingest_concurrency", 1)
    _check_number(given["stream_grant"], f"{reference}: stream_grant", 0)
    if type(given["has_heartbeat"]) is not bool:
        found = told(given["has_heartbeat"])
        raise UserCodeError(f"{reference}: has_heartbeat: found {found}; allowed: True, False")
    for name in STEPS:
        given[name] = guarded_step(given[name], name, reference)
    _check_cells(given["cells"], f"{reference}: cells")
    _check_actors(given["actors"], f"{reference}: actors")
    given["actors"] = tuple(guarded_actors(each, reference) for each in given["actors"])
    for name, decisions in CHECKS.items():
        if given[name] is not None or name not in OPTIONAL_CHECKS:
            allowed = {f"Decision.{each.name}": each for each in decisions}
            check = _function(given[name], f"{reference}: {name}", "a function of the row")
            given[name] = Asked(check, f"{reference}: {name}", allowed, briefly=_row_in_words)
    given["summary"] = true_summary(policy)
    return Policy(**given)


def guarded_property(own: Property, reference: str) -> Property:
    """The same property; it raises `UserCodeError` where it fails, returns no bool, or does not always return it.

    Raises `UserCodeError` for a name that is of no use.
    """
    given = _fields_of(own, Property, reference)
    _check_name(given["name"], reference)
    if given["name"] in VERDICTS:
        raise UserCodeError(
            f"{reference}: name: found {given['name']!r}; allowed: a name that is not batchsim's own"
        )
    _check_text(given["meaning"], f"{reference}: meaning")
    holds: Callable[[Outcome], bool] = _function(
        given["holds"], f"{reference}: holds", "a function of the outcome"
    )
    given["holds"] = Asked(
        holds, f"{reference}: holds", {"True": True, "False": False}, fresh=replace, briefly=lambda _: "outcome"
    )
    return Property(**given)


def decided_by(policy: Policy) -> tuple[Decided, ...]:
    """All that the checks of a guarded policy have answered in this process."""
    return tuple(
        Decided(name, row, decision) for name, check in _guards(policy).items() for row, decision in check.answers
    )


def compare_decisions(policy: Policy, decided: Iterable[Decided]) -> None:
    """Whether a guarded policy decides here as it did in another process; raises `UserCodeError`."""
    guards = _guards(policy)
    for name, row, decision in decided:
        guards[name].compare([(row, decision)])


def _guards(policy: Policy) -> Mapping[str, Asked[BatchRow, Decision]]:
    checks = {name: getattr(policy, name, None) for name in CHECKS}
    return {name: check for name, check in checks.items() if isinstance(check, Asked)}


def _fields_of(value: F, kind: type[F], reference: str) -> dict[str, Any]:
    """The fields of a value that may be of a subclass, each read once: there it may be a property."""
    try:
        return {each.name: getattr(value, each.name) for each in fields(kind)}  # type: ignore[arg-type]
    except BaseException as error:
        if is_real(error):
            raise
        raise UserCodeError(f"{reference}: a field of the {kind.__name__} {what_it_did(error)}") from None


def _check_name(name: object, reference: str) -> None:
    _check_text(name, f"{reference}: name")
    if not str(name).strip():
        raise UserCodeError(f"{reference}: name: found nothing; allowed: one line of text")
    if len(str(name)) > NAME_LENGTH_MAX:
        raise UserCodeError(
            f"{reference}: name: found {len(str(name))} characters; allowed: at most {NAME_LENGTH_MAX}"
        )


def _check_text(text: object, what: str) -> None:
    if type(text) is not str or not text.isprintable():
        raise UserCodeError(f"{what}: found {told(text)}; allowed: one line of text")


def _check_number(value: object, what: str, least: int) -> None:
    # Not `isinstance`: True is an int.
    if type(value) is not int or not least <= value <= INGEST_CONCURRENCY_MAX:
        raise UserCodeError(
            f"{what}: found {told(value)}; allowed: a whole number from {least} to {INGEST_CONCURRENCY_MAX}"
        )


def _check_cells(cells: object, what: str) -> None:
    if type(cells) is not tuple or not all(type(each) is str and each.isprintable() and each for each in cells):
        raise UserCodeError(f"{what}: found {told(cells)}; allowed: a tuple of names")


def _check_actors(actors: object, what: str) -> None:
    if type(actors) is not tuple or not all(callable(each) for each in actors):
        raise UserCodeError(
            f"{what}: found {told(actors)}; allowed: a tuple of functions of a setting and a policy"
        )


def _function(value: Any, what: str, allowed: str) -> Any:
    if not callable(value):
        raise UserCodeError(f"{what}: found {told(value)}; allowed: {allowed}")
    return value


def _row_in_words(row: BatchRow) -> str:
    words = [row.status, "sealed" if row.sealed else "not sealed"]
    words += ["processing completed"] if row.processing_completed else []
    counts = ((row.successful_run_count, "successful"), (row.failed_run_count, "failed"))
    words += [f"{count} {what}" for count, what in counts if count is not None]
    return ", ".join(words)
