"""How far a sweep is, with its rate and the time left, and an orderly end of it on Ctrl-C."""

from __future__ import annotations

import time

from batchsim.report.progress import Progress


class SweepProgress(Progress):
    """Of runs."""

    def __init__(self, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, looks=True)
        self._first: tuple[float, int] | None = None
        self._last = (0.0, 0)
        self._runs = 0

    def watch(self, known: int, total: int) -> bool:
        """How many runs are known, and of how many; whether to go on."""
        self._runs = total
        self._last = (time.monotonic(), known)
        self._first = self._first or self._last
        return self.goes_on()

    def how_far(self) -> str:
        """Runs, the rate, and how long it still takes.

        The rate is that of all work so far: of the last seconds it would jump, as runs become known many at once,
        and some take much longer than others.
        """
        if self._first is None:
            return ""
        (begin, before), (end, known) = self._first, self._last
        far = f"{known:,} of {self._runs:,} runs"
        if known == before or end == begin:
            return far
        rate = (known - before) / (end - begin)
        return f"{far}, {rate:,.0f} a second, {(self._runs - known) / rate:.0f} s left"
