"""Nobody deployed it: the bug's decisions, and a cleanup that keeps `enqueued_items` for a grace time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from batchsim.batch.operations import TOMBSTONE as WAITING
from batchsim.batch.operations import CleanupWithTombstone, ExpireTombstone
from batchsim.batch.policies.pre3427 import PRE3427
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Setting
from batchsim.batch.stores import Claim
from batchsim.model.system import Actor


async def leave_a_tombstone(held: Claim | None) -> None:
    """Delete the keys of the batch but `enqueued_items`, which Redis drops when its grace time has passed."""
    await CleanupWithTombstone(held=held)


def expiry(setting: Setting, policy: Policy) -> Iterator[Actor]:
    """Redis, which drops what has expired."""
    yield Actor("redis", None, _expire, timers=((WAITING, ExpireTombstone.name),))


async def _expire() -> None:
    while True:
        await ExpireTombstone()


TOMBSTONE = replace(
    PRE3427,
    name="tombstone",
    summary="Alternative: pre3427, and cleanup keeps `enqueued_items` for a grace time.",
    cleanup=leave_a_tombstone,
    actors=(expiry,),
)
