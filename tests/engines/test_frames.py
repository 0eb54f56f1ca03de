"""Two coroutines at one place are one local state only if both will do the same: what is on the stack counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import pytest

from batchsim import POLICIES, Property, explore, scenario_from_data, scenario_of, simulate
from batchsim.model.operation import Program, ProtocolError
from batchsim.model.system import Actor, System
from batchsim.stores import redis
from batchsim.user_code import UserCodeError

A, B, SEEN = "a", "b", "seen"


async def on_the_left() -> None:
    await redis.set(SEEN, await redis.get(A) == await redis.get(B))


async def in_a_call() -> None:
    await redis.set(SEEN, max(await redis.get(A) or 0, await redis.get(B) or 0, await redis.get(A) or 0))


async def in_a_tuple() -> None:
    await redis.set(SEEN, (await redis.get(A), await redis.get(B), await redis.get(A)))


async def over_a_list() -> None:
    for value in [await redis.get(A), await redis.get(B), 7]:
        await redis.rpush(SEEN, 0 if value is None else 1)


async def over_pairs() -> None:
    found = {"a": await redis.get(A), "b": await redis.get(B)}
    for place, (name, value) in enumerate(sorted(found.items(), key=str)):
        await redis.hset(SEEN, f"{place}{name}", value is None)


async def in_a_handler() -> None:
    try:
        raise ProtocolError(await redis.get(A))
    except ProtocolError as error:
        await redis.get(B)
        await redis.set(SEEN, error.args)


@contextmanager
def held(value: object) -> Iterator[object]:
    yield value


async def under_a_with() -> None:
    with suppress(ProtocolError):
        for _ in range(2):
            await redis.incr(SEEN)
            if await redis.get(A) and await redis.get(B):
                raise ProtocolError


async def closed_over() -> None:
    first = await redis.get(A)

    async def inner() -> None:
        await redis.set(SEEN, (first, await redis.get(B)))

    await inner()


async def put_whether_alike(name: str) -> None:
    is_alike = await redis.get(A) == await redis.get(B)
    await redis.set("".join(name[place] for place in range(len(name))), is_alike)


async def with_a_parameter_in_a_cell() -> None:
    await put_whether_alike(SEEN)


async def count_up() -> None:
    await redis.incr(A)
    await redis.incr(B)
    await redis.incr(A)


ALL = [
    on_the_left,
    in_a_call,
    in_a_tuple,
    over_a_list,
    over_pairs,
    in_a_handler,
    under_a_with,
    closed_over,
    with_a_parameter_in_a_cell,
]


def system(program: Callable[[], Program[Any]]) -> System[Any]:
    actors = (Actor("one", None, program), Actor("other", None, count_up))
    return System("x", actors, (A, B, SEEN), properties=(Property("is_one", "", lambda end: end[SEEN] == 1),))


@pytest.mark.parametrize("program", ALL)
def test_merged_or_told_apart_by_all_that_happened_the_numbers_are_the_same(
    program: Callable[[], Program[Any]],
) -> None:
    merged, apart = (explore(scenario_of(system(program)), merges=merges) for merges in (True, False))
    assert merged.schedules == apart.schedules
    assert merged.states <= apart.states
    assert {(str(each.outcome), each.schedules) for each in merged.outcomes} == {
        (str(each.outcome), each.schedules) for each in apart.outcomes
    }
    assert len(merged.outcomes) > 1


def test_what_may_change_unseen_is_refused() -> None:
    async def with_a_generator() -> None:
        values = (each for each in (1, 2))
        for value in values:
            await redis.set(SEEN, value)

    async def with_an_array() -> None:
        values = bytearray(b"x")
        await redis.set(SEEN, len(values))

    for program in (with_a_generator, with_an_array):
        with pytest.raises(
            UserCodeError,
            match=r"test_frames.py:\d+: a variable of a coroutine holds .*; allowed: what has a hash",
        ):
            explore(scenario_of(system(program)))


def test_an_exception_that_was_handled_long_ago_tells_nothing_apart() -> None:
    scenario = scenario_from_data(
        {"name": "x", "batch": {"items": 1}, "consumers": 1, "faults": [{"store_error": {"at_most": 1}}]}
    )
    found = explore(scenario, POLICIES["pre3427"])
    assert (found.states, found.transitions, found.schedules) == (14_643, 44_213, 151_776_368_108_740_472)


@pytest.mark.parametrize("way", ["cell", "answer", "variable"])
def test_one_and_true_are_two_values(way: str) -> None:
    async def writes(flag: object) -> None:
        await redis.set(A, flag)

    async def reads() -> None:
        found = await redis.get(A)
        if way == "variable":
            await redis.get(B)  # the value is held while this is awaited
        await redis.set(SEEN, found if way == "cell" else repr(found))

    actors = (
        Actor("one", None, lambda: writes(1)),
        Actor("true", None, lambda: writes(True)),
        Actor("reader", None, reads),
    )
    ends = (
        Property("is_1", "", lambda end: str(end[SEEN]) == "1"),
        Property("is_True", "", lambda end: str(end[SEEN]) == "True"),
    )
    found = explore(scenario_of(System("flags", actors, (A, B, SEEN), properties=ends)))
    assert {name for each in found.outcomes for name in each.verdicts} == {"is_1", "is_True", "ok"}


def test_a_coroutine_that_does_otherwise_after_the_same_answers_is_refused() -> None:
    calls = count()

    async def remembers() -> None:
        call = next(calls)
        await redis.get(A)
        await (redis.get(B) if call % 2 else redis.incr(B))
        await redis.get(A)

    with pytest.raises(
        UserCodeError, match=r"one: after the same answers it awaited .*allowed: a coroutine that dep"
    ):
        explore(scenario_of(system(remembers)))


def test_what_no_engine_knows_is_no_operation() -> None:
    class Foreign:
        def __await__(self) -> Iterator[None]:
            yield

    async def waits() -> None:
        await redis.get(A)
        await Foreign()  # type: ignore[misc]

    refused = r"test_frames.py:\d+: awaits None, which is no operation; allowed: operations of batchsim"
    with pytest.raises(UserCodeError, match=refused):
        explore(scenario_of(system(waits)))
    with pytest.raises(UserCodeError, match=refused):
        simulate(scenario_of(system(waits)))
