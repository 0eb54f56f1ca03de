"""Whether a verdict is given with certain latencies, be it that steps at one instant come in any order."""

from __future__ import annotations

from enum import StrEnum

from batchsim.analysis.window.assignments import Values, fixed
from batchsim.analysis.window.finding import Window
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.zones import explore_timed

ZONES_MAX = 20_000
"""The orders of steps at one instant are looked through in so many zones at most."""


class WindowStanding(StrEnum):
    """Whether a window is open."""

    OPEN = "open"
    CLOSED = "closed"
    EITHER = "either"
    """Two steps take effect at one instant: either may come first, and the verdict is given or not."""


def standing(window: Window, values: Values) -> WindowStanding:
    """How a window stands with some latencies.

    Where its conditions leave that open, all orders of the steps at one instant are looked through: it may make no
    difference which one comes first.
    """
    slack_us = window.slack_us(values)
    if slack_us is None or slack_us < 0:
        return WindowStanding.CLOSED
    if slack_us > 0:
        return WindowStanding.OPEN
    exploration = explore_timed(
        fixed(window.scenario, values), window.policy, properties=window.properties, bounds=Bounds(ZONES_MAX)
    )
    given = {window.verdict in each.verdicts for each in exploration.outcomes}
    if len(given) > 1 or not exploration.is_complete:
        return WindowStanding.EITHER
    return WindowStanding.OPEN if given == {True} else WindowStanding.CLOSED
