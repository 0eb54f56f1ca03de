"""What completion jobs and child runs do (protocol.md 3.4, 3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from batchsim.batch.history import REGRESSION
from batchsim.batch.operations.rows import update_status
from batchsim.batch.steps import ItemOperation
from batchsim.batch.stores import (
    BATCH_ROW,
    COMPLETION_JOB,
    WAITPOINT,
    Status,
    Waitpoint,
    run_key,
    run_keys,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import Alternative, BlockingOperation, Footprint, Operation, touches


class RunTally(NamedTuple):
    """How many child runs there are, and how many of them are final."""

    final: int
    total: int


@dataclass(frozen=True, slots=True)
class FindRuns(Operation[RunTally]):
    """Read the run rows of the batch."""

    name: ClassVar[str] = "postgres.find_runs"
    done_by: ClassVar[tuple[str, ...]] = ("job",)
    run_count: int
    copies: int = 1
    """How many child runs an item can have at most."""

    def footprint(self) -> Footprint:
        return touches(reads=tuple(key for index in range(self.run_count) for key in run_keys(index, self.copies)))

    def apply(self, world: World) -> RunTally:
        rows = [final for index in range(self.run_count) for final in world.postgres.find_runs(index, self.copies)]
        return RunTally(final=rows.count(True), total=len(rows))

    def describe(self, answer: Any) -> str:
        return f"{answer.final} of {answer.total} final"


@dataclass(frozen=True, slots=True)
class SetCompleted(Operation[bool]):
    """Set the batch COMPLETED; whether the row changed."""

    name: ClassVar[str] = "postgres.set_completed"
    done_by: ClassVar[tuple[str, ...]] = ("job",)
    footprint_of_class: ClassVar[Footprint] = touches(writes=(BATCH_ROW, REGRESSION))
    guarded: bool
    """Whether only where the status is neither ABORTED nor COMPLETED."""

    def apply(self, world: World) -> bool:
        before = world.postgres.find_batch()
        if self.guarded and before.status in (Status.ABORTED, Status.COMPLETED):
            return False
        update_status(world, before, before._replace(status=Status.COMPLETED))
        return True

    def describe(self, answer: Any) -> str:
        return "COMPLETED" if answer else "no row changed"


@dataclass(frozen=True, slots=True)
class FindWaitpoint(Operation[Waitpoint | None]):
    """Read the waitpoint of the batch."""

    name: ClassVar[str] = "postgres.find_waitpoint"
    done_by: ClassVar[tuple[str, ...]] = ("job", "reaper")
    footprint_of_class: ClassVar[Footprint] = touches(reads=(WAITPOINT,))

    def apply(self, world: World) -> Waitpoint | None:
        return world.postgres.find_waitpoint()


@dataclass(frozen=True, slots=True)
class CompleteWaitpoint(Operation[bool]):
    """Complete the waitpoint, where nobody did before: the parent's call goes on; whether the row changed."""

    name: ClassVar[str] = "postgres.complete_waitpoint"
    done_by: ClassVar[tuple[str, ...]] = ("job", "reaper")
    footprint_of_class: ClassVar[Footprint] = touches(writes=(WAITPOINT,))
    may_unblock: ClassVar[bool] = True
    waitpoint: Waitpoint

    def unblocks(self) -> tuple[Key, ...]:
        return (WAITPOINT,)

    def apply(self, world: World) -> bool:
        return world.postgres.complete_waitpoint(self.waitpoint) == 1

    def describe(self, answer: Any) -> str:
        return str(self.waitpoint) if answer else "no row changed"


@dataclass(frozen=True, slots=True)
class FinishRun(ItemOperation[None]):
    """A child run becomes final."""

    name: ClassVar[str] = "run.finish"
    done_by: ClassVar[tuple[str, ...]] = ("run",)
    is_wait: ClassVar[bool] = True
    copy: int = 1
    """Which child run of the item."""

    def footprint(self) -> Footprint:
        return touches(writes=(run_key(self.index, self.copy),))

    def apply(self, world: World) -> None:
        world.postgres.finish_run(self.index, self.copy)

    def describe(self, answer: Any) -> str:
        which = "" if self.copy == 1 else f", number {self.copy} of its item,"
        return f"run {self.index}{which} is final"


@dataclass(frozen=True, slots=True)
class TakeJob(BlockingOperation[None]):
    """Pick up a job that waits."""

    is_instant: ClassVar[bool] = True

    def job(self) -> Key:
        """The job."""
        raise NotImplementedError

    def waits_for(self) -> Key:
        return self.job()

    def footprint(self) -> Footprint:
        return touches(writes=(self.job(),))

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        return (Alternative(timer=self.job()),) if world.jobs.is_waiting(self.job()) else ()

    def apply(self, world: World) -> None:
        world.jobs.take(self.job())


@dataclass(frozen=True, slots=True)
class TakeCompletion(TakeJob):
    """Pick up the completion job."""

    name: ClassVar[str] = "jobs.take_completion"
    done_by: ClassVar[tuple[str, ...]] = ("job",)
    is_wait: ClassVar[bool] = True

    def job(self) -> Key:
        return COMPLETION_JOB
