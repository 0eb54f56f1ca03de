"""The dispatcher: it claims messages and offers their keys to consumers, where a message can come back (§6)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from batchsim.batch.operations import ClaimMessages, OfferMessage
from batchsim.batch.setting import Deliveries, Setting
from batchsim.batch.steps import Replaced
from batchsim.batch.stores import Claim
from batchsim.model.operation import StoreFailure

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy


async def dispatch_all(setting: Setting, policy: Policy, deliveries: Deliveries) -> None:
    """Pass after pass; what is claimed and not offered when one fails waits for its visibility timeout."""
    while True:
        with suppress(StoreFailure, Replaced):
            await policy.dispatch(setting, deliveries)


# -- the step of a policy, as production has it ---------------------------------------------------


async def dispatch(setting: Setting, deliveries: Deliveries) -> None:
    """One pass: claim the first messages of the queue in one script, and then offer the key of each."""
    await dispatch_with(setting, deliveries)


async def dispatch_with(setting: Setting, deliveries: Deliveries, *, has_tokens: bool = False) -> None:
    """A pass whose claims say which delivery of the message they are of, or do not."""
    is_held = deliveries.can_be_left
    slots = setting.slots if setting.run_count > setting.slots else None
    is_numbered = has_tokens and deliveries.can_be_two
    claims = await ClaimMessages(
        setting.run_count, slots, has_tokens=has_tokens, is_held=is_held, is_numbered=is_numbered
    )
    while claims:
        await _offer(claims, takes_slot=slots is not None, is_held=is_held)
        claims = claims[1:]


async def _offer(claims: tuple[Claim, ...], *, takes_slot: bool, is_held: bool) -> None:
    (index, delivery), *others = claims
    await OfferMessage(index, tuple(others), takes_slot=takes_slot, is_held=is_held, delivery=delivery)
