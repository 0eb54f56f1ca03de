"""Timed exploration, of *AndWait* with the reaper and of larger batches: `python -m tests.benchmarks.zones`.

Whole processes, as a user starts them: `batchsim explore FILE --timed`, CPU time and memory of each. The bounds
that are asked for of *AndWait* hold on one core: one item under 0.5 s, two items and one consumer under 5 s, two
items and two consumers under 60 s and 2 GiB.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from batchsim.scenario.names import known_operations
from tests.benchmarks.measuring import measured
from tests.benchmarks.rows import Cost, Growth, Row, note

Latencies = dict[str, Any]


def legs(leg: Any) -> Latencies:
    """Both legs of a round trip."""
    return {"request": leg, "response": leg}


def late_count(longest: str) -> Latencies:
    return {"operations": {"redis.enqueued_count": {"request": {"uniform": ["200 us", longest]}, "response": 0}}}


def round_trips(leg: Any) -> Latencies:
    """The same for all round trips; waits keep their defaults."""
    return {"redis": legs(leg), "postgres": legs(leg), "http": legs(leg), "operations": {"queue.take": legs(leg)}}


def everything(leg: Any) -> Latencies:
    """The same for all operations: backoff, debounce, reaper and child runs too."""
    return {"operations": {name: legs(leg) for name in known_operations()}}


def up_to(longest: str) -> dict[str, Any]:
    return {"uniform": [0, longest]}


def spread(median: str, p99: str, longest: str) -> dict[str, Any]:
    return {"lognormal": {"median": median, "p99": p99, "max": longest}}


LIKE_PRODUCTION: Latencies = {
    "redis": spread("400 us", "5 ms", "50 ms"),
    "postgres": spread("2 ms", "12 ms", "200 ms"),
    "http": legs(spread("40 ms", "200 ms", "1 s")),
}
SIZES = ((1, 1), (2, 1), (2, 2))
SMALL = SIZES[:1]
MEASURED: dict[str, tuple[Latencies, tuple[tuple[int, int], ...]]] = {
    "defaults": ({}, SIZES),
    "count up to 80 ms late": (late_count("80 ms"), SIZES),
    "count up to 10 s late": (late_count("10 s"), SIZES),
    "lognormal, with their supports": (LIKE_PRODUCTION, SIZES),
    "all round trips 0 … 100 ms a leg": (round_trips(up_to("100 ms")), SIZES),
    "all round trips 0 … 1 s a leg": (round_trips(up_to("1 s")), SIZES),
    "everything 0 … 100 ms a leg": (everything(up_to("100 ms")), SIZES[:2]),
    "everything 0 … infinity a leg": (everything({"exponential": {"mean": "5 ms"}}), SMALL),
}
OF_TRIGGER: dict[str, tuple[str, Latencies, tuple[tuple[int, int], ...]]] = {
    "pr3427, defaults": ("pr3427", {}, ((2, 1), (3, 2), (4, 3), (5, 3))),
    "pr3427, 0 … 100 ms a leg": ("pr3427", round_trips(up_to("100 ms")), ((2, 1), (3, 2), (4, 2))),
    "pr4397, ten at once, defaults": ("pr4397", {}, ((2, 1), (3, 2), (4, 3), (6, 3))),
}
"""*batchTrigger*, by policy: what grows to more items."""
UNDER_FAULTS = ("crash-before-seal", "redelivered-before-complete", "disconnect-and-create-run-unheard")


def scenario(
    items: int, consumers: int, latency: Latencies, call: str = "batchTriggerAndWait", policy: str = "pr4397"
) -> dict[str, Any]:
    batch = {"items": items, "call": call}
    return {"name": "x", "batch": batch, "consumers": consumers, "latency": latency, "policies": [policy]}


def measure(work: str, file: Path, *options: str, kind: str | None = None) -> str:
    """What one process comes to, and what it costs; `kind`: the curve of the picture that it is on."""
    command = (sys.executable, "-m", "batchsim", "explore", str(file), "--timed", "--json", "-", *options)
    printed, used = measured(*command, codes=(0, 1, 3))
    (found,) = json.loads(printed)["explorations"]
    growth = None if kind is None else Growth("zones", found["zones"], kind)
    note(Row("tests.benchmarks.zones", f"`explore --timed`, {work}", Cost(*used), growth=growth))
    verdicts = ", ".join(sorted({verdict for outcome in found["outcomes"] for verdict in outcome["verdicts"]}))
    size = f"{found['states']} situations, {found['zones']} zones, {found['transitions']} steps"
    is_whole = "" if found["complete"] else ", INCOMPLETE"
    return f"{used.cpu_s:.2f} s CPU, {used.peak_mib:.0f} MiB, {size}{is_whole}: {verdicts}"


if __name__ == "__main__":
    with TemporaryDirectory() as directory:
        written = Path(directory) / "x.yaml"
        for label, (latency, sizes) in MEASURED.items():
            for items, consumers in sizes:
                written.write_text(json.dumps(scenario(items, consumers, latency)))
                work = f"{label}, {items} items, {consumers} consumers"
                print(f"{work}: {measure(work, written)}", flush=True)
        for label, (policy, latency, sizes) in OF_TRIGGER.items():
            for items, consumers in sizes:
                written.write_text(json.dumps(scenario(items, consumers, latency, "batchTrigger", policy)))
                work = f"*batchTrigger*, {label}, {items} items, {consumers} consumers"
                print(f"{work}: {measure(work, written, kind=label)}", flush=True)
    for stem in UNDER_FAULTS:
        print(f"{stem}: {measure(stem, Path('scenarios') / f'{stem}.yaml', '--policy', 'pr4397')}", flush=True)
