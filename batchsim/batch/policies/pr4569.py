"""#4569 (open): a heartbeat keeps a message in flight while its item is processed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from batchsim.batch.consumer import Processed, process
from batchsim.batch.operations import GONE, Heartbeat, ReadMessage
from batchsim.batch.policies.pr4397 import PR4397
from batchsim.batch.policy import Policy
from batchsim.batch.setting import Deliveries, Setting
from batchsim.batch.stores import Claim, Message
from batchsim.model.operation import StoreFailure


async def read_and_keep_alive(claim: Claim) -> int | None:
    """Read the data of a message in flight; from now on a beat every 20 s puts its visibility timeout off."""
    return await ReadMessage(claim.item, starts_heartbeat=True, delivery=claim.delivery)


async def process_with_heartbeat(
    setting: Setting, policy: Policy, deliveries: Deliveries, message: Message
) -> Processed:
    """Process an item; where a beat found its message no longer in flight, drop the result.

    Of all beats the last one is a step: it takes place if processing lasts that long. A beat succeeds on anybody's
    record, as there is no token.
    """
    processed = await process(setting, policy, deliveries, message)
    if deliveries.can_repeat:
        with suppress(StoreFailure):  # a beat that raises is none
            if await Heartbeat(message.item, delivery=message.delivery) == GONE:
                return Processed.DROPPED
    return processed


PR4569 = replace(
    PR4397,
    name="pr4569",
    summary="#4569 (open): #4397 with a heartbeat while an item is processed.",
    has_heartbeat=True,
    read=read_and_keep_alive,
    process=process_with_heartbeat,
)
