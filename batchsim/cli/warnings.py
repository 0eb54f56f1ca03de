"""What a user is warned of, on standard error, before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from batchsim.cli.telling import tell

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy
    from batchsim.scenario import Scenario


def warn(
    scenario: Scenario, policies: Sequence[tuple[str, Policy]], *, quiet: bool, others: Iterable[Scenario] = ()
) -> tuple[str, ...]:
    """Tell each warning once, unless quiet; `others`: the scenario with other values. The warnings."""
    from batchsim.analysis.assumptions import warnings_of
    from batchsim.visible import in_one_line

    found = warnings_of(scenario, policies, others)
    if not quiet:
        for each in found:
            tell(f"warning: {in_one_line(scenario.file)}: {in_one_line(each)}")
    return found
