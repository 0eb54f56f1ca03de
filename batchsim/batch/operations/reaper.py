"""What the reaper does (protocol.md 3.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from batchsim.batch.operations.completion import TakeJob
from batchsim.batch.operations.rows import is_unsealed_and_pending
from batchsim.batch.stores import (
    BATCH_ROW,
    EXPIRY_JOB,
    Status,
    run_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Footprint, Operation, touches


@dataclass(frozen=True, slots=True)
class TakeExpiry(TakeJob):
    """Pick up the job that reaps a batch which was never sealed."""

    name: ClassVar[str] = "jobs.take_expiry"
    done_by: ClassVar[tuple[str, ...]] = ("reaper",)
    is_wait: ClassVar[bool] = True

    def job(self) -> Key:
        return EXPIRY_JOB


@dataclass(frozen=True, slots=True)
class Abort(Operation[bool]):
    """Set the batch ABORTED, where it is PENDING and not sealed; whether the row changed."""

    name: ClassVar[str] = "postgres.abort"
    done_by: ClassVar[tuple[str, ...]] = ("reaper",)
    spares_work_of: int = 0
    """Not where processing is completed, or so many items all have a child run; 0: whatever there is."""

    def footprint(self) -> Footprint:
        runs = tuple(run_key(index) for index in range(self.spares_work_of))
        return touches(reads=runs, writes=(BATCH_ROW,))

    def apply(self, world: World) -> bool:
        have_run = [bool(world.postgres.find_runs(index)) for index in range(self.spares_work_of)]
        if have_run and (all(have_run) or world.postgres.find_batch().processing_completed):
            return False
        changed = world.postgres.update_batch(
            lambda row: row._replace(status=Status.ABORTED, processing_completed=True),
            where=is_unsealed_and_pending,
        )
        return changed == 1

    def describe(self, answer: Any) -> str:
        return "ABORTED" if answer else "no row changed"
