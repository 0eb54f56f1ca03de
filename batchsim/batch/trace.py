"""What an engine returns: the steps of a run, and its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchsim.batch.client import CallResult, Result
from batchsim.batch.phase_1 import batch_judged, keys_left
from batchsim.batch.renaming import RenamedCells
from batchsim.batch.second_call import SECOND
from batchsim.batch.setting import Kind, Setting
from batchsim.batch.stores import MAX_ATTEMPTS, SECOND_CALL, BatchRow, request_key
from batchsim.batch.world import World
from batchsim.model.run import Step, Wait, html_of_steps

WAITPOINT = "waitpoint"
"""What the SDK waits for once the batch is streamed; no operation."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, at quiescence; all that a verdict may depend on."""

    call: CallResult
    batch: BatchRow
    runs_created: int
    """Items that have a child run."""
    runs_total: int
    """Rows of child runs; more than `runs_created` where an item has several."""
    items_without_run: int
    """Items that have no child run, and were not rejected: not yet, or because they are of another kind."""
    runs_are_final: bool
    """Whether every existing child run is final."""
    leaked_keys: tuple[str, ...]
    spurious_retry: bool
    """Whether an attempt was refused after all items had been enqueued."""
    completion_updates: int
    """How many there were: 0, 1, or 2 for more."""
    status_regression: bool
    """Whether COMPLETED or ABORTED was overwritten by another status."""
    has_batch: bool = True
    """Whether there is a row at all: phase 1, where it has steps, may have come to none."""
    wrong_result: bool = False
    """Whether the call returned, and some index got the result of another item's run."""

    @property
    def call_succeeded(self) -> bool:
        """Whether the call returned."""
        return self.call.result is Result.OK

    @property
    def call_rejected(self) -> bool:
        """Whether the call raised."""
        return self.call.result not in (Result.OK, Result.WAITING)

    @property
    def work_is_done(self) -> bool:
        """*Work done* of protocol.md §7."""
        return self.runs_created > 0 and self.items_without_run == 0


def outcome_of(
    world: World, setting: Setting, streamed: CallResult | None, results: Sequence[int] | None = None
) -> Outcome:
    """Read the outcome off the world at quiescence.

    `streamed`: what phase 2 ended in, if it did. `results`: *AndWait*: the items whose results the parent got, by
    place, if it went on.
    """
    call = _call_result(world, setting, streamed, results)
    copies, indices = setting.run_copies_max, range(setting.run_count)
    of_first = [world.postgres.find_runs(index, copies) for index in indices]
    has_second = bool(world.cells.get(SECOND_CALL))
    last = World(RenamedCells(world.cells, SECOND.name)) if has_second else world
    row = batch_judged(last)
    runs = [last.postgres.find_runs(index, copies) for index in indices] if has_second else of_first
    all_runs = [[*first, *second] for first, second in zip(of_first, runs, strict=True)] if has_second else runs
    return Outcome(
        call=call,
        batch=row or BatchRow(),
        has_batch=row is not None,
        runs_created=len(all_runs) - all_runs.count([]),
        runs_total=sum(map(len, all_runs)),
        items_without_run=sum(
            not rows and not (item.kind is Kind.REJECTED and last.history.was_rejected(index))
            for index, (rows, item) in enumerate(zip(runs, setting.items, strict=True))
        ),
        runs_are_final=all(False not in rows for rows in all_runs),
        leaked_keys=tuple(keys_left(world)),
        spurious_retry=last.history.spurious_retry,
        completion_updates=last.history.completion_updates,
        status_regression=last.history.status_regression,
        wrong_result=call.result is Result.OK and _are_wrong(results, setting),
    )


def _are_wrong(results: Sequence[int] | None, setting: Setting) -> bool:
    """Whether some index has the result of another item's run: results are numbered by place."""
    return results is not None and tuple(results[: setting.run_count]) != tuple(range(setting.run_count))


def _call_result(
    world: World, setting: Setting, streamed: CallResult | None, results: Sequence[int] | None
) -> CallResult:
    if streamed is None:
        before = MAX_ATTEMPTS if SECOND_CALL in world.cells else 0
        sent = 0
        while request_key(before + sent + 1) in world.cells:
            sent += 1
        return CallResult(Result.WAITING, None, sent)
    if streamed.result is not Result.OK or not setting.waits:
        return streamed
    if results is None or len(results) < setting.run_count:
        # It was never resumed, or waits for the result of an index that no run fills.
        return streamed._replace(result=Result.WAITING)
    return streamed


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it reached the SDK."""

    attempt: int
    status: int | None
    """`None`: the connection was lost."""
    sealed: bool | None
    """Only with status 200."""
    at_us: int


@dataclass(frozen=True, slots=True)
class Trace:
    """One timed run."""

    policy: str
    seed: int
    setting: Setting
    outcome: Outcome
    answers: tuple[Answered, ...]
    called_back_us: int
    """When the call returned or raised; the end of the run where it never did."""
    ended_us: int
    """The instant of the last effect."""
    steps: Sequence[Step]
    """In the order of effects; those that were kept."""
    faults: tuple[int, ...] = ()
    """How often each fault of the scenario happened, in the order of `Scenario.faults`."""

    @property
    def waits(self) -> Sequence[Wait]:
        """What somebody waited for that is no step: the parent, for the batch."""
        waits = self.outcome.call.result in (Result.OK, Result.WAITING)
        if not (self.setting.waits and waits and self.answers):
            return ()
        since_us = self.answers[-1].at_us
        return (Wait("sdk", WAITPOINT, since_us, self.called_back_us),) if since_us < self.called_back_us else ()

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        return html_of_steps(f"{self.policy}, seed {self.seed}: {len(self.steps):,} steps", self.steps)
