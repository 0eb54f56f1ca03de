"""A bar of progress for a sweep, with its rate and the time left, and an orderly end on Ctrl-C."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType, TracebackType
from typing import Any

AFTER_S = 2.0
_WINDOW_S = 30.0
"""The rate is that of the last so many seconds."""


class SweepProgress:
    """Shows how far a sweep is once it takes more than two seconds; Ctrl-C ends it at the next look."""

    def __init__(self, *, quiet: bool) -> None:
        self._is_shown = not quiet and sys.stderr.isatty()
        self._begun = time.monotonic()
        self._handler: Any = None
        self._bar: _Bar | None = None
        self.was_interrupted = False

    def watch(self, known: int, total: int) -> bool:
        """How many runs are known, and of how many; whether to go on."""
        if self._is_shown:
            if self._bar is not None:
                self._bar.update(known)
            elif time.monotonic() - self._begun > AFTER_S:
                self._bar = _Bar(known, total)
        return not self.was_interrupted

    def __enter__(self) -> SweepProgress:
        self._handler = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.was_interrupted:
            raise KeyboardInterrupt
        self.was_interrupted = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._handler)
        if self._bar is not None:
            self._bar.close()


class _Bar:
    """A bar on standard error that vanishes when it is closed."""

    def __init__(self, known: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("runs, {task.fields[rate]} a second,"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
        )
        console = Console(stderr=True)
        self._rich = Progress(*columns, console=console, transient=True, speed_estimate_period=_WINDOW_S)
        self._task = self._rich.add_task("", total=total, completed=known, rate="-")
        self._rich.start()

    def update(self, known: int) -> None:
        """So many are known now."""
        speed = self._rich.tasks[0].speed
        self._rich.update(self._task, completed=known, rate="-" if speed is None else f"{speed:,.0f}")

    def close(self) -> None:
        """Remove the bar."""
        self._rich.stop()
