"""Timings of the timed engine against bare SimPy, in one run: `make bench`.

The peer is the same system written by hand in SimPy: the same actors, a `simpy.Store` for the queue, sets for
Redis, a `timeout` for each leg of each operation with a latency drawn from `random.Random`. No policy, no
trace, no streams, no checks.
"""

from __future__ import annotations

import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from typing import Any

import simpy

from batchsim.engines.timed import simulate
from batchsim.policies import POLICIES
from batchsim.scenario import Scenario, scenario_from_data

Steps = Generator[simpy.Event, Any, None]
NOTHING: frozenset[str] = frozenset()
ROUNDS = 9


def scenario(items: int, consumers: int) -> Scenario:
    return scenario_from_data({"name": "benchmark", "batch": {"items": items}, "consumers": consumers})


def bare_simpy(items: int, consumers: int, *, legs: int) -> int:
    """The peer; `legs`: timeouts for each operation, 1 (whole round trips) or 2. Returns its events."""
    env = simpy.Environment()
    queue = simpy.Store(env)
    latency = random.Random(1)
    enqueued: set[int] = set()
    processed: set[int] = set()
    final: dict[int, bool] = {}

    def operation(shortest_us: int, longest_us: int) -> Steps:
        total_us = int(latency.uniform(shortest_us, longest_us))
        if legs == 1:
            yield env.timeout(total_us)
        else:
            yield env.timeout(total_us // 2)
            yield env.timeout(total_us - total_us // 2)

    def handler() -> Steps:
        yield from operation(1000, 5000)
        for index in range(items):
            yield from operation(200, 1000)
            yield from operation(200, 1000)
            enqueued.add(index)
            yield from operation(200, 1000)
            yield queue.put(index)
        yield from operation(200, 1000)
        yield from operation(1000, 5000)

    def child_run(index: int) -> Steps:
        yield env.timeout(500_000)
        final[index] = True
        yield from operation(200, 1000)

    def consumer() -> Steps:
        while True:
            index = yield queue.get()
            yield env.timeout(int(latency.uniform(0, 50_000)))
            yield from operation(200, 1000)
            yield from operation(1000, 5000)
            final[index] = False
            env.process(child_run(index))
            yield from operation(200, 1000)
            processed.add(index)

    env.process(handler())
    for _ in range(consumers):
        env.process(consumer())
    env.run()
    assert len(processed) == len(enqueued) == items
    assert all(final.values())
    return next(env._eid)


def cpu_s(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def compare_with_simpy() -> None:
    subject = scenario(1000, 50)
    policy = POLICIES["pr3766"]
    ours, two_legs, one_leg = [], [], []
    for _ in range(ROUNDS):
        ours.append(cpu_s(lambda: simulate(subject, policy, keep=NOTHING)))
        two_legs.append(cpu_s(lambda: bare_simpy(1000, 50, legs=2)))
        one_leg.append(cpu_s(lambda: bare_simpy(1000, 50, legs=1)))
    print(f"1 000 items, 50 consumers, no trace kept: {min(ours) * 1e3:.1f} ms CPU (best of {ROUNDS})")
    for name, peer, legs in (("request and response legs", two_legs, 2), ("whole round trips", one_leg, 1)):
        ratio = sorted(a / b for a, b in zip(ours, peer, strict=True))[ROUNDS // 2]
        events = bare_simpy(1000, 50, legs=legs)
        print(f"  / bare SimPy, {name}: {min(peer) * 1e3:.1f} ms, {events} events, ratio {ratio:.2f} (median)")


def grow() -> None:
    for items, consumers in ((1_000, 1_000), (10_000, 1_000), (100_000, 1_000)):
        subject = scenario(items, consumers)
        seconds = cpu_s(lambda subject=subject: simulate(subject, POLICIES["pr3766"], keep=NOTHING))  # type: ignore[misc]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        rate = f"{seconds / items * 1e6:.1f} us an item"
        print(f"{items} items, {consumers} consumers: {seconds:.2f} s CPU, {rate}, {peak} MiB")


def explorations() -> None:
    for items, consumers in ((3, 3), (4, 2), (4, 3), (5, 3)):
        data = {"name": "x", "batch": {"items": items}, "consumers": consumers}
        code = (
            "import resource; from batchsim import POLICIES, explore, scenario_from_data; "
            f"x = explore(scenario_from_data({data}), POLICIES['pr3427']); "
            "u = resource.getrusage(resource.RUSAGE_SELF); seconds = u.ru_utime + u.ru_stime; "
            "print(x.states, x.transitions, f'{x.schedules:.1e}', f'{seconds:.2f}', u.ru_maxrss >> 10)"
        )
        ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        states, transitions, schedules, seconds, mib = ended.stdout.split()
        size = f"{states} states, {transitions} transitions, {schedules} schedules"
        print(f"explore {items} items, {consumers} consumers: {size}: {seconds} s CPU, whole process, {mib} MiB")


def whole_processes() -> None:
    for arguments in (["run", "scenarios/incident.yaml"], ["--help"]):
        seconds = []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-m", "batchsim", *arguments], check=True, capture_output=True)
            seconds.append(time.perf_counter() - begin)
        print(f"batchsim {' '.join(arguments)}: {sorted(seconds)[ROUNDS // 2]:.2f} s (median)")


compare_with_simpy()
grow()
explorations()
whole_processes()
