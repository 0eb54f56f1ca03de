"""The terminal: what `batchsim explore --exact` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from batchsim.engines.chain import ExactExploration
from batchsim.report import words
from batchsim.report.occurrences import claim_without_faults
from batchsim.report.outcomes import columns_of, row_of
from batchsim.report.screen import Text, called, print_line
from batchsim.report.tables import (
    BAD,
    GOOD,
    QUIET,
    UNSURE,
    Claim,
    plain_table,
    print_faults,
    print_occurrences,
    print_table,
    told_claim,
)
from batchsim.scenario import Scenario


def show_exact_explorations(
    console: Console, scenario: Scenario, explorations: Sequence[ExactExploration]
) -> None:
    """How likely each policy comes to what, side by side; then every outcome of each."""
    console.print(Text(scenario.name, style="bold"))
    if scenario.summary:
        console.print(Text(scenario.summary))
    print_faults(console, scenario)
    console.print()
    for exploration in explorations:
        print_line(console, _claim(console, exploration))
    console.print()
    print_occurrences(console, explorations)
    if len(explorations) > 1:
        print_table(console, _comparison(console, explorations))
    for exploration in explorations:
        console.print(Text(called(console, exploration.policy), style="bold"))
        print_table(console, _outcomes(exploration))


def _claim(console: Console, exploration: ExactExploration) -> Text:
    return told_claim(called(console, exploration.policy), claim_of(exploration))


def claim_of(exploration: ExactExploration) -> Claim:
    """What is claimed of a policy."""
    error = f"relative error below {exploration.relative_error_max:.0e}"
    size = f"{exploration.states:,} states, time passes in {exploration.states_in_time:,}; {error}"
    fails = sum(each.probability for each in exploration.outcomes if each.verdicts != ("ok",))
    if not exploration.is_complete:
        why, left = exploration.stopped_by, f"{words.share(exploration.unresolved)} was not looked into"
        claim, style = f"inconclusive: {why}, and nothing so far fails; {left}", UNSURE
        if fails:
            claim = f"fails with a probability of at least {words.share(fails)}: {why}; {left}"
    elif fails:
        claim, style = f"fails with a probability of {words.share(fails)}", BAD
    else:
        claim, style = "never fails", GOOD
    without = claim_without_faults(exploration, claim)
    if without is not None:
        claim, style = without, UNSURE
    return Claim(claim, style, size)


def _comparison(console: Console, explorations: Sequence[ExactExploration]) -> Table:
    verdicts = dict.fromkeys(
        verdict for exploration in explorations for each in exploration.outcomes for verdict in each.verdicts
    )
    policies = [called(console, exploration.policy, "\n") for exploration in explorations]
    table = plain_table(("probability", *policies), right=policies)
    for verdict in verdicts:
        table.add_row(verdict, *(_probability(exploration, verdict) for exploration in explorations))
    return table


def _probability(exploration: ExactExploration, verdict: str) -> Text:
    if verdict not in exploration.verdicts:
        return Text("never" if exploration.is_proof else "not found", style=QUIET)
    told = _share(exploration.probability_of(verdict), exploration)
    return Text(told, style=GOOD if verdict == "ok" else BAD)


def _share(share: float, exploration: ExactExploration) -> str:
    # What was not looked into can only add to it.
    return f"{'' if exploration.is_complete else 'at least '}{words.share(share)}"


def _outcomes(exploration: ExactExploration) -> Table:
    headings, right = columns_of([each.outcome for each in exploration.outcomes])
    table = plain_table(("verdict", *headings, "probability"), right=(*right, "probability"))
    for each in exploration.outcomes:
        table.add_row(
            Text(", ".join(each.verdicts), style=GOOD if each.verdicts == ("ok",) else BAD),
            *map(Text, row_of(each.outcome)),
            _share(each.probability, exploration),
        )
    return table
