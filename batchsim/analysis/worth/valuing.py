"""All that is asked of a scenario, swept and looked at on every core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from pathlib import Path

from batchsim.analysis.sweep import Point, SizedExecutor, Watch, sweep
from batchsim.analysis.sweep.identity import seed_stream
from batchsim.analysis.sweep.plan import Competitor
from batchsim.analysis.sweep.sweeping import competitors_of, executor_of
from batchsim.analysis.sweep.varying import Axis, parse_axes, points_of
from batchsim.analysis.worth.question import Question
from batchsim.analysis.worth.results import Worth
from batchsim.analysis.worth.rows import WorthRow, WorthTask, row_of
from batchsim.bad_input import BadInputError
from batchsim.batch.policy import Policy
from batchsim.model.properties import Property
from batchsim.scenario import Legs, Scenario, varied

_LOOK_S = 0.2


def worth_of(
    scenario: Scenario,
    policies: Sequence[str | Policy] | None = None,
    question: Question | None = None,
    *,
    properties: Sequence[Property] = (),
    executor: Executor | None = None,
    workers: int | None = None,
    directory: Path | None = None,
    watch: Watch = lambda known, total: True,
) -> Worth:
    """What each policy is worth against the first one, over the delay of the count and the execution of runs.

    All but `question` are as for `sweep`. Raises `BadInputError` for what cannot be used; so is a count without a
    request leg of its own, which the delay is.
    """
    question = question or Question()
    axes = _axes(scenario, question)
    competitors = competitors_of(scenario, policies, directory)
    points = (Point(), *points_of(axes[1:]))
    tally = _Tally(watch, _total(question, axes, len(competitors), len(points)))
    with executor_of(executor, workers) as sized:
        as_is, over_delay, over_execution, over_both = (
            sweep(
                scenario,
                policies,
                runs=runs,
                vary=vary,
                properties=properties,
                executor=sized[0],
                workers=sized[1],
                directory=directory,
                watch=tally.of_the_next(runs * len(competitors) * count),
            )
            for vary, runs, count in _parts(question, axes)
        )
        tasks = [_task(scenario, question, competitors, point, axes) for point in points]
        rows = _rows(sized, tasks, tally.of_the_next(question.runs * len(points)), question.runs)
    sweeps = (as_is, over_delay, over_execution, over_both)
    complete = all(each.is_complete for each in sweeps) and len(rows) == len(points)
    return Worth(scenario, question, *sweeps, rows, complete)


def _axes(scenario: Scenario, question: Question) -> tuple[Axis, ...]:
    if not isinstance(scenario.latency_of("redis.enqueued_count"), Legs):
        raise BadInputError(
            f"{scenario.file}: latency.operations.redis.enqueued_count: found one round trip; "
            "allowed: {request: …, response: …}, or latency.stream_end, as the request is the delay that is varied"
        )
    options = (question.over_delay, question.over_execution)
    axes = parse_axes(options)
    for axis, option in zip(axes, options, strict=True):
        if axis.unit != "us":
            raise BadInputError(f"--vary {option}: found numbers; allowed: durations")
    return axes


def _parts(question: Question, axes: Sequence[Axis]) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """For each sweep what is varied, how many runs it makes of each policy at each point, and its points."""
    delay, execution = question.over_delay, question.over_execution
    yield (), question.runs, 1
    yield (delay,), question.runs, len(axes[0].values)
    yield (execution,), question.runs, len(axes[1].values)
    yield (delay, execution), question.runs_of_a_pair, len(axes[0].values) * len(axes[1].values)


def _total(question: Question, axes: Sequence[Axis], policies: int, rows: int) -> int:
    return policies * sum(runs * points for _, runs, points in _parts(question, axes)) + rows * question.runs


class _Tally:
    """Several pieces of work, one after the other, told as one."""

    def __init__(self, watch: Watch, total: int) -> None:
        self._watch = watch
        self._total = total
        self._planned = 0

    def of_the_next(self, runs: int) -> Watch:
        """A watch for the next piece, of so many runs."""
        before = self._planned
        self._planned += runs
        return lambda known, _: self._watch(before + known, self._total)


def _task(
    scenario: Scenario, question: Question, competitors: Sequence[Competitor], point: Point, axes: Sequence[Axis]
) -> WorthTask:
    delays, executions = (sorted(axis.values, key=lambda value: value.number) for axis in axes)
    return WorthTask(
        point=point,
        scenario=varied(scenario, point.overrides) if point.values else scenario,
        seeds=seed_stream(scenario, point.key),
        runs=question.runs,
        first=competitors[0].portable,
        others={each.shown: each.portable for each in competitors[1:]},
        delays_us=(round(delays[0].number), round(delays[-1].number)),
        executions=(executions[0].text, executions[-1].text),
    )


def _rows(sized: SizedExecutor, tasks: Sequence[WorthTask], watch: Watch, runs: int) -> tuple[WorthRow, ...]:
    """As many as were done before somebody stopped it, the first ones."""
    executor, workers = sized
    ahead = workers + 1 if workers > 1 else 1
    futures: list[Future[WorthRow]] = []
    try:
        while True:
            done = sum(each.done() for each in futures)
            if not watch(done * runs, len(tasks) * runs) or done == len(tasks):
                break
            while len(futures) < len(tasks) and len(futures) - done < ahead:
                futures.append(executor.submit(row_of, tasks[len(futures)]))
            wait([each for each in futures if not each.done()], _LOOK_S, "FIRST_COMPLETED")
    finally:
        for future in futures:
            future.cancel()
    rows: list[WorthRow] = []
    for future in futures:
        if not future.done() or future.cancelled():
            break
        rows.append(future.result())
    return tuple(rows)
