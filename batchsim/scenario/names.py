"""Which operations, policies and verdicts a scenario can name: batchsim's, and those of a user's own file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from batchsim.policies import POLICIES
from batchsim.protocol.operations import OPERATIONS
from batchsim.protocol.policy import Policy
from batchsim.scenario.own_code import guarded_policy, guarded_property
from batchsim.user_code import content_of, is_reference, load_from_file
from batchsim.verdicts import VERDICTS, Property


def known_operations() -> tuple[str, ...]:
    """Names of all operations of the protocol."""
    return tuple(OPERATIONS)


def known_policies() -> tuple[str, ...]:
    """Names of the policies that come with batchsim."""
    return tuple(POLICIES)


def known_verdicts() -> tuple[str, ...]:
    """Names of the verdicts that come with batchsim."""
    return tuple(VERDICTS)


def find_policy(name: str, directory: Path) -> Policy:
    """The policy of that name, or `path.py:NAME` in `directory`; raises `KeyError`, `UserCodeError`."""
    if is_reference(name):
        return guarded_policy(load_from_file(name, directory, Policy), name)
    return POLICIES[name]


def find_verdict(name: str, directory: Path) -> Property:
    """The verdict of that name, or `path.py:NAME` in `directory`; raises `KeyError`, `UserCodeError`."""
    if is_reference(name):
        own = guarded_property(load_from_file(name, directory, Property), name)
        return replace(own, content=content_of(name, directory))
    return VERDICTS[name]
