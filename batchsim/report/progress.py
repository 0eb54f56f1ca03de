"""What is being done, and how far it is: for all commands, of all work that takes more than two seconds.

On a terminal it is one line of standard error that is written anew and vanishes; elsewhere a line now and then. A
thread of its own writes it, so that it is there whatever the work is busy with.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread, get_ident
from types import FrameType, TracebackType
from typing import Self

from batchsim import signals
from batchsim.user_code import place_of_frame, users_frame
from batchsim.visible import visible

AFTER_S, EVERY_S = 2.0, 0.5
ELSEWHERE_S = 10.0
"""Where no terminal is: after so long, and every so often."""
ENOUGH = 0.05
"""Of the work has to be done before it is said how long the rest takes."""
TELLS_PROGRESS = "progress: "
"""Each of these lines begins so, so that they can be left out."""
_CLEAR = "\r\033[K"


class Progress:
    """Shows what is being done, how much of it is done, and since when.

    `total`: how many pieces of work there are, where that is known. `looks`: the work looks time and again whether
    it is to end (`goes_on`), so that it ends in an orderly way on Ctrl-C.
    """

    def __init__(self, total: int = 0, *, quiet: bool, looks: bool = False) -> None:
        self.was_interrupted = False
        self._total = total
        self._looks = looks
        self._begun = 0
        self._doing = ""
        self._started = self._since = time.monotonic()
        self._is_shown = not quiet
        self._is_terminal = sys.stderr.isatty()
        self._is_over = Event()
        self._worker = get_ident()
        self._call_seen: FrameType | None = None
        self._at_the_end = ExitStack()

    def begin(self, doing: str, *, counts: bool = True) -> bool:
        """The next piece of work begins; whether it should. `counts`: whether it is one of the total."""
        self._begun += counts
        self._doing = doing
        self._since = time.monotonic()
        return self.goes_on()

    def goes_on(self) -> bool:
        """Whether the work is to go on; for work that looks."""
        self.was_interrupted = self.was_interrupted or (self._looks and signals.is_asked())
        return not self.was_interrupted

    def seconds(self) -> float:
        """Since when the present piece of work is being done (s)."""
        return time.monotonic() - self._since

    def how_far(self) -> str:
        """How far the present piece of work is, as far as that is known."""
        return ""

    def share_done(self) -> float | None:
        """How much of the work is done, from 0 to 1; `None`: that is not known. Pieces are taken for equal."""
        return (self._begun - 1) / self._total if self._total > 1 and self._begun else None

    def _left(self) -> str:
        """How much longer it takes, if it goes on as it went; nothing as long as little is done."""
        done = self.share_done()
        if done is None or not ENOUGH <= done < 1:
            return ""
        left_s = (time.monotonic() - self._started) * (1 - done) / done
        return f"about {f'{left_s / 60:.0f} min' if left_s > 90 else f'{left_s:.0f} s'} left"

    def line(self) -> str:
        """What is said of it now."""
        share = f"{self._begun} of {self._total}" if self._total else ""
        seconds = f"{time.monotonic() - self._started:.0f} s"
        parts = filter(None, (self._doing, share, self.how_far(), seconds, self._left(), self._stuck()))
        return visible(", ".join(parts)).replace("\n", " ")

    def _stuck(self) -> str:
        """Where the work is in the same call of a user's code as when it was said last: it may never come back."""
        frame = users_frame(sys._current_frames().get(self._worker))
        before, self._call_seen = self._call_seen, frame
        return f"still in {place_of_frame(frame)}" if frame is not None and frame is before else ""

    def _show(self) -> None:
        first_s, every_s = (AFTER_S, EVERY_S) if self._is_terminal else (ELSEWHERE_S, ELSEWHERE_S)
        wait_s = first_s
        while not self._is_over.wait(wait_s):
            wait_s = every_s
            line = self.line()
            try:
                if self._is_terminal:
                    sys.stderr.write(_CLEAR + line[: os.get_terminal_size(sys.stderr.fileno()).columns - 1])
                    sys.stderr.flush()
                else:
                    sys.stderr.write(f"{TELLS_PROGRESS}{line}\n")
                    sys.stderr.flush()
            except OSError:
                return  # nobody is there

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """What is done can be shown when Ctrl-C comes, so that ends this block and no more."""
        try:
            yield
        except KeyboardInterrupt as error:
            # A user's code may raise the same: that ends the program as any other error of theirs.
            if not signals.is_real(error) or signals.told() not in (None, signal.SIGINT):
                raise
            self.was_interrupted = True
            signals.forgive()

    def __enter__(self) -> Self:
        if self._looks:
            self._at_the_end.enter_context(signals.orderly())
        if self._is_shown:
            thread = Thread(target=self._show, daemon=True)
            thread.start()
            self._at_the_end.callback(self._end, thread)
        return self

    def _end(self, thread: Thread) -> None:
        self._is_over.set()
        thread.join()
        if self._is_terminal:
            try:
                sys.stderr.write(_CLEAR)
                sys.stderr.flush()
            except OSError:
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.goes_on()
        self._at_the_end.close()
