"""The fields that name a policy, a verdict or an operation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from batchsim.scenario.names import find_policy, find_verdict, known_operations, known_policies, known_verdicts
from batchsim.scenario.schema.rules import JsonSchema, Reading, Rule, refusal
from batchsim.scenario.schema.values import choice
from batchsim.scenario.spelling import did_you_mean
from batchsim.user_code import REFERENCE_PATTERN, UserCodeError, is_reference

T = TypeVar("T")

_REFERENCE = "path/to/file.py:NAME"
_REFERENCE_SCHEMA: JsonSchema = {"type": "string", "pattern": REFERENCE_PATTERN}


def _read_policy(value: object, reading: Reading) -> str:
    known = known_policies()
    if not isinstance(value, str) or not (value in known or is_reference(value)):
        raise refusal(", ".join((*known, _REFERENCE)), did_you_mean(value, known))
    if is_reference(value):
        _found(find_policy, value, reading, "a Policy of your own")
    return value


def _read_compared_policy(value: object, reading: Reading) -> str:
    policy = _read_policy(value, reading)
    reading.once("policy", policy)
    return policy


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


_POLICY_SCHEMA: JsonSchema = {"anyOf": [{"enum": list(known_policies())}, _REFERENCE_SCHEMA]}
POLICY = Rule("the name of a policy", _read_policy, _POLICY_SCHEMA)
COMPARED_POLICY = Rule(POLICY.allowed, _read_compared_policy, _POLICY_SCHEMA)
PROPERTY = Rule(_REFERENCE, _read_property, _REFERENCE_SCHEMA)
VERDICT = Rule(
    "verdict names",
    _read_verdict,
    # The second branch: a verdict of the user's own, whose name only running its file can tell.
    {"anyOf": [{"enum": list(known_verdicts())}, {"type": "string", "minLength": 1}]},
)
OPERATION = choice(known_operations())
