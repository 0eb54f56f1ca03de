"""The Celery chord whose size is set after its header: a known race, and a fix that closes it.

A publisher sends the tasks of the header, and then sets the size of the chord. Each task that ends counts itself;
the one that brings the count to the size runs the callback. If all of them end before the size is set, none does.

    python examples/chord.py
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from batchsim import Property, explore, scenario_of
from batchsim.model.operation import Program
from batchsim.model.system import Actor, System
from batchsim.stores import redis

TASKS, WORKERS = 2, 2
QUEUE, DONE, SIZE, CALLBACK = "celery", "chord:done", "chord:size", "chord:callback"


async def publish() -> None:
    """Send the header, and set the size of the chord."""
    for task in range(TASKS):
        await redis.rpush(QUEUE, task)
    await redis.set(SIZE, TASKS)


async def publish_and_look() -> None:
    """The fix: whoever sets the size looks whether all tasks have ended meanwhile."""
    await publish()
    if await redis.get(DONE) == TASKS:
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
        if await redis.incr(DONE) == await redis.get(SIZE) and await redis.set("chord:lock", value=True, nx=True):
            await redis.incr(CALLBACK)


async def publish_and_let_one_win() -> None:
    """As `publish_and_look`, with the key."""
    await publish()
    if await redis.get(DONE) == TASKS and await redis.set("chord:lock", value=True, nx=True):
        await redis.incr(CALLBACK)


LOST = Property(
    "callback_lost", "All tasks have ended, and the callback never runs.", lambda end: not end[CALLBACK]
)
TWICE = Property("callback_twice", "The callback runs more than once.", lambda end: (end[CALLBACK] or 0) > 1)


def chord(name: str, publisher: Callable[[], Program[Any]], worker: Callable[[], Program[Any]]) -> System[Any]:
    """A chord of tasks, with a publisher and workers that are alike."""
    workers = [Actor("worker", number, partial(worker), is_twin=True) for number in range(WORKERS)]
    return System(
        name=name,
        actors=(Actor("publisher", None, publisher), *workers),
        cells=(QUEUE, DONE, SIZE, CALLBACK, "chord:lock"),
        properties=(LOST, TWICE),
    )


CHORD = chord("chord", publish, work)
HALF_FIXED = chord("half_fixed", publish_and_look, work)
FIXED = chord("fixed", publish_and_let_one_win, work_and_let_one_win)

if __name__ == "__main__":
    for system in (CHORD, HALF_FIXED, FIXED):
        found = explore(scenario_of(system))
        for each in found.outcomes:
            print(f"{system.name}: {', '.join(each.verdicts)}: {each.schedules} of {found.schedules} schedules")
