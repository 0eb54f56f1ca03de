"""Processes that are to be interrupted in the middle of their work."""

from __future__ import annotations

import os
import subprocess
import time
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
