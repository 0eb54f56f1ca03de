"""What completion jobs, child runs and the parent that waits for them do (protocol.md 3.1, 3.4, 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from batchsim.batch.history import REGRESSION
from batchsim.batch.operations.rows import update_status
from batchsim.batch.steps import ItemOperation
from batchsim.batch.stores import (
    BATCH_EDGE,
    BATCH_ROW,
    COMPLETION_JOB,
    STREAMED,
    WAITPOINT,
    Claim,
    Status,
    Waitpoint,
    Waits,
    edge_key,
    of_try,
    run_key,
    run_keys,
    run_waitpoint_key,
    tries_key,
)
from batchsim.batch.world import World
from batchsim.model.cells import Key
from batchsim.model.operation import (
    USUAL,
    Alternative,
    BlockingOperation,
    Footprint,
    Operation,
    touches,
)


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
class EndOfRun(ItemOperation[None]):
    """A child run becomes final."""

    done_by: ClassVar[tuple[str, ...]] = ("run",)
    is_wait: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    copy: int = 1
    """Which child run of the item."""
    wakes_parent: bool = False
    """*AndWait*: whether its waitpoint is completed with it."""
    keeps_waitpoint: bool = False
    """Whether that is kept in a cell of its own."""

    def footprint(self) -> Footprint:
        row = run_key(self.index, self.copy)
        return touches(writes=(row, run_waitpoint_key(self.index, self.copy)) if self.keeps_waitpoint else (row,))

    def unblocks(self) -> tuple[Key, ...]:
        return (WAITPOINT,) if self.wakes_parent else ()

    def apply(self, world: World) -> None:
        world.postgres.finish_run(self.index, self.copy)
        if self.keeps_waitpoint:
            world.postgres.complete_run_waitpoint(self.index, self.copy)

    def describe(self, answer: Any) -> str:
        return f"{_told_run(self.index, self.copy)} is final"


@dataclass(frozen=True, slots=True)
class FinishRun(EndOfRun):
    """A child run has executed: it is final."""

    name: ClassVar[str] = "run.finish"


@dataclass(frozen=True, slots=True)
class ExpireRun(EndOfRun):
    """The time to live of a child run has passed in the run queue: it is final, and never executed."""

    name: ClassVar[str] = "run.expire"

    def describe(self, answer: Any) -> str:
        return f"{_told_run(self.index, self.copy)} expires"


@dataclass(frozen=True, slots=True)
class CompleteRunWaitpoint(ItemOperation[None]):
    """*AndWait*: complete the waitpoint of a child run that is final."""

    name: ClassVar[str] = "postgres.complete_run_waitpoint"
    done_by: ClassVar[tuple[str, ...]] = ("run", "consumer")
    is_of_faults: ClassVar[bool] = True
    may_unblock: ClassVar[bool] = True
    copy: int = 1
    """Which child run of the item."""
    held: Claim | None = None
    """Of a consumer: the message that it holds meanwhile."""

    @property
    def message(self) -> Claim | None:
        return self.held

    def footprint(self) -> Footprint:
        return touches(writes=(run_waitpoint_key(self.index, self.copy),))

    def unblocks(self) -> tuple[Key, ...]:
        return (WAITPOINT,)

    def apply(self, world: World) -> None:
        world.postgres.complete_run_waitpoint(self.index, self.copy)

    def describe(self, answer: Any) -> str:
        return _told_run(self.index, self.copy)


def _told_run(index: int, copy: int) -> str:
    return f"run {index}" if copy == 1 else f"run {index}, number {copy} of its item,"


@dataclass(frozen=True, slots=True)
class Resume(BlockingOperation[tuple[int, ...]]):
    """*AndWait*: the parent goes on: all waitpoints that it has a block edge to are complete, the batch's too.

    The answer: the items of those runs, in the order in which their results are numbered.
    """

    name: ClassVar[str] = "parent.resume"
    done_by: ClassVar[tuple[str, ...]] = ("parent",)
    is_idle: ClassVar[bool] = True
    is_instant: ClassVar[bool] = True
    run_count: int
    copies: int = 1
    """How many child runs an item can have at most."""
    waits: Waits = Waits.NOWHERE
    """Where it is kept that it waits for a child run."""
    tries: int = 0
    """Of phase 1, where it has steps: so many batches it may make, each with a waitpoint and an edge."""

    def waits_for(self) -> Key:
        return WAITPOINT

    def footprint(self) -> Footprint:
        where = (run_key,) if self.waits is Waits.NOWHERE else (edge_key, run_waitpoint_key)
        of_runs = (key for key_of in where for key in self._keys(key_of))
        of_batches = (key for pair in self._edges_to_batches() for key in pair)
        return touches(reads=(STREAMED, WAITPOINT, *of_runs, *of_batches))

    def _edges_to_batches(self) -> tuple[tuple[Key, Key], ...]:
        """The block edge and the waitpoint of each batch, where phase 1 has steps."""
        if not self.tries:
            return ()
        orphans = ((of_try(BATCH_EDGE, each), of_try(WAITPOINT, each)) for each in range(1, self.tries + 1))
        return ((BATCH_EDGE, WAITPOINT), *orphans)

    def _keys(self, key: Callable[[int, int], Key]) -> Iterator[Key]:
        return (key(index, copy) for index in range(self.run_count) for copy in range(1, self.copies + 1))

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        postgres, streamed = world.postgres, world.cells.read(STREAMED)
        if streamed is None or not streamed.is_success:  # it was rejected, and waits for nothing
            return ()
        if self._is_blocked_on_batch(world):
            return ()
        return USUAL if all(postgres.run_is_over(*run, self.waits) for run in self._blocking(world)) else ()

    def _is_blocked_on_batch(self, world: World) -> bool:
        read = world.cells.read
        if not self.tries:
            return read(WAITPOINT) is Waitpoint.PENDING
        return any(
            read(edge) and read(waitpoint) is Waitpoint.PENDING for edge, waitpoint in self._edges_to_batches()
        )

    def _blocking(self, world: World) -> tuple[tuple[int, int], ...]:
        return world.postgres.edges(self.run_count, self.copies, self.waits)

    def apply(self, world: World) -> tuple[int, ...]:
        return tuple(index for index, _ in self._blocking(world))

    def describe(self, answer: Any) -> str:
        if not answer:
            return "no results"
        items = ", ".join(map(str, answer))
        return f"result of item {items}" if len(answer) == 1 else f"results of items {items}"


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
        return touches(writes=(self.job(), tries_key(self.job())))

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


@dataclass(frozen=True, slots=True)
class RetryJob(Operation[None]):
    """What a job that raised waits for before it is tried again: a delay, and no step."""

    name: ClassVar[str] = "jobs.retry"
    is_wait: ClassVar[bool] = True
    backs_off: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
    attempt: int
    """How often it has raised."""


@dataclass(frozen=True, slots=True)
class ReturnJob(Operation[None]):
    """What a job whose worker crashed waits for before it is picked up again: a delay, and no step."""

    name: ClassVar[str] = "jobs.return"
    is_wait: ClassVar[bool] = True
    is_of_faults: ClassVar[bool] = True
