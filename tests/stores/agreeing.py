"""All engines say the same of a small system, as far as each of them can tell."""

from __future__ import annotations

from collections import Counter
from typing import Any

from batchsim import explore, explore_timed, scenario_of, simulate
from batchsim.model.operation import Operation, Raised
from batchsim.model.system import System

SEEDS = 20


def numbers(system: System[Any]) -> dict[str, int]:
    """By verdicts, how many schedules there are; counted with and without merging, and equal with `reduces`."""
    scenario = scenario_of(system)
    found = explore(scenario)
    assert found.is_proof
    assert explore(scenario, merges=False).schedules == found.schedules
    reduced = explore(scenario, reduces=True)
    told = {(each.outcome, each.verdicts) for each in found.outcomes}
    assert {(each.outcome, each.verdicts) for each in reduced.outcomes} == told
    counted: Counter[str] = Counter()
    for each in found.outcomes:
        assert each.schedules is not None
        counted[", ".join(each.verdicts)] += each.schedules
    return dict(counted)


def with_time(system: System[Any], **latency: Any) -> set[str]:
    """The verdicts that latencies allow; timed runs give some of them, and exploration gives them all."""
    scenario = scenario_of(system, **latency)
    within = explore_timed(scenario)
    assert within.is_proof
    assert within.verdicts <= explore(scenario).verdicts
    for seed in range(SEEDS):
        assert (
            set(system.verdicts_of(simulate(scenario_of(system, seed=seed, **latency)).outcome)) <= within.verdicts
        )
    return set(within.verdicts)


def applied(operation: Operation[Any], world: Any) -> Any:
    """The answer, or the error in its place; `None` for one that would wait."""
    ways = operation.alternatives(world)
    answer = operation.apply_alternative(world, ways[0]) if ways else None
    return answer.error if isinstance(answer, Raised) else answer
