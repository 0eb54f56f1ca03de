"""`batchsim explain`: a scenario as it is understood."""

from __future__ import annotations

from pathlib import Path

import click

from batchsim.cli import options
from batchsim.cli.inputs import by_their_names, load, policies_of


@click.command()
@click.argument("file", type=options.ScenarioFile())
@options.policies
@options.overrides
@options.json_file
def explain(file: Path, policies: tuple[str, ...], overrides: tuple[str, ...], json_file: str | None) -> int:
    """Print a scenario as it is understood: every value that plays a part, and where it comes from.

    Operations are those that the runs of its policies with its seed take; a latency that nothing gives is a
    default, and the table says of which kind.
    """
    from batchsim.checking.understood import understood
    from batchsim.checking.understood_told import show_understood
    from batchsim.cli.outputs import check_outputs, deliver, printing, write_json
    from batchsim.scenario import check_for_timed_run

    (scenario,) = load([file], overrides, None, check_for_timed_run, policies)
    policies = by_their_names([scenario], policies)
    chosen = policies_of(scenario, policies)
    check_outputs(json_file, None)
    values = understood(scenario, chosen)

    def show() -> None:
        with printing() as console:
            show_understood(console, scenario, values)

    deliver(
        None if json_file == "-" else show,
        None
        if json_file is None
        else lambda: write_json(
            str(json_file), {"schema": 1, "scenario": scenario.name, "values": [each._asdict() for each in values]}
        ),
    )
    return 0
