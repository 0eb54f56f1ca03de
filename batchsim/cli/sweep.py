"""`batchsim sweep`: how probable each verdict is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from batchsim.analysis.judging import ANY, Given, Rate
from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.again import command_line, how_again
from batchsim.cli.exit_codes import INTERRUPTED
from batchsim.cli.inputs import by_their_names, expected_by, load, percentage, policies_of, properties_of
from batchsim.cli.judging import code_of, limits_of
from batchsim.cli.outputs import check_apart, check_file, check_outputs, deliver, printing, write_csv, write_json
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn, warn_if_unjudged

if TYPE_CHECKING:
    from batchsim.analysis.sweep import CellResult, Example, Share, SizedExecutor, Sweep
    from batchsim.analysis.window import Edge
    from batchsim.batch.policy import Policy
    from batchsim.scenario import Scenario

RUNS_MAX_FOR_A_WIDTH = 1_000_000
PICTURES = (".svg", ".png")
"""What a picture can be."""


@click.command()
@click.argument("file", type=options.ScenarioFile())
@click.option("--runs", type=click.IntRange(1), metavar="N", help="Runs of each policy at each point (1000).")
@options.policies
@options.verdicts
@options.fail_on
@options.overrides
@click.option(
    "--vary",
    multiple=True,
    metavar="NAME=A..B:STEPS",
    help="Give a field several values, such as items.execution=1 s..30 s:10; :log at the end for steps of equal "
    "ratio; two of them: every pair of values.",
)
@click.option(
    "--until-width",
    metavar="PERCENT",
    help="Stop once the widest interval of a point is as narrow as this, such as 0.5%.",
)
@click.option("--engine", type=click.Choice(["local", "dask"]), default="local", help="Who does the work (local).")
@click.option("--scheduler", metavar="ADDRESS", help="The scheduler of a Dask cluster: tcp://host:port.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes at work; all cores otherwise.")
@click.option(
    "--out",
    type=options.NamedPath(),
    metavar="FILE|DIR",
    help="Keep every run in this database, or in one in this directory.",
)
@click.option("--resume", is_flag=True, help="Go on with the database of --out.")
@options.json_file
@click.option(
    "--plot",
    "plots",
    multiple=True,
    type=options.NamedPath(),
    metavar="FILE",
    help="Draw a curve, or a heat map of two names: FILE.svg and FILE.png, or the one that FILE ends in.",
)
@click.option(
    "--max-states",
    type=click.IntRange(1),
    metavar="N",
    help="For --plot: look for the edge of a window in up to so many states (100000).",
)
@options.html_file
@options.csv_results
@options.quiet
def sweep(
    file: Path,
    runs: int | None,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    forbidden: tuple[str, ...],
    overrides: tuple[str, ...],
    vary: tuple[str, ...],
    until_width: str | None,
    engine: str,
    scheduler: str | None,
    workers: int | None,
    out: Path | None,
    resume: bool,
    json_file: str | None,
    plots: tuple[Path, ...],
    max_states: int | None,
    html_file: Path | None,
    csv_file: Path | None,
    quiet: bool,
) -> int:
    """Run a scenario many times: how probable each verdict is, and how policies differ.

    Every run of an index meets the same latencies under all policies, on any number of workers. For each verdict
    a command is printed that shows a run of it. The exit code is 1 if a verdict was given that `expect_explore`
    excludes or --fail-on forbids, and 3 if --until-width was not reached.

    --fail-on also takes a rate, 'false_failure>0.5%', for each policy at each point: exit code 1 if the 95 %
    interval lies above it, 3 if it lies on both sides.
    """
    from batchsim.analysis.sweep import RUNS, SweepNotKept, verdicts_over, with_other_parameters
    from batchsim.analysis.sweep import sweep as sweep_scenario
    from batchsim.cli.edges import edges_for
    from batchsim.report.sweep_progress import SweepProgress

    _check(engine, scheduler, out, plots, vary, resume=resume)
    (scenario,) = load([file], overrides, None, policies=policies)
    policies = by_their_names([scenario], policies)
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, verdicts)
    check_outputs(json_file, None, more={"--html": html_file, "--csv": csv_file})
    expected = expected_by(scenario, "expect_explore", policies, chosen)
    known = verdicts_over((scenario, *with_other_parameters(scenario, vary)), [policy for _, policy in chosen])
    limits = limits_of(forbidden, dict.fromkeys((*known, *(each.name for each in properties))), takes_rates=True)
    pictures = _pictures(plots)
    ends = _ends_of(scenario, vary)
    warnings = warn(scenario, chosen, quiet=quiet, others=ends)
    database = _database(out, scenario)
    json_files = [] if json_file in (None, "-") else [("--json", Path(str(json_file)))]
    databases = [] if database is None else [("--out", database)]
    pages = [(option, each) for option, each in (("--html", html_file), ("--csv", csv_file)) if each is not None]
    check_apart([*json_files, *databases, *pages, *(("--plot", picture) for picture in pictures)])
    failure: SweepNotKept | None = None
    with _executor(engine, scheduler, workers) as (executor, count), SweepProgress(quiet=quiet) as progress:
        progress.begin(scenario.name)
        try:
            result = sweep_scenario(
                scenario,
                policies or None,
                runs=runs or (RUNS if until_width is None else RUNS_MAX_FOR_A_WIDTH),
                vary=vary,
                properties=properties,
                until_width=None if until_width is None else _share_of(until_width),
                executor=executor,
                workers=count,
                database=database,
                resume=resume,
                watch=progress.watch,
            )
        except SweepNotKept as error:
            result, failure = error.sweep, error
    warnings += warn_if_unjudged(scenario, chosen, properties, quiet=quiet, others=ends)
    commands = _commands(result, file, overrides, verdicts, Path() if policies else scenario.directory)
    asked_for = [word for name in policies for word in ("--policy", name)]
    how_many = [] if runs is None else ["--runs", str(runs)]
    how_many += [] if until_width is None else ["--until-width", until_width]
    varied = [word for each in vary for word in ("--vary", each)]
    again = command_line(
        "sweep", [file], [*how_many, *asked_for, *how_again(overrides=overrides), *varied], verdicts
    )
    at = [word for axis in result.axes for word in ("--at", f"{axis.name}=VALUE")]
    run = [*command_line("run", [file], [*how_again(overrides=overrides), *at], verdicts), "--run", "N"]
    run += ["--policy", "NAME"]
    judged = given_by_cells(scenario, chosen, expected, result.cells, known)

    def document() -> dict[str, Any]:
        from batchsim.report.sweep_contract import sweep_document

        return {**sweep_document(result, judged, commands), "warnings": warnings}

    @cache
    def edges() -> list[Edge]:
        # Once the numbers are out: it may take a while.
        option = "--plot" if pictures else "--html"
        has_some = bool(vary) and result.is_complete
        named = [policy for _, policy in chosen]
        return edges_for(result, named, properties, option, max_states, quiet=quiet) if has_some else []

    deliver(
        None if quiet or json_file == "-" else lambda: _show(result, chosen, commands),
        None if json_file is None else lambda: write_json(json_file, document()),
        None if csv_file is None else lambda: write_csv("sweep", csv_file, document()),
        None if html_file is None else lambda: _write_page(html_file, result, chosen, edges(), again, run),
        lambda: _draw(pictures, result, edges() if pictures else [], quiet=quiet),
        None if failure is None else lambda: _raise(failure),
    )
    if progress.was_interrupted and not result.is_complete:
        tell("interrupted: the sweep is incomplete")
        return INTERRUPTED
    doubts = (
        () if result.is_narrow else (f"{scenario.name}: the intervals are not as narrow as {until_width} yet",)
    )
    return code_of(judged, limits, doubts)


def _check(
    engine: str,
    scheduler: str | None,
    out: Path | None,
    plots: Sequence[Path],
    vary: Sequence[str],
    *,
    resume: bool,
) -> None:
    """Whether the options go together; raises `BadInputError`."""
    if scheduler is not None and engine != "dask":
        raise BadInputError("--scheduler: found --engine local; allowed: --engine dask")
    if resume and out is None:
        raise BadInputError("--resume: found no --out; allowed: the database to go on with as --out")
    if plots and not vary:
        raise BadInputError("--plot: found no --vary; allowed: one or two names to vary")


def _ends_of(scenario: Scenario, vary: Sequence[str]) -> list[Scenario]:
    """The scenario with the first values of what varies, and with the last; raises `BadInputError`."""
    from batchsim.analysis.sweep.varying import parse_axes, points_of
    from batchsim.scenario import InvalidScenario, varied

    points = points_of(parse_axes(vary))
    try:
        return [varied(scenario, point.overrides) for point in (points[0], points[-1]) if point.values]
    except InvalidScenario:
        return []  # all points are looked at, and told, by the sweep


def _share_of(width: str) -> float:
    """`0.5%`, as a share."""
    share = percentage(width)
    if not share:
        raise BadInputError(f"--until-width: found {width!r}; allowed: a percentage above 0 %, such as 0.5%")
    return share


@contextmanager
def _executor(engine: str, scheduler: str | None, workers: int | None) -> Iterator[SizedExecutor]:
    from batchsim.analysis.pool import WorkerEnded, local_executor
    from batchsim.analysis.sweep import dask_executor

    try:
        with dask_executor(scheduler, workers) if engine == "dask" else local_executor(workers) as sized:
            yield sized
    except WorkerEnded as ended:
        raise BadInputError(f"{ended}; with --out, --resume goes on from there") from None


def _database(out: Path | None, scenario: Scenario) -> Path | None:
    from batchsim.report.file_names import safe_stem

    if out is None:
        return None
    try:
        path = out / f"{safe_stem(scenario.name)}.sqlite" if out.is_dir() else out
    except OSError as error:
        raise BadInputError(f"--out {out}: {error.strerror or error}") from None
    check_file("--out", path)
    return path


def _raise(error: Exception) -> NoReturn:
    raise error


def _pictures(plots: Sequence[Path]) -> list[Path]:
    """Every picture that is to be drawn."""
    pictures: list[Path] = []
    for plot in plots:
        if str(plot) == "-":
            check_file("--plot", plot)
        # Not `plot.suffix`, which of `curve.` is none: whatever follows a dot may be meant as a format.
        _, dot, ending = plot.name.lstrip(".").rpartition(".")
        suffix = f"{dot}{ending}" if dot else ""
        if suffix and suffix not in PICTURES:
            allowed = f"{', '.join(PICTURES)}, or a name without a dot, which gives both"
            raise BadInputError(f"--plot {plot}: found {suffix!r}; allowed: {allowed}")
        pictures += [plot] if suffix else [plot.with_name(f"{plot.name}{each}") for each in PICTURES]
    for picture in pictures:
        check_file("--plot", picture)
    return pictures


def _draw(
    pictures: Sequence[Path],
    result: Sweep,
    edges: Sequence[Edge],
    *,
    quiet: bool,
) -> None:
    from batchsim.report.progress import Progress
    from batchsim.report.sweep_plot import write_plot

    if not pictures:
        return
    with Progress(len(pictures), quiet=quiet) as progress:
        for picture in pictures:
            progress.begin(f"drawing {picture}")
            try:
                write_plot(picture, result, edges)
            except OSError as error:
                raise BadInputError(f"--plot {picture}: {error.strerror or error}") from None


def _commands(
    result: Sweep, file: Path, overrides: Sequence[str], verdicts: Sequence[str], directory: Path
) -> list[tuple[Example, str]]:
    """For each verdict that was met a run, and the command that shows it."""
    from batchsim.analysis.sweep import examples_of
    from batchsim.analysis.witnesses import within
    from batchsim.report.shell import join

    commands = []
    for each in examples_of(result):
        options = how_again(overrides=overrides, number=each.run, values=each.cell.point.overrides)
        policy = within(directory, each.cell.asked_for)
        words = [*command_line("run", [file], options, verdicts), "--policy", policy]
        commands.append((each, join(words)))
    return commands


def _write_page(
    html_file: Path | None,
    result: Sweep,
    chosen: Sequence[tuple[str, Policy]],
    edges: Sequence[Edge],
    again: Sequence[str],
    run: Sequence[str],
) -> None:
    from batchsim.cli.report import write_page
    from batchsim.report.page import html_page
    from batchsim.report.page.sweeps import sweep_page

    shown = {cell.asked_for: cell.policy for cell in result.cells}
    policies = {shown[name]: policy for name, policy in chosen if name in shown}
    write_page(html_file, html_page(sweep_page(result, policies, again, run, edges)))


def _show(result: Sweep, chosen: Sequence[tuple[str, Policy]], commands: Sequence[tuple[Example, str]]) -> None:
    from batchsim.report.sweep import show_sweep

    with printing(policy for _, policy in chosen) as console:
        show_sweep(console, result, commands)


def given_by_cells(
    scenario: Scenario,
    chosen: Sequence[tuple[str, Policy]],
    expected: Mapping[str, frozenset[str] | None],
    cells: Sequence[CellResult],
    known: Sequence[str],
) -> list[Given]:
    """What the runs of each policy gave, to be judged: no expected verdict has to occur in a sample.

    `known`: the verdicts that can be given without any of the user's.
    """
    from batchsim.analysis.headings import headings_of

    headings = headings_of(chosen)
    return [
        _given(scenario, known, headings[name], each, [cell for cell in cells if cell.asked_for == name])
        for name, each in expected.items()
    ]


def _given(
    scenario: Scenario,
    known: Sequence[str],
    heading: str,
    expected: frozenset[str] | None,
    cells: Sequence[CellResult],
) -> Given:
    return Given(
        scenario=scenario.name,
        policy=heading,
        verdicts=frozenset(verdict for cell in cells for verdict in cell.first_runs),
        expected=expected,
        expected_in="expect_explore",
        known=frozenset(known),
        rates=lambda verdict: [_rate(cell, verdict) for cell in cells],
    )


def _rate(cell: CellResult, verdict: str) -> Rate:
    from batchsim.analysis.sweep import CONFIDENCE

    share = _share_of_failures(cell) if verdict == ANY else cell.verdicts[verdict]
    low, high = share.interval
    at = "".join(f" at {each}" for each in cell.point.overrides)
    # What was never seen is not "0 %".
    about = f" ({_percent(share.share)})" if share.count else ""
    runs = f"{share.count:,} of {share.runs:,} runs{at}{about}"
    return Rate(low, high, f"{runs}, {100 * CONFIDENCE:.0f} % interval {_percent(low)} … {_percent(high)}")


def _share_of_failures(cell: CellResult) -> Share:
    from batchsim.analysis.sweep import Share
    from batchsim.analysis.sweep.intervals import share_interval

    count = cell.runs - cell.verdicts["ok"].count
    return Share(count, cell.runs, share_interval(count, cell.runs))


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
