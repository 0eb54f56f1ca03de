"""Where results go: the terminal, JSON, report folders, witnesses."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from shlex import join
from typing import TYPE_CHECKING, Any

import click

from batchsim.bad_input import BadInputError

if TYPE_CHECKING:
    from rich.console import Console

    from batchsim.analysis.runs import PolicyRun, ScenarioRun
    from batchsim.analysis.witnesses import Witness

WIDTH_OF_FILES = 120
"""Columns where the output is no terminal."""


def show(results: list[ScenarioRun], again: Callable[[PolicyRun], str], *, timeline: bool) -> None:
    """Print results; `again`: the command that shows a run by itself."""
    from batchsim.report.terminal import show_matrix, show_scenario_run

    with printing() as console:
        if len(results) == 1:
            show_scenario_run(console, results[0], again, timeline=timeline)
        else:
            show_matrix(console, results, timeline=timeline)


@contextmanager
def printing() -> Iterator[Console]:
    """A console: the terminal as it is; otherwise text without blanks at the ends of lines."""
    from rich.console import Console

    if sys.stdout.isatty():
        yield Console(highlight=False)
        return
    text = StringIO()
    yield Console(file=text, width=WIDTH_OF_FILES, highlight=False)
    click.echo("\n".join(line.rstrip() for line in text.getvalue().split("\n")), nl=False)


def check_outputs(
    json_file: str | None, report_directory: Path | None, witness_directory: Path | None = None
) -> None:
    """Before any work: whether the results can be written; raises `BadInputError`."""
    from batchsim.report.files import why_not_writable

    if json_file is not None and json_file != "-":
        why = why_not_writable(Path(json_file)) if json_file else "found nothing; allowed: a file, or -"
        if why is not None:
            raise BadInputError(f"--json {json_file}: {why}")
    if report_directory is not None:
        from batchsim.report.folder import why_not_reports

        why = why_not_reports(report_directory)
        if why is not None:
            raise BadInputError(f"--report {report_directory}: {why}")
    if witness_directory is not None:
        why = why_no_witnesses(witness_directory)
        if why is not None:
            raise BadInputError(f"--witness {witness_directory}: {why}")


def why_no_witnesses(directory: Path) -> str | None:
    """Why witnesses cannot be written there; `None`: they can, as far as one can tell beforehand."""
    return "found a file; allowed: a directory" if directory.exists() and not directory.is_dir() else None


def write_witnesses(directory: Path, witnesses: Sequence[Sequence[Witness]]) -> list[list[str]]:
    """Write the witnesses of each exploration; for each of them the command that replays it."""
    from batchsim.analysis.witnesses import witness_text
    from batchsim.report.file_names import FileNames
    from batchsim.report.files import write_whole

    names = FileNames()
    commands: list[list[str]] = []
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for group in witnesses:
            commands.append([])
            for number, witness in enumerate(group, 1):
                policy = witness.policy.rpartition(":")[2]
                path = directory / names.give(f"{policy}-{number}-{'-'.join(witness.verdicts)}", ".json")
                write_whole(path, witness_text(witness, directory))
                commands[-1].append(join(["batchsim", "replay", str(path)]))
    except OSError as error:
        raise BadInputError(f"--witness {directory}: {error.strerror or error}") from None
    return commands


def print_list(
    headings: tuple[str, str],
    rows: list[tuple[str, str]],
    json_file: str | None,
    as_json: Callable[[tuple[str, str]], dict[str, str]],
) -> int:
    """Print a list of names with a sentence each, or write it as JSON; the exit code."""
    if json_file is not None:
        write_json(json_file, [as_json(row) for row in rows])
    if json_file != "-":
        from batchsim.report.terminal import show_list

        with printing() as console:
            show_list(console, headings, rows)
    return 0


def write_report(directory: Path, results: list[ScenarioRun]) -> None:
    """Write a report folder; raises `BadInputError`."""
    from batchsim.report.folder import write_reports

    try:
        write_reports(directory, results)
    except OSError as error:
        raise BadInputError(f"--report {directory}: {error.strerror or error}") from None


def write_pages(directory: Path, texts: Mapping[str, str]) -> None:
    """Write pages and their pictures into a report folder, by their names; raises `BadInputError`."""
    from batchsim.report.folder import write_texts

    try:
        write_texts(directory, texts)
    except OSError as error:
        raise BadInputError(f"--report {directory}: {error.strerror or error}") from None


def write_run_json(file: str, results: list[ScenarioRun]) -> None:
    """Write the results of runs: one document, or a list of several."""
    from batchsim.report.contract import run_document

    documents = [run_document(result) for result in results]
    write_json(file, documents[0] if len(documents) == 1 else documents)


def write_json(file: str, document: Any) -> None:
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
