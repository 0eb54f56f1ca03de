"""`batchsim window`: under which condition on the latencies a policy fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options
from batchsim.cli.exit_codes import INCONCLUSIVE
from batchsim.cli.inputs import load, policies_of, properties_of
from batchsim.cli.outputs import check_outputs, printing, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchsim.engines.exhaustive import Exploration
    from batchsim.protocol.policy import Policy
    from batchsim.report.window import WindowResult
    from batchsim.scenario import Scenario
    from batchsim.verdicts import Property


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--policy", "policy", metavar="NAME|FILE.py:NAME", required=True, help="The policy.")
@options.verdicts
@options.overrides
@click.option("--class", "verdict", metavar="VERDICT", help="Only the window of this verdict.")
@click.option("--max-states", type=click.IntRange(1), metavar="N", help="Give up beyond so many states.")
@options.json_file
@options.quiet
def window(
    file: Path,
    policy: str,
    verdicts: tuple[str, ...],
    overrides: tuple[str, ...],
    verdict: str | None,
    max_states: int | None,
    json_file: str | None,
    quiet: bool,
) -> int:
    """Say under which condition on its latencies a scenario fails: a formula in the names of the operations.

    For each verdict that some schedule gives: the formula, the numbers of the scenario in it, and the smallest
    change of one latency that opens or closes the window. The exit code is 3 if there is no such formula.
    """
    from batchsim.engines.exhaustive import Bounds, explore
    from batchsim.report.search_progress import SearchProgress
    from batchsim.report.window import show_windows, window_document

    check_outputs(json_file, None)
    (scenario,) = load([file], overrides, None, _check)
    ((name, chosen),) = policies_of(scenario, (policy,))
    properties = properties_of(scenario, verdicts)
    _check_verdict(verdict, properties)
    with SearchProgress(quiet=quiet) as progress:
        progress.begin(name)
        exploration = explore(
            scenario,
            chosen,
            properties=properties,
            bounds=Bounds(max_states, None),
            on_level=progress.show,
            exchanges=False,
        )
    results = _results(scenario, chosen, exploration, properties, verdict)
    if json_file is not None:
        write_json(json_file, window_document(scenario.name, chosen.name, results))
    if not quiet and json_file != "-":
        with printing() as console:
            show_windows(console, scenario.name, chosen.name, results)
    return INCONCLUSIVE if any(each.window is None for each in results) else 0


def _check(scenario: Scenario) -> None:
    if scenario.setting.faults or scenario.slowings:
        raise BadInputError(f"{scenario.file}: faults: found some; allowed: none, for they have no window")


def _check_verdict(verdict: str | None, properties: Sequence[Property]) -> None:
    from batchsim.scenario.spelling import did_you_mean
    from batchsim.verdicts import VERDICTS

    allowed = [name for name in (*VERDICTS, *(each.name for each in properties)) if name != "ok"]
    if verdict is not None and verdict not in allowed:
        parts = (f"--class: found {verdict!r}", f"allowed: {', '.join(allowed)}", did_you_mean(verdict, allowed))
        raise BadInputError("; ".join(filter(None, parts)))


def _results(
    scenario: Scenario,
    policy: Policy,
    exploration: Exploration,
    properties: Sequence[Property],
    verdict: str | None,
) -> list[WindowResult]:
    from batchsim.analysis.window import NoWindow, smallest_change, window_of
    from batchsim.report.window import WindowResult

    asked = sorted(exploration.verdicts - {"ok"}) if verdict is None else [verdict]
    if not exploration.is_complete:
        asked = asked or ["any verdict"]
    results = []
    for name in asked:
        try:
            found = window_of(scenario, policy, name, exploration, properties)
            results.append(WindowResult(name, found, smallest_change(found)))
        except NoWindow as error:
            results.append(WindowResult(name, None, None, str(error)))
    return results
