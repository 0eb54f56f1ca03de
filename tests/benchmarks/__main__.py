"""Timings of the timed engine against bare SimPy, in one run: `make bench`.

The peer is the same system written by hand in SimPy: the same actors, a `simpy.Store` for the queue, sets for
Redis, a `timeout` for each leg of each operation with a latency drawn from `random.Random`. No policy, no
trace, no streams, no checks.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import simpy

from batchsim.batch.policies import POLICIES
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario, scenario_from_data
from tests.benchmarks.measuring import Used, measured
from tests.benchmarks.rows import Cost, Row, note

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
        costs = Cost(min(ours)), f"bare SimPy, {name}", Cost(min(peer))
        note(Row("tests.benchmarks", "one run, 1 000 items, 50 consumers", *costs, ratio=ratio))


GROWING = """
import time
from batchsim import POLICIES, scenario_from_data, simulate
data = {{"name": "benchmark", "batch": {{"items": {items}}}, "consumers": {consumers}}}
subject = scenario_from_data(data)
begin = time.process_time()
simulate(subject, POLICIES["pr3766"], keep=frozenset())
print(time.process_time() - begin)
"""


def grow() -> None:
    """Runs of many items, each in a process of its own."""
    for items, consumers in ((1_000, 1_000), (10_000, 1_000), (100_000, 1_000)):
        code = GROWING.format(items=items, consumers=consumers)
        printed, used = measured(sys.executable, "-c", code)
        seconds = float(printed)
        rate = f"{seconds / items * 1e6:.1f} us an item"
        print(f"{items} items, {consumers} consumers: {seconds:.2f} s CPU, {rate}, {used.peak_mib:.0f} MiB")
        note(Row("tests.benchmarks", f"one run, {items} items, {consumers} consumers, whole process", Cost(*used)))


def explorations() -> None:
    """The command `explore`, as a user starts it, and how much of it is the search."""
    with TemporaryDirectory() as directory:
        for items, consumers in ((3, 3), (4, 2), (4, 3), (5, 3)):
            file = Path(directory) / "x.yaml"
            data = {"name": "x", "batch": {"items": items}, "consumers": consumers, "policies": ["pr3427"]}
            file.write_text(json.dumps(data))
            command = (sys.executable, "-m", "batchsim", "explore", str(file))
            printed, used = measured(*command, "--json", "-")
            _, searching = measured(*command, "--reduce", "--json", "-")
            (found,) = json.loads(printed)["explorations"]
            size = f"{found['states']} states, {found['transitions']} transitions"
            cost = f"{used.cpu_s:.2f} s CPU, {used.peak_mib:.0f} MiB"
            work = f"`batchsim explore`, {items} items, {consumers} consumers, pr3427, whole command"
            note(Row("tests.benchmarks", work, Cost(*used)))
            print(
                f"batchsim explore, {items} items, {consumers} consumers: {size}: {cost}; "
                f"without counts and explanations {searching.cpu_s:.2f} s"
            )


def started_often(*arguments: str) -> Used:
    """The medians of what a process of Python takes."""
    uses = [measured(sys.executable, *arguments)[1] for _ in range(ROUNDS)]
    return Used(*(median(values) for values in zip(*uses, strict=True)))


def whole_processes() -> None:
    """What a user waits for at least, and how much of that is Python."""
    one = "explore tests/golden/one.yaml"
    bare = started_often("-c", "pass")
    for arguments in ("run scenarios/incident.yaml", one, f"{one} --timed", "--help"):
        ours = started_often("-m", "batchsim", *arguments.split())
        cost = f"{ours.cpu_s:.2f} s CPU, {ours.peak_mib:.0f} MiB (medians)"
        print(f"batchsim {arguments}: {cost}; Python alone {bare.cpu_s:.3f} s")
        note(Row("tests.benchmarks", f"`batchsim {arguments}`", Cost(*ours), "Python alone", Cost(*bare)))


if __name__ == "__main__":
    compare_with_simpy()
    grow()
    explorations()
    whole_processes()
