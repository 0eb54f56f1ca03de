"""How a sweep scales, on this machine and on a local Dask cluster: `python -m tests.benchmarks.cluster`.

What is measured stops at the cores of this machine. How far more machines go is worked out from what one piece of
work costs whoever gives it out: the command, and the scheduler, which is in the same process here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from statistics import median
from typing import Any

from batchsim import load_scenario, sweep
from batchsim.analysis.pool import local_executor
from batchsim.analysis.sweep import dask_executor
from batchsim.analysis.sweep.executing import PIECE_S

INCIDENT = load_scenario("scenarios/incident.yaml")
RUNS, ROUNDS = 40_000, 3


class Counting(Executor):
    """Gives work to another executor, and counts it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.pieces = 0

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As the other one."""
        self.pieces += 1
        return self._executor.submit(function, *args, **kwargs)


class Measured:
    """One way of doing it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.given_out_s: list[float] = []
        """CPU time of this process for each piece."""

    def measure(self, executor: Executor, workers: int) -> None:
        """One sweep."""
        counting = Counting(executor)
        begun, used = time.perf_counter(), time.process_time()
        sweep(INCIDENT, runs=RUNS, executor=counting, workers=workers)
        self.seconds.append(time.perf_counter() - begun)
        self.given_out_s.append((time.process_time() - used) / counting.pieces)


def main() -> None:
    """Measure, and tell."""
    ways = {(name, count): Measured() for name in ("here", "Dask") for count in (1, 2)}
    for name, executor_of in (("here", local_executor), ("Dask", lambda count: dask_executor(None, count))):
        for count in (1, 2):
            with executor_of(count) as (executor, _):
                sweep(INCIDENT, runs=200, executor=executor, workers=count)  # they are there, and have begun
                for _ in range(ROUNDS):
                    ways[name, count].measure(executor, count)
    print(f"sweep of the incident, {len(INCIDENT.policies)} policies, {RUNS:,} runs of each:")
    for (name, count), way in ways.items():
        seconds, alone = median(way.seconds), median(ways[name, 1].seconds)
        gain = "" if count == 1 else f", {alone / seconds:.2f} times as fast"
        print(f"  {name}, {count} worker{'s' * (count > 1)}: {seconds:.1f} s{gain}")
    for name in ("here", "Dask"):
        cost_s = median(ways[name, 2].given_out_s)
        print(
            f"  {name}: a piece of {1000 * PIECE_S:.0f} ms costs {1000 * cost_s:.1f} ms to give out and take in: "
            f"that alone would keep {PIECE_S / cost_s:.0f} workers busy"
        )


if __name__ == "__main__":
    main()
