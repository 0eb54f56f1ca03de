"""The command `batchsim explore`: which engine is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options

if TYPE_CHECKING:
    from batchsim.cli.exploring import Explorer


@click.command()
@click.argument("file", type=options.ScenarioFile())
@options.policies
@options.verdicts
@options.fail_on
@options.overrides
@click.option(
    "--reduce", "reduces", is_flag=True, help="Skip orders of steps that commute: outcomes without counts."
)
@click.option(
    "--timed", "is_timed", is_flag=True, help="Only what latencies within the intervals of the scenario allow."
)
@click.option(
    "--exact", "exactly", is_flag=True, help="With exponential latencies: the probability of each outcome."
)
@click.option("--max-states", type=click.IntRange(1), metavar="N", help="Give up beyond so many states or zones.")
@click.option("--max-memory", type=click.IntRange(64), metavar="MIB", help="Give up beyond so many MiB.")
@options.json_file
@click.option(
    "--witness",
    "witness_directory",
    type=options.NamedPath(),
    metavar="DIR",
    help="Write a witness of each outcome, to be run by `batchsim replay`.",
)
@options.html_file
@options.csv_results
@options.quiet
def explore(
    *, reduces: bool, is_timed: bool, exactly: bool, max_states: int | None, max_memory: int | None, **asked: Any
) -> int:
    """Explore every interleaving of a scenario: find every order in which a policy fails.

    Time is left out: any enabled operation may be next. Numbers of schedules are exact. The exit code is 1 if
    the verdicts are not those of `expect_explore`, or if one that --fail-on forbids is possible, and 3 if a bound
    was hit before the answer, or a pinned fault occurs in no schedule.

    With --timed each leg of each operation takes any time within the interval of its latency, over dense time. A
    verdict that is not in `expect_explore` is exit code 1; where there is `expect_timed`, any other set is.

    With --exact latencies have to be exponential or 0, and the probability of each outcome is exact. Here too a
    verdict that is not in `expect_explore` is exit code 1, and --fail-on takes probabilities:
    'false_failure>0.5%'.
    """
    from batchsim.cli.exploring import Question, explore_with
    from batchsim.engines.exhaustive import Bounds

    if is_timed and (reduces or exactly):
        option = "--reduce" if reduces else "--exact"
        raise BadInputError(f"{option}: found with --timed; allowed: one of them")
    if exactly and (reduces or asked["witness_directory"] is not None):
        raise BadInputError("--exact: allowed: neither --reduce nor --witness beside it")
    bounds = Bounds(max_states, None if max_memory is None else max_memory << 20)
    explorer = _explorer(reduces=reduces, is_timed=is_timed, exactly=exactly)
    return explore_with(explorer, Question(bounds=bounds, **asked))


def _explorer(*, reduces: bool, is_timed: bool, exactly: bool) -> Explorer[Any]:
    if is_timed:
        from batchsim.cli.within_intervals import WithinIntervals

        return WithinIntervals()
    if exactly:
        from batchsim.cli.exactly import Exactly

        return Exactly()
    from batchsim.cli.all_orders import AllOrders

    return AllOrders(reduces=reduces)
