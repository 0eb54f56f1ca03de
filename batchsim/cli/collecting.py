"""When garbage is looked for: not while a command starts, and not as the program ends.

What is imported stays. To look through it again and again, and at the end, takes a fifth of a short command.
"""

from __future__ import annotations

import atexit
import gc

STARTED = 150_000
"""So many objects are there when a command has started, and its work goes on with the usual thresholds."""


def put_off() -> None:
    """From now on garbage is looked for when there are `STARTED` objects, then as usual, and not at the end."""
    usual = gc.get_threshold()

    def as_usual(phase: str, _: dict[str, int]) -> None:
        if phase == "stop":
            gc.callbacks.remove(as_usual)
            gc.set_threshold(*usual)

    gc.callbacks.append(as_usual)
    gc.set_threshold(STARTED, *usual[1:])
    atexit.register(gc.freeze)
