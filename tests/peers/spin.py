"""A peer of the exhaustive engine: SPIN, a model checker that knows nothing of batchsim, on `batch.pml`.

Nothing of batchsim is imported here, so that the process that measures SPIN stays small: Linux counts the
memory of the process that starts a program as that of the program.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MODEL = Path(__file__).with_name("batch.pml")
TOOLS = ("spin", "gcc")
MEMORY_MIB_MAX = 16_000
DEPTH_MAX = 10_000


class SpinOutcome(NamedTuple):
    """What a schedule came to, at quiescence."""

    result: str
    status: int | None
    attempts: int
    row_status: str
    sealed: bool
    processing_completed: bool
    runs_created: int
    leaked_keys: tuple[str, ...]


class SpinError(Exception):
    """SPIN, gcc or the search that they built failed, or the search was not complete."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program used, with all that it started."""

    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class SpinSearch:
    """What SPIN found, and what that took."""

    outcomes: Counter[SpinOutcome]
    """How many terminal states there are of each; where schedules are kept apart: how many schedules."""
    states: int
    transitions: int
    generated: Usage
    compiled: Usage
    ran: Usage


def missing_tools() -> tuple[str, ...]:
    """What has to be installed first."""
    return tuple(tool for tool in TOOLS if shutil.which(tool) is None)


def spin_is_installed() -> bool:
    """Whether SPIN, and the compiler that it needs, are there."""
    return not missing_tools()


def spin_outcomes(items: int, consumers: int, policy: str) -> set[SpinOutcome]:
    """What the schedules of a batch of items of kind `ok` come to."""
    return set(search(["ok"] * items, consumers, policy).outcomes)


def search(
    kinds: Sequence[str],
    consumers: int,
    policy: str,
    *,
    call: str = "batchTrigger",
    schedules_apart: bool = False,
    sorts_twins: bool = False,
    reduces: bool = False,
    optimization: str = "-O0",
    hash_bits: int = 18,
    model: str | None = None,
) -> SpinSearch:
    """Let SPIN search the whole state space of `batch.pml`, for items of these kinds.

    `schedules_apart`: no two schedules lead to one state, so that each is gone through and counted. `sorts_twins`:
    states in which twins have only changed places are one. `reduces`: with SPIN's partial-order reduction.
    `hash_bits`: the table has 2^n places at first. `model`: another text.
    """
    switches = {
        "AND_WAIT": call == "batchTriggerAndWait",
        "SCHEDULES": schedules_apart,
        "TWINS_SORTED": sorts_twins,
    }
    defines = _defines(kinds, consumers, policy) + [f"-D{name}" for name, is_on in switches.items() if is_on]
    with tempfile.TemporaryDirectory(prefix="batchsim-spin-") as name:
        folder = Path(name)
        (folder / "batch.pml").write_text(MODEL.read_text() if model is None else model)
        _, generated = run(folder, "spin", "-a", *defines, "batch.pml")
        reduction = [] if reduces else ["-DNOREDUCE"]
        options = ["-DSAFETY", *reduction, f"-DMEMLIM={MEMORY_MIB_MAX}", optimization, "-w"]
        _, compiled = run(folder, "gcc", *options, "-o", "pan", "pan.c")
        # -E: waiting for ever is how consumers and job workers end.
        printed, ran = run(folder, "./pan", "-E", f"-w{hash_bits}", f"-m{DEPTH_MAX}")
    if "errors: 0" not in printed or "Search not completed" in printed or "too small" in printed:
        raise SpinError(printed)
    return SpinSearch(
        outcomes=Counter(_outcome(line) for line in printed.splitlines() if line.startswith("OUTCOME ")),
        states=_number("states, stored", printed),
        transitions=_number("transitions", printed),
        generated=generated,
        compiled=compiled,
        ran=ran,
    )


def _defines(kinds: Sequence[str], consumers: int, policy: str) -> list[str]:
    return [
        f"-DITEMS={len(kinds)}",
        f"-DCONSUMERS={consumers}",
        f"-D{policy.upper()}",
        f"-DJOBS={kinds.count('ok') + kinds.count('expires') + 1}",
        f"-DPRE_FAILED={_mask(kinds, 'pre_failed')}",
        f"-DREJECTED={_mask(kinds, 'rejected')}",
        f"-DEXPIRES={_mask(kinds, 'expires')}",
    ]


def _mask(kinds: Sequence[str], kind: str) -> int:
    return sum(1 << index for index, each in enumerate(kinds) if each == kind)


def run(folder: Path, *command: str) -> tuple[str, Usage]:
    """Run a program in a folder to its end; what it printed, and what it used."""
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(command, cwd=folder, stdout=printed, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = printed.read()
    if process.returncode != 0:
        raise SpinError(f"{' '.join(command)} ended with {process.returncode}:\n{text}")
    return text, Usage(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _number(of: str, printed: str) -> int:
    found = re.search(rf"(\d+) {of}", printed)
    if found is None:
        raise SpinError(f"no number of {of} in:\n{printed}")
    return int(found[1])


# -- what `print_outcome` of the model prints ------------------------------------------------------

_ENDS = {
    "1": ("ok", 200),
    "2": ("BatchNotSealedError", 200),
    "3": ("ApiError", 422),
    "4": ("ApiError", 500),
    "0": ("waiting", None),
}
_ROW_STATUSES = ("PENDING", "PROCESSING", "COMPLETED", "PARTIAL_FAILED", "ABORTED")
_KEYS = ("meta", "enqueued_items", "processed_items", "processed", "runs", "failures")


def _outcome(line: str) -> SpinOutcome:
    _, ended, wait_is_over, attempts, row_status, sealed, processed, runs, keys = line.split()
    result, status = _ENDS[ended]
    return SpinOutcome(
        result=result if wait_is_over == "1" or result != "ok" else "waiting",
        status=status,
        attempts=int(attempts),
        row_status=_ROW_STATUSES[int(row_status)],
        sealed=sealed == "1",
        processing_completed=processed == "1",
        runs_created=int(runs),
        leaked_keys=tuple(f"batch:B:{key}" for key, left in zip(_KEYS, keys, strict=True) if left == "1"),
    )
