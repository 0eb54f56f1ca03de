"""`batchsim sweep`: how probable each verdict is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.exit_codes import INCONCLUSIVE, INTERRUPTED, UNEXPECTED
from batchsim.cli.inputs import load, policies_of, properties_of
from batchsim.cli.outputs import check_outputs, printing, write_json

if TYPE_CHECKING:
    from batchsim.analysis.sweep import CellResult, Crew, Sweep
    from batchsim.protocol.policy import Policy
    from batchsim.scenario import Scenario
    from batchsim.verdicts import Property

RUNS_MAX_FOR_A_WIDTH = 1_000_000
_PERCENT = re.compile(r"(?P<number>[0-9]{1,2}(\.[0-9]{1,9})?) *%")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--runs", type=click.IntRange(1), metavar="N", help="Runs of each policy at each point (1000).")
@options.policies
@options.verdicts
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
    type=click.Path(path_type=Path),
    metavar="FILE|DIR",
    help="Keep every run in this database, or in one in this directory.",
)
@click.option("--resume", is_flag=True, help="Go on with the database of --out.")
@options.json_file
@click.option(
    "--plot",
    "plots",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw a curve, or a heat map of two names: FILE.svg and FILE.png, or the one that FILE ends in.",
)
@options.quiet
def sweep(
    file: Path,
    runs: int | None,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
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
    quiet: bool,
) -> int:
    """Run a scenario many times: how probable each verdict is, and how policies differ.

    Every run of an index meets the same latencies under all policies, on any number of workers. The exit code is
    1 if a verdict was given that `expect_explore` excludes, and 3 if --until-width was not reached.
    """
    from batchsim.analysis.sweep import RUNS
    from batchsim.analysis.sweep import sweep as sweep_scenario
    from batchsim.report.sweep_progress import SweepProgress

    _check(engine, scheduler, out, plots, vary, resume=resume)
    check_outputs(json_file, None)
    (scenario,) = load([file], overrides, None)
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, verdicts)
    pictures = _pictures(plots)
    with _crew(engine, scheduler, workers) as (executor, count), SweepProgress(quiet=quiet) as progress:
        progress.begin(scenario.name)
        result = sweep_scenario(
            scenario,
            policies or None,
            runs=runs or (RUNS if until_width is None else RUNS_MAX_FOR_A_WIDTH),
            vary=vary,
            properties=properties,
            until_width=None if until_width is None else _share_of(until_width),
            executor=executor,
            workers=count,
            database=_database(out, scenario),
            resume=resume,
            watch=progress.watch,
        )
    if json_file is not None:
        _write_json(json_file, result)
    if not quiet and json_file != "-":
        _show(result)
    if pictures:
        _draw(pictures, result, [policy for _, policy in chosen], properties, quiet=quiet)
    if progress.was_interrupted and not result.is_complete:
        click.echo("interrupted: the sweep is incomplete", err=True)
        return INTERRUPTED
    return _code_of(scenario, dict(chosen), result)


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


def _share_of(width: str) -> float:
    """`0.5%`, as a share."""
    match = _PERCENT.fullmatch(width.strip())
    share = float(match["number"]) / 100 if match else 0.0
    if not share:
        raise BadInputError(f"--until-width: found {width!r}; allowed: a percentage above 0 %, such as 0.5%")
    return share


@contextmanager
def _crew(engine: str, scheduler: str | None, workers: int | None) -> Iterator[Crew]:
    from batchsim.analysis.pool import WorkerEnded, local_crew
    from batchsim.analysis.sweep import dask_crew

    try:
        with dask_crew(scheduler, workers) if engine == "dask" else local_crew(workers) as crew:
            yield crew
    except WorkerEnded as ended:
        raise BadInputError(f"{ended}; with --out, --resume goes on from there") from None


def _database(out: Path | None, scenario: Scenario) -> Path | None:
    from batchsim.report.file_names import safe_stem
    from batchsim.report.files import why_not_writable

    if out is None:
        return None
    path = out / f"{safe_stem(scenario.name)}.sqlite" if out.is_dir() else out
    why = why_not_writable(path)
    if why is not None:
        raise BadInputError(f"--out {out}: {why}")
    return path


def _pictures(plots: Sequence[Path]) -> list[Path]:
    """Every picture that is to be drawn."""
    from batchsim.report.files import why_not_writable

    pictures: list[Path] = []
    for plot in plots:
        ends = plot.suffix in (".svg", ".png")
        pictures += [plot] if ends else [plot.with_name(f"{plot.name}{suffix}") for suffix in (".svg", ".png")]
    for picture in pictures:
        why = why_not_writable(picture)
        if why is not None:
            raise BadInputError(f"--plot {picture}: {why}")
    return pictures


def _draw(
    pictures: Sequence[Path],
    result: Sweep,
    policies: Sequence[Policy],
    properties: Sequence[Property],
    *,
    quiet: bool,
) -> None:
    from batchsim.cli.edges import edges_for
    from batchsim.report.progress import Progress
    from batchsim.report.sweep_plot import write_plot

    edges = edges_for(result, policies, properties, quiet=quiet) if result.is_complete else []
    with Progress(len(pictures), quiet=quiet) as progress:
        for picture in pictures:
            progress.begin(f"drawing {picture}")
            try:
                write_plot(picture, result, edges)
            except OSError as error:
                raise BadInputError(f"--plot {picture}: {error.strerror or error}") from None


def _write_json(file: str, result: Sweep) -> None:
    from batchsim.report.sweep_contract import sweep_document

    write_json(file, sweep_document(result))


def _show(result: Sweep) -> None:
    from batchsim.report.sweep import show_sweep

    with printing() as console:
        show_sweep(console, result)


def _code_of(scenario: Scenario, chosen: dict[str, Any], result: Sweep) -> int:
    if not is_as_expected(scenario, chosen, result.cells):
        return UNEXPECTED
    return 0 if result.is_narrow else INCONCLUSIVE


def is_as_expected(scenario: Scenario, chosen: Iterable[str], cells: Iterable[CellResult]) -> bool:
    """Whether no verdict was given that `expect_explore` excludes; tells the first that was."""
    found: dict[str, set[str]] = {name: set() for name in chosen}
    for cell in cells:
        found[cell.asked_for].update(name for name, share in cell.verdicts.items() if share.count)
    for name, given in found.items():
        expected = scenario.expect_explore.get(name)
        if expected is not None and not given <= expected:
            wrong = ", ".join(sorted(given - expected))
            message = f"{scenario.name}, {name}: expected {', '.join(sorted(expected))}, got {wrong} too"
            click.echo(message, err=True)
            return False
    return True
