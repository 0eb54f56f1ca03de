"""Twins that wait for different things are told apart; those that wait for the same are one."""

from __future__ import annotations

from batchsim import Property, explore, explore_timed, scenario_of
from batchsim.model.system import Actor, System
from batchsim.stores import redis

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
