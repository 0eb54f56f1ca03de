"""A lock with a lease, and a holder that is paused until the lease is over.

Two clients add to a file under a lock that expires. A pause can be longer than the lease: two hold the lock, and
a write is lost. To look at the lock before writing does not help, as the pause can come after the look. A fencing
token does: a number that grows with each lease, and a file that refuses whoever comes with an old one
(https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html), to read it or to write.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

from batchsim import Property, sometimes
from batchsim.model import Actor, Cells, Footprint, Model, Operation, System, sleep, touches
from batchsim.stores import redis

LOCK, TOKEN, FILE, NEWEST = "lock", "lock:token", "file", "file:token"


@dataclass(frozen=True)
class Read(Operation[Any]):
    """Read the file, which refuses whoever comes with an older token than it has seen; 0: none."""

    name: ClassVar[str] = "storage.read"
    group: ClassVar[str | None] = "storage"
    token: int

    def footprint(self) -> Footprint:
        """The file, and the newest token."""
        return touches(writes=(FILE, NEWEST))

    def apply(self, world: Any) -> Any:
        """What the file answers; `None`: the token is an old one."""
        newest = world.cells.read(NEWEST) or 0
        world.cells.write(NEWEST, max(newest, self.token))
        return None if 0 < self.token < newest else self.act(world.cells)

    def act(self, cells: Cells) -> Any:
        """How many lines it has."""
        return cells.read(FILE) or 0


@dataclass(frozen=True)
class Write(Read):
    """Write the file."""

    name: ClassVar[str] = "storage.write"
    lines: int

    def act(self, cells: Cells) -> bool:
        """It is written."""
        cells.write(FILE, self.lines)
        return True


class Flow(NamedTuple):
    """A policy: whether a client looks at the lock before it writes, and when it shows its token."""

    looks: bool = False
    read: bool = False
    write: bool = False


async def add_line(flow: Flow, client: int) -> bool:
    """Whether a line was added; the client tries again once, when the lease of another would be over."""
    if not await redis.set(LOCK, client, nx=True, ex="10 s"):
        await sleep("10 s")
        if not await redis.set(LOCK, client, nx=True, ex="10 s"):
            return False
    token = await redis.incr(TOKEN)
    lines = await Read(token if flow.read else 0)
    await sleep("1 s")  # it works, or is paused
    if lines is None or (flow.looks and await redis.get(LOCK) != client):
        return False
    return bool(await Write(token if flow.write else 0, lines + 1))


def added(end: Any) -> int:
    """How many clients were told that their line was added."""
    return sum(end.result_of(f"client-{client}") or 0 for client in range(2))


LOST = Property("lost_write", "A line is not in the file.", lambda end: added(end) > (end[FILE] or 0))
BOTH = sometimes("both", "Both add their lines.", lambda end: added(end) == end[FILE] == 2)


def lease(flow: Flow) -> System[Any]:
    """Two clients, and a lock that expires."""
    clients = tuple(Actor("client", n, partial(add_line, flow, n), is_judged=True) for n in range(2))
    cells, parts = (TOKEN, FILE, NEWEST), (redis.expiring(LOCK),)
    return System("lease", clients, cells, properties=(LOST, BOTH), parts=parts)


POLICIES = {
    "lease": Flow(),
    "looks_before": Flow(looks=True),
    "fenced_writes": Flow(write=True),
    "fixed": Flow(read=True, write=True),
}
LEASE = Model("lease", lease, POLICIES)
