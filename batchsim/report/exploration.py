"""The terminal: what `batchsim explore` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from batchsim.analysis.constraints import CONSTRAINTS_MAX, Explanation
from batchsim.analysis.deciding import Explained, Places, numbered, with_places
from batchsim.engines.exhaustive import DecisiveSteps, Exploration, OutcomeClass
from batchsim.report import words
from batchsim.report.lanes import lanes
from batchsim.report.occurrences import claim_without_faults
from batchsim.report.outcomes import columns_of, drawn_of, row_of, shown_of
from batchsim.report.phrases import amount
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
from batchsim.scenario import Scenario

DECISIONS_SHOWN_MAX = 6

OF_SCHEDULES = "schedules: in how many orders of all steps; each counts as one, however unlikely it is"
OF_SHARES = (
    "share: how probable it is if at each point every step that can be next is equally likely; it is not how "
    "often it happens in production (`batchsim sweep` estimates that from latencies)"
)
"""The two numbers stand side by side, and can be far apart: many orders may be unlikely ones."""


def show_explorations(
    console: Console,
    scenario: Scenario,
    explorations: Sequence[Exploration],
    explanations: Sequence[Explained],
    replays: Sequence[Sequence[str]],
) -> None:
    """What each policy can come to, side by side; then each that can fail, with a witness and why.

    `explanations`: those of each exploration. `replays`: for each exploration and each of its outcome classes the
    command that runs its witness.
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
    if any(each.share is not None for exploration in explorations for each in exploration.outcomes):
        console.print(Text(f"{OF_SCHEDULES}\n{OF_SHARES}\n", QUIET))
    for exploration, told, commands in zip(explorations, explanations, replays, strict=True):
        _show_exploration(console, exploration, told, commands)
    say_again(console, [_claim(console, exploration) for exploration in explorations])


def _claim(console: Console, exploration: Exploration) -> Text:
    return told_claim(called(console, exploration.policy), claim_of(exploration))


def claim_of(exploration: Exploration) -> Claim:
    """What is claimed of a policy."""
    complete = "" if exploration.is_complete else "incomplete, "
    bounds = f"{complete}{amount(exploration.states, 'state')}, {amount(exploration.transitions, 'transition')}"
    claim, style = _claim_in_words(exploration)
    without = claim_without_faults(exploration, claim)
    if without is not None:
        claim, style = without, UNSURE
    if exploration.uncounted_because is not None:
        bounds += f"; {exploration.uncounted_because}"
    return Claim(claim, style, bounds)


def _claim_in_words(exploration: Exploration) -> tuple[str, str]:
    failing = [each for each in exploration.outcomes if each.verdicts != ("ok",)]
    total = "" if exploration.schedules is None else amount(exploration.schedules, "schedule")
    found = "" if exploration.is_complete else f" found before it was {exploration.stopped_by}"
    if failing and exploration.schedules is None:
        which = "outcomes" if found else "possible outcomes"
        return f"fails: {len(failing)} of {len(exploration.outcomes)} {which}{found} are not ok", BAD
    if failing:
        return f"fails in {sum(each.schedules or 0 for each in failing):,} of {total}{found}", BAD
    if exploration.is_complete and exploration.schedules == 1:
        return "proved: the only schedule gives no verdict but ok", GOOD
    if exploration.is_complete:
        return f"proved: {f'none of {total}' if total else 'no schedule'} gives any verdict but ok", GOOD
    return f"inconclusive: {exploration.stopped_by}, and no schedule so far fails", UNSURE


def _comparison(console: Console, explorations: Sequence[Exploration]) -> Table:
    verdicts = dict.fromkeys(
        verdict for exploration in explorations for each in exploration.outcomes for verdict in each.verdicts
    )
    policies = [called(console, exploration.policy, "\n") for exploration in explorations]
    table = plain_table(("share", *policies), right=policies)
    for verdict in verdicts:
        table.add_row(verdict, *(_share_of(exploration, verdict) for exploration in explorations))
    return table


def _share_of(exploration: Exploration, verdict: str) -> Text:
    shares = [each.share for each in exploration.outcomes if verdict in each.verdicts]
    if not shares:
        return Text("never" if exploration.is_proof else "not found", style=QUIET)
    known = [share for share in shares if share is not None]
    is_always = exploration.is_proof and len(shares) == len(exploration.outcomes)
    told = _share(sum(known), exploration) if known else "always" if is_always else "sometimes"
    return Text(told, style=GOOD if verdict == "ok" else BAD)


def _share(share: float, exploration: Exploration) -> str:
    # What was not looked into can only add to it.
    return f"{'' if exploration.is_complete else 'at least '}{words.share(share)}"


def _show_exploration(
    console: Console, exploration: Exploration, told: Explained, commands: Sequence[str]
) -> None:
    reasons = {each.verdict: each for each in told.reasons}
    console.print(Text(called(console, exploration.policy), style="bold"))
    listed, left_out = shown_of(exploration.outcomes)
    outcomes = _outcomes(exploration, listed)
    is_first = fits(console, outcomes)
    if is_first and exploration.outcomes:
        print_outcomes(console, outcomes, left_out)
    drawn = drawn_of(exploration.outcomes)
    for outcome, command in zip(exploration.outcomes, commands, strict=True):
        if any(outcome is each for each in drawn):
            for verdict in outcome.verdicts:
                _show_reason(console, verdict, reasons.get(verdict))
                _show_decisions(console, verdict, exploration, told.places)
            is_named = bool(exploration.decisive) or not reasons.keys().isdisjoint(outcome.verdicts)
            _show_witness(console, outcome, command, "" if is_named else f"{', '.join(outcome.verdicts)}: ")
    if not is_first:
        print_outcomes(console, outcomes, left_out)


def _show_reason(console: Console, verdict: str, reason: Explanation | None) -> None:
    if reason is None:
        return
    if reason.constraints is None:
        least = f"no set of up to {CONSTRAINTS_MAX} order constraints"
        console.print(Text(f"  {verdict}: {least} separates its schedules from all others"))
        return
    if not reason.constraints:
        console.print(Text(f"  {verdict} occurs in every schedule", style="bold"))
        return
    console.print(Text(f"  {verdict} occurs exactly if", style="bold"))
    for constraint in reason.constraints:
        print_line(console, Text(str(constraint)), indent=4)


def _show_decisions(console: Console, verdict: str, exploration: Exploration, places: Sequence[Places]) -> None:
    decided = [(each, at) for each, at in with_places(exploration, places) if each.verdict == verdict]
    if not decided:
        return
    console.print(Text(f"  {verdict} can no longer be avoided once", style="bold"))
    for each, at in decided[:DECISIONS_SHOWN_MAX]:
        print_line(console, Text(_decision(each, at, exploration.transitions)), indent=4)
    if len(decided) > DECISIONS_SHOWN_MAX:
        console.print(f"    and in {len(decided) - DECISIONS_SHOWN_MAX} more ways")


def _outcomes(exploration: Exploration, listed: Sequence[OutcomeClass]) -> Table:
    headings, right = columns_of([each.outcome for each in listed])
    so_far = "" if exploration.is_complete else " so far"
    further = (f"schedules{so_far}", "share", "steps")
    table = plain_table(("verdict", *headings, *further), right=(*right, *further))
    for each in listed:
        is_ok = each.verdicts == ("ok",)
        table.add_row(
            Text(", ".join(each.verdicts), style=GOOD if is_ok else BAD),
            *map(Text, row_of(each.outcome)),
            "-" if each.schedules is None else f"{each.schedules:,}",
            "-" if each.share is None else _share(each.share, exploration),
            str(len(each.witness)),
        )
    return table


def _show_witness(console: Console, outcome: OutcomeClass, command: str, heading: str) -> None:
    # What was skipped may hold a shorter one.
    kind = "a schedule" if outcome.schedules is None else "a shortest schedule"
    console.print(Text(f"\n  {heading}{kind}, {len(outcome.witness)} steps:", style="bold"))
    for line in lanes(outcome.witness, has_headings=False):
        print_line(console, Text(line.rstrip()), indent=4)
    console.print(Text(f"  replay it: {command}\n", style=QUIET), soft_wrap=True)


def _decision(decision: DecisiveSteps, places: Places, transitions: int) -> str:
    overtakes = f" before {' and '.join(decision.overtook)}" if decision.overtook else ""
    turns_out = f"turns out as [{decision.alternative}]" if decision.alternative else "takes effect"
    step = f"{numbered(decision.operation, places)} ({decision.actor})"
    return f"{step} {turns_out}{overtakes}: {decision.edges:,} of {transitions:,} transitions"
