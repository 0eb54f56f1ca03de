"""How far batches on real servers are."""

from __future__ import annotations

from collections.abc import Callable

from batchsim.report.progress import Progress


class HammerProgress(Progress):
    """Shows how many batches are over, and how many in a second; it ends in an orderly way on Ctrl-C."""

    def __init__(self, batches: int, *, quiet: bool) -> None:
        super().__init__(quiet=quiet, looks=True)
        self._batches = batches
        self._over: Callable[[], int] | None = None

    def note(self, doing: str) -> None:
        """The next piece of work begins."""
        self._over = None
        self.begin(doing, counts=False)

    def looks_at(self, over: Callable[[], int]) -> bool:
        """Whether to go on; `over` says how many batches are over."""
        self._over = over
        return self.goes_on()

    def how_far(self) -> str:
        """How many batches are over, and how many in a second."""
        if self._over is None:
            return ""
        over = self._over()
        return f"{over} of {self._batches} batches, {over / max(self.seconds(), 0.001):.1f} a second"
