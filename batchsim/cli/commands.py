"""The commands. Each imports what it needs when it runs, so that `--help` starts in a fraction of the time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options, window
from batchsim.cli.exit_codes import INCONCLUSIVE, INTERRUPTED, UNEXPECTED
from batchsim.cli.findings import findings
from batchsim.cli.inputs import load, policies_of, policy_of, properties_of
from batchsim.cli.outputs import (
    check_outputs,
    print_list,
    printing,
    show,
    write_json,
    write_report,
    write_run_json,
    write_witnesses,
)
from batchsim.cli.sweep import sweep
from batchsim.cli.worth import worth

if TYPE_CHECKING:
    from batchsim.analysis.constraints import Explanation
    from batchsim.analysis.runs import ScenarioRun
    from batchsim.engines.exhaustive import Exploration
    from batchsim.scenario import Scenario


@click.group(
    cls=options.Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="batchsim")
def commands() -> None:
    """Simulate the fast-completion race of a streaming batch API, and see which policies survive it.

    Exit codes: 0 every expectation held; 1 a verdict was not expected; 2 bad usage or bad input;
    3 inconclusive; 70 an error of batchsim itself; 130 interrupted.
    """


@commands.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@options.policies
@options.verdicts
@click.option("--seed", type=int, metavar="N", help="Seed of all latencies, instead of the scenario's.")
@options.overrides
@options.json_file
@options.report_directory
@options.timeline
@options.quiet
def run(
    files: tuple[Path, ...],
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    seed: int | None,
    overrides: tuple[str, ...],
    json_file: str | None,
    report_directory: Path | None,
    timeline: bool,
    quiet: bool,
) -> int:
    """Run scenarios in simulated time: which policies fail, when, and why.

    One FILE: a table of the policies, and the story of each that fails. Several: scenario against policy.
    The exit code is 1 if a verdict differs from what the scenario expects.
    """
    from batchsim.analysis.runs import ScenarioRun, run_policy
    from batchsim.report.progress import Progress
    from batchsim.scenario import check_for_timed_run

    check_outputs(json_file, report_directory)
    plans = [
        (scenario, policies_of(scenario, policies), properties_of(scenario, verdicts))
        for scenario in load(files, overrides, seed, check_for_timed_run)
    ]
    results: list[ScenarioRun] = []
    outputs = (report_directory is not None) + (json_file is not None)
    with Progress(sum(len(chosen) for _, chosen, _ in plans) + outputs, quiet=quiet) as progress:
        for scenario, chosen, properties in plans:
            runs = []
            for name, policy in chosen:
                progress.begin(f"{scenario.name} under {policy.name}")
                runs.append(run_policy(scenario, name, policy, properties))
            results.append(ScenarioRun(scenario, tuple(runs)))
        if report_directory is not None:
            progress.begin(f"writing {report_directory}")
            write_report(report_directory, results)
        if json_file is not None:
            progress.begin(f"writing {json_file}")
            write_run_json(json_file, results)
    if not quiet and json_file != "-":
        options = [] if seed is None else ["--seed", str(seed)]
        options += [word for override in overrides for word in ("--set", override)]
        options += [word for verdict in verdicts for word in ("--verdict", verdict)]
        command = ["batchsim", "run", *map(str, files), *options, "--timeline", "--policy"]
        show(results, lambda run: join([*command, run.name]), timeline=timeline)
    return 0 if all(result.is_as_expected for result in results) else UNEXPECTED


@commands.command()
@click.argument("file", type=click.Path(path_type=Path))
@options.policies
@options.verdicts
@options.overrides
@click.option(
    "--reduce", "reduces", is_flag=True, help="Skip orders of steps that commute: outcomes without counts."
)
@click.option(
    "--timed", "is_timed", is_flag=True, help="Only what latencies within the intervals of the scenario allow."
)
@click.option(
    "--exact", "exactly", is_flag=True, help="With exponential latencies: the probability of each outcome."
)
@click.option("--max-states", type=click.IntRange(1), metavar="N", help="Give up beyond so many states or zones.")
@click.option("--max-memory", type=click.IntRange(64), metavar="MIB", help="Give up beyond so many MiB.")
@options.json_file
@click.option(
    "--witness",
    "witness_directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a witness of each outcome, to be run by `batchsim replay`.",
)
@options.quiet
def explore(
    file: Path,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    overrides: tuple[str, ...],
    reduces: bool,
    is_timed: bool,
    exactly: bool,
    max_states: int | None,
    max_memory: int | None,
    json_file: str | None,
    witness_directory: Path | None,
    quiet: bool,
) -> int:
    """Explore every interleaving of a scenario: find every order in which a policy fails.

    Time is left out: any enabled operation may be next. Numbers of schedules are exact. The exit code is 1 if
    the verdicts are not those of `expect_explore`, and 3 if a bound was hit before the answer.

    With --timed each leg of each operation takes any time within the interval of its latency, over dense time. A
    verdict that is not in `expect_explore` is exit code 1.

    With --exact latencies have to be exponential or 0, and the probability of each outcome is exact. Here too a
    verdict that is not in `expect_explore` is exit code 1.
    """
    if is_timed:
        if reduces or exactly:
            option = "--reduce" if reduces else "--exact"
            raise BadInputError(f"{option}: found with --timed; allowed: one of them")
        from batchsim.cli.timed_exploration import explore_within_intervals

        return explore_within_intervals(
            file, policies, verdicts, overrides, max_states, max_memory, json_file, witness_directory, quiet=quiet
        )
    from batchsim.analysis.constraints import explanations
    from batchsim.analysis.witnesses import Witness, steps_of, within
    from batchsim.engines.exhaustive import Bounds
    from batchsim.engines.exhaustive import explore as explore_policy
    from batchsim.report.contract import explore_document
    from batchsim.report.exploration import show_explorations
    from batchsim.report.search_progress import SearchProgress
    from batchsim.scenario import check_for_exploration

    bounds = Bounds(max_states, None if max_memory is None else max_memory << 20)
    if exactly:
        from batchsim.cli.exactly import explore_exactly

        if reduces or witness_directory is not None:
            raise BadInputError("--exact: allowed: neither --reduce nor --witness beside it")
        return explore_exactly(file, policies, verdicts, overrides, bounds, json_file, quiet=quiet)
    check_outputs(json_file, None, witness_directory)
    (scenario,) = load([file], overrides, None, check_for_exploration)
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, verdicts)
    explorations: list[Exploration] = []
    reasons: list[Sequence[Explanation]] = []
    with SearchProgress(len(chosen), quiet=quiet) as progress, progress.keeping():
        for _, policy in chosen:
            if progress.begin(policy.name):
                exploration = explore_policy(
                    scenario,
                    policy,
                    properties=properties,
                    bounds=bounds,
                    on_level=progress.show,
                    reduces=reduces,
                )
                explorations.append(exploration)
                reasons.append(())
                if progress.begin(f"explaining {policy.name}", counts=False):
                    reasons[-1] = explanations(exploration, properties)
    names = [name for name, _ in chosen]
    if witness_directory is None:
        look = ["batchsim", "explore", str(file), *(word for each in overrides for word in ("--set", each))]
        commands = [
            [f"{join([*look, '--policy', name, '--witness', 'DIR'])}, then batchsim replay DIR/..."]
            * len(exploration.outcomes)
            for name, exploration in zip(names, explorations, strict=False)
        ]
    else:
        asked = names if policies else [within(scenario.directory, name) for name in names]
        witnesses = [
            [
                Witness(file, overrides, name, verdicts, outcome.verdicts, steps_of(outcome))
                for outcome in exploration.outcomes
            ]
            for name, exploration in zip(asked, explorations, strict=False)
        ]
        commands = write_witnesses(witness_directory, witnesses)
    if json_file is not None:
        write_json(json_file, explore_document(scenario.name, explorations))
    if not quiet and json_file != "-":
        with printing() as console:
            show_explorations(console, scenario, explorations, reasons, commands)
    if progress.was_interrupted:
        click.echo(f"interrupted: {len(explorations)} of {len(chosen)} policies were begun", err=True)
        return INTERRUPTED
    return _code_of(scenario, names, explorations)


@commands.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="WITNESS")
@options.json_file
@options.report_directory
@options.timeline
@options.quiet
def replay(file: Path, json_file: str | None, report_directory: Path | None, timeline: bool, quiet: bool) -> int:
    """Run the schedule of a WITNESS in simulated time: the same order, with times that fit it.

    A witness of timed exploration has times of its own, and is run with exactly these.
    The exit code is 1 if it does not come to the verdicts for which the witness was found.
    """
    from batchsim.analysis.runs import ScenarioRun, run_policy
    from batchsim.analysis.witnesses import OtherTime, check_times, read_witness
    from batchsim.engines.prescribed import NoSuchDraw
    from batchsim.engines.timed import OrderNotPossible

    check_outputs(json_file, report_directory)
    witness = read_witness(file)
    (scenario,) = load([witness.scenario], witness.overrides, None)
    name, policy = policy_of(witness.policy)
    properties = properties_of(scenario, witness.properties)
    try:
        result = run_policy(scenario, name, policy, properties, witness.steps, witness.verdicts, witness.draws)
        check_times(witness, result.trace)
    except (OrderNotPossible, NoSuchDraw, OtherTime) as error:
        raise BadInputError(f"{file}: no schedule of {scenario.file} under {name}: {error}") from None
    results = [ScenarioRun(scenario, (result,), witness=file.name)]
    if report_directory is not None:
        write_report(report_directory, results)
    if json_file is not None:
        write_run_json(json_file, results)
    if not quiet and json_file != "-":
        show(results, lambda _: join(["batchsim", "replay", str(file), "--timeline"]), timeline=timeline)
    return 0 if result.is_as_expected else UNEXPECTED


commands.add_command(sweep)
commands.add_command(worth)
commands.add_command(findings)


@commands.command()
@options.json_file
def policies(json_file: str | None) -> int:
    """List the policies: the lineage of the real system, and alternatives that nobody deployed."""
    from batchsim.policies import ALTERNATIVES, LINEAGE

    rows = [(policy.name, policy.summary) for policy in (*LINEAGE, *ALTERNATIVES)]
    return print_list(("policy", "what it does"), rows, json_file, lambda row: {"name": row[0], "summary": row[1]})


@commands.command()
@options.json_file
def scenarios(json_file: str | None) -> int:
    """List the scenarios that batchsim ships, with what each shows."""
    from batchsim.scenario.shipped import shipped_files

    rows = [(str(scenario.file), scenario.summary) for scenario in load(shipped_files(), (), None)]
    return print_list(
        ("scenario", "what it shows"), rows, json_file, lambda row: {"file": row[0], "summary": row[1]}
    )


@commands.command()
def schema() -> int:
    """Print the JSON Schema of scenario files, for editors."""
    from batchsim.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
    return 0


commands.add_command(window.window)


def _code_of(scenario: Scenario, names: Sequence[str], explorations: Sequence[Exploration]) -> int:
    inconclusive = False
    for name, exploration in zip(names, explorations, strict=True):
        expected = scenario.expect_explore.get(name)
        found = exploration.verdicts
        if expected is not None and (not found <= expected or (exploration.is_complete and found != expected)):
            click.echo(
                f"{scenario.name}, {name}: expected {', '.join(sorted(expected))}, got {', '.join(sorted(found))}",
                err=True,
            )
            return UNEXPECTED
        # Without an expectation the question is whether it fails; that it does is an answer.
        inconclusive |= not exploration.is_complete and (expected is not None or found <= {"ok"})
    return INCONCLUSIVE if inconclusive else 0
