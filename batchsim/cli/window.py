"""`batchsim window`: under which condition on the latencies a policy fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.exit_codes import INCONCLUSIVE, INTERRUPTED
from batchsim.cli.inputs import by_their_names, load, policies_of, properties_of, verdict_names
from batchsim.cli.outputs import check_outputs, deliver, printing, write_json
from batchsim.cli.telling import tell
from batchsim.cli.warnings import warn, warn_if_unjudged
from batchsim.cli.window_checks import check, check_verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchsim.batch.policy import Policy
    from batchsim.engines.exhaustive import Exploration
    from batchsim.model.properties import Property
    from batchsim.report.window import WindowResult
    from batchsim.scenario import Scenario


@click.command()
@click.argument("file", type=options.ScenarioFile())
@click.option(
    "--policy",
    "policies",
    metavar="NAME|FILE.py:NAME",
    required=True,
    multiple=True,
    help="The policy.",
)
@options.verdicts
@options.overrides
@click.option("--class", "verdict", metavar="VERDICT", help="Only the window of this verdict.")
@click.option(
    "--solve",
    "parameter",
    metavar="NAME",
    help="The shortest value of a field, such as tombstone.grace, with which no latency lets it fail.",
)
@click.option(
    "--witness",
    "witness_directory",
    type=options.NamedPath(),
    metavar="DIR",
    help="With --solve: write the run that fails beside that value, to be run by `batchsim replay`.",
)
@click.option("--max-states", type=click.IntRange(1), metavar="N", help="Give up beyond so many states or zones.")
@options.json_file
@options.quiet
def window(
    file: Path,
    policies: tuple[str, ...],
    verdicts: tuple[str, ...],
    overrides: tuple[str, ...],
    verdict: str | None,
    parameter: str | None,
    witness_directory: Path | None,
    max_states: int | None,
    json_file: str | None,
    quiet: bool,
) -> int:
    """Say under which condition on its latencies a scenario fails: a formula in the names of the operations.

    For each verdict that some schedule gives: the formula, the numbers of the scenario in it, and the smallest
    change of one latency that opens or closes the window. The exit code is 3 if there is no such formula.

    With --solve the inverse question: with which values of a field no latency within the intervals of the scenario
    gives a verdict but ok (or that of --class), exact to the microsecond. The exit code is 3 if --max-states, here
    of zones, was hit before the answer.
    """
    policy, *others = policies
    if others:
        raise BadInputError(f"--policy: found {', '.join(policies)}; allowed: one, as its window is its own")
    if parameter is not None:
        from batchsim.cli.solving import solve_for

        return solve_for(
            file,
            policy,
            verdicts,
            overrides,
            verdict,
            parameter,
            max_states,
            json_file,
            witness_directory,
            quiet=quiet,
        )
    if witness_directory is not None:
        raise BadInputError("--witness: found no --solve; allowed: only with it")
    from batchsim.engines.exhaustive import Bounds, explore
    from batchsim.report.progress import Progress
    from batchsim.report.search_progress import SearchProgress
    from batchsim.report.window import show_windows, window_document

    (scenario,) = load([file], overrides, None, check, [policy])
    ((name, chosen),) = policies_of(scenario, by_their_names([scenario], [policy]))
    properties = properties_of(scenario, verdicts)
    check_outputs(json_file, None)
    check_verdict(verdict, verdict_names(scenario, [(name, chosen)], properties))
    warnings = warn(scenario, [(name, chosen)], quiet=quiet)
    with SearchProgress(quiet=quiet) as progress:
        progress.begin(name)
        exploration = explore(
            scenario,
            chosen,
            properties=properties,
            bounds=Bounds(max_states, None),
            on_level=progress.show,
            exchanges=False,
            twins=scenario.own is None,
        )
    if progress.was_interrupted:
        tell("interrupted")
        return INTERRUPTED
    warnings += warn_if_unjudged(scenario, [(name, chosen)], properties, quiet=quiet)
    with Progress(quiet=quiet) as deriving:
        results = _results(scenario, chosen, exploration, properties, verdict, deriving.begin)

    def show() -> None:
        with printing([chosen]) as console:
            show_windows(console, scenario.name, chosen.name, results)

    def write() -> None:
        if json_file is not None:
            write_json(json_file, {**window_document(scenario.name, chosen.name, results), "warnings": warnings})

    deliver(None if quiet or json_file == "-" else show, write)
    return INCONCLUSIVE if any(each.window is None for each in results) else 0


def _results(
    scenario: Scenario,
    policy: Policy,
    exploration: Exploration,
    properties: Sequence[Property],
    verdict: str | None,
    on_verdict: Callable[[str], object],
) -> list[WindowResult]:
    from batchsim.analysis.window import NoWindow, smallest_change, standing, window_of
    from batchsim.report.window import WindowResult

    asked = sorted(exploration.verdicts - {"ok"}) if verdict is None else [verdict]
    if not exploration.is_complete:
        asked = asked or ["any verdict"]
    results = []
    for name in asked:
        on_verdict(f"deriving the window of {name}")
        try:
            found = window_of(scenario, policy, name, exploration, properties)
            results.append(WindowResult(name, found, smallest_change(found), standing(found, found.values)))
        except NoWindow as error:
            results.append(WindowResult(name, None, None, why_none=str(error)))
    return results
