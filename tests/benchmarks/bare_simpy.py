"""A batch written by hand in SimPy, the peer of timed runs; as a process: `python -m tests.benchmarks.bare_simpy`.

The same actors, a `simpy.Store` for the queue, sets for Redis, a `timeout` for each leg of each operation with a
latency drawn from `random.Random`. No policy, no trace, no streams, no checks, and nothing of batchsim.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Generator
from typing import Any

import simpy

Steps = Generator[simpy.Event, Any, None]


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


if __name__ == "__main__":
    bare_simpy(*map(int, sys.argv[1:]), legs=2)
