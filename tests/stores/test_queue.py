"""The queue with a visibility timeout: against plain Python, and in all engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsim import Property, scenario_of, simulate
from batchsim.bad_input import BadInputError
from batchsim.model.cells import Cells
from batchsim.model.operation import sleep
from batchsim.model.parts import PARTS
from batchsim.model.system import Actor, System, World
from batchsim.stores import queue, redis
from tests.stores.agreeing import applied, numbers, with_time

REDELIVERIES = 2


# -- against plain Python ----------------------------------------------------------------------------


class Plain:
    """The same in plain Python: a message is a list, so that it is the same one wherever it stands."""

    def __init__(self) -> None:
        self.visible: list[list[Any]] = []
        self.in_flight: list[list[Any]] = []
        self.dead: list[list[Any]] = []

    def receive(self) -> tuple[list[Any], int] | None:
        if not self.visible:
            return None
        message = self.visible.pop(0)
        message[1] += 1
        self.in_flight.append(message)
        return message, message[1]

    def is_held(self, receipt: tuple[list[Any], int]) -> bool:
        message, receives = receipt
        return message[1] == receives and any(each is message for each in self.in_flight)

    def land(self, message: list[Any]) -> None:
        self.in_flight = [each for each in self.in_flight if each is not message]

    def come_back(self, message: list[Any]) -> None:
        self.land(message)
        (self.visible if message[1] <= REDELIVERIES else self.dead).append(message)


STEPS = st.lists(
    st.tuples(st.sampled_from(("send", "receive", "delete", "release", "extend", "timeout")), st.integers(0, 5)),
    max_size=25,
)


@given(STEPS)
def test_it_does_what_plain_python_does(steps: list[tuple[str, int]]) -> None:
    plain, world = Plain(), World(Cells())
    world.cells[PARTS] = queue.visibility("jobs", "30 s", redeliveries=REDELIVERIES).settings
    receipts: list[tuple[tuple[list[Any], int], queue.Receipt]] = []
    for step, number in steps:
        if step == "send":
            plain.visible.append([number % 2, 0])
            applied(queue.send("jobs", number % 2), world)
        elif step == "receive":
            expected, message = plain.receive(), applied(queue.receive("jobs"), world)
            assert (message and (message.body, message.receives)) == (expected and (expected[0][0], expected[1]))
            if expected is not None:
                receipts.append((expected, message.receipt))
        elif step == "timeout":
            ways = queue.TimeOut("jobs").alternatives(world)
            assert len(ways) == len(plain.in_flight)
            if ways:
                way = ways[number % len(ways)]
                held = [
                    each for (message, _), receipt in receipts for each in [message] if receipt[0] == way.choice
                ]
                plain.come_back(held[-1])
                queue.TimeOut("jobs").apply_alternative(world, way)
        elif receipts:
            expected, receipt = receipts[number % len(receipts)]
            is_held = plain.is_held(expected)
            operation = (
                queue.extend("jobs", receipt, "1 s") if step == "extend" else getattr(queue, step)("jobs", receipt)
            )
            assert applied(operation, world) is is_held
            if is_held and step != "extend":
                (plain.land if step == "delete" else plain.come_back)(expected[0])
    assert len(plain.dead) == len(world.cells.read(queue.dead_key("jobs")) or ())
    assert [each[0] for each in plain.visible] == [
        each.body for each, _ in world.cells.read(queue.queue_key("jobs")) or ()
    ]


# -- in all engines ----------------------------------------------------------------------------------


async def produce() -> None:
    await queue.send("jobs", "mail")


async def consume(takes: str = "0 s") -> None:
    while True:
        message = await queue.receive("jobs")
        await sleep(takes)
        await redis.incr("mails")
        await queue.delete("jobs", message.receipt)


TWICE = Property("twice", "The mail is sent twice.", lambda end: (end["mails"] or 0) > 1)
DEAD = Property("dead", "It is a dead letter.", lambda end: end[queue.dead_key("jobs")] is not None)


def mails(consumer: Any = consume, redeliveries: int = 1, parts: Any = None) -> System[Any]:
    twins = tuple(Actor("consumer", number, partial(consumer), is_twin=True) for number in range(2))
    parts = (queue.visibility("jobs", "30 s", redeliveries=redeliveries),) if parts is None else parts
    actors = (Actor("producer", None, produce), *twins)
    return System("mails", actors, cells=("mails",), properties=(TWICE, DEAD), parts=parts)


def test_without_time_a_message_comes_back_at_any_moment() -> None:
    assert numbers(mails(redeliveries=0)) == {"dead": 3, "ok": 1}
    assert numbers(mails(redeliveries=1)) == {"ok": 1, "twice": 58, "twice, dead": 258}


def test_with_time_it_comes_back_after_its_timeout() -> None:
    assert with_time(mails()) == {"ok"}
    slow = partial(consume, "40 s")
    assert with_time(mails(slow)) == {"dead", "twice"}
    assert with_time(mails(slow), operations={"queue.timeout": "50 s"}) == {"ok"}


def test_a_consumer_that_stops_leaves_it_to_another_one() -> None:
    async def stop_once() -> None:
        message = await queue.receive("jobs")
        if message.receives == 1:
            return
        await redis.incr("mails")
        await queue.delete("jobs", message.receipt)

    run = simulate(scenario_of(mails(stop_once), redis=0))
    assert [(step.name, step.at_us) for step in run.steps[2:4]] == [
        ("queue.timeout", 30_000_000),
        ("queue.receive", 30_000_000),
    ]
    end: Any = run.outcome
    assert end["mails"] == 1
    assert "ok" in with_time(mails(stop_once))


def test_who_needs_longer_says_so() -> None:
    async def extend() -> None:
        while True:
            message = await queue.receive("jobs")
            for _ in range(2):
                await sleep("20 s")
                await queue.extend("jobs", message.receipt, "30 s")
            await redis.incr("mails")
            await queue.delete("jobs", message.receipt)

    assert with_time(mails(extend)) == {"ok"}


def test_what_is_released_is_visible_at_once() -> None:
    async def release() -> None:
        while True:
            message = await queue.receive("jobs")
            if message.receives == 1:
                await queue.release("jobs", message.receipt)
            else:
                await redis.incr("mails")
                await queue.delete("jobs", message.receipt)

    assert with_time(mails(release)) == {"ok"}
    assert max(step.at_us for step in simulate(scenario_of(mails(release))).steps) < 1_000_000


def test_a_queue_that_is_not_set_up_is_told() -> None:
    with pytest.raises(BadInputError, match=r"touches the cell 'queue:jobs'; .*parts=\(queue\.visibility\(NAME, "):
        simulate(scenario_of(mails(parts=())))
    with pytest.raises(BadInputError, match="redeliveries: found -1; allowed: 0 or more"):
        queue.visibility("jobs", "30 s", redeliveries=-1)
