"""An idempotency key that is saved before the work, after it, or with it.

A client that hears nothing tries again, under the key of its first request. If the server saves the key and
crashes before it charges, the second try is told that all is done, and nobody has paid. If it charges first and
crashes before it saves the key, or is merely slow, the second try charges again. Where the work is in the same
database, one transaction does both; with work elsewhere it takes what https://brandur.org/idempotency-keys
describes. Under the name of https://docs.stripe.com/api/idempotent_requests clients know the keys.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from batchsim import Property, sometimes
from batchsim.model import Actor, Cells, Footprint, Model, Operation, System, touches
from batchsim.stores import http, postgres
from batchsim.stores.postgres import columns_of, row_key

KEYS, KEY, ACCOUNT = "idempotency_key", "8e03978e", row_key("account", 1)
CHARGED, KNOWN = 201, 200


async def key_first() -> int:
    """Whoever saves the key does the work."""
    if not await postgres.insert(KEYS, KEY):
        return KNOWN
    await postgres.update("account", 1, add={"charges": 1})
    return CHARGED


async def key_last() -> int:
    """The key says that the work is done."""
    if await postgres.select(KEYS, KEY):
        return KNOWN
    await postgres.update("account", 1, add={"charges": 1})
    await postgres.insert(KEYS, KEY)
    return CHARGED


@dataclass(frozen=True)
class ChargeOnce(Operation[int]):
    """The fix, one transaction: `BEGIN; INSERT … ON CONFLICT DO NOTHING; UPDATE …; COMMIT`."""

    name: ClassVar[str] = "postgres.charge_once"

    def footprint(self) -> Footprint:
        """The key and the account."""
        return touches(writes=(row_key(KEYS, KEY), ACCOUNT))

    def apply(self, world: Any) -> int:
        """The status."""
        if not postgres.insert(KEYS, KEY).apply(world):
            return KNOWN
        postgres.update("account", 1, add={"charges": 1}).apply(world)
        return CHARGED


async def serve(handle: Callable[[], Awaitable[int]]) -> None:
    """A process of the service."""
    while True:
        request = await http.serve("api")
        await http.respond(request, await handle())


async def pay() -> int | None:
    """The status that the client hears; `None`: it gives up after two tries."""
    for _ in range(2):
        try:
            response = await http.post("api/charges", json=KEY, timeout="2 s")
        except http.TimeoutException:
            continue
        return response.status_code
    return None


def begin(cells: Cells) -> None:
    """Nobody has paid."""
    cells.write(ACCOUNT, FREE)


FREE, TWO = columns_of({"charges": 0}), columns_of({"charges": 2})
SAID = "It is said to be charged, and is not."
TWICE = Property("twice", "It is charged twice.", lambda end: end[ACCOUNT] == TWO)
UNPAID = Property("unpaid", SAID, lambda end: end[ACCOUNT] == FREE and end.result_of("client") is not None)
AGAIN = sometimes("again", "A second try is told that it is done.", lambda end: end.result_of("client") == KNOWN)


def service(handle: Callable[[], Awaitable[int]]) -> System[Any]:
    """A client, and a service of two processes."""
    servers = (Actor("server", number, partial(serve, handle), is_twin=True) for number in range(2))
    actors = (Actor("client", None, pay, is_judged=True), *servers)
    cells, parts = (row_key(KEYS, KEY), ACCOUNT), (http.service("api"),)
    return System("idempotency", actors, cells, begin, properties=(TWICE, UNPAID, AGAIN), parts=parts)


POLICIES = {"key_first": key_first, "key_last": key_last, "fixed": ChargeOnce}
CHARGES = Model("idempotency", service, POLICIES)
