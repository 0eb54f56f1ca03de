"""What a sweep is of: the digest of a scenario's content, and from it the seed of every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from hashlib import blake2b
from pathlib import PurePath
from typing import Any

from batchsim.engines.streams import stream_base
from batchsim.scenario import Scenario
from batchsim.scenario.defaults import GROUPS
from batchsim.scenario.defaults import latency_of as default_latency
from batchsim.scenario.own_systems import OwnModel
from batchsim.scenario.scenario import LatencyTable

_FOR_PEOPLE = frozenset(
    {
        *(
            "name",
            "summary",
            "file",
            "directory",
            "policies",
            "verdicts",
            "expect",
            "expect_explore",
            "expect_timed",
            "expect_rate",
        ),
        *("injected_delay_places", "written", "written_faults"),
    }
)
"""Fields of a scenario on which no run depends."""
_HASHED_AS = {"injected_delays": "slowings"}
"""What fields are called in the digest that had another name before: seeds stay what they were."""


def digest_of(scenario: Scenario) -> str:
    """32 hexadecimal digits that stand for all that a run depends on, apart from the policy."""
    relevant = {
        _HASHED_AS.get(name, name): value for name, value in _told_fields(scenario) if name not in _FOR_PEOPLE
    }
    return blake2b(_canonical(relevant).encode(), digest_size=16).hexdigest()


def seed_stream(scenario: Scenario, point_key: str) -> int:
    """The base of the stream whose draw number i is the seed of run i at a point: the same for all policies."""
    return stream_base(scenario.seed, f"sweep {digest_of(scenario)}", point_key)


def _canonical(value: Any) -> str:
    """A text that is the same for equal values, in every process; raises `TypeError` for what has none.

    No class is named, and no field that is at its default: seeds stay what they are when a class is renamed, or
    when scenarios get a field more.
    """
    match value:
        case Enum():
            return repr(value.value)
        case None | bool() | int() | float() | str() | PurePath():
            return repr(value)
        case OwnModel():
            return _canonical((*value.identity, value.content))
        case LatencyTable():
            given = {name: each for name, each in value.of_operation.items() if each != default_latency(name)}
            groups = {name: each for name, each in value.of_group.items() if each != GROUPS.get(name)}
            items = {name: each for name, each in value.of_item.items() if each}
            return _canonical((given, items, groups) if groups else (given, items))
        case Mapping():
            pairs = sorted((_canonical(key), _canonical(each)) for key, each in value.items())
            return f"{{{', '.join(f'{key}: {each}' for key, each in pairs)}}}"
        case frozenset() | set():
            return f"{{{', '.join(sorted(map(_canonical, value)))}}}"
        case tuple() | list():
            return f"({', '.join(map(_canonical, value))})"
    if is_dataclass(value):
        parts = (f"{name}={_canonical(each)}" for name, each in _told_fields(value))
        return f"{getattr(value, 'word', '')}({', '.join(parts)})"
    raise TypeError(f"no canonical text of a {type(value).__name__}")


def _told_fields(value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a dataclass that are not at their default."""
    for each in fields(value):
        held = getattr(value, each.name)
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if default is MISSING or held != default:
            yield each.name, held
