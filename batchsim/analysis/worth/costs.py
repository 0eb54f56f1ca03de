"""What a policy costs: operations and round trips for each batch, and keys that outlive cleanup."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean, median_low
from typing import NamedTuple

from batchsim.batch.client import Result
from batchsim.batch.operations import Cleanup
from batchsim.batch.policy import Policy
from batchsim.batch.stores import REDIS_KEYS
from batchsim.batch.trace import Trace
from batchsim.engines.timed import Simulation
from batchsim.scenario import Scenario

RUNS = 50
"""So many runs of each policy at most: every step of them is looked at."""
STORES = ("redis", "postgres", "queue", "jobs", "store")
"""What an operation that costs something is done on; the first part of its name."""
_SERVER = "redis"
"""Who drops what has expired: no operation of a client."""


class Extra(NamedTuple):
    """What a batch costs more than under the first policy, on average; less where it is negative."""

    runs: int
    """Those in which the call returned at its first attempt under both."""
    operations: float
    round_trips: float


class Cost(NamedTuple):
    """Of one policy, on average of some runs unless said otherwise."""

    runs: int
    operations: float
    """Operations on stores for each batch, whoever does them, all attempts together."""
    round_trips: float
    """Operations that an actor issues together count once here: it waits for them once."""
    extra: Extra | None
    """`None`: in no run the call returned at its first attempt under both."""
    keys_kept: int
    """How many Redis keys of the batch outlived cleanup, at most."""
    kept_us: int | None
    """For how long, in the median of the runs that have such keys; `None`: in one of them for ever."""

    @property
    def rank(self) -> tuple[float, float, int, float]:
        """What is cheaper comes first: round trips, operations, keys, and how long these are kept."""
        kept_us = float("inf") if self.kept_us is None else self.kept_us
        return self.round_trips, self.operations, self.keys_kept, kept_us


class _OfRun(NamedTuple):
    operations: int
    round_trips: int
    is_at_once: bool
    keys_kept: int
    kept_us: int | None


def costs_of(scenario: Scenario, policies: Sequence[Policy], seeds: Iterable[int]) -> tuple[Cost, ...]:
    """What each policy costs, in their order, under the same latencies; `seeds`: one for each run."""
    some = list(seeds)
    of_policies = [_runs_of(scenario, policy, some) for policy in policies]
    return tuple(_cost(runs, of_policies[0]) for runs in of_policies)


def _runs_of(scenario: Scenario, policy: Policy, seeds: Sequence[int]) -> list[_OfRun]:
    simulation = Simulation(scenario, policy)
    return [_of_run(simulation.run(seed)) for seed in seeds]


def _cost(runs: Sequence[_OfRun], of_first: Sequence[_OfRun]) -> Cost:
    at_once = [pair for pair in zip(runs, of_first, strict=True) if all(each.is_at_once for each in pair)]
    keeping = [each.kept_us for each in runs if each.keys_kept]
    known = [each for each in keeping if each is not None]
    return Cost(
        runs=len(runs),
        operations=fmean(each.operations for each in runs),
        round_trips=fmean(each.round_trips for each in runs),
        extra=Extra(
            len(at_once),
            fmean(ours.operations - theirs.operations for ours, theirs in at_once),
            fmean(ours.round_trips - theirs.round_trips for ours, theirs in at_once),
        )
        if at_once
        else None,
        keys_kept=max((each.keys_kept for each in runs), default=0),
        kept_us=None if len(known) < len(keeping) else median_low(known) if known else 0,
    )


def _of_run(trace: Trace) -> _OfRun:
    on_stores = [step for step in trace.steps if step.name.partition(".")[0] in STORES and step.actor != _SERVER]
    call = trace.outcome.call
    kept, kept_us = _kept(trace)
    return _OfRun(
        operations=len(on_stores),
        round_trips=len({(step.actor, step.after, step.issued_us) for step in on_stores}),
        is_at_once=call.result is Result.OK and call.attempts == 1,
        keys_kept=kept,
        kept_us=kept_us,
    )


def _kept(trace: Trace) -> tuple[int, int | None]:
    """How many keys outlived the first cleanup, and for how long (`None`: for ever); none where there was none."""
    there: set[str] = set()
    outlived: set[str] = set()
    cleaned_us: int | None = None
    for step in trace.steps:
        for change in step.changes:
            if change.key in REDIS_KEYS:
                there.discard(change.key) if change.after is None else there.add(change.key)
        if cleaned_us is None:
            if step.name == Cleanup.name and step.took_effect:
                cleaned_us, outlived = step.at_us, set(there)
        elif not outlived & there:
            return len(outlived), step.at_us - cleaned_us if outlived else 0
    return len(outlived), None if outlived else 0
