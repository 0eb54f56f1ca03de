"""Pages that are made in less time, for tests of something else than what they say of all orders and many runs."""

from __future__ import annotations

import pytest

SHORT = {
    "study.RUNS_MAX": 50,
    "study.STATES_MAX": 5_000,
    "window.finding.QUIET": 40,
    "window.finding.TRIES_BEYOND": 40,
}
"""So many runs of the sweep, states of an exploration, and runs in which cases of a window are looked for."""


def short_pages(patch: pytest.MonkeyPatch) -> None:
    """Let pages come of less."""
    for name, most in SHORT.items():
        patch.setattr(f"batchsim.analysis.{name}", most)
