"""`batchsim explore --timed`: only what latencies within the intervals of the scenario allow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from batchsim.analysis.headings import headings_of
from batchsim.analysis.judging import Given
from batchsim.analysis.witnesses import Witness, timed_steps_of, within
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
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn
from batchsim.engines.exhaustive import Bounds
from batchsim.engines.zones import TimedExploration, explore_timed
from batchsim.report.contract import explore_timed_document
from batchsim.report.search_progress import SearchProgress
from batchsim.report.shell import join
from batchsim.report.timed_exploration import show_timed_explorations
from batchsim.scenario import Scenario, check_for_timed_exploration


def explore_within_intervals(
    file: Path,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    forbidden: tuple[str, ...],
    overrides: tuple[str, ...],
    max_zones: int | None,
    max_memory: int | None,
    json_file: str | None,
    witness_directory: Path | None,
    *,
    quiet: bool,
) -> int:
    """Explore a scenario under its policies, and show what was found; the exit code."""
    (scenario,) = load([file], overrides, None, check_for_timed_exploration, policies)
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, verdicts)
    check_outputs(json_file, None, witness_directory)
    if witness_directory is not None:
        check_witnesses(witness_directory, [name for name, _ in chosen])
    expected = expected_by(scenario, "expect_explore", policies, chosen)
    limits = limits_of(forbidden, verdict_names(scenario, chosen, properties))
    warnings = warn(scenario, chosen, quiet=quiet, of_all_latencies=True)
    bounds = Bounds(max_zones, None if max_memory is None else max_memory << 20)
    explorations: list[TimedExploration] = []
    with SearchProgress(len(chosen), quiet=quiet, unit="zones") as progress, progress.keeping():
        for _, policy in chosen:
            if progress.begin(policy.name):
                explorations.append(
                    explore_timed(scenario, policy, properties=properties, bounds=bounds, on_level=progress.show)
                )
    names, headings = [name for name, _ in chosen], headings_of(chosen)
    asked = names if policies else [within(scenario.directory, name) for name in names]
    texts: dict[str, str] = {}
    if witness_directory is None:
        commands = [
            [_how_to_replay(file, verdicts, overrides, name)] * len(each.outcomes)
            for name, each in zip(asked, explorations, strict=False)
        ]
    else:
        witnesses = [
            _witnesses(file, overrides, name, verdicts, each)
            for name, each in zip(asked, explorations, strict=False)
        ]
        texts, commands = witness_texts(witness_directory, witnesses)
    known = scenario.known_verdicts(policy for _, policy in chosen)
    judged = [
        _given(scenario, known, headings[name], each, expected[name])
        for name, each in zip(names, explorations, strict=False)
    ]

    def show() -> None:
        with printing() as console:
            show_timed_explorations(console, scenario, explorations, commands)

    def write() -> None:
        if json_file is not None:
            document = explore_timed_document(scenario.name, explorations, judged)
            write_json(json_file, {**document, "warnings": warnings})

    deliver(
        None if quiet or json_file == "-" else show,
        None if witness_directory is None else lambda: write_files("--witness", witness_directory, texts),
        write,
    )
    if progress.was_interrupted:
        tell(f"interrupted: {len(explorations)} of {len(chosen)} policies were begun")
        return INTERRUPTED
    return code_of(judged, limits)


def _how_to_replay(file: Path, verdicts: Sequence[str], overrides: Sequence[str], name: str) -> str:
    options = [word for each in overrides for word in ("--set", each)]
    options += [word for each in verdicts for word in ("--verdict", each)]
    look = join(["batchsim", "explore", str(file), "--timed", *options, "--policy", name, "--witness", "DIR"])
    return f"{look}, then batchsim replay DIR/..."


def _witnesses(
    file: Path, overrides: tuple[str, ...], name: str, verdicts: tuple[str, ...], exploration: TimedExploration
) -> list[Witness]:
    return [
        Witness(
            scenario=file,
            overrides=overrides,
            policy=name,
            properties=verdicts,
            verdicts=outcome.verdicts,
            steps=timed_steps_of(outcome),
            draws=outcome.witness.draws,
        )
        for outcome in exploration.outcomes
    ]


def _given(
    scenario: Scenario,
    known: Sequence[str],
    heading: str,
    exploration: TimedExploration,
    expected: frozenset[str] | None,
) -> Given:
    """Latencies allow no verdict that no interleaving gives; they need not allow each that one gives."""
    return Given(
        scenario=scenario.name,
        policy=heading,
        verdicts=exploration.verdicts,
        expected=expected,
        expected_in="expect_explore",
        known=frozenset(known),
        is_complete=exploration.is_complete,
        stopped_by=exploration.stopped_by,
        needs_end=exploration.verdicts <= {"ok"},
        doubts=doubts_of(exploration),
        unreached=exploration.unreached,
    )
