"""What an engine returns: the steps of a run, and its outcome."""

from __future__ import annotations

from dataclasses import dataclass

from batchsim.batch.client import CallResult, Result
from batchsim.batch.setting import Call, Kind, Setting
from batchsim.batch.stores import REDIS_KEYS, BatchRow, Waitpoint, request_key
from batchsim.batch.world import World
from batchsim.model.run import Step, html_of_steps


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
    """Items that have no child run although they were not rejected."""
    runs_are_final: bool
    """Whether every existing child run is final."""
    leaked_keys: tuple[str, ...]
    spurious_retry: bool
    """Whether an attempt was refused after all items had been enqueued."""
    completion_updates: int
    """How many there were: 0, 1, or 2 for more."""
    status_regression: bool
    """Whether COMPLETED or ABORTED was overwritten by another status."""

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


def outcome_of(world: World, setting: Setting, streamed: CallResult | None) -> Outcome:
    """Read the outcome off the world at quiescence; `streamed`: what phase 2 ended in, if it did."""
    copies = setting.run_copies_max
    runs = [world.postgres.find_runs(index, copies) for index in range(setting.run_count)]
    return Outcome(
        call=_call_result(world, setting, streamed),
        batch=world.postgres.find_batch(),
        runs_created=len(runs) - runs.count([]),
        runs_total=sum(map(len, runs)),
        items_without_run=sum(
            not rows and item.kind is not Kind.REJECTED for rows, item in zip(runs, setting.items, strict=True)
        ),
        runs_are_final=all(False not in rows for rows in runs),
        leaked_keys=tuple(key for key in REDIS_KEYS if key in world.cells),
        spurious_retry=world.history.spurious_retry,
        completion_updates=world.history.completion_updates,
        status_regression=world.history.status_regression,
    )


def _call_result(world: World, setting: Setting, streamed: CallResult | None) -> CallResult:
    if streamed is None:
        sent = 1
        while request_key(sent + 1) in world.cells:
            sent += 1
        return CallResult(Result.WAITING, None, sent)
    if streamed.result is not Result.OK or setting.call is Call.TRIGGER:
        return streamed
    match world.postgres.find_waitpoint():
        case Waitpoint.COMPLETED:
            return streamed
        case Waitpoint.FAILED:
            return streamed._replace(result=Result.WAITPOINT_ERROR)
        case _:
            return streamed._replace(result=Result.WAITING)


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
    steps: tuple[Step, ...]
    """In the order of effects; those that were kept."""
    faults: tuple[int, ...] = ()
    """How often each fault of the scenario happened, in the order of `Scenario.faults`."""

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        return html_of_steps(f"{self.policy}, seed {self.seed}: {len(self.steps):,} steps", self.steps)
