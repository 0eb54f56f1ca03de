"""Which operations, policies and verdicts a scenario can name: batchsim's, and those of a user's own file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from batchsim.batch.operations import OPERATIONS
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.verdicts import VERDICTS
from batchsim.model.operation import classes_named
from batchsim.model.properties import Property
from batchsim.scenario.own_code import guarded_policy, guarded_property
from batchsim.stores import READY_MADE
from batchsim.user_code import content_of, is_reference, load_from_file

T = TypeVar("T")


def known_operations() -> tuple[str, ...]:
    """Names of all operations of the protocol."""
    return tuple(OPERATIONS)


def nameable_operations() -> tuple[str, ...]:
    """Names of all operations that a scenario can speak of: those of the protocol, and ready-made ones."""
    return (*OPERATIONS, *READY_MADE)


def is_operation(name: str) -> bool:
    """Whether a scenario can speak of operations of this name: ready-made ones, or of a class of one's own."""
    return name in nameable_operations() or bool(classes_named(name))


def known_policies() -> tuple[str, ...]:
    """Names of the policies that come with batchsim."""
    return tuple(POLICIES)


def shipped_beside(policies: Iterable[Any]) -> tuple[str, ...]:
    """Names of the policies that come with batchsim, where these could be taken for them: all are of the batch."""
    return known_policies() if all(isinstance(policy, Policy) for policy in policies) else ()


def is_shipped(policy: Any) -> bool:
    """Whether it is the policy that comes with batchsim under its name."""
    return bool(POLICIES.get(policy.name) == policy)


def known_verdicts() -> tuple[str, ...]:
    """Names of the verdicts that come with batchsim."""
    return tuple(VERDICTS)


def find_policy(name: str, directory: Path) -> Policy:
    """The policy of that name, or `path.py:NAME` in `directory`; raises `KeyError`, `UserCodeError`."""
    return _guarded(name, directory, Policy, guarded_policy) if is_reference(name) else POLICIES[name]


def find_verdict(name: str, directory: Path) -> Property:
    """The verdict of that name, or `path.py:NAME` in `directory`; raises `KeyError`, `UserCodeError`."""
    if is_reference(name):
        own = _guarded(name, directory, Property, guarded_property)
        return replace(own, content=content_of(name, directory))
    return VERDICTS[name]


def _guarded(reference: str, directory: Path, kind: type[T], guard: Callable[[T, str], T]) -> T:
    """What a user's file holds, guarded: once, so that it is compared with all that it ever answered."""
    own = load_from_file(reference, directory, kind)
    known = _GUARDED.get((id(own), reference))
    if known is None:
        # With its own object, whose identity nothing else can take while it lives.
        known = _GUARDED[id(own), reference] = (own, guard(own, reference))
    return cast(T, known[1])


_GUARDED: dict[tuple[int, str], tuple[object, object]] = {}
