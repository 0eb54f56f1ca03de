"""A transactional outbox whose relay crashes: of two writes to two stores, one comes first.

A service writes an order and a message about it in one transaction. A relay publishes messages that are not
marked as sent, and marks them. If it crashes between the two, the message is published twice, or, if the mark
comes first, never (https://microservices.io/patterns/data/transactional-outbox.html). The fix: the consumer
notes the message in one transaction with its work.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from batchsim import Property, sometimes
from batchsim.model import Actor, Cells, Footprint, Model, Operation, Program, System, sleep, touches
from batchsim.stores import postgres, redis
from batchsim.stores.postgres import columns_of, row_key

ORDER, TOPIC = 7, "topic:orders"
MESSAGE, INBOX, PARCELS = row_key("outbox", ORDER), row_key("inbox", ORDER), "postgres:parcels"


async def publish_first() -> None:
    """At least once."""
    await redis.rpush(TOPIC, ORDER)
    await postgres.update("outbox", ORDER, set={"sent": True})


async def mark_first() -> None:
    """At most once."""
    if await postgres.update("outbox", ORDER, set={"sent": True}, where={"sent": False}):
        await redis.rpush(TOPIC, ORDER)


@dataclass(frozen=True)
class Ship(Operation[bool]):
    """One transaction: note a message, and ship its order; `once`: unless it was noted before."""

    name: ClassVar[str] = "postgres.ship"
    once: bool

    def footprint(self) -> Footprint:
        """The inbox, and how many parcels left."""
        return touches(writes=(INBOX, PARCELS))

    def apply(self, world: Any) -> bool:
        """Whether a parcel leaves."""
        received = dict(world.cells.read(INBOX) or ()).get("received", 0)
        world.cells.write(INBOX, columns_of({"received": received + 1}))
        if is_new := not (self.once and received):
            world.cells.write(PARCELS, (world.cells.read(PARCELS) or 0) + 1)
        return is_new


async def relay(send: Callable[[], Program[None]], number: int) -> None:
    """A job that starts every minute, whatever became of the one before."""
    if number:
        await sleep("1 min")
    if await postgres.select("outbox", ORDER, where={"sent": False}):
        await send()


async def consume(once: bool) -> None:
    """Ship what is ordered."""
    while True:
        await redis.blpop(TOPIC)
        await Ship(once)


def begin(cells: Cells) -> None:
    """The service has committed its transaction."""
    cells.write(MESSAGE, columns_of({"sent": False}))


LOST = Property("lost", "The order is never shipped.", lambda end: not end[PARCELS])
TWICE = Property("twice", "The order is shipped twice.", lambda end: (end[PARCELS] or 0) > 1)
IGNORED = sometimes("ignored", "A message comes again.", lambda end: end[INBOX] == columns_of({"received": 2}))


@dataclass(frozen=True)
class Flow:
    """A policy: how the relay sends, and whether the consumer looks into its inbox."""

    send: Callable[[], Program[None]]
    once: bool = False


def outbox(flow: Flow) -> System[Any]:
    """Two relays, one after the other, and a consumer."""
    relays = (Actor("relay", number, partial(relay, flow.send, number)) for number in range(2))
    actors = (*relays, Actor("consumer", None, partial(consume, flow.once), is_twin=True))
    properties = (LOST, TWICE, *((IGNORED,) if flow.once else ()))
    return System("outbox", actors, (TOPIC, MESSAGE, INBOX, PARCELS), begin, properties=properties)


FIXED = Flow(publish_first, once=True)
POLICIES = {"publish_first": Flow(publish_first), "mark_first": Flow(mark_first), "fixed": FIXED}
OUTBOX = Model("outbox", outbox, POLICIES)
