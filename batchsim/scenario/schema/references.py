"""The fields that name a policy, a verdict or an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from pydantic_core import PydanticCustomError

from batchsim.batch.glosses import ALIASES
from batchsim.scenario.names import (
    find_policy,
    find_verdict,
    is_operation,
    known_policies,
    known_verdicts,
    nameable_operations,
)
from batchsim.scenario.problems import describe
from batchsim.scenario.schema.rules import JsonSchema, Reading, Rule, refusal
from batchsim.scenario.schema.values import choice
from batchsim.scenario.spelling import did_you_mean
from batchsim.user_code import REFERENCE_PATTERN, UserCodeError, is_reference, located

T = TypeVar("T")

_REFERENCE = "path/to/file.py:NAME"
_OWN_POLICY = "a Policy of your own"
REFERENCE_SCHEMA: JsonSchema = {"type": "string", "pattern": REFERENCE_PATTERN}


def _read_policy(value: object, reading: Reading, own: Iterable[str] = ()) -> str:
    """A shipped policy, or a reference; `own`: names that could stand there too."""
    known, own = known_policies(), tuple(own)
    if isinstance(value, str) and value not in own:
        value = ALIASES.get(value, value)
    if not isinstance(value, str) or not (value in known or is_reference(value)):
        known = (*known, *own)
        raise refusal(", ".join((*known, _REFERENCE)), did_you_mean(value, known))
    if is_reference(value):
        _found(find_policy, value, reading, _OWN_POLICY)
    return value


def _read_compared_policy(value: object, reading: Reading) -> str:
    try:
        policy = _read_policy(value, reading)
    except PydanticCustomError:
        reading.has_unknown_policies = True
        raise
    reading.once("policy", policy)
    if is_reference(policy):
        name = _found(find_policy, policy, reading, _OWN_POLICY).name
        reading.own_policies.setdefault(name, {})[located(policy, reading.directory)] = policy
    return policy


def expected_policy(field: str) -> Rule:
    """A policy of which something is expected in a field: by reference, or by its name, be it the user's own."""

    def read(value: object, reading: Reading) -> str:
        policy = (
            value
            if isinstance(value, str) and _may_be_own(value, reading)
            else _read_policy(value, reading, reading.own_names)
        )
        own = reading.own_policies.get(policy, {})
        if is_reference(policy):
            own = {located(policy, reading.directory): policy}
        owners = [*(["the shipped policy"] if policy in known_policies() else []), *own.values()]
        if len(owners) > 1:
            found = f"{describe(policy)}, the name of {' and of '.join(owners)}"
            raise refusal(f"a name that one policy has, or {_REFERENCE}", found=found)
        reading.once("policy", (field, next(iter(own), policy)), called=policy)
        return policy

    return Rule(POLICY.allowed, read, EXPECTED_POLICY_SCHEMA)


def _may_be_own(name: str, reading: Reading) -> bool:
    """Whether it may be the name of a policy of the user's own.

    Where other policies are compared than those of the file, it may be of one that is not among them today; but
    what is nearly the name of one that is there is a slip.
    """
    if name in reading.own_names or reading.has_unknown_policies:
        return True
    if name in ALIASES:
        return False
    if reading.policies_given is None or is_reference(name):
        return False
    known = (*known_policies(), *reading.policies_given)
    return name not in known and not did_you_mean(name, known)


def _read_property(value: object, reading: Reading) -> str:
    if not isinstance(value, str) or not is_reference(value):
        raise refusal(_REFERENCE)
    name = _found(find_verdict, value, reading, "a Property of your own").name
    if name in reading.verdicts:
        raise refusal("a name that no other verdict has", found=f"the verdict '{name}' again")
    reading.verdicts.add(name)
    return value


def _found(find: Callable[[str, Path], T], reference: str, reading: Reading, allowed: str) -> T:
    try:
        return find(reference, reading.directory)
    except UserCodeError as error:
        raise refusal(allowed, str(error)) from error


def _read_verdict(value: object, reading: Reading) -> str:
    if not isinstance(value, str) or value not in reading.verdicts:
        names = sorted(reading.verdicts)
        raise refusal(", ".join(names), did_you_mean(value, names))
    return value


_POLICY_SCHEMA: JsonSchema = {"anyOf": [{"enum": [*known_policies(), *ALIASES]}, REFERENCE_SCHEMA]}
EXPECTED_POLICY_SCHEMA: JsonSchema = {
    # The last branch: a policy of the user's own, whose name only running its file can tell.
    "anyOf": [*_POLICY_SCHEMA["anyOf"], {"type": "string", "minLength": 1}]
}
POLICY = Rule("the name of a policy", _read_policy, _POLICY_SCHEMA)
COMPARED_POLICY = Rule(POLICY.allowed, _read_compared_policy, _POLICY_SCHEMA)
PROPERTY = Rule(_REFERENCE, _read_property, REFERENCE_SCHEMA)
VERDICT = Rule(
    "verdict names",
    _read_verdict,
    # The second branch: a verdict of the user's own, whose name only running its file can tell.
    {"anyOf": [{"enum": list(known_verdicts())}, {"type": "string", "minLength": 1}]},
)


def _read_operation(value: object, reading: Reading) -> object:
    # Of the classes of one's own, those are known by now that a policy of the scenario needs.
    return value if isinstance(value, str) and is_operation(value) else _SHIPPED.read(value, reading)


_SHIPPED = choice(nameable_operations())
OPERATION = Rule(_SHIPPED.allowed, _read_operation, _SHIPPED.schema)
"""An operation that latencies are given for."""
