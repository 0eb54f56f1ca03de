"""The terminal: what `batchsim explore --timed` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from batchsim.engines.zones import TimedExploration, TimedOutcome
from batchsim.report.lanes import lanes
from batchsim.report.occurrences import claim_without_faults
from batchsim.report.outcomes import columns_of, drawn_of, row_of, shown_of
from batchsim.report.phrases import OF_ZONES, amount
from batchsim.report.screen import Text, called, print_line
from batchsim.report.tables import (
    BAD,
    GOOD,
    QUIET,
    UNSURE,
    Claim,
    fits,
    plain_table,
    print_faults,
    print_occurrences,
    print_outcomes,
    print_table,
    say_again,
    told_claim,
)
from batchsim.rounding import exact_instant, rounded
from batchsim.scenario import Scenario


def show_timed_explorations(
    console: Console,
    scenario: Scenario,
    explorations: Sequence[TimedExploration],
    replays: Sequence[Sequence[str]],
) -> None:
    """What each policy can come to within the intervals of the latencies; then each that can fail, with a run.

    `replays`: for each exploration and each of its outcome classes the command that runs its witness.
    """
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
    console.print(Text(f"{OF_ZONES}\n", QUIET))
    for exploration, commands in zip(explorations, replays, strict=True):
        _show_exploration(console, exploration, commands)
    say_again(console, [_claim(console, exploration) for exploration in explorations])


def _claim(console: Console, exploration: TimedExploration) -> Text:
    return told_claim(called(console, exploration.policy), claim_of(exploration))


def claim_of(exploration: TimedExploration) -> Claim:
    """What is claimed of a policy."""
    complete = "" if exploration.is_complete else "incomplete, "
    bounds = f"{complete}{amount(exploration.state_classes, 'situation')}, {amount(exploration.zones, 'zone')}"
    claim, style = _claim_in_words(exploration)
    without = claim_without_faults(exploration, claim)
    if without is not None:
        claim, style = without, UNSURE
    return Claim(claim, style, bounds)


def _claim_in_words(exploration: TimedExploration) -> tuple[str, str]:
    failing = dict.fromkeys(
        verdict for each in exploration.outcomes for verdict in each.verdicts if verdict != "ok"
    )
    if failing:
        found = "" if exploration.is_complete else f" (found before it was {exploration.stopped_by})"
        if exploration.is_complete and "ok" not in exploration.verdicts:
            of_each = len(failing) == 1 or {each.verdicts for each in exploration.outcomes} == {tuple(failing)}
            which = ", ".join(failing) if of_each else f"one of {', '.join(failing)}"
            return f"fails: all latencies within these intervals give {which}", BAD
        return f"fails: some latencies within these intervals give {', '.join(failing)}{found}", BAD
    if exploration.is_complete:
        return "proved for all latencies within these intervals: no verdict but ok", GOOD
    return f"inconclusive: {exploration.stopped_by}, and no run so far fails", UNSURE


def _comparison(console: Console, explorations: Sequence[TimedExploration]) -> Table:
    verdicts = dict.fromkeys(
        verdict for exploration in explorations for each in exploration.outcomes for verdict in each.verdicts
    )
    table = plain_table(("within these intervals", *(called(console, each.policy, "\n") for each in explorations)))
    for verdict in verdicts:
        table.add_row(verdict, *(_possibility(exploration, verdict) for exploration in explorations))
    return table


def _possibility(exploration: TimedExploration, verdict: str) -> Text:
    if verdict in exploration.verdicts:
        is_always = exploration.is_proof and all(verdict in each.verdicts for each in exploration.outcomes)
        return Text("always" if is_always else "possible", style=GOOD if verdict == "ok" else BAD)
    return Text("never" if exploration.is_proof else "not found", style=QUIET)


def _show_exploration(console: Console, exploration: TimedExploration, commands: Sequence[str]) -> None:
    console.print(Text(called(console, exploration.policy), style="bold"))
    listed, left_out = shown_of(exploration.outcomes)
    outcomes = _outcomes(listed)
    is_first = fits(console, outcomes)
    if is_first:
        print_outcomes(console, outcomes, left_out)
    drawn = drawn_of(exploration.outcomes)
    for outcome, command in zip(exploration.outcomes, commands, strict=True):
        if any(outcome is each for each in drawn):
            _show_witness(console, outcome, command)
    if not is_first:
        print_outcomes(console, outcomes, left_out)


def _outcomes(outcomes: Sequence[TimedOutcome]) -> Table:
    headings, right = columns_of([each.outcome for each in outcomes])
    further = ("steps", "for example, ends after")
    table = plain_table(("verdict", *headings, *further), right=(*right, *further))
    for each in outcomes:
        is_ok = each.verdicts == ("ok",)
        table.add_row(
            Text(", ".join(each.verdicts), style=GOOD if is_ok else BAD),
            *map(Text, row_of(each.outcome)),
            str(len(each.witness.steps)),
            rounded(each.witness.steps[-1].at_us if each.witness.steps else 0),
        )
    return table


def _show_witness(console: Console, outcome: TimedOutcome, command: str) -> None:
    steps = outcome.witness.steps
    console.print(Text(f"  {', '.join(outcome.verdicts)}: a run, {len(steps)} steps:", style="bold"))
    instants = [exact_instant(step.at_us) for step in steps]
    width = max(map(len, instants), default=0)
    for line, instant in zip(lanes(steps, has_headings=False), instants, strict=True):
        print_line(console, Text(f"{instant:>{width}}  {line}".rstrip()), indent=4)
    console.print(Text(f"  replay it: {command}\n", style=QUIET), soft_wrap=True)
