"""`batchsim window --solve`: the shortest value of a parameter with which nothing fails."""

from __future__ import annotations

from pathlib import Path

from batchsim.analysis.window import Solution, solve
from batchsim.analysis.witnesses import Witness, timed_steps_of
from batchsim.cli.exit_codes import INCONCLUSIVE, INTERRUPTED
from batchsim.cli.inputs import by_their_names, load, policies_of, properties_of, verdict_names
from batchsim.cli.outputs import (
    check_outputs,
    check_witnesses,
    deliver,
    printing,
    witness_texts,
    write_files,
    write_json,
)
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn, warn_if_unjudged
from batchsim.cli.window_checks import check, check_verdict
from batchsim.engines.exhaustive import Bounds
from batchsim.report.search_progress import SearchProgress
from batchsim.report.shell import join
from batchsim.report.solving import show_solution, solution_document
from batchsim.scenario.shipped import as_written


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
    (scenario,) = load([file], overrides, None, check, [policy])
    ((name, chosen),) = policies_of(scenario, by_their_names([scenario], [policy]))
    properties = properties_of(scenario, verdicts)
    check_outputs(json_file, None, witness_directory)
    check_verdict(verdict, verdict_names(scenario, [(name, chosen)], properties))
    if witness_directory is not None:
        check_witnesses(witness_directory, [name])
    warnings = warn(scenario, [(name, chosen)], quiet=quiet, of_all_latencies=True)
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
    warnings += warn_if_unjudged(scenario, [(name, chosen)], properties, quiet=quiet)
    replay = _how_to_replay(file, policy, verdicts, overrides, verdict, parameter)
    texts: dict[str, str] = {}
    if witness_directory is not None:
        witnesses = _witnesses(file, policy, verdicts, overrides, solution)
        texts, commands = witness_texts(witness_directory, [witnesses])
        replay = " ".join(command for group in commands for command in group)

    def show() -> None:
        with printing([chosen]) as console:
            show_solution(console, solution, replay)

    deliver(
        None if quiet or json_file == "-" else show,
        None if witness_directory is None else lambda: write_files("--witness", witness_directory, texts),
        None
        if json_file is None
        else lambda: write_json(json_file, {**solution_document(solution), "warnings": warnings}),
    )
    if progress.was_interrupted and not solution.is_conclusive:
        tell("interrupted: the exploration is incomplete")
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
    words = ["batchsim", "window", as_written(file), "--policy", policy, "--solve", parameter]
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
