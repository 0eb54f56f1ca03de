"""What `batchsim window` takes, with `--solve` and without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from batchsim.bad_input import BadInputError

if TYPE_CHECKING:
    from batchsim.scenario import Scenario


def check(scenario: Scenario) -> None:
    """Whether it has windows; raises `BadInputError`."""
    if scenario.setting.faults or scenario.injected_delays:
        allowed = "none, for they have no window; --set 'faults=[]' leaves them out"
        raise BadInputError(f"{scenario.file}: faults: found some; allowed: {allowed}")


def check_verdict(verdict: str | None, names: Iterable[str]) -> None:
    """Whether there is such a verdict, among those that can be given; raises `BadInputError`."""
    from batchsim.scenario.spelling import did_you_mean

    allowed = [name for name in names if name != "ok"]
    if verdict is not None and verdict not in allowed:
        parts = (f"--class: found {verdict!r}", f"allowed: {', '.join(allowed)}", did_you_mean(verdict, allowed))
        raise BadInputError("; ".join(filter(None, parts)))
