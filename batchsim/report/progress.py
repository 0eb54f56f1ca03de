"""A line of progress on the terminal, for work that takes more than two seconds."""

from __future__ import annotations

import sys
from threading import Timer
from types import TracebackType

from batchsim.report.visible import visible

AFTER_S = 2.0


class Progress:
    """Shows what is being done, how much of it is done, and since when; nothing where no terminal is."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total = total
        self._begun = 0
        self._doing = ""
        self._timer = Timer(AFTER_S, self._show)
        self._timer.daemon = True
        self._is_shown = not quiet and sys.stderr.isatty()
        self._bar: Bar | None = None

    def begin(self, doing: str) -> None:
        """The next piece of work begins."""
        self._begun += 1
        self._doing = doing
        if self._bar is not None:
            self._bar.update(self._doing, self._begun - 1)

    def _show(self) -> None:
        bar = Bar(self._total)
        bar.update(self._doing, self._begun - 1)
        self._bar = bar

    def __enter__(self) -> Progress:
        if self._is_shown:
            self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._bar is not None:
            self._bar.close()


class Bar:
    """A bar on standard error that vanishes when it is closed."""

    def __init__(self, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Rich

        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._rich = Rich(*columns, console=Console(stderr=True), transient=True)
        self._task = self._rich.add_task("", total=total)
        self._rich.start()

    def update(self, doing: str, done: int) -> None:
        """Show this work, and how much is done."""
        self._rich.update(self._task, description=visible(doing), completed=done)

    def close(self) -> None:
        """Remove the bar."""
        self._rich.stop()
