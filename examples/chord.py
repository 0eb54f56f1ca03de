"""The Celery chord whose size is set after its header: a known race, and a fix that closes it.

A publisher sends the tasks of the header, and then sets the size of the chord. Each task that ends counts itself;
the one that brings the count to the size runs the callback. If all of them end before the size is set, none does.

    python examples/chord.py
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from batchsim import Property, explore, scenario_of
from batchsim.model import Actor, Model, Program, System
from batchsim.stores import redis

CELLS = QUEUE, DONE, SIZE, CALLBACK, LOCK = "celery", "chord:done", "chord:size", "chord:callback", "chord:lock"


async def publish(tasks: int) -> None:
    """Send the header, and set the size of the chord."""
    for task in range(tasks):
        await redis.rpush(QUEUE, task)
    await redis.set(SIZE, tasks)


async def publish_and_look(tasks: int) -> None:
    """The fix: whoever sets the size looks whether all tasks have ended meanwhile."""
    await publish(tasks)
    if await redis.get(DONE) == tasks:
        await redis.incr(CALLBACK)


async def work() -> None:
    """Take a task, do it, count it; run the callback after the last one."""
    while True:
        await redis.blpop(QUEUE)
        if await redis.incr(DONE) == await redis.get(SIZE):
            await redis.incr(CALLBACK)


async def work_and_let_one_win() -> None:
    """The fix, on the other side: the worker and the publisher may both see the end; the key lets one go on."""
    while True:
        await redis.blpop(QUEUE)
        if await redis.incr(DONE) == await redis.get(SIZE) and await redis.set(LOCK, value=True, nx=True):
            await redis.incr(CALLBACK)


async def publish_and_let_one_win(tasks: int) -> None:
    """As `publish_and_look`, with the key."""
    await publish(tasks)
    if await redis.get(DONE) == tasks and await redis.set(LOCK, value=True, nx=True):
        await redis.incr(CALLBACK)


NEVER = "All tasks have ended, and the callback never runs."
LOST = Property("callback_lost", NEVER, lambda end: not end[CALLBACK])
TWICE = Property("callback_twice", "The callback runs more than once.", lambda end: (end[CALLBACK] or 0) > 1)


@dataclass(frozen=True)
class Sizes:
    """How many there are of whom."""

    tasks: int = 2
    workers: int = 2


Flow = tuple[Callable[[int], Program[None]], Callable[[], Program[None]]]
"""What a policy says: how the publisher works, and how a worker does."""


def chord(flow: Flow, sizes: Sizes) -> System[Any]:
    """A chord of tasks, with a publisher and workers that are alike."""
    publisher = Actor("publisher", None, partial(flow[0], sizes.tasks))
    workers = (Actor("worker", number, flow[1], is_twin=True) for number in range(sizes.workers))
    return System("chord", (publisher, *workers), CELLS, properties=(LOST, TWICE))


POLICIES = {
    "as_published": (publish, work),
    "half_fixed": (publish_and_look, work),
    "fixed": (publish_and_let_one_win, work_and_let_one_win),
}
CHORD = Model("chord", chord, POLICIES, parameters=Sizes)

if __name__ == "__main__":
    for policy in CHORD.policies:
        found = explore(scenario_of(CHORD.of(policy)))
        for each in found.outcomes:
            print(f"{policy}: {', '.join(each.verdicts)}: {each.schedules} of {found.schedules} schedules")
