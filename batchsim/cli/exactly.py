"""`batchsim explore --exact`: the probability of each outcome in the timed model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchsim.cli.exit_codes import INCONCLUSIVE, INTERRUPTED, UNEXPECTED
from batchsim.cli.inputs import load, policies_of, properties_of
from batchsim.cli.outputs import check_outputs, printing, write_json

if TYPE_CHECKING:
    from batchsim.engines.chain import ExactExploration
    from batchsim.engines.exhaustive import Bounds
    from batchsim.scenario import Scenario


def explore_exactly(
    file: Path,
    policies: Sequence[str],
    verdicts: Sequence[str],
    overrides: Sequence[str],
    bounds: Bounds,
    json_file: str | None,
    *,
    quiet: bool,
) -> int:
    """Solve the chain of each policy, show what it comes to, and return the exit code."""
    from batchsim.engines.chain import explore_exact
    from batchsim.engines.chain.fitness import check_for_chain
    from batchsim.report.contract import exact_document
    from batchsim.report.exactness import show_exact_explorations
    from batchsim.report.search_progress import SearchProgress

    check_outputs(json_file, None)
    (scenario,) = load([file], overrides, None, check_for_chain)
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, verdicts)
    explorations: list[ExactExploration] = []
    with SearchProgress(len(chosen), quiet=quiet) as progress, progress.keeping():
        for _, policy in chosen:
            if progress.begin(policy.name):
                explorations.append(
                    explore_exact(scenario, policy, properties=properties, bounds=bounds, on_level=progress.show)
                )
    if json_file is not None:
        write_json(json_file, exact_document(scenario.name, explorations))
    if not quiet and json_file != "-":
        with printing() as console:
            show_exact_explorations(console, scenario, explorations)
    if progress.was_interrupted:
        click.echo(f"interrupted: {len(explorations)} of {len(chosen)} policies were begun", err=True)
        return INTERRUPTED
    return _code_of(scenario, [name for name, _ in chosen], explorations)


def _code_of(scenario: Scenario, names: Sequence[str], explorations: Sequence[ExactExploration]) -> int:
    for name, exploration in zip(names, explorations, strict=True):
        expected = scenario.expect_explore.get(name)
        if expected is not None and not exploration.verdicts <= expected:
            allowed, found = ", ".join(sorted(expected)), ", ".join(sorted(exploration.verdicts))
            click.echo(f"{scenario.name}, {name}: expected {allowed}, got {found}", err=True)
            return UNEXPECTED
    return 0 if all(each.is_complete for each in explorations) else INCONCLUSIVE
