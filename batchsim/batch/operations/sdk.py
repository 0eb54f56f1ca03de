"""What the SDK does (protocol.md 3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.batch.history import PUSHED, SPURIOUS_RETRY
from batchsim.batch.stores import (
    Answer,
    answer_key,
    request_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, touches


@dataclass(frozen=True, slots=True)
class Deliver(BlockingOperation[Answer]):
    """The answer to a phase-2 request reaches the SDK."""

    name: ClassVar[str] = "http.deliver"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
    acts_on_arrival: ClassVar[bool] = True
    attempt: int
    run_count: int

    def waits_for(self) -> Key:
        return answer_key(self.attempt)

    def footprint(self) -> Footprint:
        return touches(reads=(PUSHED,), writes=(answer_key(self.attempt), SPURIOUS_RETRY))

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return (Alternative(timer=self.waits_for()),) if world.network.answer(self.attempt) else ()

    def apply(self, world: World) -> Answer:
        answer = world.network.receive(self.attempt)
        if not answer.sealed and answer.status is not None:
            world.history.note_refusal(self.run_count)
        return answer

    def describe(self, answer: Any) -> str:
        if answer.status is None:
            return "connection lost"
        if answer.status != 200:
            return str(answer.status)
        if answer.sealed:
            return "200 sealed"
        count = answer.enqueued_count
        return "200 not sealed" if count is None else f"200 not sealed, {count} enqueued"


@dataclass(frozen=True, slots=True)
class Backoff(Operation[None]):
    """The SDK has waited, and sends the next attempt."""

    name: ClassVar[str] = "sdk.backoff"
    done_by: ClassVar[tuple[str, ...]] = ("sdk",)
    is_wait: ClassVar[bool] = True
    backs_off: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    attempt: int
    """The attempt that failed."""

    def footprint(self) -> Footprint:
        return touches(writes=(request_key(self.attempt + 1),))

    def unblocks(self) -> tuple[Key, ...]:
        return (request_key(self.attempt + 1),)

    def apply(self, world: World) -> None:
        world.network.send(self.attempt + 1)

    def describe(self, answer: Any) -> str:
        return f"sends attempt {self.attempt + 1}"
