"""What a sweep is of: the digest of a scenario's content, and from it the seed of every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from hashlib import blake2b
from pathlib import PurePath
from typing import Any

from batchsim.engines.streams import stream_base
from batchsim.scenario import Scenario

_FOR_PEOPLE = frozenset(
    {
        *("name", "summary", "file", "directory", "policies", "verdicts", "expect", "expect_explore"),
        *("slowing_places", "written"),
    }
)
"""Fields of a scenario on which no run depends."""


def digest_of(scenario: Scenario) -> str:
    """32 hexadecimal digits that stand for all that a run depends on, apart from the policy."""
    scenario = replace(scenario, written_faults=())  # lines and columns are of no account
    content = [(each.name, getattr(scenario, each.name)) for each in fields(scenario)]
    relevant = {name: value for name, value in content if name not in _FOR_PEOPLE}
    # What faults there are is in the setting; where they were written plays no part. Seeds are hashes of this
    # text, so a scenario without faults has the one that it always had.
    relevant["written_faults"] = ()
    return blake2b(_canonical(relevant).encode(), digest_size=16).hexdigest()


def seed_stream(scenario: Scenario, point_key: str) -> int:
    """The base of the stream whose draw number i is the seed of run i at a point: the same for all policies."""
    return stream_base(scenario.seed, f"sweep {digest_of(scenario)}", point_key)


def _canonical(value: Any) -> str:
    """A text that is the same for equal values, in every process; raises `TypeError` for what has none."""
    match value:
        case Enum():
            return repr(value.value)
        case None | bool() | int() | float() | str() | PurePath():
            return repr(value)
        case Mapping():
            pairs = sorted((_canonical(key), _canonical(each)) for key, each in value.items())
            return f"{{{', '.join(f'{key}: {each}' for key, each in pairs)}}}"
        case frozenset() | set():
            return f"{{{', '.join(sorted(map(_canonical, value)))}}}"
        case tuple() | list():
            return f"({', '.join(map(_canonical, value))})"
    if is_dataclass(value):
        parts = (f"{each.name}={_canonical(getattr(value, each.name))}" for each in fields(value))
        return f"{type(value).__name__}({', '.join(parts)})"
    raise TypeError(f"no canonical text of a {type(value).__name__}")
