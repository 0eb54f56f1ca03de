"""When the handler reads the row of a count that came too late, and when the row is COMPLETED."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from batchsim.batch.client import CallResult
from batchsim.batch.history import COMPLETION_UPDATES
from batchsim.batch.operations import CompletionUpdate, EnqueuedCount, FindBatch, SetCompleted
from batchsim.batch.stores import BATCH_ROW, Status
from batchsim.batch.trace import Answered, Trace
from batchsim.engines.timed import Simulation
from batchsim.model.run import Step

_KEPT = frozenset(each.name for each in (CompletionUpdate, EnqueuedCount, FindBatch, SetCompleted))
_FIRST_HANDLER = "handler-1"

Held = TypeVar("Held")

Answer = tuple[int | None, bool | None]
"""The status, and with status 200 whether the batch is sealed."""


class Spread(NamedTuple):
    """Some durations; of none of them all is 0."""

    runs: int
    least_us: int
    median_us: int
    most_us: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Of the runs in which the first handler counted too late; after the completion update."""

    runs: int
    """All that were looked at."""
    read: Spread
    """When the handler reads the row."""
    completed: Spread
    """When the row becomes COMPLETED."""
    read_completed: int
    """In how many of them the handler read a row that was COMPLETED."""
    retries: tuple[tuple[Answer, int], ...]
    """How often later attempts were answered how, the most frequent answer first."""
    ends: tuple[tuple[CallResult, int], ...]
    """What the caller got how often, whatever the attempts; the most frequent first."""

    @property
    def late(self) -> int:
        """In how many runs the handler counted too late."""
        return self.read.runs


class _Late(NamedTuple):
    """A run in which the first handler counted too late."""

    read_us: int
    completed_us: int | None
    retries: tuple[Answer, ...]
    end: CallResult


def timing_of(simulation: Simulation, seeds: Iterable[int]) -> Timing:
    """Look at one run for each seed."""
    runs = [_late(simulation.run(seed, keep=_KEPT)) for seed in seeds]
    late = [each for each in runs if each is not None]
    completed = [each.completed_us for each in late if each.completed_us is not None]
    return Timing(
        runs=len(runs),
        read=_spread([each.read_us for each in late]),
        completed=_spread(completed),
        read_completed=sum(each.completed_us is not None and each.completed_us <= each.read_us for each in late),
        retries=_by_frequency(answer for each in late for answer in each.retries),
        ends=_by_frequency(each.end for each in late),
    )


def _late(trace: Trace) -> _Late | None:
    """`None`: its count was right, or nothing had been updated by then."""
    updated = next((step for step in trace.steps if COMPLETION_UPDATES in step.keys_written), None)
    counted = _first(trace.steps, EnqueuedCount.name, _FIRST_HANDLER)
    if updated is None or counted is None or counted.effect == trace.setting.run_count:
        return None
    read = _first(trace.steps[trace.steps.index(counted) :], FindBatch.name, _FIRST_HANDLER)
    if read is None:
        return None
    completed = next((step for step in trace.steps if _completes(step)), None)
    return _Late(
        read_us=read.at_us - updated.at_us,
        completed_us=None if completed is None else completed.at_us - updated.at_us,
        retries=tuple(_answer(each) for each in trace.answers[1:]),
        end=trace.outcome.call._replace(attempts=0),
    )


def _first(steps: Sequence[Step], name: str, actor: str | None = None) -> Step | None:
    found = (step for step in steps if step.name == name and step.took_effect)
    return next((step for step in found if actor is None or step.actor == actor), None)


def _completes(step: Step) -> bool:
    change = step.change_of(BATCH_ROW)
    return change is not None and change.after.status is Status.COMPLETED


def _answer(answered: Answered) -> Answer:
    return answered.status, answered.sealed


def _spread(durations_us: Sequence[int]) -> Spread:
    if not durations_us:
        return Spread(0, 0, 0, 0)
    ordered = sorted(durations_us)
    return Spread(len(ordered), ordered[0], ordered[(len(ordered) - 1) // 2], ordered[-1])


def _by_frequency(found: Iterable[Held]) -> tuple[tuple[Held, int], ...]:
    return tuple(sorted(Counter(found).items(), key=lambda each: (-each[1], repr(each[0]))))
