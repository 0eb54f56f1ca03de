"""Where each cell is: in Redis, in PostgreSQL, or with us."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from batchsim.model.cells import Key
from batchsim.model.exposure import OF_FAULTS
from batchsim.model.history import MemoryKey
from batchsim.model.parts import PARTS

ROWS = "postgres:"
TTL = "redis:ttl:"
"""Before a key: the cell that is there while the key has a time to live. Redis has that itself."""
NO_STORE = ("http:", "history:", "sdk:", "queue:holders:", "redis:blocked:", *OF_FAULTS)
"""The network, what verdicts remember, what the SDK knows, who has or waits for what, how often faults happen."""


class Store(Enum):
    """Who holds a cell."""

    REDIS = "Redis"
    POSTGRES = "PostgreSQL"
    MEMORY = "memory"


def store_of(key: Key) -> Store:
    """Who holds this cell."""
    if key.startswith(ROWS):
        return Store.POSTGRES
    if key == PARTS or isinstance(key, MemoryKey) or key.startswith(NO_STORE):
        return Store.MEMORY
    return Store.REDIS


class RowKey(NamedTuple):
    """Which row it is."""

    table: str
    identity: str


def row_of(key: Key) -> RowKey:
    """The row of a cell: `postgres:run:0` is run 0, `postgres:batch` the only row of `batch`."""
    table, _, identity = key.removeprefix(ROWS).partition(":")
    return RowKey(table, identity)
