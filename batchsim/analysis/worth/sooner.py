"""Whether COMPLETED can come sooner after the completion update than the debounce of its job takes.

The job that the update leads to cannot. But a child run may have scheduled one before, and that one can be picked
up in the moment between the update and the schedule that puts it off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchsim.batch.operations import CompletionUpdate, ScheduleCompletion, SetCompleted, TakeCompletion
from batchsim.batch.policy import Policy
from batchsim.batch.system import class_of
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.zones import explore_timed
from batchsim.engines.zones.timetable import TimedStep
from batchsim.scenario import Scenario, varied

BOUNDS = Bounds(20_000, None)
"""Of zones: more than where child runs execute equally long."""


@dataclass(frozen=True, slots=True)
class Sooner:
    """A run in which it does; times are counted from the completion update."""

    executions: tuple[str, str]
    """Each child run executes for any time between these, whatever the others do."""
    scheduled_by: str
    """The actor that had scheduled the job."""
    scheduled_us: int
    """Below 0: before the update."""
    taken_us: int
    completed_us: int


def sooner_of(scenario: Scenario, executions: tuple[str, str], first: Policy, other: Policy) -> Sooner | None:
    """Such a run, of those that end under one policy as none does under the first; `None`: none was found."""
    anything = varied(scenario, (f"items.execution={{uniform: [{', '.join(executions)}]}}",))
    usual = explore_timed(anything, first, bounds=BOUNDS)
    if not usual.is_complete:
        return None
    ends = {class_of(each.outcome, each.verdicts) for each in usual.outcomes}
    for each in explore_timed(anything, other, bounds=BOUNDS).outcomes:
        if class_of(each.outcome, each.verdicts) not in ends:
            found = _told(each.witness.steps, executions)
            if found is not None and found.scheduled_us < 0:
                return found
    return None


def _told(steps: Sequence[TimedStep], executions: tuple[str, str]) -> Sooner | None:
    """Of the first job that completed the batch."""
    names = [step.name for step in steps]
    if CompletionUpdate.name not in names or SetCompleted.name not in names:
        return None
    completed = steps[names.index(SetCompleted.name)]
    before = steps[: names.index(SetCompleted.name)]
    taken = max(place for place, step in enumerate(before) if _is(step, TakeCompletion.name, completed.actor))
    scheduled = [step for step in steps[:taken] if step.name == ScheduleCompletion.name]
    updated_us = steps[names.index(CompletionUpdate.name)].at_us
    return Sooner(
        executions=executions,
        scheduled_by=scheduled[-1].actor,
        scheduled_us=scheduled[-1].at_us - updated_us,
        taken_us=steps[taken].at_us - updated_us,
        completed_us=completed.at_us - updated_us,
    )


def _is(step: TimedStep, name: str, actor: str) -> bool:
    return (step.name, step.actor) == (name, actor)
