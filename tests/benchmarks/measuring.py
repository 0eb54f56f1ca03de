"""What a program costs, as a whole process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import NamedTuple

_SPAWN = """
import os, subprocess, sys
ended = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(ended.pid, 0)
os.write(int(sys.argv[1]), f"{used.ru_utime + used.ru_stime} {used.ru_maxrss}".encode())
sys.exit(os.waitstatus_to_exitcode(status))
"""


class Used(NamedTuple):
    """CPU time, user and system, and peak memory."""

    cpu_s: float
    peak_mib: float


def measured(*command: str, codes: tuple[int, ...] = (0,)) -> tuple[str, Used]:
    """What a program prints, and what it uses; raises `CalledProcessError` for an exit code not among `codes`.

    Linux counts the memory of whoever starts a program as that of the program, so a small process starts it.
    """
    reading, writing = os.pipe()
    try:
        ended = subprocess.run(
            [sys.executable, "-S", "-c", _SPAWN, str(writing), *command],
            check=False,
            capture_output=True,
            text=True,
            pass_fds=(writing,),
        )
        if ended.returncode not in codes:
            raise subprocess.CalledProcessError(ended.returncode, command, ended.stdout, ended.stderr)
        cpu_s, peak_kib = os.read(reading, 100).split()
    finally:
        os.close(reading)
        os.close(writing)
    return ended.stdout, Used(float(cpu_s), int(peak_kib) / 1024)
