"""Redis: keys that expire and pops with a timeout, in all engines."""

from __future__ import annotations

from typing import Any

import pytest

from batchsim import Property, explore, explore_exact, explore_timed, scenario_of, simulate
from batchsim.bad_input import BadInputError
from batchsim.model.cells import Cells
from batchsim.model.operation import sleep
from batchsim.model.system import Actor, System, World
from batchsim.stores import READY_MADE, redis
from tests.stores.agreeing import applied, numbers, with_time

# -- keys that expire ------------------------------------------------------------------------------


async def hold() -> None:
    """Take a lease, see whether somebody else holds it, give it back."""
    if await redis.set("lease", 1, nx=True, ex="30 s"):
        if await redis.incr("holders") > 1:
            await redis.set("both", 1)
        await sleep("1 min")
        await redis.decr("holders")
        await redis.delete("lease")


async def hold_later() -> None:
    await sleep("40 s")
    await hold()


BOTH = Property("both", "Two hold the lease.", lambda end: bool(end["both"]))
PARTS = (redis.expiring("lease"),)


def leases(*programs: Any, is_twin: bool = False, parts: Any = PARTS) -> System[Any]:
    actors = tuple(Actor("worker", number, each, is_twin=is_twin) for number, each in enumerate(programs))
    return System("lease", actors, cells=("holders", "both", "lease"), properties=(BOTH,), parts=parts)


def test_a_lease_that_expires_is_held_twice() -> None:
    assert numbers(leases(hold, hold, is_twin=True)) == {"both": 3708, "ok": 626}
    assert with_time(leases(hold, hold_later)) == {"both"}
    assert with_time(leases(hold, hold, is_twin=True)) == {"ok"}


def test_a_time_to_live_is_as_long_as_the_code_or_the_scenario_says() -> None:
    async def leave() -> None:
        await redis.set("key", 1, ex="30 s")

    system: System[Any] = System(
        "leave", (Actor("a", None, leave),), cells=("key",), parts=(redis.expiring("key"),)
    )
    free = {"redis": 0}
    assert [step.at_us for step in simulate(scenario_of(system, **free)).steps] == [0, 30_000_000]
    given = scenario_of(system, **free, operations={"redis.expired": "2 s"})
    assert [step.at_us for step in simulate(given).steps] == [0, 2_000_000]
    exponential = {"exponential": {"mean": "2 s"}}
    (outcome,) = explore_exact(scenario_of(system, **free, operations={"redis.expired": exponential})).outcomes
    assert outcome.probability == pytest.approx(1)


def test_expire_counts_anew_and_persist_ends_it() -> None:
    async def renew() -> None:
        await redis.set("key", 1, ex="30 s")
        await sleep("20 s")
        if await redis.expire("key", "30 s"):
            await redis.incr("renewed")
        await sleep("20 s")
        await redis.persist("key")

    system: System[Any] = System(
        "renew",
        (Actor("a", None, renew),),
        cells=("key", "renewed"),
        properties=(Property("gone", "It expired.", lambda end: not end["key"]),),
        parts=(redis.expiring("key"),),
    )
    assert numbers(system) == {"gone": 5, "ok": 1}
    assert with_time(system) == {"ok"}


@pytest.mark.parametrize("engine", [explore, explore_timed, simulate])
def test_a_time_to_live_that_nothing_ends_is_told(engine: Any) -> None:
    with pytest.raises(
        BadInputError, match=r"redis\.set: found no redis\.expiring\('lease'\) in the system; allowed: "
    ):
        engine(scenario_of(leases(hold, parts=())))


def test_parts_are_added_once() -> None:
    system = leases(hold)
    assert system.parts == ()
    assert [actor.name for actor in system.actors] == ["worker-0", "expiry of lease"]
    with pytest.raises(BadInputError, match=r"found redis\.expiring\('lease'\) twice"):
        leases(hold, parts=(*PARTS, *PARTS))


# -- pops with a timeout ---------------------------------------------------------------------------


async def take() -> None:
    while await redis.brpop("jobs", timeout="3 s") is not None:
        await redis.incr("done")


async def push_two() -> None:
    await sleep("2 s")
    await redis.lpush("jobs", "a", "b")


LEFT = Property("left", "A job is left.", lambda end: (end["done"] or 0) < 2)


TIMEOUTS = (redis.timeouts("jobs"),)


def pops(consumers: int, parts: Any = TIMEOUTS) -> System[Any]:
    twins = tuple(Actor("consumer", number, take, is_twin=True) for number in range(consumers))
    return System("pops", (*twins, Actor("p", None, push_two)), ("jobs", "done"), properties=(LEFT,), parts=parts)


def test_a_pop_gives_up_after_its_timeout() -> None:
    assert numbers(pops(1)) == {"left": 3, "ok": 3}
    assert set(numbers(pops(2))) == {"left", "ok"}
    assert with_time(pops(2)) == with_time(pops(1)) == {"ok"}
    assert with_time(pops(2), operations={"redis.timeout": "1 s"}) == {"left"}


def test_a_push_of_several_elements_wakes_as_many() -> None:
    async def pop() -> None:
        await redis.blpop("jobs")
        await redis.incr("done")

    async def push() -> None:
        await sleep("1 s")
        await redis.rpush("jobs", 1, 2)

    twins = tuple(Actor("consumer", number, pop, is_twin=True) for number in range(2))
    system: System[Any] = System("two", (*twins, Actor("p", None, push)), ("jobs", "done"), properties=(LEFT,))
    assert set(numbers(system)) == with_time(system) == {"ok"}
    assert system.verdicts_of(simulate(scenario_of(system)).outcome) == ("ok",)


def test_what_a_pop_with_a_timeout_needs_is_told() -> None:
    with pytest.raises(BadInputError, match=r"redis\.brpop: found no redis\.timeouts\('jobs'\) in the system"):
        simulate(scenario_of(pops(1, parts=())))
    with pytest.raises(
        BadInputError, match=r"more than 2 clients .* allowed: redis\.timeouts\('jobs', clients=3\)"
    ):
        explore(scenario_of(pops(3)))
    with pytest.raises(BadInputError, match="clients: found 9; allowed: 1 to 8"):
        redis.timeouts("jobs", clients=9)
    with pytest.raises(BadInputError, match=r"redis\.brpop: found a timer that only the answer tells"):
        explore_exact(scenario_of(pops(1)))


# -- what is refused -------------------------------------------------------------------------------


def test_a_command_on_another_type_raises_and_changes_nothing() -> None:
    world = World(Cells())
    applied(redis.rpush("list", 1), world)
    for command in (redis.get("list"), redis.incr("list"), redis.sadd("list", 1), redis.hset("list", "a", 1)):
        assert applied(command, world) is redis.ResponseError
    applied(redis.set("text", "a"), world)
    assert applied(redis.incr("text"), world) is redis.ResponseError
    assert applied(redis.blpop("text"), world) is redis.ResponseError
    assert applied(redis.lmove("list", "text"), world) is redis.ResponseError
    assert dict(world.cells) == {"list": [1], "text": "a"}


def test_a_coroutine_can_catch_it() -> None:
    async def count() -> int:
        await redis.set("text", "a")
        try:
            return await redis.incr("text")
        except redis.ResponseError:
            return -1

    system: System[Any] = System("count", (Actor("a", None, count, is_judged=True),), cells=("text",))
    (outcome,) = explore(scenario_of(system)).outcomes
    assert outcome.outcome.result_of("a") == -1


def test_every_command_has_a_name_for_scenarios() -> None:
    made = (
        *(
            redis.get("a"),
            redis.mget("a"),
            redis.set("a", 1),
            redis.getset("a", 1),
            redis.getdel("a"),
            redis.incr("a"),
        ),
        *(redis.decr("a"), redis.exists("a"), redis.delete("a"), redis.expire("a", "1 s"), redis.persist("a")),
        *(redis.sadd("a", 1), redis.srem("a", 1), redis.scard("a"), redis.sismember("a", 1), redis.smembers("a")),
        *(redis.lpush("a", 1), redis.rpush("a", 1), redis.lpop("a"), redis.rpop("a"), redis.blpop("a")),
        *(redis.brpop("a"), redis.llen("a"), redis.lrange("a"), redis.lrem("a", 1), redis.lmove("a", "b")),
        *(redis.rpoplpush("a", "b"), redis.zadd("a", 1, 1), redis.zrem("a", 1), redis.zcard("a")),
        *(redis.zscore("a", 1), redis.zrange("a"), redis.zrangebyscore("a", 0, 1), redis.zpopmin("a")),
        *(redis.hset("a", "b", 1), redis.hget("a", "b"), redis.hgetall("a"), redis.hdel("a", "b")),
        *(redis.hexists("a", "b"), redis.hlen("a"), redis.hincrby("a", "b")),
    )
    names = {name for name in READY_MADE if name.startswith("redis.")}
    assert {each.name for each in made} | {"redis.expired", "redis.timeout"} == names
