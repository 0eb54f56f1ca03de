"""How far a sweep is, with its rate and the time left, and an orderly end of it on Ctrl-C."""

from __future__ import annotations

import time
from collections import deque

from batchsim.report.progress import Progress

_WINDOW_S = 30.0
"""The rate is that of the last so many seconds."""


class SweepProgress(Progress):
    """Of runs."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, looks=True)
        self._known: deque[tuple[float, int]] = deque()
        self._runs = 0

    def watch(self, known: int, total: int) -> bool:
        """How many runs are known, and of how many; whether to go on."""
        now = time.monotonic()
        self._runs = total
        self._known.append((now, known))
        while now - self._known[0][0] > _WINDOW_S:
            self._known.popleft()
        return self.goes_on()

    def how_far(self) -> str:
        """Runs, the rate, and how long it still takes."""
        if not self._known:
            return ""
        (begin, before), (end, known) = self._known[0], self._known[-1]
        far = f"{known:,} of {self._runs:,} runs"
        if known == before or end == begin:
            return far
        rate = (known - before) / (end - begin)
        return f"{far}, {rate:,.0f} a second, {(self._runs - known) / rate:.0f} s left"
