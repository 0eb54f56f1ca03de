"""A folder of reports: which files there are, and what is in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from batchsim.analysis.likeness import first_alike
from batchsim.analysis.runs import ScenarioRun
from batchsim.report.file_names import FileNames
from batchsim.report.index import index_of
from batchsim.report.markdown import report_of
from batchsim.report.timeline import timeline

INDEX = "README.md"


def possible_files(scenarios: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """The files that reports can consist of, as known before any run; `scenarios`: each with its policies."""
    names = FileNames(INDEX)
    files = [INDEX]
    for scenario, policies in scenarios:
        page = names.give(scenario, ".md")
        files += [page, *(names.give(f"{Path(page).stem}-{policy}", ".svg") for policy in policies)]
    return files


def reports(
    scenario_runs: Iterable[ScenarioRun], others: Collection[str] = (), called: str = "reports"
) -> dict[str, str]:
    """The texts of all files of a report folder, by file name.

    `others`: files that are there already. `called`: the name of the folder.
    """
    names = FileNames(INDEX)
    pages: dict[str, str] = {}
    drawn: dict[str, str] = {}
    listed: list[tuple[str, ScenarioRun]] = []
    for scenario_run in scenario_runs:
        file = names.give(scenario_run.scenario.name, ".md")
        listed.append((file, scenario_run))
        pictures = {
            place: names.give(f"{Path(file).stem}-{scenario_run.runs[place].policy.name}", ".svg")
            for place in _pictured(scenario_run)
        }
        pages[file] = report_of(scenario_run, pictures, others, called)
        for place, picture in pictures.items():
            drawn[picture] = timeline(scenario_run.scenario.name, scenario_run.runs[place])
    # In the order in which they are put into the folder: what leads to others after these.
    return {**drawn, **pages, INDEX: index_of(listed, others)}


def _pictured(scenario_run: ScenarioRun) -> Iterator[int]:
    """The places of the runs that have a picture: those that fail, and to compare the first that passes."""
    passes = False
    for place, run in enumerate(scenario_run.runs):
        if run.is_ok and not passes:
            passes = True
            yield place
        elif not run.is_ok and first_alike(scenario_run.runs, place) is None:
            yield place
