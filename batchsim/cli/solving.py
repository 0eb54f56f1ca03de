"""`batchsim window --solve`: the shortest value of a parameter with which nothing fails."""

from __future__ import annotations

from pathlib import Path
from shlex import join

import click

from batchsim.analysis.window import Solution, solve
from batchsim.analysis.witnesses import Witness, timed_steps_of
from batchsim.cli.exit_codes import INCONCLUSIVE, INTERRUPTED
from batchsim.cli.inputs import load, policies_of, properties_of
from batchsim.cli.outputs import check_outputs, printing, write_json, write_witnesses
from batchsim.cli.warnings import warn
from batchsim.cli.window import check, check_verdict
from batchsim.engines.exhaustive import Bounds
from batchsim.report.search_progress import SearchProgress
from batchsim.report.solving import show_solution, solution_document


def solve_for(
    file: Path,
    policy: str,
    verdicts: tuple[str, ...],
    overrides: tuple[str, ...],
    verdict: str | None,
    parameter: str,
    max_zones: int | None,
    json_file: str | None,
    witness_directory: Path | None,
    *,
    quiet: bool,
) -> int:
    """Solve a scenario under a policy for a parameter, and show what was found; the exit code."""
    check_outputs(json_file, None, witness_directory)
    (scenario,) = load([file], overrides, None, check, [policy])
    ((name, chosen),) = policies_of(scenario, (policy,))
    properties = properties_of(scenario, verdicts)
    check_verdict(verdict, properties)
    warnings = warn(scenario, [(name, chosen)], quiet=quiet)
    with SearchProgress(quiet=quiet, unit="zones") as progress:
        progress.begin(name)
        solution = solve(
            scenario,
            chosen,
            parameter,
            verdict=verdict,
            properties=properties,
            bounds=Bounds(max_zones, None),
            on_level=progress.show,
        )
    replay = _how_to_replay(file, policy, verdicts, overrides, verdict, parameter)
    if witness_directory is not None:
        witnesses = _witnesses(file, policy, verdicts, overrides, solution)
        replay = " ".join(
            command for group in write_witnesses(witness_directory, [witnesses]) for command in group
        )
    if json_file is not None:
        write_json(json_file, {**solution_document(solution), "warnings": warnings})
    if not quiet and json_file != "-":
        with printing() as console:
            show_solution(console, solution, replay)
    if progress.was_interrupted and not solution.is_conclusive:
        click.echo("interrupted: the exploration is incomplete", err=True)
        return INTERRUPTED
    return 0 if solution.is_conclusive else INCONCLUSIVE


def _how_to_replay(
    file: Path,
    policy: str,
    verdicts: tuple[str, ...],
    overrides: tuple[str, ...],
    verdict: str | None,
    parameter: str,
) -> str:
    words = ["batchsim", "window", str(file), "--policy", policy, "--solve", parameter]
    words += [word for each in overrides for word in ("--set", each)]
    words += [word for each in verdicts for word in ("--verdict", each)]
    words += [] if verdict is None else ["--class", verdict]
    return f"{join([*words, '--witness', 'DIR'])}, then batchsim replay DIR/..."


def _witnesses(
    file: Path, policy: str, verdicts: tuple[str, ...], overrides: tuple[str, ...], solution: Solution
) -> list[Witness]:
    failing = solution.failing
    if failing is None:
        return []
    run = failing.run
    return [
        Witness(
            scenario=file,
            overrides=(*overrides, f"{solution.parameter}={failing.value_us} us"),
            policy=policy,
            properties=verdicts,
            verdicts=run.verdicts,
            steps=timed_steps_of(run),
            draws=run.witness.draws,
        )
    ]
