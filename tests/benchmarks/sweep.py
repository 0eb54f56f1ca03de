"""Timings of sweeps of the incident, and of the same system in a bare SimPy loop, in one run: `make bench`.

The peer is the incident under `pr3766` (one attempt) and `pre3427` (five attempts at most), written by hand in
SimPy: the same actors and operations, one `timeout` for each operation, latencies from `random.Random`. No policy
as a value, no common random numbers, no reproducible ties, no footprints, no verdicts but one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from typing import Any

import simpy

from batchsim.analysis.sweep import local_crew, sweep
from batchsim.analysis.sweep.identity import seed_stream
from batchsim.analysis.sweep.pieces import Piece, run_piece
from batchsim.policies import POLICIES
from batchsim.scenario import load_scenario

Steps = Generator[simpy.Event, Any, None]
INCIDENT = load_scenario("scenarios/incident.yaml")
ITEMS, CONSUMERS, ATTEMPTS = 3, 3, 5
RUNS, ROUNDS = 200, 11


class BareIncident:
    """One run of the incident."""

    def __init__(self, seed: int, *, accepts_processed: bool) -> None:
        self.env = simpy.Environment()
        self.latency = random.Random(seed)
        self.queue = simpy.Store(self.env)
        self.accepts_processed = accepts_processed
        self.meta = True
        self.enqueued: set[int] = set()
        self.processed: set[int] = set()
        self.final: dict[int, bool] = {}
        self.status, self.sealed, self.counted = "PENDING", False, False
        self.job: simpy.Event | None = None
        self.result = 0

    def redis(self) -> simpy.Event:
        return self.env.timeout(int(self.latency.uniform(200, 1000)))

    def postgres(self) -> simpy.Event:
        return self.env.timeout(int(self.latency.uniform(1000, 5000)))

    def http(self) -> simpy.Event:
        return self.env.timeout(int(self.latency.uniform(20_000, 80_000)))

    def sdk(self) -> Steps:
        for attempt in range(1, ATTEMPTS + 1):
            yield self.http()
            answer = self.env.event()
            self.env.process(self.handler(answer))
            self.result = yield answer
            yield self.http()
            if self.result in (200, 422):
                return
            yield self.env.timeout(int((1 + self.latency.random()) * 1e6 * 2 ** (attempt - 1)))

    def handler(self, answer: simpy.Event) -> Steps:
        yield self.postgres()
        if self.status != "PENDING" and not self.accepts_processed:
            answer.succeed(422)
            return
        if self.accepts_processed and self.counted:
            answer.succeed(200)
            return
        for index in range(ITEMS):
            yield self.env.timeout(int(min(3.5e6, max(2.5e6, self.latency.gauss(3e6, 1e5)))))
            yield self.redis()
            if not self.meta:
                answer.succeed(500)
                return
            yield self.redis()
            if index not in self.enqueued:
                self.enqueued.add(index)
                yield self.redis()
                yield self.queue.put(index)
        yield self.env.timeout(int(self.latency.uniform(20_000, 80_000)))
        if len(self.enqueued) != ITEMS:
            yield self.postgres()
            answer.succeed(200 if self.sealed or (self.accepts_processed and self.counted) else 0)
            return
        yield self.postgres()
        self.sealed, self.status = True, "PROCESSING"
        answer.succeed(200)

    def consumer(self) -> Steps:
        while True:
            index = yield self.queue.get()
            yield self.env.timeout(int(self.latency.uniform(0, 50_000)))
            yield self.redis()
            yield self.postgres()
            self.final[index] = False
            self.env.process(self.child_run(index))
            yield self.redis()
            self.processed.add(index)
            if len(self.processed) == ITEMS:
                yield self.redis() & self.redis()
                yield self.postgres()
                self.counted = True
                yield self.redis()
                self.schedule()
                yield self.redis()
                self.meta = False
                self.enqueued.clear()

    def child_run(self, index: int) -> Steps:
        yield self.env.timeout(20_000_000)
        self.final[index] = True
        yield self.redis()
        self.schedule()

    def schedule(self) -> None:
        """Debounced: the last one counts."""
        due = self.job = self.env.timeout(200_000)
        self.env.process(self.try_complete(due))

    def try_complete(self, due: simpy.Event) -> Steps:
        yield due
        if self.job is not due:
            return
        yield self.postgres()
        if self.counted and self.status != "COMPLETED":
            yield self.postgres()
            if all(self.final.values()):
                yield self.postgres()
                self.status = "COMPLETED"

    def run(self) -> int:
        self.env.process(self.sdk())
        for _ in range(CONSUMERS):
            self.env.process(self.consumer())
        self.env.run()
        assert len(self.final) == ITEMS
        return self.result


def cpu_s(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def against_bare_simpy() -> None:
    seeds = seed_stream(INCIDENT, "benchmark")
    for name, accepts in (("pre3427", False), ("pr3766", True)):
        piece = Piece(INCIDENT, seeds, (POLICIES[name],), 0, RUNS)

        def bare(accepts: bool = accepts) -> float:
            results = [BareIncident(seed, accepts_processed=accepts).run() for seed in range(RUNS)]
            return sum(result != 200 for result in results) / RUNS

        ours, peer = [], []
        for _ in range(ROUNDS):
            ours.append(cpu_s(lambda piece=piece: run_piece(piece)))  # type: ignore[misc]
            peer.append(cpu_s(bare))
        ratio = sorted(a / b for a, b in zip(ours, peer, strict=True))[ROUNDS // 2]
        print(
            f"incident, {name}, one core: {RUNS / min(ours):,.0f} runs/s (best of {ROUNDS}); "
            f"bare SimPy {RUNS / min(peer):,.0f} runs/s; ratio {ratio:.2f} (median); it fails in {bare():.0%}"
        )
    together = Piece(INCIDENT, seeds, tuple(POLICIES[name] for name in INCIDENT.policies), 0, RUNS)
    seconds = min(cpu_s(lambda: run_piece(together)) for _ in range(ROUNDS))
    runs = RUNS * len(INCIDENT.policies)
    print(
        f"incident, its {len(INCIDENT.policies)} policies, one core: {runs / seconds:,.0f} runs/s, "
        "those counted that follow from another policy's"
    )


def workers() -> None:
    """Whole sweeps by one worker process and by two, which are there already."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    runs = 1600
    with local_crew(2) as (executor, _):
        sweep(INCIDENT, runs=100, executor=executor, workers=2)
        for _ in range(5):
            for count, measured in rates.items():
                begin = time.perf_counter()
                sweep(INCIDENT, runs=runs, executor=executor, workers=count)
                measured.append(runs * len(INCIDENT.policies) / (time.perf_counter() - begin))
    one, two = max(rates[1]), max(rates[2])
    print(f"sweep of the incident: one worker {one:,.0f} runs/s, two {two:,.0f} runs/s: {two / one:.2f} x")


if __name__ == "__main__":
    against_bare_simpy()
    workers()
