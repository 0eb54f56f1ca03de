"""Nobody deployed it: the bug's decisions, and a completion update that sets `sealed` too."""

from dataclasses import replace

from batchsim.batch.consumer import update_batch_with
from batchsim.batch.policies.pre3427 import PRE3427
from batchsim.batch.stores import Claim, Status


async def update_and_seal(held: Claim | None) -> Status:
    """The completion update, which seals the batch with the same statement."""
    return await update_batch_with(held, seals=True)


SEAL_AT_FINALIZE = replace(
    PRE3427,
    name="seal_at_finalize",
    summary="Alternative: pre3427, and the completion update sets `sealed` too.",
    update_batch=update_and_seal,
)
