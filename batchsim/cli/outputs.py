"""Where results go: the terminal, JSON, report folders, witnesses."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchsim.bad_input import BadInputError
from batchsim.cli.options import is_paging_wanted, on_stdout, take_stdout
from batchsim.cli.paging import print_paged

if TYPE_CHECKING:
    from rich.console import Console

    from batchsim.analysis.calibration import Measured
    from batchsim.analysis.runs import PolicyRun, ScenarioRun
    from batchsim.analysis.witnesses import Witness
    from batchsim.batch.policy import Policy
    from batchsim.scenario import Scenario


TO_STDOUT = ("--json", "--html", "--csv", "--mermaid")
"""Options that write one text, and so take `-` for standard output."""


def show(results: list[ScenarioRun], again: Callable[[PolicyRun], str], *, timeline: bool) -> None:
    """Print results; `again`: the command that shows a run by itself."""
    from batchsim.report.terminal import show_matrix, show_scenario_run

    with printing(run.policy for result in results for run in result.runs) as console:
        if len(results) == 1:
            show_scenario_run(console, results[0], again, timeline=timeline)
        else:
            show_matrix(console, results, timeline=timeline)


@contextmanager
def printing(policies: Iterable[object] = ()) -> Iterator[Console]:
    """A console for the terminal as it is, or for a file; what is printed has no blanks at the ends of lines.

    What is longer than the screen goes to a pager. `policies`: those that are shown; names of shipped ones that
    others of them have are shown as they are.
    """
    from batchsim.report.screen import WIDTH_OF_FILES, Screen, without_blanks_at_ends

    text, unglossed = StringIO(), _unglossed(policies)
    if sys.stdout.isatty():
        real = Screen()
        # Tables and what is wrapped are filled up with blanks, which go on in the next line of a smaller window.
        colors: Any = real.color_system
        yield Screen(unglossed=unglossed, file=text, width=real.width, force_terminal=True, color_system=colors)
    else:
        yield Screen(unglossed=unglossed, file=text, width=WIDTH_OF_FILES)
    if not on_stdout():
        print_paged(without_blanks_at_ends(text.getvalue()), is_wanted=is_paging_wanted())


def _unglossed(policies: Iterable[object]) -> set[str]:
    """The names of those that are no shipped ones, but for what a shipped one among them is called."""
    from batchsim.batch.policies import gloss_of

    is_shipped = {(getattr(each, "name", ""), bool(gloss_of(each))) for each in policies}
    return {name for name, shipped in is_shipped if not shipped and (name, True) not in is_shipped}


def check_outputs(
    json_file: str | None,
    report_directory: Path | None,
    witness_directory: Path | None = None,
    *,
    more: Mapping[str, Path | None] | None = None,
) -> None:
    """Whether the results can be written; raises `BadInputError`. `more`: by their options, further files.

    To be asked before any work, and after all input was read: no file of it is replaced by a result.
    """
    if json_file is not None and json_file != "-":
        if not json_file:
            raise BadInputError("--json: found nothing; allowed: a file, or -")
        check_file("--json", Path(json_file))
    named = [(option, file) for option, file in (more or {}).items() if file is not None]
    both = [option for option, file in [("--json", json_file), *named] if str(file) == "-"]
    if len(both) > 1:
        raise BadInputError(f"{both[1]} -: found standard output, which {both[0]} has; allowed: a file")
    for option, file in named:
        check_file(option, file)
    check_apart([*named, *([] if json_file in (None, "-") else [("--json", Path(str(json_file)))])])
    for option, directory in (("--report", report_directory), ("--witness", witness_directory)):
        if directory is not None:
            check_folder(option, directory)


def check_file(option: str, file: Path) -> None:
    """Whether a file can be written, and is none that was read; raises `BadInputError`."""
    from batchsim.reading import was_read
    from batchsim.report.files import why_not_writable

    if str(file) == "-":
        if option not in TO_STDOUT:
            raise BadInputError(
                f"{option} -: found -; allowed: a name ({', '.join(TO_STDOUT)} take - for standard output)"
            )
        take_stdout(option)
        return
    why = why_not_writable(file)
    if why is None and was_read(file):
        why = "found a file that is read; allowed: another one"
    if why is not None:
        raise BadInputError(f"{option} {file}: {why}")


def check_apart(files: Iterable[tuple[str, Path]]) -> None:
    """Whether no two options name the same file to be written; raises `BadInputError`."""
    options: dict[str, str] = {}
    for option, file in files:
        first = options.setdefault(os.path.realpath(file), option)
        if first != option:
            raise BadInputError(f"{option} {file}: found the file of {first}; allowed: another one")


def check_folder(option: str, directory: Path, names: Iterable[str] = ()) -> None:
    """Whether files of these names can be written into a folder; raises `BadInputError`."""
    from batchsim.report.files import check_not_others, why_no_folder

    why = "found -; allowed: the name of a folder" if str(directory) == "-" else why_no_folder(directory)
    if why is not None:
        raise BadInputError(f"{option} {directory}: {why}")
    check_not_others(directory, names)


def check_report(directory: Path, scenarios: Iterable[tuple[Scenario, Sequence[tuple[str, Policy]]]]) -> None:
    """Before any run: whether the reports of these scenarios would replace anything that is not ours."""
    from batchsim.report.folder import possible_files

    files = possible_files(
        (scenario.name, [policy.name for _, policy in chosen]) for scenario, chosen in scenarios
    )
    check_folder("--report", directory, files)


def check_witnesses(directory: Path, policies: Iterable[str]) -> None:
    """Before any search: whether witnesses of these policies would replace anything that is not ours."""
    prefixes = tuple(f"{_witness_stem(policy)}-" for policy in policies)
    try:
        there = sorted(path.name for path in directory.iterdir()) if directory.is_dir() else []
    except OSError as error:
        raise BadInputError(f"--witness {directory}: {error.strerror or error}") from None
    names = [name for name in there if name.endswith(".json") and name.startswith(prefixes)]
    check_folder("--witness", directory, names)


def deliver(*ways: Callable[[], object] | None) -> None:
    """Hand out results by each of these ways, the terminal first: where one fails, the others do not.

    Raises what failed, once all were tried: `BadInputError`, or `OSError` if it was only standard output.
    """
    failed: list[BadInputError | OSError] = []
    for way in ways:
        try:
            if way is not None:
                way()
        except (BadInputError, OSError) as error:
            failed.append(error)
    told = [str(error) for error in failed if isinstance(error, BadInputError)]
    if told:
        raise BadInputError("\n".join(told))
    if failed:
        raise failed[0]


def witness_texts(
    directory: Path, witnesses: Sequence[Sequence[Witness]]
) -> tuple[dict[str, str], list[list[str]]]:
    """The files of the witnesses of each exploration, by name; for each witness the command that replays it."""
    from batchsim.analysis.witnesses import witness_text
    from batchsim.report.file_names import FileNames
    from batchsim.report.shell import join

    names = FileNames()
    texts: dict[str, str] = {}
    commands: list[list[str]] = []
    for group in witnesses:
        commands.append([])
        for number, witness in enumerate(group, 1):
            stem = f"{_witness_stem(witness.policy)}-{number}-{'-'.join(witness.verdicts)}"
            file = names.give(stem, ".json")
            texts[file] = witness_text(witness, directory)
            commands[-1].append(join(["batchsim", "replay", str(directory / file)]))
    return texts, commands


def _witness_stem(policy: str) -> str:
    from batchsim.report.file_names import safe_stem

    return safe_stem(policy.rpartition(":")[2])


def print_list(
    headings: tuple[str, str],
    rows: list[tuple[str, str]],
    json_file: str | None,
    as_json: Callable[[tuple[str, str]], dict[str, str]],
) -> int:
    """Print a list of names with a sentence each, or write it as JSON; the exit code."""
    from batchsim.report.terminal import show_list

    def show() -> None:
        with printing() as console:
            show_list(console, headings, rows)

    check_outputs(json_file, None)
    deliver(
        None if json_file == "-" else show,
        None if json_file is None else lambda: write_json(json_file, [as_json(row) for row in rows]),
    )
    return 0


def report_texts(directory: Path, results: list[ScenarioRun]) -> dict[str, str]:
    """The files of a report folder; pages of other commands that are there already are linked to."""
    from batchsim.report.folder import reports

    try:
        others = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    except OSError as error:
        raise BadInputError(f"--report {directory}: {error.strerror or error}") from None
    return reports(results, others, folder_name(directory))


def folder_name(directory: Path) -> str:
    """What a folder is called in the command that made what is in it: where it was is nobody's business."""
    return directory.name or "."


def write_files(option: str, directory: Path, texts: Mapping[str, str]) -> None:
    """Write files into the folder of an option, by their names, all or none; raises `BadInputError`."""
    from batchsim.report.files import write_folder

    try:
        write_folder(directory, texts)
    except OSError as error:
        raise BadInputError(f"{option} {directory}: {error.strerror or error}") from None


def write_run_json(file: str, results: list[ScenarioRun], live: dict[str, Any] | None = None) -> None:
    """Write the results of runs: one document, or a list of several; `live`: of one, the same on real servers."""
    from batchsim.report.contract import run_document

    documents = [run_document(result) for result in results]
    if live is not None:
        documents[0] = {**documents[0], "live": live}
    write_json(file, documents[0] if len(documents) == 1 else documents)


def check_otlp(file: str, scenarios: Iterable[Scenario]) -> None:
    """Whether runs can be written as spans into a file; raises `BadInputError`."""
    own = next((scenario for scenario in scenarios if scenario.own is not None), None)
    if own is not None:
        raise BadInputError(f"--otlp: found {own.file}, a system of your own; allowed: scenarios of the batch")
    check_file("--otlp", Path(file))


def write_otlp(file: str, results: Iterable[ScenarioRun]) -> None:
    """Write runs as spans; raises `BadInputError`."""
    from batchsim.report.files import write_whole
    from batchsim.report.otlp import otlp_document

    runs = [
        (f"{result.scenario.name}-{run.name}-{run.trace.seed}", run.trace.steps)
        for result in results
        for run in result.runs
    ]
    try:
        write_whole(Path(file), json.dumps(otlp_document(runs)) + "\n")
    except OSError as error:
        raise BadInputError(f"--otlp {file}: {error.strerror or error}") from None


def check_calibration(option: str, file: Path) -> None:
    """That a scenario and its samples can be written there; raises `BadInputError`."""
    if file.suffix not in (".yaml", ".yml"):
        raise BadInputError(f"{option}: found {file}; allowed: a file whose name ends with .yaml")
    check_file(option, file)
    check_file(option, file.with_name(f"{file.stem}.samples.csv"))


def write_calibration(
    option: str, scenario: Scenario, found: Mapping[str, Measured], about: Sequence[str], file: Path
) -> None:
    """Write a scenario with measured latencies, and their samples beside it; raises `BadInputError`."""
    from batchsim.report.calibrated import calibrated_texts
    from batchsim.report.files import write_whole

    texts = calibrated_texts(scenario, found, about, file)
    for name, text in reversed(texts.items()):  # the samples first: a scenario without them is none
        try:
            write_whole(file.with_name(name), text)
        except OSError as error:
            raise BadInputError(f"{option} {file}: {error.strerror or error}") from None


def write_as(option: str, file: Path | None, results: list[ScenarioRun]) -> None:
    """Write runs in the format of another tool, that of an option, if it was asked for; raises `BadInputError`."""
    if file is None or option not in ("--perfetto", "--mermaid", "--csv"):
        return
    from batchsim.report.formats.csv_table import csv_text
    from batchsim.report.formats.mermaid import mermaid_text
    from batchsim.report.formats.perfetto import perfetto_trace

    match option:
        case "--perfetto":
            content: str | bytes = perfetto_trace(results)
        case "--mermaid":
            content = mermaid_text(results)
        case _:
            content = csv_text(results)
    write_text(option, file, content)


def write_text(option: str, file: Path, content: str | bytes) -> None:
    """Write the file of an option, `-` to standard output; raises `BadInputError`."""
    from batchsim.report.files import write_whole

    if str(file) == "-":
        click.echo(content, nl=False)
        return
    try:
        write_whole(file, content)
    except OSError as error:
        raise BadInputError(f"{option} {file}: {error.strerror or error}") from None


def write_csv(command: str, file: Path | None, document: Any) -> None:
    """Write what a command found as a table, if it was asked for; raises `BadInputError`."""
    if file is None:
        return
    from batchsim.report.formats.csv_of_documents import csv_of

    write_text("--csv", file, csv_of(command, document))


def write_json(file: str, document: Any) -> None:
    """Write the file whole or not at all; raises `BadInputError`."""
    from batchsim.visible import visible_json

    text = visible_json(json.dumps(document, indent=1, ensure_ascii=False)) + "\n"
    if file == "-":
        click.echo(text, nl=False)
        return
    from batchsim.report.files import write_whole

    try:
        write_whole(Path(file), text)
    except OSError as error:
        raise BadInputError(f"--json {file}: {error.strerror or error}") from None
