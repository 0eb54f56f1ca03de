"""`batchsim check`: everything that scenarios expect, in parallel, and only what has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.exit_codes import BAD_INPUT, EXPECTED, INCONCLUSIVE, INTERRUPTED, UNEXPECTED
from batchsim.cli.telling import tell

if TYPE_CHECKING:
    from concurrent.futures import Future

    from batchsim.analysis.pool import SizedExecutor
    from batchsim.checking.cache import Cache
    from batchsim.checking.inputs import Inputs
    from batchsim.checking.questions import Question
    from batchsim.checking.told import Refusal
    from batchsim.checking.work import Row, Status
    from batchsim.scenario import Scenario

CACHE_FOLDER = Path(".batchsim_cache")
RUNS = 1000
_SILENT = "nothing is expected, so nothing is checked"
_LOOK_S = 0.2
_WATCH_S = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions of a number of files, each with what its answer depends on."""

    questions: tuple[tuple[Question, Inputs], ...]
    warnings: tuple[tuple[Path, str], ...]
    """Of a file: what its checks do not look at."""

    @property
    def inputs(self) -> frozenset[Inputs]:
        """All that they depend on."""
        return frozenset(each for _, each in self.questions)


class NothingChecked(BadInputError):
    """Scenarios cannot be checked; `refusals` says what is wrong with which."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        self.refusals = tuple(dict.fromkeys(refusals))
        super().__init__("\n".join(each.text for each in self.refusals))


@dataclass(frozen=True, slots=True)
class Hands:
    """Who does the work."""

    workers: int | None
    scheduler: str | None

    @contextmanager
    def executor(self, questions: int) -> Iterator[SizedExecutor]:
        """The executor, no larger than so many questions need."""
        from batchsim.analysis.pool import cores, local_executor

        if self.scheduler is not None:
            from batchsim.analysis.sweep import dask_executor

            with dask_executor(self.scheduler, self.workers) as sized:
                yield sized
            return
        with local_executor(min(self.workers or cores(), questions), ["batchsim.checking.work"]) as sized:
            yield sized


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where results go, beside the terminal."""

    json_file: str | None
    junit: Path | None
    sarif: Path | None


@click.command()
@click.argument("paths", nargs=-1, type=options.NamedPath(), metavar="[PATHS]...")
@options.overrides
@click.option(
    "--runs", type=click.IntRange(1), metavar="N", help=f"Runs for each rate that is expected; default {RUNS:,}."
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes to use; default: one per core.")
@options.scheduler
@click.option("--max-states", type=click.IntRange(1), metavar="N", help="Give up beyond so many states or zones.")
@click.option("--max-memory", type=click.IntRange(64), metavar="MIB", help="Give up beyond so many MiB.")
@click.option(
    "--cache-dir",
    type=options.NamedPath(),
    metavar="DIR",
    help=f"Where answers are kept; default {CACHE_FOLDER}.",
)
@click.option("--no-cache", is_flag=True, help="Ask everything anew, and keep nothing.")
@click.option("--junit", type=options.NamedPath(), metavar="FILE", help="Write JUnit XML.")
@click.option("--sarif", type=options.NamedPath(), metavar="FILE", help="Write SARIF, for code scanning.")
@options.json_file
@click.option("--watch", is_flag=True, help="Check again whenever a file changes, until Ctrl-C.")
@options.quiet
def check(
    paths: tuple[Path, ...],
    overrides: tuple[str, ...],
    runs: int | None,
    workers: int | None,
    scheduler: str | None,
    max_states: int | None,
    max_memory: int | None,
    cache_dir: Path | None,
    no_cache: bool,
    junit: Path | None,
    sarif: Path | None,
    json_file: str | None,
    watch: bool,
    quiet: bool,
) -> int:
    """Check everything that scenarios expect.

    PATHS are scenarios, or folders that are searched for them; default: those of `[tool.batchsim]` in
    pyproject.toml, or else the current folder. Each policy is asked in the way of each expectation: `expect` is
    about one run, `expect_rate` about many runs, `expect_timed` about all runs within the intervals of the
    latencies, `expect_explore` about all orders.

    Answers are kept by the content of all that they depend on, so what has not changed costs no work. In a GitHub
    workflow there are annotations and a job summary too.

    The exit code is 1 if anything is not as expected, 2 if a scenario cannot be checked, or if nothing is expected
    at all, 3 if an answer is not known.
    """
    from batchsim.checking.cache import Cache
    from batchsim.cli.project import project_here

    if no_cache and cache_dir is not None:
        raise BadInputError("--cache-dir: found --no-cache, too; allowed: one of the two")
    project = project_here()
    wanted = paths or project.paths or (Path(),)
    memory = max_memory or project.max_memory
    settings = {
        "runs": runs or project.runs or RUNS,
        "states_max": max_states or project.max_states,
        "memory_max": None if memory is None else memory << 20,
    }
    workers = workers or project.workers
    cache = Cache(None if no_cache else _cache_folder(cache_dir) or project.cache_dir or CACHE_FOLDER)
    outputs = Outputs(json_file, junit, sarif)
    hands = Hands(workers, scheduler)
    if Path("-") in wanted:
        raise BadInputError("-: found standard input, which workers cannot read; allowed: files and folders")
    if watch:
        return _watch(wanted, overrides, settings, hands, cache, outputs, quiet=quiet)
    code, _ = _once(wanted, overrides, settings, hands, cache, outputs, quiet=quiet)
    return code


def _cache_folder(asked: Path | None) -> Path | None:
    """The folder that was asked for; raises `BadInputError` for what cannot be one: nothing would be kept."""
    if asked is None:
        return None
    there = next((each for each in (asked, *asked.parents) if each.exists()), asked)
    if there.exists() and not there.is_dir():
        raise BadInputError(f"--cache-dir {asked}: found {there}, a file; allowed: a folder, be it a new one")
    return asked


def _once(
    paths: Sequence[Path],
    overrides: tuple[str, ...],
    settings: dict[str, int | None],
    hands: Hands,
    cache: Cache,
    outputs: Outputs,
    *,
    quiet: bool,
) -> tuple[int, frozenset[Inputs]]:
    """The exit code, and what it depends on."""
    from batchsim.checking.finding import scenario_files

    try:
        plan = _plan(scenario_files(paths), overrides, settings, quiet=quiet)
    except BadInputError as error:
        _deliver_refusal(error, outputs)
        raise
    _check_outputs(outputs)
    rows, was_interrupted = _rows(plan, cache, hands, quiet=quiet)
    if was_interrupted:
        tell(f"interrupted: {len(rows)} of {len(plan.questions)} checks were made")
        return INTERRUPTED, plan.inputs
    if not quiet:
        for file, each in plan.warnings:
            tell(f"warning: {file}: {each}")
    _deliver(rows, plan.warnings, outputs, quiet=quiet)
    return _code([row.status for row in rows]), plan.inputs


def _plan(
    files: Sequence[Path], overrides: tuple[str, ...], settings: dict[str, int | None], *, quiet: bool
) -> Plan:
    """All questions; raises `NothingChecked` with everything that is wrong with any file."""
    from batchsim.checking.inputs import inputs_of
    from batchsim.checking.questions import questions_of
    from batchsim.checking.told import Refusal
    from batchsim.reading import noting_reads
    from batchsim.report.progress import Progress
    from batchsim.scenario import InvalidScenario, load_scenario

    questions: list[tuple[Question, Inputs]] = []
    refusals: list[Refusal] = []
    silent: list[Path] = []
    warnings: list[tuple[Path, str]] = []
    with Progress(len(files), quiet=quiet) as progress:
        for file in files:
            progress.begin(f"loading {file}")
            with noting_reads() as read:
                try:
                    scenario = load_scenario(file, overrides)
                    for name in scenario.verdicts:
                        _read_property(name, scenario.directory)
                    asked = list(questions_of(scenario, file, overrides, **settings))  # type: ignore[arg-type]
                except InvalidScenario as invalid:
                    refusals += [Refusal(each.file, each.line, str(each)) for each in invalid.problems]
                    continue
                except BadInputError as error:
                    refusals.append(Refusal(str(file), None, str(error)))
                    continue
            all_of_it = inputs_of(read, Path.cwd())
            questions += [(each, all_of_it) for each in asked]
            if not asked:
                silent.append(file)
            warnings += [(file, each) for each in _unjudged(scenario, asked)]
    if refusals:
        raise NothingChecked(refusals)
    if not questions:
        text = (
            f"{', '.join(map(str, silent))}: found nothing that is expected, so nothing can be checked; "
            "allowed: expect, expect_rate, expect_timed or expect_explore in the scenario"
        )
        raise NothingChecked([Refusal(str(silent[0]), None, text)])
    # Without `quiet` it is told with the other warnings; it says what an exit code means, so it is not held back.
    if silent and quiet:
        tell(f"{_SILENT} in {', '.join(map(str, silent))}")
    warnings += [(file, _SILENT) for file in silent]
    return Plan(tuple(questions), tuple(warnings))


def _unjudged(scenario: Scenario, asked: Sequence[Question]) -> tuple[str, ...]:
    """That nothing can be found wrong in a system of one's own; what its code does wrong is told by its checks."""
    from batchsim.analysis.assumptions import nothing_to_judge
    from batchsim.checking.work import properties_in

    if scenario.own is None or not asked:
        return ()
    names = dict.fromkeys(each.policy for each in asked)
    with suppress(BadInputError):
        policies = [(each, scenario.policy_named(each)) for each in names]
        return nothing_to_judge(scenario, policies, properties_in(scenario))
    return ()


def _read_property(name: str, directory: Path) -> None:
    from batchsim.scenario import find_verdict

    find_verdict(name, directory)


def _rows(plan: Plan, cache: Cache, hands: Hands, *, quiet: bool) -> tuple[list[Row], bool]:
    """The answers in the order of the questions, and whether they were interrupted."""
    from concurrent.futures import FIRST_COMPLETED, wait

    from batchsim.checking.work import check as answer
    from batchsim.report.progress import Progress

    known = {
        place: row for place, row in enumerate(cache.find(*each) for each in plan.questions) if row is not None
    }
    missing = [place for place in range(len(plan.questions)) if place not in known]
    if missing:
        with (
            Progress(len(missing), quiet=quiet, looks=True) as progress,
            progress.keeping(),
            hands.executor(len(missing)) as (executor, size),
        ):
            waiting = iter(missing)
            underway: dict[Future[Row], int] = {}
            while progress.goes_on():
                while len(underway) < size and (place := next(waiting, None)) is not None:
                    question, _ = plan.questions[place]
                    progress.begin(f"{question.scenario} under {question.heading}, {question.way.value}")
                    underway[executor.submit(answer, question)] = place
                if not underway:
                    break
                ended, _ = wait(underway, _LOOK_S, FIRST_COMPLETED)
                for future in ended:
                    place = underway.pop(future)
                    known[place] = future.result()
                    cache.keep(known[place], plan.questions[place][1])
        if len(known) < len(plan.questions):
            return [known[place] for place in sorted(known)], True
    return [known[place] for place in range(len(plan.questions))], False


def _code(statuses: Sequence[Status]) -> int:
    from batchsim.checking.work import Status

    for status, code in (
        (Status.INVALID, BAD_INPUT),
        (Status.FAILED, UNEXPECTED),
        (Status.UNKNOWN, INCONCLUSIVE),
    ):
        if status in statuses:
            return code
    return EXPECTED


# -- results ---------------------------------------------------------------------------------------


def _files(outputs: Outputs) -> Iterator[tuple[str, Path]]:
    if outputs.json_file not in (None, "-", ""):
        yield "--json", Path(str(outputs.json_file))
    for option, file in (("--junit", outputs.junit), ("--sarif", outputs.sarif)):
        if file is not None:
            yield option, file


def _check_outputs(outputs: Outputs) -> None:
    from batchsim.cli.outputs import check_apart, check_file, check_outputs

    check_outputs(outputs.json_file, None)
    for option, file in _files(outputs):
        check_file(option, file)
    check_apart(_files(outputs))


def _deliver(rows: list[Row], warnings: Sequence[tuple[Path, str]], outputs: Outputs, *, quiet: bool) -> None:
    from batchsim.checking.told import checks_document, junit_text, sarif_text, sentence, show_checks
    from batchsim.checking.work import Status
    from batchsim.cli.outputs import deliver, printing, write_json

    def show() -> None:
        with printing() as console:
            show_checks(console, rows)

    shows = not quiet and outputs.json_file != "-"
    deliver(
        show if shows else None,
        None if outputs.junit is None else lambda: _write("--junit", outputs.junit, junit_text(rows)),
        None if outputs.sarif is None else lambda: _write("--sarif", outputs.sarif, sarif_text(rows)),
        None
        if outputs.json_file is None
        else lambda: write_json(str(outputs.json_file), checks_document(rows, warnings)),
        lambda: _tell_github(rows, warnings),
    )
    if not shows:
        for row in rows:
            if row.status is not Status.PASSED:
                tell(sentence(row))


def _deliver_refusal(error: BadInputError, outputs: Outputs) -> None:
    """Why nothing was checked, for a CI: it shows files, and annotations, and nobody looks at standard error."""
    from batchsim.checking.told import Refusal, github_annotations, junit_text, markdown_refusal, sarif_text

    if isinstance(error, NothingChecked):
        refusals: Sequence[Refusal] = error.refusals
    else:
        refusals = [Refusal("", None, each) for each in str(error).splitlines()]
    for line in github_annotations((), refusals=refusals) if _is_github() else ():
        tell(line)
    try:
        _check_outputs(outputs)
        _write("--junit", outputs.junit, junit_text((), refusals))
        _write("--sarif", outputs.sarif, sarif_text((), refusals))
        _add_to_summary(lambda: markdown_refusal(refusals))
    except BadInputError as another:
        tell(str(another))


def _write(option: str, file: Path | None, text: str) -> None:
    from batchsim.report.files import write_whole

    if file is not None:
        try:
            write_whole(file, text)
        except OSError as error:
            raise BadInputError(f"{option} {file}: {error.strerror or error}") from None


def _is_github() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"


def _tell_github(rows: Sequence[Row], warnings: Sequence[tuple[Path, str]]) -> None:
    """Annotations on standard error, where the runner looks too, and the summary of the job."""
    from batchsim.checking.told import github_annotations, markdown_summary

    for line in github_annotations(rows, warnings) if _is_github() else ():
        tell(line)
    _add_to_summary(lambda: markdown_summary(rows))


def _add_to_summary(text: Callable[[], str]) -> None:
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if _is_github() and file:
        try:
            with Path(file).open("a", encoding="utf-8") as summary:
                summary.write(text())
        except OSError as error:
            raise BadInputError(f"GITHUB_STEP_SUMMARY {file}: {error.strerror or error}") from None


# -- watching --------------------------------------------------------------------------------------


def _watch(
    paths: Sequence[Path],
    overrides: tuple[str, ...],
    settings: dict[str, int | None],
    hands: Hands,
    cache: Cache,
    outputs: Outputs,
    *,
    quiet: bool,
) -> int:
    """Check again and again; only Ctrl-C ends it."""
    inputs: frozenset[Inputs] = frozenset()
    while True:
        before = _state(paths, inputs)
        try:
            code, inputs = _once(paths, overrides, settings, hands, cache, outputs, quiet=quiet)
            if code == INTERRUPTED:
                return code
            # What was edited in the meantime, and is known only now, is not in what was before.
            before = _state(paths, inputs)
            if any(each.have_changed() for each in inputs):
                continue
        except BadInputError as error:
            tell(str(error))
        tell("watching; Ctrl-C ends it")
        while _state(paths, inputs) == before:
            time.sleep(_WATCH_S)


def _state(paths: Sequence[Path], inputs: frozenset[Inputs]) -> dict[str, int]:
    """When each file was changed last."""
    from batchsim.checking.finding import scenario_files

    files = {file for each in inputs for file in each.files}
    with suppress(BadInputError):
        files |= {os.path.realpath(each) for each in scenario_files(paths)}
    state: dict[str, int] = {}
    for file in files:
        with suppress(OSError):
            state[file] = Path(file).stat().st_mtime_ns
    return state
