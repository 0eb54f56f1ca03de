"""`batchsim explore --timed`: only what latencies within the intervals of the scenario allow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import join

import click

from batchsim.analysis.witnesses import Witness, timed_steps_of, within
from batchsim.cli.exit_codes import INCONCLUSIVE, INTERRUPTED, UNEXPECTED
from batchsim.cli.inputs import load, policies_of, properties_of
from batchsim.cli.outputs import check_outputs, printing, write_json, write_witnesses
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.zones import TimedExploration, explore_timed
from batchsim.report.contract import explore_timed_document
from batchsim.report.search_progress import SearchProgress
from batchsim.report.timed_exploration import show_timed_explorations
from batchsim.scenario import Scenario, check_for_timed_exploration


def explore_within_intervals(
    file: Path,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    overrides: tuple[str, ...],
    max_zones: int | None,
    max_memory: int | None,
    json_file: str | None,
    witness_directory: Path | None,
    *,
    quiet: bool,
) -> int:
    """Explore a scenario under its policies, and show what was found; the exit code."""
    check_outputs(json_file, None, witness_directory)
    (scenario,) = load([file], overrides, None, check_for_timed_exploration)
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, verdicts)
    bounds = Bounds(max_zones, None if max_memory is None else max_memory << 20)
    explorations: list[TimedExploration] = []
    with SearchProgress(len(chosen), quiet=quiet, unit="zones") as progress, progress.keeping():
        for _, policy in chosen:
            if progress.begin(policy.name):
                explorations.append(
                    explore_timed(scenario, policy, properties=properties, bounds=bounds, on_level=progress.show)
                )
    names = [name for name, _ in chosen]
    asked = names if policies else [within(scenario.directory, name) for name in names]
    if witness_directory is None:
        commands = [
            [_how_to_replay(file, overrides, name)] * len(each.outcomes)
            for name, each in zip(names, explorations, strict=False)
        ]
    else:
        witnesses = [
            _witnesses(file, overrides, name, verdicts, each)
            for name, each in zip(asked, explorations, strict=False)
        ]
        commands = write_witnesses(witness_directory, witnesses)
    if json_file is not None:
        write_json(json_file, explore_timed_document(scenario.name, explorations))
    if not quiet and json_file != "-":
        with printing() as console:
            show_timed_explorations(console, scenario, explorations, commands)
    if progress.was_interrupted:
        click.echo(f"interrupted: {len(explorations)} of {len(chosen)} policies were begun", err=True)
        return INTERRUPTED
    return _code_of(scenario, names, explorations)


def _how_to_replay(file: Path, overrides: Sequence[str], name: str) -> str:
    options = [word for each in overrides for word in ("--set", each)]
    look = join(["batchsim", "explore", str(file), "--timed", *options, "--policy", name, "--witness", "DIR"])
    return f"{look}, then batchsim replay DIR/..."


def _witnesses(
    file: Path, overrides: tuple[str, ...], name: str, verdicts: tuple[str, ...], exploration: TimedExploration
) -> list[Witness]:
    return [
        Witness(
            scenario=file,
            overrides=overrides,
            policy=name,
            properties=verdicts,
            verdicts=outcome.verdicts,
            steps=timed_steps_of(outcome),
            draws=outcome.witness.draws,
        )
        for outcome in exploration.outcomes
    ]


def _code_of(scenario: Scenario, names: Sequence[str], explorations: Sequence[TimedExploration]) -> int:
    """Latencies allow no verdict that no interleaving gives; they need not allow each that one gives."""
    inconclusive = False
    for name, exploration in zip(names, explorations, strict=True):
        expected, found = scenario.expect_explore.get(name), exploration.verdicts
        if expected is not None and not found <= expected:
            click.echo(
                f"{scenario.name}, {name}: expected {', '.join(sorted(expected))}, got {', '.join(sorted(found))}",
                err=True,
            )
            return UNEXPECTED
        inconclusive |= not exploration.is_complete and found <= {"ok"}
    return INCONCLUSIVE if inconclusive else 0
