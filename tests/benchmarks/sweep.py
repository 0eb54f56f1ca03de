"""Timings of sweeps of the incident, and of the same system in a bare SimPy loop, in one run: `make bench`.

The peer is the incident, written by hand in SimPy: the same actors and operations, one `timeout` for each
operation, latencies from `random.Random`. It has three forms: five attempts at most, answered as by `pre3427`; one
attempt, as under `pr3766`; and with concurrent ingest, as from `pr3777` on. No policy as a value, no common random
numbers, no reproducible ties, no footprints, no verdicts but one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Generator
from statistics import median
from typing import Any, NamedTuple

import simpy

from batchsim.analysis.sweep import local_executor, sweep
from batchsim.analysis.sweep.identity import seed_stream
from batchsim.analysis.sweep.pieces import Piece, run_piece
from batchsim.batch.policies import POLICIES
from batchsim.scenario import load_scenario
from tests.benchmarks.rows import Cost, Row, note

Steps = Generator[simpy.Event, Any, None]
INCIDENT = load_scenario("scenarios/incident.yaml")
ITEMS, CONSUMERS, ATTEMPTS = 3, 3, 5
RUNS, ROUNDS = 2_000, 9


class Form(NamedTuple):
    """What differs from policy to policy."""

    accepts_processed: bool
    ingests_at_once: bool = False


FORMS = {
    "pre3427": Form(accepts_processed=False),
    "pr3427_count_only": Form(accepts_processed=False),
    "pr3427": Form(accepts_processed=False),
    "pr3766": Form(accepts_processed=True),
    "pr3777": Form(accepts_processed=True, ingests_at_once=True),
    "pr4397": Form(accepts_processed=True, ingests_at_once=True),
}


class BareIncident:
    """One run of the incident."""

    def __init__(self, seed: int, form: Form) -> None:
        self.env = simpy.Environment()
        self.latency = random.Random(seed)
        self.queue = simpy.Store(self.env)
        self.accepts_processed, self.ingests_at_once = form
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
        if not (yield from self.ingest_all()):
            answer.succeed(500)
            return
        yield self.env.timeout(int(self.latency.uniform(20_000, 80_000)))
        if len(self.enqueued) != ITEMS:
            yield self.postgres()
            answer.succeed(200 if self.sealed or (self.accepts_processed and self.counted) else 0)
            return
        yield self.postgres()
        self.sealed, self.status = True, "PROCESSING"
        answer.succeed(200)

    def ingest_all(self) -> Generator[simpy.Event, Any, bool]:
        if self.ingests_at_once:
            ended = yield self.env.all_of([self.env.process(self.ingest(index)) for index in range(ITEMS)])
            return all(ended.values())
        for index in range(ITEMS):
            if not (yield from self.ingest(index)):
                return False
        return True

    def ingest(self, index: int) -> Generator[simpy.Event, Any, bool]:
        yield self.env.timeout(int(min(3.5e6, max(2.5e6, self.latency.gauss(3e6, 1e5)))))
        yield self.redis()
        if not self.meta:
            return False
        yield self.redis()
        if index not in self.enqueued:
            self.enqueued.add(index)
            yield self.redis()
            yield self.queue.put(index)
        return True

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


def bare(form: Form) -> int:
    """How many of the runs of the peer fail."""
    return sum(BareIncident(seed, form).run() != 200 for seed in range(RUNS))


def against_bare_simpy() -> None:
    """Every policy alone, and all at once, with rounds of the peer between."""
    pieces = {name: _piece(name) for name in INCIDENT.policies}
    everything = _piece(*INCIDENT.policies)
    ours: dict[str, list[float]] = {name: [] for name in pieces}
    peer: dict[str, list[float]] = {name: [] for name in pieces}
    at_once = []
    for _ in range(ROUNDS):
        for name, piece in pieces.items():
            ours[name].append(cpu_s(lambda piece=piece: run_piece(piece)))  # type: ignore[misc]
            peer[name].append(cpu_s(lambda name=name: bare(FORMS[name])))  # type: ignore[misc]
        at_once.append(cpu_s(lambda: run_piece(everything)))
    for name in pieces:
        fails = f"it fails in {bare(FORMS[name]) / RUNS:.0%}"
        print(f"incident, {name} alone, one core: {_rates(RUNS, ours[name])}")
        ratio = _ratio(ours[name], peer[name])
        print(f"  / bare SimPy: {_rates(RUNS, peer[name])}; {fails}; ratio {ratio:.2f}")
        note(_row(f"{RUNS} runs of the incident, {name} alone", ours[name], peer[name]))
    peers = [sum(each) for each in zip(*peer.values(), strict=True)]
    all_runs = RUNS * len(pieces)
    print(
        f"incident, all {len(pieces)}, one core: {_rates(all_runs, at_once)}, some following from another policy's"
    )
    print(f"  / bare SimPy: {_rates(all_runs, peers)}; ratio {_ratio(at_once, peers):.2f}")
    note(_row(f"{RUNS} runs of the incident, all {len(pieces)} policies", at_once, peers))


def _piece(*policies: str) -> Piece:
    seeds = seed_stream(INCIDENT, "benchmark")
    return Piece(INCIDENT, seeds, tuple(POLICIES[name] for name in policies), 0, RUNS)


def _rates(runs: int, seconds: list[float]) -> str:
    return f"{runs / median(seconds):,.0f} runs/s (median of {len(seconds)}, best {runs / min(seconds):,.0f})"


def _ratio(ours: list[float], peer: list[float]) -> float:
    return median(a / b for a, b in zip(ours, peer, strict=True))


def _row(work: str, ours: list[float], peer: list[float]) -> Row:
    costs = Cost(median(ours)), "bare SimPy", Cost(median(peer))
    return Row("tests.benchmarks.sweep", work, *costs, ratio=_ratio(ours, peer))


def workers() -> None:
    """Whole sweeps by one worker process and by two, which are there already."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    runs = 4000
    with local_executor(2) as (executor, _):
        sweep(INCIDENT, runs=100, executor=executor, workers=2)
        for _ in range(5):
            for count, measured in rates.items():
                begin = time.perf_counter()
                sweep(INCIDENT, runs=runs, executor=executor, workers=count)
                measured.append(runs * len(INCIDENT.policies) / (time.perf_counter() - begin))
    one, two = median(rates[1]), median(rates[2])
    gain = median(b / a for a, b in zip(rates[1], rates[2], strict=True))
    print(f"sweep of the incident: one worker {one:,.0f} runs/s, two {two:,.0f} runs/s: {gain:.2f} x (medians)")


if __name__ == "__main__":
    against_bare_simpy()
    workers()
