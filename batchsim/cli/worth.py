"""`batchsim worth`: how probable a false failure is over the two times that decide whether a fix helps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.exit_codes import INTERRUPTED
from batchsim.cli.inputs import by_their_names, expected_by, load, policies_of, properties_of
from batchsim.cli.judging import code_of
from batchsim.cli.outputs import (
    check_folder,
    check_outputs,
    deliver,
    folder_name,
    printing,
    write_csv,
    write_files,
    write_json,
)
from batchsim.cli.sweep import given_by_cells
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn

if TYPE_CHECKING:
    from batchsim.analysis.worth import Question, Worth

VALUES_ALLOWED = "A..B:STEPS, such as 1 ms..1 s:10, with :log for steps of equal ratio"


@click.command()
@click.argument("file", type=options.ScenarioFile())
@options.policies
@options.overrides
@click.option(
    "--delay",
    metavar="A..B:STEPS[:log]",
    help="Delays between the last push and the count (1 ms..100 s:26:log).",
)
@click.option("--execution", metavar="A..B:STEPS[:log]", help="How long child runs execute (10 ms..100 s:9:log).")
@click.option(
    "--runs",
    type=click.IntRange(1),
    metavar="N",
    help="Runs of each policy at each value (200), and a tenth of them at each pair of values. More take longer, "
    "and narrow the intervals.",
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="So many processes; all cores unless given.")
@options.json_file
@options.csv_results
@options.report_directory
@options.quiet
def worth(
    file: Path,
    policies: tuple[str, ...],
    overrides: tuple[str, ...],
    delay: str | None,
    execution: str | None,
    runs: int | None,
    workers: int | None,
    json_file: str | None,
    csv_file: Path | None,
    report_directory: Path | None,
    quiet: bool,
) -> int:
    """Say what each fix is worth in a scenario: how probable a false failure is under each policy.

    Two times are varied, each by itself and both together: the delay between the last push and the count, and how
    long child runs execute. All policies are compared with the first one. The exit code is 1 if a verdict was
    given that `expect_explore` excludes.
    """
    from batchsim.analysis.worth import worth_of
    from batchsim.report.progress import Progress
    from batchsim.report.sweep_progress import SweepProgress
    from batchsim.report.worth_contract import worth_document
    from batchsim.report.worth_page import possible_files, worth_files

    (scenario,) = load([file], overrides, None, policies=policies)
    policies = by_their_names([scenario], policies)
    if scenario.own is not None:
        raise BadInputError(
            f"{file}: system: found {scenario.own.reference}; allowed: a scenario of the batch, as this command "
            "is about its call; `batchsim sweep --vary` compares policies of any system over a field"
        )
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, ())
    check_outputs(json_file, report_directory, more={"--csv": csv_file})
    expected = expected_by(scenario, "expect_explore", policies, chosen)
    if report_directory is not None:
        check_folder("--report", report_directory, possible_files(scenario.name))
    question = _question(delay, execution, runs)
    warnings = warn(scenario, chosen, quiet=quiet)
    with SweepProgress(quiet=quiet) as progress:
        progress.begin(scenario.name)
        found = _found(
            lambda: worth_of(
                scenario,
                policies or None,
                question,
                properties=properties,
                workers=workers,
                watch=progress.watch,
            )
        )
    with Progress(quiet=quiet) as drawing:
        drawing.begin("drawing the results")
        texts: dict[str, str] = {}
        if report_directory is not None and found.is_complete:
            texts = worth_files(found, warnings, folder_name(report_directory))
    deliver(
        None if quiet or json_file == "-" else lambda: _show(found),
        None
        if report_directory is None or not texts
        else lambda: write_files("--report", report_directory, texts),
        None
        if json_file is None
        else lambda: write_json(json_file, {**worth_document(found), "warnings": warnings}),
        None if csv_file is None else lambda: write_csv("worth", csv_file, worth_document(found)),
    )
    if progress.was_interrupted and not found.is_complete:
        unwritten = "" if report_directory is None else ", and no report was written"
        tell(f"interrupted: what each fix is worth is incomplete{unwritten}")
        return INTERRUPTED
    cells = [cell for each in found.sweeps for cell in each.cells]
    known = scenario.known_verdicts(policy for _, policy in chosen)
    return code_of(given_by_cells(scenario, chosen, expected, cells, known), ())


def _question(delay: str | None, execution: str | None, runs: int | None) -> Question:
    from batchsim.analysis.worth import Question

    usual = Question()
    return Question(delay or usual.delay, execution or usual.execution, runs or usual.runs)


def _found(look: Callable[[], Worth]) -> Worth:
    """What a look comes to; what is wrong is told by the names of our options."""
    from batchsim.analysis.sweep.varying import ALLOWED
    from batchsim.analysis.worth import DELAY, EXECUTION

    try:
        return look()
    except BadInputError as error:
        told = str(error).replace(ALLOWED, VALUES_ALLOWED)
        for option, name in (("--delay", DELAY), ("--execution", EXECUTION)):
            told = told.replace(f"--vary {name}=", f"{option} ")
        raise BadInputError(told) from None


def _show(found: Worth) -> None:
    from batchsim.report.worth import show_worth

    with printing() as console:
        show_worth(console, found)
