"""Exact exploration against Storm on the same chain, in one run: `python -m tests.benchmarks.exact`.

CPU seconds (user and system) and peak memory of whole processes, each the median of some rounds: `batchsim explore
FILE --exact`, and a process that lets Storm build the chain of `batch.prism` and asks it for the probabilities
of the same outcomes. That model names no items and counts how many are where, so it has fewer states still.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tests.benchmarks.measuring import Used, measured
from tests.benchmarks.rows import Cost, Growth, Row, note
from tests.peers.storm import INSTALL, StormOutcome, scenario, storm_is_installed

ROUNDS = 3
POLICY = "pr3427"
SIZES = ((3, 2), (4, 2), (5, 1), (6, 2))
"""Items, consumers."""
DIFFERENCE_MAX = 1e-12
"""Relative, of a probability: how much rounding could explain."""
MEANS_MS = {
    "REDIS_REQUEST": 1,
    "REDIS_RESPONSE": 1,
    "COUNT_REQUEST": 30,
    "COUNT_RESPONSE": 1,
    "POSTGRES_REQUEST": 2,
    "POSTGRES_RESPONSE": 2,
    "HTTP_REQUEST": 20,
    "HTTP_RESPONSE": 20,
    "TAKE_RESPONSE": 2,
    "EXECUTION": 20,
    "DEBOUNCE": 200,
    "BACKOFF": 2000,
}
"""As in the scenario memoryless."""


class Found(NamedTuple):
    """What one of them came to, and what that took."""

    used: Used
    states: int
    probabilities: dict[StormOutcome, float]


def batchsim(items: int, consumers: int) -> Found:
    """The command, as a user starts it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "x.yaml"
        file.write_text(json.dumps(scenario(items, consumers, POLICY, MEANS_MS)))
        command = (sys.executable, "-m", "batchsim", "explore", str(file), "--exact", "--json", "-")
        printed, used = measured(*command)
    (found,) = json.loads(printed)["explorations"]
    return Found(used, found["states"], {_outcome(each): each["probability"] for each in found["outcomes"]})


def _outcome(told: dict[str, Any]) -> StormOutcome:
    call, batch = told["client"], told["batch"]
    return StormOutcome(call["result"], call["status"], call["attempts"], batch["status"], batch["sealed"])


def storm(items: int, consumers: int, outcomes: list[StormOutcome]) -> Found:
    """A process that knows nothing of batchsim."""
    asked = {
        "items": items,
        "consumers": consumers,
        "policy": POLICY,
        "means_ms": MEANS_MS,
        "outcomes": outcomes,
    }
    printed, used = measured(sys.executable, "-m", "tests.peers.storm", json.dumps(asked))
    found = json.loads(printed.splitlines()[-1])
    return Found(used, found["states"], dict(zip(outcomes, found["probabilities"], strict=True)))


def typical(measure: Callable[[], Found]) -> Found:
    """The median of time and memory; the rest is the same in all rounds."""
    rounds = [measure() for _ in range(ROUNDS)]
    used = Used(*(median(values) for values in zip(*(each.used for each in rounds), strict=True)))
    return rounds[0]._replace(used=used)


def compare(items: int, consumers: int) -> None:
    """Print a table for one size; raises `ValueError` where they do not agree."""
    ours = typical(lambda: batchsim(items, consumers))
    peer = typical(lambda: storm(items, consumers, list(ours.probabilities)))
    difference = max(
        abs(peer.probabilities[outcome] / probability - 1) for outcome, probability in ours.probabilities.items()
    )
    if difference > DIFFERENCE_MAX:
        raise ValueError(f"{items} items, {consumers} consumers: probabilities differ by {difference:.1e}")
    print(f"\n{items} items, {consumers} consumers, {POLICY}: probabilities within {difference:.1e} of each other")
    print(f"  {'':24}{'CPU s':>7}{'peak MiB':>10}{'states':>10}{'batchsim / this':>27}")
    for name, each in (("batchsim explore --exact", ours), ("Storm", peer)):
        cost = f"{each.used.cpu_s:7.2f}{each.used.peak_mib:10.0f}{each.states:10d}"
        cpu, memory = ours.used.cpu_s / each.used.cpu_s, ours.used.peak_mib / each.used.peak_mib
        ratios = f"{cpu:.2f} CPU, {memory:.2f} memory"
        print(f"  {name:24}{cost}{ratios:>27}", flush=True)
    work = f"`explore --exact`, {items} items, {consumers} consumers, {POLICY}"
    growth = Growth("states (batchsim's)", ours.states)
    note(Row("tests.benchmarks.exact", work, Cost(*ours.used), "Storm", Cost(*peer.used), growth=growth))


def main() -> None:
    """Compare them for each size."""
    if not storm_is_installed():
        print(f"not compared with Storm: stormpy not found: {INSTALL}", file=sys.stderr)
        return
    for size in SIZES:
        compare(*size)


if __name__ == "__main__":
    main()
