"""HTTP calls to an actor, in all engines."""

from __future__ import annotations

from typing import Any

import pytest

from batchsim import Property, explore, explore_exact, scenario_of, simulate
from batchsim.bad_input import BadInputError
from batchsim.model.operation import sleep
from batchsim.model.system import Actor, System
from batchsim.stores import http, redis
from tests.stores.agreeing import numbers, with_time


async def serve() -> None:
    while True:
        request = await http.serve("api")
        await redis.incr("orders")
        await http.respond(request, 201, json=request.json)


async def order() -> int:
    return (await http.post("api/orders", json="a book")).status_code


async def order_again() -> int:
    """A retry without an idempotency key."""
    try:
        response = await http.post("api/orders", json="a book", timeout="5 s")
    except http.TimeoutException:
        response = await http.post("api/orders", json="a book")
    return response.status_code


TWICE = Property("twice", "The order is made twice.", lambda end: (end["orders"] or 0) > 1)


def shop(
    *clients: Any, server: Any = serve, is_twin: bool = False, calls: int = 2, parts: Any = None
) -> System[Any]:
    actors = tuple(
        Actor("client", number, each, is_judged=not is_twin, is_twin=is_twin)
        for number, each in enumerate(clients)
    )
    parts = (http.service("api", calls=calls),) if parts is None else parts
    return System(
        "shop",
        (*actors, Actor("server", None, server, is_twin=True)),
        ("orders",),
        properties=(TWICE,),
        parts=parts,
    )


def test_a_call_is_answered() -> None:
    system = shop(order)
    assert numbers(system) == {"ok": 1}
    end: Any = simulate(scenario_of(system)).outcome
    assert end.result_of("client-0") == 201


def test_a_call_takes_both_legs_and_what_the_server_does() -> None:
    legs = {"request": "10 ms", "response": "20 ms"}
    latency: Any
    for latency in ({"http": legs}, {"operations": {"http.request": "10 ms", "http.response": "20 ms"}}):
        steps = simulate(scenario_of(shop(order), redis="2 ms", **latency)).steps
        assert [(step.name, step.at_us) for step in steps] == [
            ("http.send", 0),
            ("http.serve", 10_000),
            ("redis.incr", 11_000),
            ("http.respond", 12_000),
            ("http.receive", 32_000),
        ]
    assert simulate(scenario_of(shop(order), redis=0, http="7 ms")).ended_us == 6_000 + 1_000


def test_a_retry_after_a_timeout_orders_twice() -> None:
    assert numbers(shop(order_again)) == {"ok": 4, "twice": 24}
    assert with_time(shop(order_again)) == {"ok"}
    assert with_time(shop(order_again), http={"uniform": ["1 s", "10 s"]}) == {"ok", "twice"}
    assert with_time(shop(order_again), operations={"http.timeout": "1 ms"}) == {"twice"}


def test_requests_overtake_each_other_on_their_way() -> None:
    async def note() -> None:
        while True:
            request = await http.serve("api")
            await redis.rpush("orders", request.path)
            await http.respond(request)

    async def get(number: int) -> None:
        await sleep(f"{number} ms")
        await http.get(f"api/{number}")

    async def first() -> None:
        await get(0)

    async def second() -> None:
        await get(1)

    late = Property("overtaken", "The second came first.", lambda end: end["orders"] == ("/1", "/0"))
    actors = (Actor("one", None, first), Actor("other", None, second), Actor("server", None, note, is_twin=True))
    system: System[Any] = System("two", actors, ("orders",), properties=(late,), parts=(http.service("api"),))
    assert set(numbers(system)) == with_time(system) == {"ok", "overtaken"}
    assert with_time(system, http="5 ms") == {"ok"}


def test_twins_call_under_numbers_of_their_own() -> None:
    system = shop(order_again, order_again, is_twin=True, calls=4)
    assert numbers(system) == {"twice": 8_075_328}
    assert with_time(system) == {"twice"}


def test_an_answer_that_nobody_waits_for_is_dropped() -> None:
    async def serve_once() -> bool:
        return await http.respond(await http.serve("api"))

    async def give_up() -> str:
        try:
            await http.get("api", timeout="5 s")
        except http.TimeoutException:
            return "gave up"
        return "answered"

    actors = (Actor("client", None, give_up, is_judged=True), Actor("server", None, serve_once, is_judged=True))
    system: System[Any] = System("drop", actors, (), parts=(http.service("api", calls=1),))
    ends = {
        (each.outcome.result_of("client"), each.outcome.result_of("server"))
        for each in explore(scenario_of(system)).outcomes
    }
    assert ends == {("gave up", False), ("gave up", True), ("answered", True)}


def test_what_a_call_needs_is_told() -> None:
    with pytest.raises(
        BadInputError, match=r"http\.send: found no http\.service\('api'\) in the system; allowed: "
    ):
        simulate(scenario_of(shop(order, parts=())))
    with pytest.raises(
        BadInputError, match=r"more than 1 calls to api .* allowed: http\.service\('api', calls=2\)"
    ):
        explore(scenario_of(shop(order_again, calls=1)))
    with pytest.raises(BadInputError, match="calls: found 0; allowed: 1 to 8"):
        http.service("api", calls=0)
    with pytest.raises(BadInputError, match=r"http\.send: found a timer that only the answer tells"):
        explore_exact(scenario_of(shop(order)))


def test_a_request_is_answered_once() -> None:
    async def twice() -> None:
        request = await http.serve("api")
        await http.respond(request)
        await http.respond(request)

    with pytest.raises(BadInputError, match=r"http\.respond: found POST api/orders answered before"):
        explore(scenario_of(shop(order, server=twice)))
