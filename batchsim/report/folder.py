"""A folder of reports: all texts are made first, then written, so that nothing is left half-written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from batchsim.analysis.likeness import first_alike
from batchsim.analysis.runs import ScenarioRun
from batchsim.report.file_names import FileNames
from batchsim.report.index import TITLE, index_of
from batchsim.report.markdown import report_of
from batchsim.report.timeline import timeline

INDEX = "README.md"


def why_not_reports(directory: Path) -> str | None:
    """Why reports cannot be written there, as far as one can tell beforehand; `None`: they can."""
    if directory.exists() and not directory.is_dir():
        return "found a file; allowed: a directory"
    index = directory / INDEX
    if index.exists() and not index.read_text(encoding="utf-8", errors="replace").startswith(TITLE):
        return f"found a {INDEX} that is no index of reports; allowed: a directory for the reports alone"
    return None


def write_reports(directory: Path, scenario_runs: Iterable[ScenarioRun]) -> None:
    """Write the reports of some scenarios, their pictures, and an index; raises `OSError`.

    The folder is made where there is none. Files of the same names are replaced, others stay, and pages among them
    that are known are linked to.
    """
    others = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    write_texts(directory, reports(scenario_runs, others))


def write_texts(directory: Path, texts: Mapping[str, str]) -> None:
    """Write files, by their names, all of them or none; raises `OSError`."""
    made = _make(directory)
    try:
        _write(directory, texts)
    except BaseException:
        for each in made:
            each.rmdir()
        raise


def reports(scenario_runs: Iterable[ScenarioRun], others: Collection[str] = ()) -> dict[str, str]:
    """The texts of all files of a report folder, by file name; `others`: files that are there already."""
    names = FileNames(INDEX)
    texts: dict[str, str] = {}
    listed: list[tuple[str, ScenarioRun]] = []
    for scenario_run in scenario_runs:
        file = names.give(scenario_run.scenario.name, ".md")
        listed.append((file, scenario_run))
        pictures = {
            place: names.give(f"{Path(file).stem}-{scenario_run.runs[place].policy.name}", ".svg")
            for place in _pictured(scenario_run)
        }
        texts[file] = report_of(scenario_run, pictures, others)
        for place, picture in pictures.items():
            texts[picture] = timeline(scenario_run.scenario.name, scenario_run.runs[place])
    return {INDEX: index_of(listed, others), **texts}


def _pictured(scenario_run: ScenarioRun) -> Iterator[int]:
    """The places of the runs that have a picture: those that fail, and to compare the first that passes."""
    passes = False
    for place, run in enumerate(scenario_run.runs):
        if run.is_ok and not passes:
            passes = True
            yield place
        elif not run.is_ok and first_alike(scenario_run.runs, place) is None:
            yield place


def _make(directory: Path) -> list[Path]:
    """Make the folder and those above it; the ones that were made, the lowest first."""
    missing = []
    each = directory
    while not each.exists():
        missing.append(each)
        each = each.parent
    directory.mkdir(parents=True, exist_ok=True)
    return missing


def _write(directory: Path, texts: Mapping[str, str]) -> None:
    for name in texts:
        if (directory / name).is_dir():
            raise IsADirectoryError(21, "a folder is in the place of a report", str(directory / name))
    # Beside its place, so that moving a file there is one step of the same file system.
    draft = Path(mkdtemp(prefix=".reports-", dir=directory))
    try:
        for name, text in texts.items():
            (draft / name).write_text(text, encoding="utf-8", newline="\n")
        for name in texts:
            (draft / name).replace(directory / name)
    finally:
        rmtree(draft)
