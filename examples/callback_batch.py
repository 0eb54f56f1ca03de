"""A batch of Sidekiq jobs whose callback runs too early, as a job adds jobs to its own batch.

An import is one job; it adds a job for each row to the batch that it is in itself. The callback is to run once,
after the last job. `sidekiq-batch` sends the rows while the block of the import runs, and counts them when it
has ended: a row that ends before that brings what is pending to 0. Its README has this under "Caveats", and an
option under which each job is counted before it is sent (https://github.com/breamware/sidekiq-batch/pull/69).

Another mistake: a job counts itself out with one command, and asks with another whether it was the last. Two
jobs may be told that they were (https://github.com/keypup-io/cloudtasker/pull/164).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from batchsim import Property, over_history, sometimes
from batchsim.model.cells import Cells
from batchsim.model.history import HistoryStep
from batchsim.model.model import Model
from batchsim.model.operation import Program
from batchsim.model.system import Actor, System
from batchsim.stores import redis

CELLS = QUEUE, PENDING, ENDED, SENT, CALLBACK = "queue", "pending", "ended", "callback:sent", "callback"


async def send_then_count(rows: int) -> None:
    """As `sidekiq-batch` does, unless it is told otherwise."""
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
    add, end = flow
    while True:
        job = await redis.blpop(QUEUE)
        if job == "import":
            await add(rows)
        await redis.rpush(ENDED, job)
        await end()


def begin(cells: Cells) -> None:
    """The import is sent, and counted."""
    cells.modify(QUEUE, list[str]).append("import")
    cells.write(PENDING, 1)


def note(memory: str, step: HistoryStep) -> str:
    """Whether the callback has run, and whether a job ended after that."""
    if memory == "has run" and step.change_of(ENDED):
        return "early"
    return "has run" if memory == "" and step.change_of(CALLBACK) else memory


EARLY = over_history(
    "early",
    "The callback runs before the last job has ended.",
    start="",
    update=note,
    holds=lambda memory, end: memory == "early",
)
TWICE = Property("twice", "The callback runs more than once.", lambda end: (end[CALLBACK] or 0) > 1)
OVERTAKEN = sometimes("overtaken", "The first to end is a row.", lambda end: (end[ENDED] or ("",))[0] == "row")


def batch(flow: Flow, sizes: Sizes) -> System[Any]:
    """A batch with an import in it, and workers that are alike."""
    program = partial(work, flow, sizes.rows)
    workers = tuple(Actor("worker", number, program, is_twin=True) for number in range(sizes.workers))
    return System("callback_batch", workers, CELLS, begin, properties=(EARLY, TWICE, OVERTAKEN))


POLICIES = {
    "counted_after": (send_then_count, end_by_answer),
    "two_commands": (count_then_send, end_then_look),
    "fixed": (count_then_send, end_by_answer),
}
BATCH = Model("callback_batch", batch, POLICIES, parameters=Sizes)
