"""The batch under a policy, as a system: who acts over which cells, when timers run, what it came to."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from typing import Generic, TypeVar

from batchsim.batch.actors import PARENT, SDK, actors_of, all_cells, world_after_phase_1
from batchsim.batch.client import Result
from batchsim.batch.limits import actors_of_limits
from batchsim.batch.operations import CallAgain, Deliver, DeliverCreation, Resume, RetryMessage, TakeCompletion
from batchsim.batch.phase_1 import actors_of_policy
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.stores import (
    COMPLETION_JOB,
    Message,
    connection_key,
    holds_not,
    in_flight_key,
    of_second_batch,
)
from batchsim.batch.trace import Answered, Outcome, Trace, outcome_of
from batchsim.batch.verdicts import PROPERTIES
from batchsim.batch.views import views_of
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.exposure import fault_key
from batchsim.model.run import Run
from batchsim.model.system import Alarm, Results, System

T = TypeVar("T")

NOTED = frozenset({Deliver.name, DeliverCreation.name, CallAgain.name, Resume.name})
"""The steps by which a run is told: what reached the SDK, and when the parent went on."""


class _Each(Generic[T]):
    """What is made anew each time that somebody goes through it: a batch may have very many actors and cells."""

    def __init__(self, make: Callable[[], Iterator[T]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[T]:
        return self._make()


def system_of(setting: Setting, policy: Policy, listed_as: Sequence[int] | None = None) -> System[Trace]:
    """The system of a setting under a policy; `listed_as` as for `actors_of`."""
    return System(
        name=policy.name,
        actors=_Each(partial(actors_of, setting, policy, listed_as)),
        cells=_Each(lambda: iter(all_cells(setting, policy))),
        begin=partial(world_after_phase_1, setting, policy),
        world=World,
        outcome=partial(_outcome, setting),
        trace=partial(_trace, setting, policy),
        properties=PROPERTIES,
        built_in=(),  # a batch that waits for ever is `stuck`
        class_of=class_of,
        timers=dict(_timers(setting, policy)),
        first_timers=dict(_first_timers(setting, policy)),
        alarms=tuple(_alarms(setting)),
        faults=setting.faults,
        is_guarded=policy.has_own_steps,
        holds_not=holds_not,
        noted=NOTED,
        views=views_of(setting),
    )


def class_of(outcome: Outcome, verdicts: tuple[str, ...]) -> Hashable:
    """The same for two outcomes that are told as one: what the caller got, the final row, runs, keys, verdicts."""
    row = outcome.batch
    return (
        outcome.call,
        (row.status, row.sealed, row.processing_completed),
        (outcome.runs_created, outcome.runs_total),
        outcome.leaked_keys,
        verdicts,
    )


def _outcome(setting: Setting, world: World, results: Results) -> Outcome:
    return outcome_of(world, setting, results.get(SDK), results.get(PARENT))


def _timers(setting: Setting, policy: Policy) -> Iterator[tuple[Key, str]]:
    """Every timer that can be started, with the name of the operation under which its delay is given."""
    for timer, name in _timers_of_one_batch(setting, policy):
        yield timer, name
        if setting.has_second_batch and of_second_batch(timer) != timer:
            yield of_second_batch(timer), name


def _timers_of_one_batch(setting: Setting, policy: Policy) -> Iterator[tuple[Key, str]]:
    yield COMPLETION_JOB, TakeCompletion.name
    for actor in (*actors_of_policy(setting, policy), *actors_of_limits(setting, policy)):
        yield from actor.timers
    for index, item in enumerate(setting.items):
        timer = Message(index, attempt=2).timer
        if timer is not None and item.failed_attempts:
            yield timer, RetryMessage.name


def _first_timers(setting: Setting, policy: Policy) -> Iterator[tuple[Key, str]]:
    """Those of them that run from the beginning: their cells are there then."""
    for actor in (*actors_of_policy(setting, policy), *actors_of_limits(setting, policy)):
        begun = dict(actor.first_cells)
        yield from ((timer, name) for timer, name in actor.timers if timer in begun)


def _alarms(setting: Setting) -> Iterator[Alarm]:
    """The timers of faults that have a moment, and the cells where somebody waits for one."""
    for number, fault in enumerate(setting.faults):
        if fault.at_us is not None:
            yield Alarm(fault_key(number), fault.at_us, tuple(_cells_where_faults_wait(setting)))


def _cells_where_faults_wait(setting: Setting) -> Iterator[Key]:
    yield from (in_flight_key(index) for index in range(setting.run_count))
    yield from (connection_key(attempt) for attempt in range(1, setting.attempts_max + 1))


# -- a timed run ---------------------------------------------------------------------------------


def _trace(setting: Setting, policy: Policy, run: Run) -> Trace:
    answers = tuple(_answered(run))
    return Trace(
        policy=policy.name,
        seed=run.seed,
        setting=setting,
        outcome=run.outcome,
        answers=answers,
        called_back_us=_called_back_us(setting, run, answers),
        ended_us=run.ended_us,
        steps=run.steps,
        faults=run.faults,
    )


def _answered(run: Run) -> Iterator[Answered]:
    """The answers that reached the SDK."""
    for step in run.noted:
        if isinstance(step.operation, Deliver) and step.raised is None:
            sealed = step.answer.sealed if step.answer.status == 200 else None
            yield Answered(step.operation.attempt, step.answer.status, sealed, step.at_us)


def _called_back_us(setting: Setting, run: Run, answers: tuple[Answered, ...]) -> int:
    result = run.outcome.call.result
    if result is Result.WAITING:
        return run.ended_us
    if setting.waits and result is Result.OK:
        return next(step.at_us for step in run.noted if isinstance(step.operation, Resume))
    answering = Deliver | DeliverCreation | CallAgain  # the last of them is of the second phase 1
    return max(step.at_us for step in run.noted if isinstance(step.operation, answering))
