"""What a user is warned of, on standard error: before the work, and after it where its results say little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from batchsim.cli.telling import tell

if TYPE_CHECKING:
    from batchsim.batch.policy import Policy
    from batchsim.model.properties import Property
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


Plan = tuple["Scenario", Sequence[tuple[str, Any]], Sequence["Property"]]
"""A scenario, with policies and verdicts of the user's own."""


def warn_of_each(plans: Sequence[Plan], *, quiet: bool) -> list[tuple[str, ...]]:
    """Tell the warnings of each scenario, unless quiet. All of them, with what is told after the work."""
    from batchsim.analysis.assumptions import nothing_to_judge

    return [
        warn(scenario, chosen, quiet=quiet) + nothing_to_judge(scenario, chosen, properties)
        for scenario, chosen, properties in plans
    ]


def warn_if_any_is_unjudged(plans: Sequence[Plan], *, quiet: bool) -> None:
    """Tell, unless quiet, where nothing could be found wrong: after the work, beside what it came to."""
    for plan in plans:
        warn_if_unjudged(*plan, quiet=quiet)


def warn_if_unjudged(
    scenario: Scenario,
    policies: Sequence[tuple[str, Any]],
    properties: Sequence[Property],
    *,
    quiet: bool,
    others: Iterable[Scenario] = (),
) -> tuple[str, ...]:
    """Tell, unless quiet, that nothing could be found wrong: after the work, beside what it came to.

    `properties`: verdicts of the user's own. `others`: the scenario with other values. The warnings.
    """
    from batchsim.analysis.assumptions import nothing_to_judge

    return warn_of(scenario, nothing_to_judge(scenario, policies, properties, others), quiet=quiet)


def warn_of(scenario: Scenario, found: tuple[str, ...], *, quiet: bool) -> tuple[str, ...]:
    """Tell warnings of a scenario, unless quiet. The warnings."""
    from batchsim.visible import in_one_line

    if not quiet:
        for each in found:
            tell(f"warning: {in_one_line(scenario.file)}: {in_one_line(each)}")
    return found
