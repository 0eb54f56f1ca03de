"""The command line: files in, reports out, and an exit code that a CI can rely on."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import StringIO, TextIOWrapper
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

from batchsim.bad_input import BadInputError

if TYPE_CHECKING:
    from rich.console import Console

    from batchsim.analysis.runs import PolicyRun, ScenarioRun
    from batchsim.engines.exhaustive import Exploration
    from batchsim.protocol.policy import Policy
    from batchsim.scenario import Scenario
    from batchsim.verdicts import Property

UNEXPECTED, BAD_INPUT, INCONCLUSIVE, INTERRUPTED = 1, 2, 3, 130
"""Exit codes, the same for every command; 0: every expectation held."""
WIDTH_OF_FILES = 120
"""Columns where the output is no terminal."""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="batchsim")
def commands() -> None:
    """Simulate the fast-completion race of a streaming batch API, and see which policies survive it.

    Exit codes: 0 every expectation held; 1 a verdict was not expected; 2 bad usage or bad input;
    3 inconclusive; 130 interrupted.
    """


@commands.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME|FILE.py:NAME",
    help="Run under this policy instead of those of the scenario; may be repeated.",
)
@click.option(
    "--verdict",
    "verdicts",
    multiple=True,
    metavar="FILE.py:NAME",
    help="Judge by this property of your own too; may be repeated.",
)
@click.option("--seed", type=int, metavar="N", help="Seed of all latencies, instead of the scenario's.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a field of the scenario, such as batch.items=2; may be repeated.",
)
@click.option("--json", "json_file", metavar="FILE|-", help="Write the results as JSON; - for standard output.")
@click.option(
    "--report",
    "report_directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a Markdown report with pictures for each scenario.",
)
@click.option("--timeline", is_flag=True, help="Print every step; the decisive ones stand out.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
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

    _check_outputs(json_file, report_directory)
    plans = [
        (scenario, _policies(scenario, policies), _properties(scenario, verdicts))
        for scenario in _load(files, overrides, seed)
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
            _write_report(report_directory, results)
        if json_file is not None:
            progress.begin(f"writing {json_file}")
            _write_run_json(json_file, results)
    if not quiet and json_file != "-":
        options = [] if seed is None else ["--seed", str(seed)]
        options += [word for override in overrides for word in ("--set", override)]
        options += [word for verdict in verdicts for word in ("--verdict", verdict)]
        command = ["batchsim", "run", *map(str, files), *options, "--timeline", "--policy"]
        _show(results, lambda run: join([*command, run.name]), timeline=timeline)
    return 0 if all(result.is_as_expected for result in results) else UNEXPECTED


@commands.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME|FILE.py:NAME",
    help="Explore under this policy instead of those of the scenario; may be repeated.",
)
@click.option(
    "--verdict",
    "verdicts",
    multiple=True,
    metavar="FILE.py:NAME",
    help="Judge by this property of your own too; may be repeated.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a field of the scenario, such as batch.items=2; may be repeated.",
)
@click.option(
    "--reduce", "reduces", is_flag=True, help="Skip orders of steps that commute: outcomes without counts."
)
@click.option("--max-states", type=click.IntRange(1), metavar="N", help="Give up beyond so many states.")
@click.option("--max-memory", type=click.IntRange(64), metavar="MIB", help="Give up beyond so many MiB.")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the results as JSON; - for standard output.")
@click.option(
    "--witness",
    "witness_directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a witness of each outcome, to be run by `batchsim replay`.",
)
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def explore(
    file: Path,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    overrides: tuple[str, ...],
    reduces: bool,
    max_states: int | None,
    max_memory: int | None,
    json_file: str | None,
    witness_directory: Path | None,
    quiet: bool,
) -> int:
    """Explore every interleaving of a scenario: find every order in which a policy fails.

    Time is left out: any enabled operation may be next. Numbers of schedules are exact. The exit code is 1 if
    the verdicts are not those of `expect_explore`, and 3 if a bound was hit before the answer.
    """
    from batchsim.engines.exhaustive import Bounds
    from batchsim.report.search_progress import SearchProgress

    _check_outputs(json_file, None)
    (scenario,) = _load([file], overrides, None)
    chosen, properties = _policies(scenario, policies), _properties(scenario, verdicts)
    bounds = Bounds(max_states, None if max_memory is None else max_memory << 20)
    with SearchProgress(quiet=quiet) as progress:
        from batchsim.engines.exhaustive import explore as explore_policy

        explorations = []
        for _, policy in chosen:
            if progress.begin(policy.name):
                explorations.append(
                    explore_policy(
                        scenario,
                        policy,
                        properties=properties,
                        bounds=bounds,
                        on_level=progress.show,
                        reduces=reduces,
                    )
                )
    names = [name for name, _ in chosen]
    commands = _write_witnesses(witness_directory, file, overrides, names, explorations)
    if json_file is not None:
        from batchsim.report.contract import explore_document

        _write_json(json_file, explore_document(scenario.name, explorations))
    if not quiet and json_file != "-":
        from batchsim.analysis.constraints import explanations
        from batchsim.report.exploration import show_explorations

        with _printing() as console:
            reasons = [explanations(each, properties) for each in explorations]
            show_explorations(console, scenario, explorations, reasons, commands)
    if progress.was_interrupted:
        return INTERRUPTED
    return _code_of(scenario, names, explorations)


@commands.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="WITNESS")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the run as JSON; - for standard output.")
@click.option(
    "--report",
    "report_directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a Markdown report with pictures.",
)
@click.option("--timeline", is_flag=True, help="Print every step; the decisive ones stand out.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
def replay(file: Path, json_file: str | None, report_directory: Path | None, timeline: bool, quiet: bool) -> int:
    """Run the schedule of a WITNESS in simulated time: the same order, with times that fit it.

    The exit code is 1 if it does not come to the verdicts for which the witness was found.
    """
    from batchsim.analysis.runs import ScenarioRun, run_policy
    from batchsim.analysis.witnesses import read_witness
    from batchsim.engines.timed import OrderNotPossible

    _check_outputs(json_file, report_directory)
    witness = read_witness(file)
    (scenario,) = _load([witness.scenario], witness.overrides, None)
    (name, policy) = _policy_of(scenario, witness.policy)
    try:
        result = run_policy(scenario, name, policy, _properties(scenario, ()), witness.steps, witness.verdicts)
    except OrderNotPossible as error:
        raise BadInputError(f"{file}: no schedule of {scenario.file} under {name}: {error}") from None
    results = [ScenarioRun(scenario, (result,))]
    if report_directory is not None:
        _write_report(report_directory, results)
    if json_file is not None:
        _write_run_json(json_file, results)
    if not quiet and json_file != "-":
        _show(results, lambda _: join(["batchsim", "replay", str(file), "--timeline"]), timeline=timeline)
    return 0 if result.is_as_expected else UNEXPECTED


@commands.command()
@click.option("--json", "json_file", metavar="FILE|-", help="Write the list as JSON; - for standard output.")
def policies(json_file: str | None) -> int:
    """List the policies: the lineage of the real system, and alternatives that nobody deployed."""
    from batchsim.policies import ALTERNATIVES, LINEAGE

    rows = [(policy.name, policy.summary) for policy in (*LINEAGE, *ALTERNATIVES)]
    return _list(("policy", "what it does"), rows, json_file, lambda row: {"name": row[0], "summary": row[1]})


@commands.command()
@click.option("--json", "json_file", metavar="FILE|-", help="Write the list as JSON; - for standard output.")
def scenarios(json_file: str | None) -> int:
    """List the scenarios that batchsim ships, with what each shows."""
    from batchsim.scenario.shipped import shipped_files

    rows = [(str(scenario.file), scenario.summary) for scenario in _load(shipped_files(), (), None)]
    return _list(("scenario", "what it shows"), rows, json_file, lambda row: {"file": row[0], "summary": row[1]})


@commands.command()
def schema() -> int:
    """Print the JSON Schema of scenario files, for editors."""
    from batchsim.scenario import json_schema

    click.echo(json.dumps(json_schema(), indent=2))
    return 0


# -- input -------------------------------------------------------------------------------------


def _load(files: Iterable[Path], overrides: Sequence[str], seed: int | None) -> list[Scenario]:
    """All scenarios; raises `BadInputError` with everything that is wrong with any of them."""
    from batchsim.scenario import InvalidScenario, load_scenario

    scenarios, problems = [], []
    for file in files:
        try:
            scenarios.append(load_scenario(file, overrides, seed))
        except InvalidScenario as invalid:
            problems.append(str(invalid))
    if problems:
        raise BadInputError("\n".join(dict.fromkeys(problems)))
    return scenarios


def _policies(scenario: Scenario, names: Sequence[str]) -> list[tuple[str, Policy]]:
    from batchsim.policies import POLICIES
    from batchsim.scenario import find_policy

    directory = Path() if names else scenario.directory
    chosen = dict.fromkeys(names or scenario.policies)
    return [(name, _find(find_policy, POLICIES, "--policy", name, directory)) for name in chosen]


def _policy_of(scenario: Scenario, name: str) -> tuple[str, Policy]:
    from batchsim.policies import POLICIES
    from batchsim.scenario import find_policy

    return name, _find(find_policy, POLICIES, "policy of the witness", name, scenario.directory)


def _properties(scenario: Scenario, names: Sequence[str]) -> list[Property]:
    from batchsim.scenario import find_verdict
    from batchsim.verdicts import VERDICTS

    own = [_find(find_verdict, VERDICTS, "verdicts", name, scenario.directory) for name in scenario.verdicts]
    own += [_find(find_verdict, VERDICTS, "--verdict", name, Path()) for name in dict.fromkeys(names)]
    given = [each.name for each in own]
    for name in given:
        if given.count(name) > 1:
            raise BadInputError(f"--verdict: found two properties of the name {name!r}; allowed: one of each name")
    return [each for each in own if each.name not in VERDICTS]


def _find(find: Callable[[str, Path], Any], known: Iterable[str], option: str, name: str, directory: Path) -> Any:
    from batchsim.scenario.spelling import did_you_mean
    from batchsim.user_code import UserCodeError

    try:
        return find(name, directory)
    except KeyError:
        allowed = ", ".join((*known, "path/to/file.py:NAME"))
        hint = did_you_mean(name, known)
        parts = (f"{option}: found {name!r}", f"allowed: {allowed}", hint)
        raise BadInputError("; ".join(filter(None, parts))) from None
    except UserCodeError as error:
        raise BadInputError(f"{option}: {error}") from None


# -- output ------------------------------------------------------------------------------------


def _show(results: list[ScenarioRun], again: Callable[[PolicyRun], str], *, timeline: bool) -> None:
    from batchsim.report.terminal import show_matrix, show_scenario_run

    with _printing() as console:
        if len(results) == 1:
            show_scenario_run(console, results[0], again, timeline=timeline)
        else:
            show_matrix(console, results, timeline=timeline)


@contextmanager
def _printing() -> Iterator[Console]:
    """A console: the terminal as it is; otherwise text without blanks at the ends of lines."""
    from rich.console import Console

    if sys.stdout.isatty():
        yield Console(highlight=False)
        return
    text = StringIO()
    yield Console(file=text, width=WIDTH_OF_FILES, highlight=False)
    click.echo("\n".join(line.rstrip() for line in text.getvalue().split("\n")), nl=False)


def _check_outputs(json_file: str | None, report_directory: Path | None) -> None:
    """Before any work: whether the results can be written; raises `BadInputError`."""
    from batchsim.report.files import why_not_writable
    from batchsim.report.folder import why_not_reports

    if json_file is not None and json_file != "-":
        why = why_not_writable(Path(json_file)) if json_file else "found nothing; allowed: a file, or -"
        if why is not None:
            raise BadInputError(f"--json {json_file}: {why}")
    if report_directory is not None:
        why = why_not_reports(report_directory)
        if why is not None:
            raise BadInputError(f"--report {report_directory}: {why}")


def _write_witnesses(
    directory: Path | None,
    file: Path,
    overrides: Sequence[str],
    names: Sequence[str],
    explorations: Sequence[Exploration],
) -> list[list[str]]:
    """Write a witness of each outcome; for each the command that replays it."""
    from batchsim.analysis.witnesses import witness_of, witness_text
    from batchsim.report.files import write_whole

    commands = []
    for name, exploration in zip(names, explorations, strict=False):
        commands.append(
            [
                f"batchsim replay {(directory or Path('DIR')) / _witness_file(exploration, n)}"
                for n in range(len(exploration.outcomes))
            ]
        )
        if directory is None:
            continue
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for number, outcome in enumerate(exploration.outcomes):
                witness = witness_of(outcome, file, overrides, name)
                write_whole(directory / _witness_file(exploration, number), witness_text(witness, directory))
        except OSError as error:
            raise BadInputError(f"--witness {directory}: {error.strerror or error}") from None
    return commands


def _witness_file(exploration: Exploration, number: int) -> str:
    return f"{exploration.policy}-{number + 1}-{'-'.join(exploration.outcomes[number].verdicts)}.json"


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
        inconclusive |= not exploration.is_complete
    return INCONCLUSIVE if inconclusive else 0


def _list(
    headings: tuple[str, str],
    rows: list[tuple[str, str]],
    json_file: str | None,
    as_json: Callable[[tuple[str, str]], dict[str, str]],
) -> int:
    if json_file is not None:
        _write_json(json_file, [as_json(row) for row in rows])
    if json_file != "-":
        from batchsim.report.terminal import show_list

        with _printing() as console:
            show_list(console, headings, rows)
    return 0


def _write_report(directory: Path, results: list[ScenarioRun]) -> None:
    from batchsim.report.folder import write_reports

    try:
        write_reports(directory, results)
    except OSError as error:
        raise BadInputError(f"--report {directory}: {error.strerror or error}") from None


def _write_run_json(file: str, results: list[ScenarioRun]) -> None:
    from batchsim.report.contract import run_document

    documents = [run_document(result) for result in results]
    _write_json(file, documents[0] if len(documents) == 1 else documents)


def _write_json(file: str, document: Any) -> None:
    """Write the file whole or not at all."""
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if file == "-":
        click.echo(text, nl=False)
        return
    from batchsim.report.files import write_whole

    try:
        write_whole(Path(file), text)
    except OSError as error:
        raise BadInputError(f"--json {file}: {error.strerror or error}") from None


# -- the program -------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    _make_streams_robust()
    try:
        code = commands.main(arguments, prog_name="batchsim", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        code = _complain(error.format_message(), getattr(error, "ctx", None))
    except BadInputError as error:
        code = _complain(str(error))
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        _silence(sys.stdout)
        code = 0
    except OSError as error:
        _silence(sys.stdout)
        code = _complain(f"standard output: {error.strerror or error}")
    sys.exit(code)


def _complain(message: str, context: click.Context | None = None) -> int:
    if context is not None:
        message = f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n\nError: {message}"
    try:
        click.echo(message, err=True)
    except OSError:
        _silence(sys.stderr)
    return BAD_INPUT


def _make_streams_robust() -> None:
    """What a stream cannot encode is escaped, and a stream that is closed takes everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - to the end of the process
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence(stream: TextIO) -> None:
    """Nothing more goes there, not even at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
