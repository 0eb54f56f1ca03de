"""What the network does by itself (protocol.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.batch.stores import (
    answer_key,
    connection_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, touches


@dataclass(frozen=True, slots=True)
class Drop(BlockingOperation[None]):
    """The connection of a request drops while its handler works. Only a fault lets it."""

    name: ClassVar[str] = "network.drop"
    done_by: ClassVar[tuple[str, ...]] = ("network",)
    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    attempt: int

    def waits_for(self) -> Key:
        return connection_key(self.attempt)

    def footprint(self) -> Footprint:
        return touches(reads=(answer_key(self.attempt),), writes=(connection_key(self.attempt),))

    def unblocks(self) -> tuple[Key, ...]:
        return (answer_key(self.attempt),)

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return ()

    def apply(self, world: World) -> None:
        connection = world.network.connection(self.attempt)
        world.network.change_connection(self.attempt, connection._replace(is_dropped=True))

    def describe(self, answer: Any) -> str:
        return f"the connection of attempt {self.attempt}"
