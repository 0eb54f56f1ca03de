"""A schedule that must not be, told as `batchsim run` tells it, and kept in a file."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from batchsim.analysis.runs import PolicyRun, ScenarioRun, run_policy
from batchsim.analysis.sweep.one_run import run_of
from batchsim.analysis.sweep.varying import parse_point
from batchsim.analysis.witnesses import Witness, within, witness_text
from batchsim.checking.answers import Example, Way
from batchsim.model.properties import Property
from batchsim.report.file_names import safe_stem
from batchsim.report.files import write_folder
from batchsim.report.screen import WIDTH_OF_FILES, Screen, without_blanks_at_ends
from batchsim.report.shell import join
from batchsim.report.terminal import show_scenario_run
from batchsim.scenario import Scenario


def told_failure(scenario: Scenario, run: PolicyRun, way: Way, example: Example, witness: Path | None) -> str:
    """What led to the verdicts of a schedule, its margin, and how to see it again."""
    again = _command(scenario, run.name, way, example, witness)
    text = StringIO()
    told = ScenarioRun(scenario, (run,))
    show_scenario_run(Screen(file=text, width=WIDTH_OF_FILES), told, lambda _: again, timeline=False)
    return without_blanks_at_ends(text.getvalue()).rstrip()


def run_of_example(
    scenario: Scenario, name: str, policy: Any, properties: Sequence[Property], example: Example
) -> PolicyRun:
    """The run of a schedule that was found."""
    if example.number is not None:
        return run_policy(run_of(scenario, parse_point(()), example.number), name, policy, properties)
    return run_policy(scenario, name, policy, properties, example.steps, draws=example.draws)


def _command(scenario: Scenario, name: str, way: Way, example: Example, witness: Path | None) -> str:
    if witness is not None:
        return join(["batchsim", "replay", str(witness), "--timeline"])
    asked = within(scenario.directory, name)
    file = scenario.file
    if example.number is not None:
        return join(["batchsim", "run", file, "--run", str(example.number), "--policy", asked, "--timeline"])
    if way is Way.RUN:
        return join(["batchsim", "run", file, "--policy", asked, "--timeline"])
    timed = ["--timed"] if way is Way.INTERVALS else []
    look = join(["batchsim", "explore", file, *timed, "--policy", asked, "--witness", "DIR"])
    return f"{look}, then batchsim replay DIR/..."


def witness_file(directory: Path, scenario: Scenario, name: str, example: Example) -> Path:
    """Write a witness into a folder; its file. Raises `BadInputError` and `OSError`.

    One with times has a file of its own: it is another order than the one that was found without.
    """
    witness = Witness(
        scenario=Path(scenario.file),
        overrides=(),
        policy=within(scenario.directory, name),
        properties=tuple(within(scenario.directory, each) for each in scenario.verdicts),
        verdicts=example.verdicts,
        steps=example.steps or (),
        draws=example.draws,
    )
    policy = safe_stem(name.rpartition(":")[2])
    timed = "" if example.draws is None else "-timed"
    file = f"{safe_stem(scenario.name)}-{policy}-{'-'.join(example.verdicts)}{timed}.json"
    write_folder(directory, {file: witness_text(witness, directory)})
    return directory / file
