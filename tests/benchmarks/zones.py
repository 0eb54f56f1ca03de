"""Timed exploration of *AndWait* with the reaper, whole processes: `python -m tests.benchmarks.zones`."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def late_count(longest: str) -> dict[str, Any]:
    return {"operations": {"redis.enqueued_count": {"request": {"uniform": ["200 us", longest]}, "response": 0}}}


LATENCIES = {"defaults": {}, "late count": late_count("80 ms"), "late retries": late_count("10 s")}
CODE = """
import resource
from batchsim import POLICIES, explore_timed, scenario_from_data
batch = {{"items": {items}, "call": "batchTriggerAndWait"}}
scenario = {{"name": "x", "batch": batch, "consumers": {consumers}, "latency": {latency}}}
begun = resource.getrusage(resource.RUSAGE_SELF)
found = explore_timed(scenario_from_data(scenario), POLICIES["pr4397"])
ended = resource.getrusage(resource.RUSAGE_SELF)
whole = ended.ru_utime + ended.ru_stime
search = whole - begun.ru_utime - begun.ru_stime
print(
    f"{{found.situations}} situations, {{found.zones}} zones, {{found.transitions}} steps, "
    f"{{found.zones / search:.0f}} zones/s, {{whole:.2f}} s CPU, whole process "
    f"({{search:.2f}} s the exploration), {{ended.ru_maxrss >> 10}} MiB"
)
"""

for name, latency in LATENCIES.items():
    for items, consumers in ((1, 1), (2, 1), (2, 2)):
        code = CODE.format(items=items, consumers=consumers, latency=latency)
        ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        print(f"{name}, {items} items, {consumers} consumers: {ended.stdout.strip()}", flush=True)
