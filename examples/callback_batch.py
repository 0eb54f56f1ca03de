"""A batch of Sidekiq jobs whose callback runs too early, as a job adds jobs to its own batch.

An import adds a job for each row to its own batch. The rows are sent while it runs, and counted when it has ended:
a row that ends before that brings what is pending to 0 (https://github.com/breamware/sidekiq-batch/pull/69).
Another mistake: two commands, to count out and to look (https://github.com/keypup-io/cloudtasker/pull/164).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from batchsim import Property, over_history, sometimes
from batchsim.model import Actor, Cells, HistoryStep, Model, Program, System
from batchsim.stores import redis

CELLS = QUEUE, PENDING, ENDED, SENT, CALLBACK = "queue", "pending", "ended", "callback:sent", "callback"


async def send_then_count(rows: int) -> None:
    """As `sidekiq-batch` does."""
    for _ in range(rows):
        await redis.rpush(QUEUE, "row")
    await redis.incr(PENDING, rows)


async def count_then_send(rows: int) -> None:
    """The fix: whatever can run is counted."""
    for _ in range(rows):
        await redis.incr(PENDING)
        await redis.rpush(QUEUE, "row")


async def end_by_answer() -> None:
    """The answer of the command is 0 for the last one; a key lets one go on."""
    if await redis.decr(PENDING) == 0 and await redis.set(SENT, value=True, nx=True):
        await redis.incr(CALLBACK)


async def end_then_look() -> None:
    """Another job may end between the two commands."""
    await redis.decr(PENDING)
    if await redis.get(PENDING) == 0:
        await redis.incr(CALLBACK)


Flow = tuple[Callable[[int], Program[None]], Callable[[], Program[None]]]
"""How an import adds its rows, and how a job ends."""


@dataclass(frozen=True)
class Sizes:
    """How many rows there are, and how many workers."""

    rows: int = 2
    workers: int = 2


async def work(flow: Flow, rows: int) -> None:
    """A thread of Sidekiq."""
    while True:
        job = await redis.blpop(QUEUE)
        if job == "import":
            await flow[0](rows)
        await redis.rpush(ENDED, job)
        await flow[1]()


def begin(cells: Cells) -> None:
    """The import is sent, and counted."""
    cells.modify(QUEUE, list[str]).append("import")
    cells.write(PENDING, 1)


def note(memory: str, step: HistoryStep) -> str:
    """Whether the callback has run, and whether a job ended after that."""
    if memory == "" and step.change_of(CALLBACK):
        return "has run"
    return "early" if memory == "has run" and step.change_of(ENDED) else memory


SOON = "The callback runs before the last job has ended."
EARLY = over_history("early", SOON, start="", update=note, holds=lambda memory, _: memory == "early")
TWICE = Property("twice", "The callback runs more than once.", lambda end: (end[CALLBACK] or 0) > 1)
OVERTAKEN = sometimes("overtaken", "The first to end is a row.", lambda end: (end[ENDED] or ("",))[0] == "row")


def batch(flow: Flow, sizes: Sizes) -> System[Any]:
    """A batch with an import in it, and workers that are alike."""
    one = partial(work, flow, sizes.rows)
    workers = tuple(Actor("worker", n, one, is_twin=True) for n in range(sizes.workers))
    return System("callback_batch", workers, CELLS, begin, properties=(EARLY, TWICE, OVERTAKEN))


POLICIES = {
    "counted_after": (send_then_count, end_by_answer),
    "two_commands": (count_then_send, end_then_look),
    "fixed": (count_then_send, end_by_answer),
}
BATCH = Model("callback_batch", batch, POLICIES, parameters=Sizes)
