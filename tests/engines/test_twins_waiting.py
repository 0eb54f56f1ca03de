"""Twins that wait for different things, or hold different things, are told apart; others are one."""

from __future__ import annotations

from functools import partial
from typing import Any

from batchsim import Property, explore, explore_timed, scenario_of
from batchsim.model.cells import Cells
from batchsim.model.system import Actor, System
from batchsim.stores import redis
from tests.engines.naive import enumerate_system

STUCK = Property("stuck", "Nobody got it.", lambda end: not end["done"])


async def wait_in_two_places() -> None:
    if await redis.incr("number") == 1:
        await redis.blpop("never")
    await redis.blpop("list")
    await redis.incr("done")


async def push() -> None:
    await redis.rpush("list", 1)


def test_one_who_waits_for_something_else_keeps_nobody_from_going_on() -> None:
    twins = tuple(Actor("worker", number, wait_in_two_places, is_twin=True) for number in range(2))
    cells = ("number", "never", "list", "done")
    scenario = scenario_of(System("two", (*twins, Actor("pusher", None, push)), cells, properties=(STUCK,)))
    found = explore(scenario)
    assert found.verdicts == {"ok"}
    assert explore(scenario, merges=False).schedules == found.schedules == 6
    assert explore(scenario, reduces=True).verdicts == explore_timed(scenario).verdicts == {"ok"}


async def count_jobs() -> None:
    done = 0
    while True:
        await redis.blpop("jobs")
        done += 1
        await redis.incr(f"at:{done}")


def two_jobs(cells: Cells) -> None:
    cells.modify("jobs", list[str]).extend(["a", "b"])


def test_those_who_wait_for_the_same_and_hold_different_things_are_two() -> None:
    twins = tuple(Actor("worker", number, count_jobs, is_twin=True) for number in range(2))
    system: System[Any] = System("jobs", twins, ("jobs", "at:1", "at:2"), two_jobs)
    found = explore(scenario_of(system))
    ends = {(("at:1", 2),), (("at:1", 1), ("at:2", 1))}
    assert {each.outcome.cells for each in found.outcomes} == ends
    assert found.schedules == sum(enumerate_system(system).values()) == 4
    assert explore(scenario_of(system), merges=False).schedules == 4
    for engine in (partial(explore, reduces=True), explore_timed):
        assert {each.outcome.cells for each in engine(scenario_of(system)).outcomes} == ends
