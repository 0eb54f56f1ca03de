"""`batchsim explore`: every interleaving of a scenario, time left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batchsim.analysis.constraints import Explanation, explanations
from batchsim.analysis.headings import headings_of
from batchsim.analysis.judging import Given
from batchsim.analysis.witnesses import Witness, steps_of, within
from batchsim.cli.again import command_line, how_again
from batchsim.cli.exit_codes import INTERRUPTED
from batchsim.cli.inputs import expected_by, load, policies_of, properties_of, verdict_names
from batchsim.cli.judging import code_of, doubts_of, limits_of
from batchsim.cli.outputs import (
    check_outputs,
    check_witnesses,
    deliver,
    printing,
    witness_texts,
    write_files,
    write_json,
)
from batchsim.cli.report import page_text_of, write_page
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn
from batchsim.engines.exhaustive import Bounds, Exploration
from batchsim.engines.exhaustive import explore as explore_policy
from batchsim.report.contract import explore_document
from batchsim.report.exploration import show_explorations
from batchsim.report.progress import Progress
from batchsim.report.search_progress import SearchProgress
from batchsim.report.shell import join
from batchsim.scenario import Scenario, check_for_exploration


def explore_all_orders(
    file: Path,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    forbidden: tuple[str, ...],
    overrides: tuple[str, ...],
    bounds: Bounds,
    json_file: str | None,
    witness_directory: Path | None,
    html_file: Path | None,
    *,
    reduces: bool,
    quiet: bool,
) -> int:
    """Explore a scenario under its policies, and show what was found; the exit code."""
    (scenario,) = load([file], overrides, None, check_for_exploration, policies)
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, verdicts)
    check_outputs(json_file, None, witness_directory, more={"--html": html_file})
    if witness_directory is not None:
        check_witnesses(witness_directory, [name for name, _ in chosen])
    expected = expected_by(scenario, "expect_explore", policies, chosen)
    limits = limits_of(forbidden, verdict_names(scenario, chosen, properties))
    warnings = warn(scenario, chosen, quiet=quiet)
    explorations: list[Exploration] = []
    reasons: list[Sequence[Explanation]] = []
    with SearchProgress(len(chosen), quiet=quiet) as progress, progress.keeping():
        for _, policy in chosen:
            if progress.begin(policy.name):
                exploration = explore_policy(
                    scenario,
                    policy,
                    properties=properties,
                    bounds=bounds,
                    on_level=progress.show,
                    reduces=reduces,
                )
                explorations.append(exploration)
                reasons.append(())
                if progress.begin(f"explaining {policy.name}", counts=False):
                    reasons[-1] = explanations(exploration, properties)
    page: str | None = None
    if html_file is not None and not progress.was_interrupted:
        with Progress(quiet=quiet) as drawing:
            again = command_line("run", [file], how_again(overrides=overrides), verdicts)
            page = page_text_of(scenario, chosen, properties, again, warnings, drawing, policies)
    names, headings = [name for name, _ in chosen], headings_of(chosen)
    asked = names if policies else [within(scenario.directory, name) for name in names]
    texts: dict[str, str] = {}
    if witness_directory is None:
        look = command_line("explore", [file], how_again(overrides=overrides), verdicts)
        commands = [
            [f"{join([*look, '--policy', name, '--witness', 'DIR'])}, then batchsim replay DIR/..."]
            * len(exploration.outcomes)
            for name, exploration in zip(asked, explorations, strict=False)
        ]
    else:
        witnesses = [
            [
                Witness(file, overrides, name, verdicts, outcome.verdicts, steps_of(outcome))
                for outcome in exploration.outcomes
            ]
            for name, exploration in zip(asked, explorations, strict=False)
        ]
        texts, commands = witness_texts(witness_directory, witnesses)
    known = scenario.known_verdicts(policy for _, policy in chosen)
    judged = [
        _given(scenario, known, headings[name], each, expected[name])
        for name, each in zip(names, explorations, strict=False)
    ]

    def show() -> None:
        with printing() as console:
            show_explorations(console, scenario, explorations, reasons, commands)

    deliver(
        None if quiet or json_file == "-" else show,
        None if witness_directory is None else lambda: write_files("--witness", witness_directory, texts),
        None if page is None else lambda: write_page(html_file, page),
        None
        if json_file is None
        else lambda: write_json(
            json_file, {**explore_document(scenario.name, explorations, judged), "warnings": warnings}
        ),
    )
    if progress.was_interrupted:
        tell(f"interrupted: {len(explorations)} of {len(chosen)} policies were begun")
        return INTERRUPTED
    return code_of(judged, limits)


def _given(
    scenario: Scenario,
    known: Sequence[str],
    heading: str,
    exploration: Exploration,
    expected: frozenset[str] | None,
) -> Given:
    """Some interleaving gives each verdict that is expected. Without one the question is whether it fails."""
    return Given(
        scenario=scenario.name,
        policy=heading,
        verdicts=exploration.verdicts,
        expected=expected,
        expected_in="expect_explore",
        known=frozenset(known),
        needs_all=True,
        is_complete=exploration.is_complete,
        stopped_by=exploration.stopped_by,
        needs_end=exploration.verdicts <= {"ok"},
        doubts=doubts_of(exploration),
        unreached=exploration.unreached,
    )
