"""How far a search is, and an orderly end of it on Ctrl-C."""

from __future__ import annotations

from batchsim.engines.exhaustive import Level
from batchsim.engines.exhaustive.search import memory_bytes
from batchsim.report.progress import Progress


class SearchProgress(Progress):
    """Of searches, one after the other."""

    def __init__(self, total: int = 0, *, quiet: bool, unit: str = "states") -> None:
        super().__init__(total, quiet=quiet, looks=True)
        self._unit = unit
        self._level: Level | None = None

    def begin(self, doing: str, *, counts: bool = True) -> bool:
        """The next search begins; whether it should."""
        self._level = None
        return super().begin(doing, counts=counts)

    def show(self, level: Level) -> bool:
        """How far it is; whether to go on."""
        self._level = level
        return self.goes_on()

    def how_far(self) -> str:
        """States, those that are to be looked into, the rate, and memory."""
        level = self._level
        if level is None:
            return ""
        if level.is_counting:
            return f"{level.states:,} {self._unit} found, counting schedules, {memory_bytes() >> 20} MiB"
        return (
            f"{level.states:,} {self._unit}, frontier {level.frontier:,}, "
            f"{level.states / max(self.seconds(), 1e-3):,.0f} {self._unit}/s, {memory_bytes() >> 20} MiB"
        )
