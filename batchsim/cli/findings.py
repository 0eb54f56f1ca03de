"""`batchsim findings`: the page that says what can occur under which faults."""

from __future__ import annotations

from pathlib import Path

import click

from batchsim.cli import options
from batchsim.report.file_names import FINDINGS as PAGE


@click.command()
@options.policies
@click.option("--items", type=click.IntRange(1, 3), multiple=True, help="Items of the batch; default: 1 and 2.")
@click.option(
    "--consumers", type=click.IntRange(1, 3), multiple=True, help="Consumers of the queue; default: 1 and 2."
)
@click.option("--max-states", type=click.IntRange(1), metavar="N", help="Explore a case up to so many states.")
@click.option("--walks", type=click.IntRange(1), metavar="N", help="Schedules to draw where that is not enough.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes; default: one for each core.")
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    metavar="DIR",
    help=f"Where {PAGE} and the folder of its schedules go.",
)
@options.quiet
def findings(
    policies: tuple[str, ...],
    items: tuple[int, ...],
    consumers: tuple[int, ...],
    max_states: int | None,
    walks: int | None,
    workers: int | None,
    directory: Path,
    quiet: bool,
) -> int:
    """Write the findings page: every shipped policy, with no fault, each fault and each pair of faults.

    Takes some minutes. What is explored to the end is proved; for the rest schedules are drawn at random.
    """
    from batchsim.analysis.findings import Effort, Scope, cases_of, judge, survey, switches_over
    from batchsim.cli.outputs import check_folder, deliver, write_files
    from batchsim.policies import POLICIES
    from batchsim.policies.pr4397 import PR4397
    from batchsim.policies.proposed import PROPOSED
    from batchsim.report.findings import FOLDER, page, witness_pages
    from batchsim.report.progress import Progress
    from batchsim.report.visible import visible

    chosen = _shipped(policies) or tuple(POLICIES)
    check_folder("--out", directory, (PAGE, *(f"{FOLDER}/{name}.md" for name in chosen)))
    usual = Effort()
    effort = usual._replace(walks=walks or usual.walks)
    if max_states is not None:
        effort = effort._replace(states_max=max_states, states_max_of_pair=max_states)
    switches = switches_over(PROPOSED, PR4397) if PROPOSED.name in chosen else ()
    scope = Scope(
        chosen,
        tuple(sorted(set(items))) or (1, 2),
        tuple(sorted(set(consumers))) or (1, 2),
        without=tuple((PROPOSED.name, switch) for switch in switches),
    )
    with Progress(len(list(cases_of(scope, range(3)))), quiet=quiet) as progress:
        progress.begin("no fault", counts=False)
        found = survey(scope, effort, workers=workers, on_case=lambda each: progress.begin(str(each.case.budget)))
        progress.begin(f"drawing {PAGE}", counts=False)
        judgement = judge(found)
        texts = {f"{FOLDER}/{name}": text for name, text in witness_pages(judgement, chosen)}
        texts[PAGE] = page(judgement, chosen, switches, effort)
    said = f"{judgement.cases} cases, {judgement.complete} explored to the end"
    deliver(
        None if quiet else lambda: click.echo(f"{said}: {visible(str(directory / PAGE))}"),
        lambda: write_files("--out", directory, texts),
    )
    return 0


def _shipped(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each of a shipped policy; raises `BadInputError`."""
    from batchsim.bad_input import BadInputError
    from batchsim.policies import POLICIES

    for name in names:
        if name not in POLICIES:
            raise BadInputError(f"--policy: found {name!r}; allowed: {', '.join(POLICIES)}")
    return tuple(dict.fromkeys(names))
