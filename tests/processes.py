"""Processes that are to be interrupted in the middle of their work."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def wait_until_busy(process: subprocess.Popen[str], cpu_s: float) -> None:
    """Wait until a process has worked so long, however busy the machine is, or has ended."""
    stat = Path(f"/proc/{process.pid}/stat")
    while process.poll() is None:
        # After the name of the command, in parentheses: user and system time are fields 14 and 15.
        fields = stat.read_text().rpartition(")")[2].split()
        if sum(map(int, fields[11:13])) >= cpu_s * TICKS_PER_S:
            return
        time.sleep(0.02)


def is_told(process: subprocess.Popen[str], number: int) -> bool:
    """Whether a process meets a signal by itself, or has ended."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = next((line for line in status.splitlines() if line.startswith("SigCgt:")), None)
    return caught is None or bool(int(caught.split()[1], 16) >> (number - 1) & 1)


def wait_until(condition: Callable[[], bool], what: str, patience_s: float = 60) -> None:
    """Wait until something is so, however busy the machine is."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {patience_s} s"
        time.sleep(0.005)


def processes_with(text: str) -> list[int]:
    """Processes in whose environment a text stands, and that have not ended."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found
