"""One case: every order of its steps if they are few enough, and otherwise schedules drawn at random."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from batchsim.analysis.findings.scope import SurveyCase
from batchsim.batch.policy import OPTIONAL_CHECKS, Policy
from batchsim.batch.switches import SWITCHES, switches_of
from batchsim.batch.verdicts import OK
from batchsim.engines.exhaustive import Bounds, WalkedStep, explore
from batchsim.engines.exhaustive.occurring import states_with_all
from batchsim.engines.exhaustive.sampling_walks import Walker
from batchsim.model.faults import Fault
from batchsim.model.system import remembering
from batchsim.scenario import Decided, Scenario, decided_by, find_verdict, with_faults


class Effort(NamedTuple):
    """How much is spent on one case."""

    states_max: int = 40_000_000
    """An exploration gives up beyond so many states."""
    states_max_of_pair: int = 50_000
    """Likewise, of a pair of faults."""
    walks: int = 120
    """So many schedules are drawn where it gave up."""

    def states_max_of(self, case: SurveyCase) -> int:
        """Where an exploration of a case gives up."""
        return self.states_max_of_pair if len(case.budget.names) > 1 else self.states_max


class Shown(NamedTuple):
    """A step of a witness, for people and to be replayed."""

    actor: str
    name: str
    way: str | None
    description: str
    alternative: str | None = None


class FoundSchedule(NamedTuple):
    """A schedule that gives a verdict."""

    verdicts: tuple[str, ...]
    """All that it gives."""
    steps: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a case came to."""

    case: SurveyCase
    is_complete: bool
    """Whether every order was looked at, so that verdicts that are not listed are proved not to occur."""
    looked_at: int
    """States if it is complete, otherwise schedules that were drawn."""
    happened: int
    """How many of these have every fault of the budget behind them; of all states none: it cannot be spent."""
    witnesses: dict[str, FoundSchedule]
    """By verdict that is not ok, the shortest witness that was found."""
    gives_ok: bool
    """Whether some schedule is ok."""


class CaseWork(NamedTuple):
    """A case, and all that another process needs to look at it."""

    case: SurveyCase
    scenario: Scenario
    """Without the faults of the budget."""
    faults: tuple[Fault, ...]
    """Those of the budget."""
    verdicts: tuple[str, ...]
    """Of the user's own, each `path/to/file.py:NAME`."""
    directory: Path
    """What references to the user's own are relative to."""


class CaseDone(NamedTuple):
    """What became of it."""

    finding: Finding
    decided: tuple[Decided, ...]
    """What the policy, if it is the user's own, decided in the process that did it."""


def examine(work: CaseWork, effort: Effort, tries_all: bool) -> CaseDone:
    """Look at a case; `tries_all`: whether exploring it to the end is worth trying."""
    original = work.scenario.find_policy(work.case.policy, work.directory)
    policy = _without(original, work.case.without)
    scenario = under_budget(work.scenario, work.faults)
    properties = [find_verdict(name, work.directory) for name in work.verdicts]
    table = None
    if tries_all:
        bounds = Bounds(states_max=effort.states_max_of(work.case))
        exploration = explore(scenario, policy, properties=properties, bounds=bounds, counts=False)
        if exploration.is_complete:
            found = [(each.verdicts, each.witness) for each in exploration.outcomes]
            happened = states_with_all(exploration.graph, len(scenario.setting.faults))
            return _done(work.case, True, exploration.states, happened, found, original)
        table = exploration.graph.table
    system = remembering(scenario.system(policy), properties)
    walker = Walker(system, table)
    walks = [walker.walk(number) for number in range(effort.walks)]
    found = [(system.verdicts_of(walk.outcome, properties), walk.steps) for walk in walks]
    of_budget = set(range(len(scenario.setting.faults)))
    happened = sum(of_budget <= {step.fault for step in walk.steps} for walk in walks)
    return _done(work.case, False, effort.walks, happened, found, original)


Given = tuple[tuple[str, ...], tuple[WalkedStep, ...]]
"""The verdicts of a schedule, and its steps."""


def _done(
    case: SurveyCase, is_complete: bool, looked_at: int, happened: int, found: Iterable[Given], policy: Any
) -> CaseDone:
    shortest: dict[str, Given] = {}
    for given in found:
        for verdict in given[0]:
            if verdict not in shortest or len(given[1]) < len(shortest[verdict][1]):
                shortest[verdict] = given
    gives_ok = shortest.pop(OK.name, None) is not None
    witnesses = {verdict: _witness(*given) for verdict, given in sorted(shortest.items())}
    return CaseDone(Finding(case, is_complete, looked_at, happened, witnesses, gives_ok), decided_by(policy))


def _witness(verdicts: tuple[str, ...], steps: Iterable[WalkedStep]) -> FoundSchedule:
    shown = (Shown(step.actor, step.name, step.way, step.description, step.alternative) for step in steps)
    return FoundSchedule(verdicts, tuple(shown))


def under_budget(scenario: Scenario, faults: tuple[Fault, ...]) -> Scenario:
    """A scenario with other faults in the place of its own."""
    return replace(with_faults(scenario, faults), injected_delays=(), injected_delay_places=(), written_faults=())


def _without(policy: Any, switch: str) -> Any:
    """The policy with a switch turned off, or without a check that it may leave out, if one is named."""
    if not switch:
        return policy
    off: dict[str, Any] = {switch: False if switch in SWITCHES else None} if switch else {}
    return replace(policy, **off)


_OF_CHECKS = {
    "on_missing_meta": "a handler that finds no metadata looks at the row, as after a count mismatch, instead of "
    "answering 500"
}
"""By name of a check that a policy may leave out: what it does where it is not left out."""


def meaning_of(switch: str) -> str:
    """What a policy does by one of its switches, or by a check that it may leave out, in half a sentence."""
    return SWITCHES[switch].meaning if switch in SWITCHES else _OF_CHECKS[switch]


def switches_over(policy: Policy, base: Policy) -> tuple[str, ...]:
    """The checks that a policy has and its base leaves out, and the switches that it has on beside those."""
    checks = [name for name in OPTIONAL_CHECKS if getattr(policy, name) is not getattr(base, name)]
    on = switches_of(policy) - switches_of(base)
    return (*checks, *(name for name in SWITCHES if name in on))
