"""Timings of the timed engine against bare SimPy, in one run: `make bench`.

The peer (`bare_simpy.py`) is the same system written by hand in SimPy.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from batchsim.batch.policies import POLICIES
from batchsim.engines.timed import simulate
from batchsim.scenario import Scenario, scenario_from_data
from tests.benchmarks.bare_simpy import bare_simpy
from tests.benchmarks.measuring import Used, measured
from tests.benchmarks.rows import Cost, Growth, Row, note

NOTHING: frozenset[str] = frozenset()
ROUNDS = 9


def scenario(items: int, consumers: int) -> Scenario:
    return scenario_from_data({"name": "benchmark", "batch": {"items": items}, "consumers": consumers})


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


def grow() -> None:
    """The command `run` with many items, and the peer, each as a whole process."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / "x.yaml"
        for items in (1_000, 10_000, 100_000):
            consumers = 50
            data = {"name": "x", "batch": {"items": items}, "consumers": consumers, "policies": ["pr3766"]}
            file.write_text(json.dumps(data))
            _, ours = measured(sys.executable, "-m", "batchsim", "run", str(file))
            bare = (sys.executable, "-m", "tests.benchmarks.bare_simpy", str(items), str(consumers))
            _, theirs = measured(*bare)
            work = f"`batchsim run`, {items:,} items, {consumers} consumers, one policy"
            rate = f"{ours.cpu_s / items * 1e6:.1f} us an item"
            print(f"{work}: {ours.cpu_s:.2f} s CPU, {rate}, {ours.peak_mib:.0f} MiB", end="; ")
            print(f"bare SimPy {theirs.cpu_s:.2f} s, {theirs.peak_mib:.0f} MiB")
            growth = Growth("items", items)
            note(Row("tests.benchmarks", work, Cost(*ours), "bare SimPy", Cost(*theirs), growth=growth))


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
    whole_processes()
