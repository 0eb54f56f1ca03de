"""`batchsim report`: one HTML page for each scenario, and an index."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from batchsim.cli import options
from batchsim.cli.again import command_line, how_again
from batchsim.cli.inputs import by_their_names, expected_by, files_in, load, policies_of, properties_of
from batchsim.cli.outputs import check_folder, write_files, write_text
from batchsim.cli.paging import linked
from batchsim.cli.warnings import warn_if_any_is_unjudged, warn_of_each

if TYPE_CHECKING:
    from batchsim.analysis.runs import ScenarioRun
    from batchsim.analysis.study import Explored, OnPart
    from batchsim.model.properties import Property
    from batchsim.report.page.document import Commands
    from batchsim.report.progress import Progress
    from batchsim.scenario import Scenario

RUN, ORDERS = "run", "orders"
"""What a page heads with: one run under each policy, or what all orders of its steps come to."""


@click.command()
@click.argument("files", nargs=-1, required=True, type=options.ScenarioFile(), metavar="FILE...")
@click.option(
    "-o",
    "--out",
    "directory",
    required=True,
    type=options.NamedPath(),
    metavar="DIR",
    help="Where to write the pages: a folder, which is made where there is none.",
)
@options.policies
@options.verdicts
@options.overrides
@options.quiet
def report(
    files: tuple[Path, ...],
    directory: Path,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    overrides: tuple[str, ...],
    quiet: bool,
) -> int:
    """Write one HTML page for each scenario, and an index, to be opened in a browser.

    FILE is a scenario, the name of one that batchsim ships, a folder of some, or - for standard input.

    A page says what happened in a sentence, steps through each run with the state of every store and the line of
    code of every actor beside it, says why, how likely it is, and lets one walk through all orders of the steps.
    It is one file, and loads nothing. Verdicts decide no exit code here: `batchsim run` judges. Where a page of
    `batchsim findings --html` lies in the folder as findings.html, the index links to it.
    """
    from batchsim.report.file_names import FINDINGS_HTML, FileNames
    from batchsim.report.page import html_page
    from batchsim.report.page.html import INDEX
    from batchsim.report.page.index import index_page
    from batchsim.report.page.tour import tour_of
    from batchsim.report.progress import Progress

    loaded = load(files_in(files), overrides, None, policies=policies)
    policies = by_their_names(loaded, policies)
    plans = [(each, policies_of(each, policies), properties_of(each, verdicts)) for each in loaded]
    names = FileNames(INDEX, FINDINGS_HTML)
    pages = [names.give(scenario.name, ".html") for scenario, _, _ in plans]
    check_folder("--out", directory, [*pages, INDEX])
    warnings = warn_of_each(plans, quiet=quiet)
    texts: dict[str, str] = {}
    listed = []
    with Progress(sum(pieces_of(chosen) for _, chosen, _ in plans), quiet=quiet) as progress:
        for page, (scenario, chosen, properties), told in zip(pages, plans, warnings, strict=True):
            again = commands_of("report", Path(scenario.file), how_again(overrides=overrides), policies, verdicts)
            again = again._replace(again=[*again.again, "-o", "DIR"])
            document = page_of(
                scenario,
                chosen,
                properties,
                again,
                told,
                policies,
                progress.begin,
            )
            listed.append((page, document))
            texts[page] = html_page({**document, "has_index": True})
        beside = FINDINGS_HTML if (directory / FINDINGS_HTML).is_file() else None
        texts[INDEX] = html_page(index_page(listed, tour_of(listed), beside))
    warn_if_any_is_unjudged(plans, quiet=quiet)
    write_files("--out", directory, texts)
    if not quiet:
        click.echo(linked(directory / (INDEX if len(pages) > 1 else pages[0])))
    return 0


def pieces_of(chosen: Sequence[object]) -> int:
    """How many pieces of work the page of a scenario is: its policies, many runs, and the page itself."""
    return len(chosen) + 2


def commands_of(
    command: str, file: Path, options: Sequence[str], policies: Sequence[str], verdicts: Sequence[str]
) -> Commands:
    """The commands that a page of a scenario names; `command`: the one that writes it."""
    from batchsim.report.page.document import Commands

    chosen = [word for name in policies for word in ("--policy", name)]
    return Commands(
        command_line("run", [file], options, verdicts),
        command_line(command, [file], [*chosen, *options], verdicts),
    )


def page_of(
    scenario: Scenario,
    chosen: Sequence[tuple[str, Any]],
    properties: Sequence[Property],
    commands: Commands,
    warnings: Sequence[str],
    policies: Sequence[str],
    on_part: OnPart,
    explored: Sequence[Explored] | None = None,
) -> dict[str, Any]:
    """What the page of a scenario shows; `policies`: those that were asked for in place of its own.

    `explored`: what was found of the orders of steps; `None`: it is looked for.
    """
    from batchsim.analysis.runs import ScenarioRun, run_policy
    from batchsim.scenario import InvalidScenario, check_for_timed_run

    expected = expected_by(scenario, "expect", policies, chosen)
    runs = None
    try:
        check_for_timed_run(scenario)
        runs = ScenarioRun(
            scenario,
            tuple(run_policy(scenario, name, each, properties, expected=expected[name]) for name, each in chosen),
        )
    except InvalidScenario:
        on_part(f"{scenario.name} without time", counts=False)
    return _document(scenario, chosen, runs, properties, commands, warnings, on_part, explored, heads_with=ORDERS)


def _document(
    scenario: Scenario,
    chosen: Sequence[tuple[str, Any]],
    runs: ScenarioRun | None,
    properties: Sequence[Property],
    commands: Commands,
    warnings: Sequence[str],
    on_part: OnPart,
    explored: Sequence[Explored] | None = None,
    *,
    heads_with: str,
) -> dict[str, Any]:
    from batchsim.analysis.study import study
    from batchsim.report.page import page_document

    found = study(scenario, chosen, runs, properties, on_part, explored)
    on_part(f"the page of {scenario.name}")
    return page_document(found, commands, warnings, heads_with=heads_with)


def page_text(
    result: ScenarioRun,
    chosen: Sequence[tuple[str, Any]],
    properties: Sequence[Property],
    commands: Commands,
    progress: Progress,
) -> str:
    """The page of a scenario whose runs were made."""
    from batchsim.report.page import html_page

    warnings = result.warnings
    return html_page(
        _document(result.scenario, chosen, result, properties, commands, warnings, progress.begin, heads_with=RUN)
    )


def page_text_of(
    scenario: Scenario,
    chosen: Sequence[tuple[str, Any]],
    properties: Sequence[Property],
    commands: Commands,
    warnings: Sequence[str],
    progress: Progress,
    policies: Sequence[str],
    explored: Sequence[Explored],
) -> str:
    """The page of a scenario whose orders were explored; with its runs where there are some."""
    from batchsim.report.page import html_page

    return html_page(page_of(scenario, chosen, properties, commands, warnings, policies, progress.begin, explored))


def write_page(file: Path | None, page: str) -> None:
    """Write the page of `--html`; raises `BadInputError`."""
    assert file is not None
    write_text("--html", file, page)
