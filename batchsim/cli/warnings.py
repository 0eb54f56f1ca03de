"""What a user is warned of, on standard error, before any work is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from batchsim.cli.telling import tell

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy
    from batchsim.scenario import Scenario


def warn(
    scenario: Scenario,
    policies: Sequence[tuple[str, Policy]],
    *,
    quiet: bool,
    others: Iterable[Scenario] = (),
    of_all_latencies: bool = False,
) -> tuple[str, ...]:
    """Tell each warning once, unless quiet; `others`: the scenario with other values. The warnings.

    `of_all_latencies`: something is claimed of all latencies within their intervals, however rare they are.
    """
    from batchsim.analysis.assumptions import warnings_of
    from batchsim.analysis.batch.holding import RARE

    found = warnings_of(scenario, policies, others, rare=0 if of_all_latencies else RARE)
    return warn_of(scenario, found, quiet=quiet)


def warn_of(scenario: Scenario, found: tuple[str, ...], *, quiet: bool) -> tuple[str, ...]:
    """Tell warnings of a scenario, unless quiet. The warnings."""
    from batchsim.visible import in_one_line

    if not quiet:
        for each in found:
            tell(f"warning: {in_one_line(scenario.file)}: {in_one_line(each)}")
    return found
