"""A line of progress for a search, and an orderly end on Ctrl-C."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType, TracebackType
from typing import Any

from batchsim.engines.exhaustive import Level
from batchsim.engines.exhaustive.search import memory_bytes
from batchsim.report.visible import visible

AFTER_S = 2.0
EVERY_S = 0.5


class SearchProgress:
    """Shows how far a search is once it takes more than two seconds; Ctrl-C ends it after its level."""

    def __init__(self, *, quiet: bool, unit: str = "states") -> None:
        self._unit = unit
        self._is_shown = not quiet and sys.stderr.isatty()
        self._policy = ""
        self._begun = self._shown = time.monotonic()
        self._handler: Any = None
        self.was_interrupted = False

    def begin(self, policy: str) -> bool:
        """The search for a policy begins; whether it should."""
        self._policy = visible(policy)
        self._begun = self._shown = time.monotonic()
        return not self.was_interrupted

    def show(self, level: Level) -> bool:
        """How far it is; whether to go on."""
        now = time.monotonic()
        if self._is_shown and now - self._begun > AFTER_S and now - self._shown > EVERY_S:
            self._shown = now
            rate = level.states / (now - self._begun)
            sys.stderr.write(
                f"\r\033[K{self._policy}: {level.states:,} {self._unit}, frontier {level.frontier:,}, "
                f"{rate:,.0f} {self._unit}/s, {memory_bytes() >> 20} MiB"
            )
            sys.stderr.flush()
        return not self.was_interrupted

    def __enter__(self) -> SearchProgress:
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
        if self._is_shown:
            sys.stderr.write("\r\033[K")
