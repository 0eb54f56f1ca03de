"""One case: every order of its steps if they are few enough, and otherwise schedules drawn at random."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from batchsim.analysis.findings.cases import Case
from batchsim.engines.exhaustive import Bounds, WalkedStep, explore
from batchsim.engines.exhaustive.sampling_walks import Walker
from batchsim.policies import POLICIES
from batchsim.protocol.policy import Policy
from batchsim.scenario import Scenario, scenario_from_data
from batchsim.verdicts import OK, verdicts_of


class Effort(NamedTuple):
    """How much is spent on one case."""

    states_max: int = 10_000_000
    """An exploration gives up beyond so many states."""
    states_max_of_pair: int = 150_000
    """Likewise, of a pair of faults."""
    walks: int = 120
    """So many schedules are drawn where it gave up."""

    def states_max_of(self, case: Case) -> int:
        """Where an exploration of a case gives up."""
        return self.states_max_of_pair if len(case.budget.names) > 1 else self.states_max


class Shown(NamedTuple):
    """A step of a witness, for people."""

    actor: str
    name: str
    way: str | None
    description: str


Witness = tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a case came to."""

    case: Case
    is_complete: bool
    """Whether every order was looked at, so that verdicts that are not listed are proved not to occur."""
    looked_at: int
    """States if it is complete, otherwise schedules that were drawn."""
    witnesses: dict[str, Witness]
    """By verdict that is not ok, the shortest witness that was found."""


def examine(case: Case, effort: Effort, tries_all: bool) -> Finding:
    """Look at a case; `tries_all`: whether exploring it to the end is worth trying."""
    scenario, policy = scenario_of(case), policy_of(case)
    if tries_all:
        exploration = explore(scenario, policy, bounds=Bounds(states_max=effort.states_max_of(case)), counts=False)
        if exploration.is_complete:
            found = ((each.verdicts, each.witness) for each in exploration.outcomes)
            return Finding(case, True, exploration.states, _shortest(found))
    walker = Walker(scenario.setting, policy)
    walks = (walker.walk(number) for number in range(effort.walks))
    return Finding(case, False, effort.walks, _shortest((verdicts_of(walk.outcome), walk.steps) for walk in walks))


def _shortest(found: Iterable[tuple[tuple[str, ...], tuple[WalkedStep, ...]]]) -> dict[str, Witness]:
    shortest: dict[str, tuple[WalkedStep, ...]] = {}
    for verdicts, steps in found:
        for verdict in verdicts:
            if verdict != OK.name and (verdict not in shortest or len(steps) < len(shortest[verdict])):
                shortest[verdict] = steps
    return {
        verdict: tuple(Shown(step.actor, step.name, step.way, step.description) for step in steps)
        for verdict, steps in sorted(shortest.items())
    }


def scenario_of(case: Case) -> Scenario:
    """The batch of a case: small payloads, and items that succeed."""
    data = {"name": str(case.budget), "batch": {"items": case.items, "call": case.call.value}}
    scenario = scenario_from_data({**data, "consumers": case.consumers})
    return replace(scenario, setting=replace(scenario.setting, faults=case.budget.faults))


def policy_of(case: Case) -> Policy:
    """The policy of a case, with a switch turned off if the case says so."""
    policy = POLICIES[case.policy]
    if not case.without:
        return policy
    usual: dict[str, Any] = {field.name: field.default for field in fields(Policy) if field.name == case.without}
    return replace(policy, **usual)


def switches_over(policy: Policy, base: Policy) -> tuple[str, ...]:
    """The switches that a policy has turned on, and its base has not."""
    names = (field.name for field in fields(Policy) if field.name not in ("name", "summary"))
    return tuple(name for name in names if getattr(policy, name) != getattr(base, name))
