"""A scenario with measured latencies, as files: the scenario itself, and a CSV file with all samples."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from batchsim.analysis.calibration import Measured
from batchsim.scenario import Scenario
from batchsim.scenario.tree import plain
from batchsim.user_code import is_reference

SAMPLES_MAX = 2000
"""Of each leg of each operation."""
LEGS = ("request", "response")
OF_ITEMS = {"store.upload": "upload", "run.finish": "execution"}
"""Where a scenario says how long these are."""


def calibrated_texts(
    scenario: Scenario, found: Mapping[str, Measured], about: Sequence[str], file: Path
) -> dict[str, str]:
    """The texts of `file` and of the samples beside it, by name.

    `about`: what was measured, where and when. What the scenario says of latencies counts only where nothing was
    measured.
    """
    samples = f"{file.stem}.samples.csv"
    document: Any = {} if scenario.written is None else plain(scenario.written)
    for field in ("system", "policies", "verdicts"):
        if field in document:
            document[field] = _seen_from(file.parent, scenario.directory, document[field])
    for field in ("expect", "seed"):
        document.pop(field, None)  # of other latencies
    given = document.setdefault("latency", {})
    operations = dict(given.get("operations", {}))
    lines = ["operation,leg,us"]
    for name, each in sorted(found.items()):
        legs = {leg: sorted(getattr(each, f"{leg}_us")) for leg in LEGS}
        written = {}
        for leg, values in legs.items():
            kept = thinned_list(values)
            lines += [f"{name},{leg},{us}" for us in kept]
            if kept:
                written[leg] = {"empirical": {"file": samples, "column": "us", "unit": "us",
                                              "where": {"operation": name, "leg": leg}}}  # fmt: skip
        if name in OF_ITEMS and "request" in written:
            # There it counts before what is said of the operation.
            document.setdefault("items", {})[OF_ITEMS[name]] = written["request"]
        elif written:
            operations[name] = written
    given["operations"] = operations
    if any(name.startswith("http.") for name in operations):
        given.pop("http", None)  # nothing follows it any more
    comments = "".join(f"# {line}\n" for line in about)
    # JSON is YAML; one field a line is enough to be read.
    body = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in document.items()
                   if key != "latency")  # fmt: skip
    body += "latency:\n" + "".join(
        f"  {key}: {json.dumps(value)}\n" for key, value in given.items() if key != "operations"
    )
    body += "  operations:\n" + "".join(f"    {key}: {json.dumps(value)}\n" for key, value in operations.items())
    return {file.name: comments + body, samples: "\n".join(lines) + "\n"}


def thinned_list(values: Sequence[int]) -> Sequence[int]:
    """At most `SAMPLES_MAX` of values in order, the ends among them."""
    if len(values) <= SAMPLES_MAX:
        return values
    return [values[number * (len(values) - 1) // (SAMPLES_MAX - 1)] for number in range(SAMPLES_MAX)]


def _seen_from(directory: Path, from_before: Path, value: Any) -> Any:
    """References to files, relative to another directory."""
    if isinstance(value, list):
        return [_seen_from(directory, from_before, each) for each in value]
    if not isinstance(value, str) or not is_reference(value):
        return value
    name, _, within = value.rpartition(":")
    return f"{Path(os.path.relpath(from_before / name, directory)).as_posix()}:{within}"
