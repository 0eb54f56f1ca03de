"""One case: every order of its steps if they are few enough, and otherwise schedules drawn at random."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from batchsim.analysis.batch.switched_off import without
from batchsim.analysis.findings.scope import SurveyCase
from batchsim.engines.exhaustive import Bounds, WalkedStep, explore
from batchsim.engines.exhaustive.compiled import note_one_of_many
from batchsim.engines.exhaustive.occurring import states_with_all
from batchsim.engines.exhaustive.sampling_walks import Walker
from batchsim.model.faults import Fault
from batchsim.model.properties import OK
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

    def limited_to(self, states_max: int | None, walks: int | None) -> Effort:
        """With these bounds, where they are given, for pairs too."""
        effort = self if walks is None else self._replace(walks=walks)
        return (
            effort if states_max is None else effort._replace(states_max=states_max, states_max_of_pair=states_max)
        )

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
    policy = without(original, work.case.without)
    scenario = under_budget(work.scenario, work.faults)
    properties = [find_verdict(name, work.directory) for name in work.verdicts]
    table = None
    if tries_all:
        bounds = Bounds(states_max=effort.states_max_of(work.case))
        exploration = explore(scenario, policy, properties=properties, bounds=bounds, counts=False)
        note_one_of_many(exploration.states)
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
    gives_ok = shortest.pop(OK, None) is not None
    witnesses = {verdict: _witness(*given) for verdict, given in sorted(shortest.items())}
    return CaseDone(Finding(case, is_complete, looked_at, happened, witnesses, gives_ok), decided_by(policy))


def _witness(verdicts: tuple[str, ...], steps: Iterable[WalkedStep]) -> FoundSchedule:
    shown = (Shown(step.actor, step.name, step.way, step.description, step.alternative) for step in steps)
    return FoundSchedule(verdicts, tuple(shown))


def under_budget(scenario: Scenario, faults: tuple[Fault, ...]) -> Scenario:
    """A scenario with other faults in the place of its own."""
    return replace(with_faults(scenario, faults), injected_delays=(), injected_delay_places=(), written_faults=())
