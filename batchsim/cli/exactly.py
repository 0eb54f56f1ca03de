"""`batchsim explore --exact`: the probability of each outcome in the timed model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from batchsim.analysis.judging import ANY, Given, Rate
from batchsim.cli.exit_codes import INTERRUPTED
from batchsim.cli.inputs import expected_by, load, policies_of, properties_of, verdict_names
from batchsim.cli.judging import code_of, doubts_of, limits_of
from batchsim.cli.outputs import check_outputs, deliver, printing, write_json
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn

if TYPE_CHECKING:
    from batchsim.engines.chain import ExactExploration
    from batchsim.engines.exhaustive import Bounds
    from batchsim.scenario import Scenario


def explore_exactly(
    file: Path,
    policies: Sequence[str],
    verdicts: Sequence[str],
    forbidden: Sequence[str],
    overrides: Sequence[str],
    bounds: Bounds,
    json_file: str | None,
    *,
    quiet: bool,
) -> int:
    """Solve the chain of each policy, show what it comes to, and return the exit code."""
    from batchsim.analysis.headings import headings_of
    from batchsim.engines.chain import explore_exact
    from batchsim.engines.chain.fitness import check_for_chain
    from batchsim.report.contract import exact_document
    from batchsim.report.exactness import show_exact_explorations
    from batchsim.report.search_progress import SearchProgress

    (scenario,) = load([file], overrides, None, check_for_chain, policies)
    chosen, properties = policies_of(scenario, policies), properties_of(scenario, verdicts)
    check_outputs(json_file, None)
    expected = expected_by(scenario, "expect_explore", policies, chosen)
    limits = limits_of(forbidden, verdict_names(scenario, chosen, properties), takes_rates=True)
    warnings = warn(scenario, chosen, quiet=quiet)
    explorations: list[ExactExploration] = []
    with SearchProgress(len(chosen), quiet=quiet) as progress, progress.keeping():
        for _, policy in chosen:
            if progress.begin(policy.name):
                explorations.append(
                    explore_exact(scenario, policy, properties=properties, bounds=bounds, on_level=progress.show)
                )
    headings = headings_of(chosen)
    known = scenario.known_verdicts(policy for _, policy in chosen)
    judged = [
        _given(scenario, known, headings[name], each, expected[name])
        for (name, _), each in zip(chosen, explorations, strict=False)
    ]

    def show() -> None:
        with printing() as console:
            show_exact_explorations(console, scenario, explorations)

    deliver(
        None if quiet or json_file == "-" else show,
        None
        if json_file is None
        else lambda: write_json(
            json_file, {**exact_document(scenario.name, explorations, judged), "warnings": warnings}
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
    exploration: ExactExploration,
    expected: frozenset[str] | None,
) -> Given:
    """What is judged: which verdicts are possible at all, and how probable each is."""

    def rates(verdict: str) -> list[Rate]:
        given = [
            each.probability
            for each in exploration.outcomes
            if (each.verdicts != ("ok",) if verdict == ANY else verdict in each.verdicts)
        ]
        error = exploration.relative_error_max
        low, high = sum(given) * (1 - error), sum(given) * (1 + error) + exploration.unresolved
        told = f"probability {_percent(sum(given))}"
        return [Rate(low, high, told if exploration.is_complete else f"{told} to {_percent(high)}")]

    return Given(
        scenario=scenario.name,
        policy=heading,
        verdicts=exploration.verdicts,
        expected=expected,
        expected_in="expect_explore",
        known=frozenset(known),
        is_complete=exploration.is_complete,
        stopped_by=exploration.stopped_by,
        needs_end=True,
        doubts=doubts_of(exploration),
        unreached=exploration.unreached,
        rates=rates,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.6g} %"
