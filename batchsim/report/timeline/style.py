"""The measures of a picture, and what it defines for all its elements."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from batchsim.batch.trace import Trace
from batchsim.model.run import Step
from batchsim.report.timeline.look import KINDS, style_sheet
from batchsim.report.timeline.svg import element

WIDTH = 1200.0
LEFT = 158.0
"""Where the axes begin; the names of the lanes stand to the left."""
RIGHT = 1056.0
"""Where the axes end; to the right of it only texts may go."""
EDGE = 1184.0
"""Where texts end."""
MARGIN = 16.0

LANE_OF_RACE = 26.0
ROW = 14.0
"""Of names beside a lane of the race."""

FONT = 12.0
SMALL = 11.0
TITLE = 18.5
"""The size that a title's width is estimated by; it is bold."""
BOLD = 1.1
"""How much wider a bold text is."""


def hue(kind: str, among: Sequence[str] = ()) -> str:
    """The class of an actor's kind; of a kind that the batch has not, by its place among those of the run."""
    if kind in KINDS:
        return kind
    return KINDS[among.index(kind) % len(KINDS)] if kind in among else "sdk"


def kinds_in(trace: Any) -> list[str]:
    """The kinds of actors that took steps in a run, in order; none of the batch, whose kinds are known."""
    steps: Iterable[Step] = () if isinstance(trace, Trace) else trace.steps
    return sorted({step.actor.partition(".")[0].partition("-")[0] for step in steps})


def definitions() -> str:
    """The style sheet, and the hatch of response legs."""
    line = element("path", class_="hatch", d="M-1 1L1 -1M0 5L5 0M4 6L6 4")
    hatch = element("pattern", line, id="hatch", width=5, height=5, patternUnits="userSpaceOnUse")
    return element("style", f"\n{style_sheet()}\n") + "\n" + element("defs", hatch)
