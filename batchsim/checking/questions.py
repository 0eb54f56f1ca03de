"""What a scenario expects, as questions: one for each policy and each field that says something of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchsim.analysis.expectations import Field, expected_of, rates_of
from batchsim.analysis.headings import headings_of
from batchsim.batch.policies import gloss_of
from batchsim.checking.answers import Way
from batchsim.scenario import Scenario
from batchsim.scenario.problems import Place
from batchsim.scenario.rates import RateLimit
from batchsim.scenario.tree import nearest_node
from batchsim.user_code import is_reference, located

FIELDS: dict[Way, str] = {
    Way.RUN: "expect",
    Way.RATE: "expect_rate",
    Way.INTERVALS: "expect_timed",
    Way.ORDERS: "expect_explore",
}
_SETS: tuple[tuple[Way, Field], ...] = (
    (Way.RUN, "expect"),
    (Way.INTERVALS, "expect_timed"),
    (Way.ORDERS, "expect_explore"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is expected of one policy, in one way; it can be sent to another process."""

    file: Path
    scenario: str
    """Its name."""
    policy: str
    """The name that it is asked for by, from the folder of the scenario."""
    heading: str
    """What people are told."""
    gloss: str
    """What a shipped policy is, in two or three words; empty: it is none."""
    way: Way
    verdicts: frozenset[str] | None
    """Exactly these are expected; `None`: rates are."""
    rates: tuple[tuple[str, RateLimit], ...]
    line: int | None
    """Of the file, where it is said."""
    overrides: tuple[str, ...] = ()
    runs: int = 1000
    states_max: int | None = None
    memory_max: int | None = None
    """In bytes."""

    @property
    def called(self) -> str:
        """For people: `pre3427 (bug)`."""
        return f"{self.heading} ({self.gloss})" if self.gloss else self.heading

    @property
    def expected(self) -> str:
        """For people."""
        if self.verdicts is not None:
            return ", ".join(sorted(self.verdicts, key=lambda each: (each == "ok", each)))
        return "; ".join(f"{verdict} {limit}" for verdict, limit in self.rates)


def questions_of(
    scenario: Scenario,
    file: Path,
    overrides: tuple[str, ...] = (),
    *,
    runs: int = 1000,
    states_max: int | None = None,
    memory_max: int | None = None,
) -> Iterator[Question]:
    """All that a scenario expects, of policies that it does not list too.

    Where `overrides` choose the policies, only these are asked. Raises `BadInputError` as `expected_of` does.
    """
    chosen = [(name, scenario.find_policy(name, scenario.directory)) for name in scenario.policies]
    if not any(re.match(r"policies\b", each) for each in overrides):
        chosen += _expected_beside(scenario, chosen)
    headings, glosses = headings_of(chosen), {name: gloss_of(policy) for name, policy in chosen}

    def question(
        name: str, way: Way, verdicts: frozenset[str] | None, rates: Mapping[str, RateLimit] | None = None
    ) -> Question:
        return Question(
            file=file,
            scenario=scenario.name,
            policy=name,
            heading=headings[name],
            gloss=glosses[name],
            way=way,
            verdicts=verdicts,
            rates=tuple((rates or {}).items()),
            line=_line_of(scenario, FIELDS[way], name, headings[name]),
            overrides=overrides,
            runs=runs,
            states_max=states_max,
            memory_max=memory_max,
        )

    expected = {way: expected_of(scenario, field, chosen) for way, field in _SETS}
    limits = rates_of(scenario, chosen)
    for name, _ in chosen:
        for way in (Way.RUN, Way.RATE, Way.INTERVALS, Way.ORDERS):
            if way is Way.RATE:
                if limits[name]:
                    yield question(name, way, None, limits[name])
            elif (verdicts := expected[way][name]) is not None:
                yield question(name, way, verdicts)


def _expected_beside(scenario: Scenario, chosen: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Policies of which something is expected, and which are not among those that are chosen."""
    places = {located(name, scenario.directory) for name, _ in chosen if is_reference(name)}
    names = {known for name, policy in chosen for known in (name, policy.name)}
    tables = (scenario.expect, scenario.expect_rate, scenario.expect_timed, scenario.expect_explore)
    for key in dict.fromkeys(name for table in tables for name in table):
        place = located(key, scenario.directory) if is_reference(key) else None
        if key not in names and place not in places:
            if place is not None:
                places.add(place)
            yield key, scenario.find_policy(key, scenario.directory)


def _line_of(scenario: Scenario, field: str, name: str, heading: str) -> int | None:
    """Where an expectation stands: under the name of the policy, or a reference to it."""
    if scenario.written is None:
        return None
    table = nearest_node(scenario.written, (field,))
    if isinstance(table.value, dict):
        for key, node in table.value.items():
            same = is_reference(key) and is_reference(name)
            if key in (name, heading) or (
                same and located(key, scenario.directory) == located(name, scenario.directory)
            ):
                place: Place = node.key_place or node.place
                return place.line
    return table.place.line
