"""batchsim's exhaustive engine against SPIN on the same model, in one run: `python -m tests.benchmarks.spin`.

CPU seconds (user and system) and peak memory of whole processes, each the median of some rounds; for SPIN of
generating, compiling (-O2) and running its search. batchsim is not imported here, for the reason that
`tests.peers.spin` gives.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.benchmarks.measuring import measured
from tests.benchmarks.rows import Cost, Growth, Row, note
from tests.peers.spin import missing_tools, run, search

ROUNDS = 3
POLICY = "pr3427"
SIZES = ((3, 3, 18), (4, 2, 20), (4, 3, 20), (5, 3, 22))
"""Items, consumers, and how large SPIN's hash table is at first: 2^n places."""
LARGE = ((6, 3, 24), (7, 3, 26))
"""Likewise: measured once, and only as SPIN is fastest, with twins sorted by the model."""
LARGEST = (9, 3)
"""For which SPIN needs more memory than most have."""
SORTED = "SPIN, twins sorted by the model"

EXPLORE = """
from batchsim import POLICIES, explore, scenario_from_data
data = {{"name": "x", "batch": {{"items": {items}}}, "consumers": {consumers}}}
print(explore(scenario_from_data(data), POLICIES["{policy}"], reduces={reduces}).states)
"""


class Measured(NamedTuple):
    """What one way to explore took."""

    cpu_s: float
    searching_s: float
    """Without generating and compiling."""
    peak_mib: float
    searching_mib: float
    """SPIN's search alone: for small batches its compiler needs more."""
    states: int


def spin(items: int, consumers: int, hash_bits: int, *, reduces: bool, sorts_twins: bool) -> Measured:
    """SPIN's search, and what it takes to build it."""
    found = search(
        ["ok"] * items,
        consumers,
        POLICY,
        reduces=reduces,
        sorts_twins=sorts_twins,
        optimization="-O2",
        hash_bits=hash_bits,
    )
    used = (found.generated, found.compiled, found.ran)
    cpu_s = sum(each.cpu_s for each in used)
    peak_mib = max(each.peak_mib for each in used)
    return Measured(cpu_s, found.ran.cpu_s, peak_mib, found.ran.peak_mib, found.states)


def batchsim(items: int, consumers: int, *, reduces: bool) -> Measured:
    """batchsim's exploration, from starting Python to the end of the process."""
    code = EXPLORE.format(items=items, consumers=consumers, policy=POLICY, reduces=reduces)
    printed, used = run(Path.cwd(), sys.executable, "-c", code)
    return Measured(used.cpu_s, used.cpu_s, used.peak_mib, used.peak_mib, int(printed))


def typical(measure: Callable[[], Measured]) -> Measured:
    """The median of each number."""
    rounds = [measure() for _ in range(ROUNDS)]
    return Measured(*(median(values) for values in zip(*rounds, strict=True)))


def compare(items: int, consumers: int, hash_bits: int) -> None:
    """Print a table for one size."""
    ours = typical(lambda: batchsim(items, consumers, reduces=False))
    ways = {
        "batchsim, full, exact counts": ours,
        "SPIN, full (-DNOREDUCE)": _spin(items, consumers, hash_bits),
        "SPIN, partial-order reduction": _spin(items, consumers, hash_bits, reduces=True),
        SORTED: _spin(items, consumers, hash_bits, sorts_twins=True),
        "batchsim, reduced, no counts": typical(lambda: batchsim(items, consumers, reduces=True)),
    }
    print(f"\n{items} items, {consumers} consumers, {POLICY}")
    head = f"{'CPU s':>7}{'search':>8}{'peak MiB':>10}{'search':>8}{'states':>9}"
    print(f"  {'':33}{head}{'batchsim, full / this':>27}")
    for name, way in ways.items():
        seconds = f"{way.cpu_s:7.2f}{way.searching_s:8.2f}"
        memory = f"{way.peak_mib:10.0f}{way.searching_mib:8.0f}"
        ratios = f"{ours.cpu_s / way.cpu_s:.2f} CPU, {ours.peak_mib / way.peak_mib:.2f} memory"
        print(f"  {name:33}{seconds}{memory}{way.states:9d}{ratios:>27}")
        if name.startswith("SPIN"):
            work = f"`explore`, {items} items, {consumers} consumers, {POLICY}"
            costs = Cost(ours.cpu_s, ours.peak_mib), name, Cost(way.cpu_s, way.peak_mib)
            note(Row("tests.benchmarks.spin", work, *costs, growth=Growth("states (batchsim's)", ours.states)))


def compare_large(items: int, consumers: int, hash_bits: int | None) -> None:
    """Print a line for a size that takes long: the command, from start to end, and SPIN; `None`: without SPIN."""
    ours = command(items, consumers)
    work = f"`explore`, {items} items, {consumers} consumers, {POLICY}, whole command"
    growth = Growth("states (batchsim's)", ours.states, "the whole command, which explains too")
    told = f"\n{work}: {ours.cpu_s:.2f} s, {ours.peak_mib:.0f} MiB, {ours.states} states"
    if hash_bits is None:
        print(told, flush=True)
        note(Row("tests.benchmarks.spin", work, Cost(ours.cpu_s, ours.peak_mib), growth=growth))
        return
    theirs = spin(items, consumers, hash_bits, reduces=False, sorts_twins=True)
    print(f"{told}; {SORTED}: {theirs.cpu_s:.2f} s, {theirs.peak_mib:.0f} MiB", flush=True)
    costs = Cost(ours.cpu_s, ours.peak_mib), SORTED, Cost(theirs.cpu_s, theirs.peak_mib)
    note(Row("tests.benchmarks.spin", work, *costs, growth=growth))


def command(items: int, consumers: int) -> Measured:
    """The command `explore`, with all that it says."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "x.yaml"
        data = {"name": "x", "batch": {"items": items}, "consumers": consumers, "policies": [POLICY]}
        file.write_text(json.dumps(data))
        whole = (sys.executable, "-m", "batchsim", "explore", str(file), "--json", "-")
        printed, used = measured(*whole)
    (found,) = json.loads(printed)["explorations"]
    return Measured(used.cpu_s, used.cpu_s, used.peak_mib, used.peak_mib, found["states"])


def _spin(
    items: int, consumers: int, hash_bits: int, *, reduces: bool = False, sorts_twins: bool = False
) -> Measured:
    return typical(lambda: spin(items, consumers, hash_bits, reduces=reduces, sorts_twins=sorts_twins))


def main() -> None:
    """Compare them for each size."""
    if missing_tools():
        missing = " and ".join(missing_tools())
        hint = "apt-get update && apt-get install -y spin gcc"
        print(f"not compared with SPIN: {missing} not found: {hint}", file=sys.stderr)
        return
    for size in SIZES:
        compare(*size)
    for size in LARGE:
        compare_large(*size)
    compare_large(*LARGEST, None)


if __name__ == "__main__":
    main()
