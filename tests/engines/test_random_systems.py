"""Systems drawn at random: choices, errors, lanes, twins, memories, a background; all engines agree."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import Any

import pytest

from batchsim import Exploration, TimedExploration, explore, explore_timed, over_history, scenario_of, simulate
from batchsim.engines.exhaustive import Bounds
from batchsim.model.history import HistoryStep
from batchsim.model.operation import Stopped, both, choose, for_each
from batchsim.model.system import Actor, System, as_one
from batchsim.stores import redis
from tests.engines.naive import enumerate_system

LATENCY = {"uniform": ["1 ms", "9 ms"]}
SMALL = Bounds(states_max=1000)
SCHEDULES_MAX = 2_000
Step = tuple[str, str]
STEPS: tuple[Step, ...] = (
    *(("get", key) for key in "ab"),
    *(("set", key) for key in "ab"),
    *(("incr", key) for key in "ab"),
    *(("push", key) for key in "qr"),
    *(("pop", key) for key in "qr"),
    *(("choose", ""), ("raise", ""), ("stop", ""), ("both", "")),
)


async def run(steps: tuple[Step, ...]) -> None:
    seen: Any = None
    for step, key in steps:
        match step:
            case "get":
                seen = await redis.get(key)
            case "set":
                await redis.set(key, seen or 0)
            case "incr":
                await redis.incr(key)
            case "push":
                await redis.rpush(key, 1)
            case "pop":
                await redis.blpop(key)
            case "choose" if await choose("x", "y") == "x":
                await redis.incr("a")
            case "raise" if seen:
                raise ValueError(seen)
            case "stop" if seen:
                raise Stopped
            case "both":
                await both(redis.incr("a"), redis.get("b"))
            case "lanes":
                await in_lanes()


async def in_lanes() -> None:
    async def lane(number: int) -> None:
        if await redis.incr("b") > 1:
            raise KeyError(number)
        await redis.incr("a")

    try:
        await for_each(2, 2, lane)
    except KeyError as error:
        if error.args == (1,):
            raise
        await redis.get("a")


def last_writer(memory: Any, step: HistoryStep) -> Any:
    return (step.actor, step.name) if step.change_of("a") else memory


SET_LAST = over_history(
    "set_last",
    "",
    start=None,
    update=last_writer,
    holds=lambda memory, end: bool(memory) and memory[1] == "redis.set",
)


def drawn(seed: int) -> System[Any]:
    draw = random.Random(seed)

    def program(count: int) -> Any:
        steps = [draw.choice(STEPS) for _ in range(draw.randint(1, count))]
        if draw.random() < 0.25:
            steps += [("lanes", "")] * draw.randint(1, 2)
        return partial(run, tuple(steps))

    actors = [
        Actor(
            f"actor{number}",
            None,
            program(3),
            begins_with="a" if draw.random() < 0.15 else None,
            is_background=draw.random() < 0.2,
        )
        for number in range(draw.randint(1, 2))
    ]
    if draw.random() < 0.5:
        same = program(2)
        actors += [Actor("twin", number, same, is_twin=True) for number in range(2)]
    properties = (SET_LAST,) if draw.random() < 0.5 else ()
    return System(f"drawn-{seed}", tuple(actors), cells=tuple("abqr"), properties=properties)


def ends_of(found: Exploration | TimedExploration) -> set[Any]:
    """Told as one where they are (`as_one`): what is remembered is no difference."""
    return {as_one(each.outcome, each.verdicts) for each in found.outcomes}


@pytest.mark.parametrize("seed", range(40))
def test_all_engines_agree_on_a_system_drawn_at_random(seed: int) -> None:
    system = drawn(seed)
    found = explore(scenario_of(system), bounds=SMALL)
    if not found.is_complete or found.schedules is None or found.schedules > SCHEDULES_MAX:
        return
    enumerated: Counter[Any] = Counter()
    for end_and_verdicts, schedules in enumerate_system(system).items():
        enumerated[as_one(*end_and_verdicts)] += schedules
    for each in (found, explore(scenario_of(system), merges=False)):
        assert {as_one(end.outcome, end.verdicts): end.schedules for end in each.outcomes} == enumerated
    assert ends_of(explore(scenario_of(system), reduces=True)) == ends_of(found)
    scenario = scenario_of(system, redis=LATENCY)
    within = explore_timed(scenario, bounds=SMALL)
    assert ends_of(within) <= ends_of(found)
    for end in within.outcomes:
        assert simulate(scenario, order=end.witness.steps, draws=end.witness.draws).outcome == end.outcome
    for seed_of_run in range(10 if within.is_complete else 0):
        outcome = simulate(scenario_of(system, seed=seed_of_run, redis=LATENCY)).outcome
        assert as_one(outcome, system.verdicts_of(outcome)) in ends_of(within)
