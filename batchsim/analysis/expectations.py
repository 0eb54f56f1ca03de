"""What a scenario expects of which policy.

An expectation belongs to the policy that its key refers to: `path/to/file.py:NAME`, wherever that is written from,
or to the one that has the key as its name. The name of a shipped policy means the shipped one: whoever derives a
policy from it and leaves the name as it is has nothing that is expected of it, rather than what is expected of the
policy that it is to mend.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from batchsim.bad_input import BadInputError
from batchsim.scenario import Scenario
from batchsim.scenario.rates import RateLimit
from batchsim.user_code import is_reference, located

Field = Literal["expect", "expect_explore", "expect_timed"]
V = TypeVar("V")


def expected_of(
    scenario: Scenario, field: Field, policies: Iterable[tuple[str, Any]], directory: Path | None = None
) -> dict[str, frozenset[str] | None]:
    """By the name that each policy was asked for by: the verdicts that are expected; `None`: nothing is.

    `directory`: what references to the policies are relative to, if not what those of the scenario are.
    Raises `BadInputError` where two policies have the name by which something is expected.
    """
    tables: dict[Field, Mapping[str, frozenset[str]]] = {
        "expect": scenario.expect,
        "expect_explore": scenario.expect_explore,
        "expect_timed": scenario.expect_timed,
    }
    return _of_policies(scenario, field, tables[field], policies, directory)


def rates_of(scenario: Scenario, policies: Iterable[tuple[str, Any]]) -> dict[str, Mapping[str, RateLimit]]:
    """Likewise: by verdict, how often it is expected; empty: nothing is."""
    found = _of_policies(scenario, "expect_rate", scenario.expect_rate, policies, None)
    return {asked: limits or {} for asked, limits in found.items()}


def _of_policies(
    scenario: Scenario,
    field: str,
    table: Mapping[str, V],
    policies: Iterable[tuple[str, Any]],
    directory: Path | None,
) -> dict[str, V | None]:
    by_place = {located(key, scenario.directory): expects for key, expects in table.items() if is_reference(key)}
    expected: dict[str, V | None] = {}
    named: dict[str, tuple[str, str]] = {}
    for asked, policy in policies:
        if not is_reference(asked):
            expected[asked] = table.get(asked)
            continue
        place = located(asked, directory or scenario.directory)
        if place in by_place:
            expected[asked] = by_place[place]
        elif policy.name in scenario.known_policies or policy.name not in table:
            expected[asked] = None
        else:
            other, its_place = named.setdefault(policy.name, (asked, place))
            if its_place != place:
                raise BadInputError(
                    f"{scenario.file}: {field}.{policy.name}: found two policies of that name, {other} and "
                    f"{asked}; allowed: a name that one policy has, or path/to/file.py:NAME"
                )
            expected[asked] = table[policy.name]
    return expected
