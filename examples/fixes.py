"""Three fixes of the race that change the flow, each in a few lines, as they would stand in production.

    batchsim run scenarios/incident.yaml --policy examples/fixes.py:RECOUNT
    batchsim explore examples/fixes.yaml
    batchsim findings --policy examples/fixes.py:ONE_SCRIPT

The bug: the last item finishes before the endpoint counts; cleanup has deleted the set that is counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from batchsim import POLICIES
from batchsim.batch.endpoint import SEALED, answer_by
from batchsim.batch.operations import Seal
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.stores import BATCH_ROW, ENQUEUED_ITEMS, REDIS_KEYS, Answer, Claim, Status
from batchsim.batch.world import World
from batchsim.model import Footprint, Operation, sleep, touches
from batchsim.stores import redis

PRE3427 = POLICIES["pre3427"]


async def count_twice(setting: Setting) -> int:
    """A count that is wrong may be right in 100 ms. It is not: what was deleted stays deleted."""
    enqueued: int = await redis.scard(ENQUEUED_ITEMS)
    if enqueued != setting.run_count:
        await sleep("100 ms")
        enqueued = await redis.scard(ENQUEUED_ITEMS)
    return enqueued


RECOUNT = replace(PRE3427, name="recount", summary="pre3427, and counts again after 100 ms.", count=count_twice)


async def keep_the_set(held: Claim | None) -> None:
    """Cleanup leaves the set alone: the endpoint has yet to count it."""
    await redis.delete(*(key for key in REDIS_KEYS if key != ENQUEUED_ITEMS))


async def seal_and_drop_the_set() -> bool:
    """Who has counted needs it no more."""
    sealed = await Seal()
    await redis.delete(ENQUEUED_ITEMS)
    return sealed


KEPT_SET = replace(
    PRE3427,
    name="kept_set",
    summary="pre3427, and the set of enqueued items is kept until the batch is sealed.",
    cleanup=keep_the_set,
    seal=seal_and_drop_the_set,
)


@dataclass(frozen=True)
class CountAndSeal(Operation[bool]):
    """Count the set and seal the row with one lock held; a batch whose processing has ended needs no count."""

    name: ClassVar[str] = "postgres.count_and_seal"
    run_count: int

    def footprint(self) -> Footprint:
        """The set and the row."""
        return touches(reads=(ENQUEUED_ITEMS,), writes=(BATCH_ROW,))

    def apply(self, world: World) -> bool:
        """Whether the batch is sealed now."""
        row = world.postgres.find_batch()
        is_counted = world.redis.scard(ENQUEUED_ITEMS) == self.run_count or row.processing_completed
        if is_counted and not row.sealed and row.status is not Status.ABORTED:
            status = Status.PROCESSING if row.status is Status.PENDING else row.status
            world.postgres.update_batch(lambda row: row._replace(sealed=True, status=status))
        return world.postgres.find_batch().sealed


async def count_and_seal_in_one_step(setting: Setting, policy: Policy) -> Answer:
    """Nothing falls between the count and the seal."""
    if await CountAndSeal(setting.run_count):
        return SEALED
    return await answer_by(policy.on_count_mismatch)


ONE_STEP = replace(
    PRE3427,
    name="one_step",
    summary="pre3427, and counts and seals in one step, which knows a batch that has ended.",
    count_and_seal=count_and_seal_in_one_step,
)
