"""The terminal: what `batchsim findings` prints."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from batchsim.analysis.findings import Base, Budget, FindingPlace, Findings, Known, PolicyStanding
from batchsim.report.findings_words import (
    HONEST,
    alike,
    faults_in_words,
    maybe_more,
    named,
    nothing_found,
    sizes_in_words,
    standings_in_short,
)
from batchsim.report.screen import Text, called, print_line
from batchsim.report.tables import BAD, GOOD, QUIET, UNSURE, plain_table, print_table
from batchsim.scenario import fault_in_words

_STYLES = {
    PolicyStanding.OPEN: BAD,
    PolicyStanding.CAME_BACK: BAD,
    PolicyStanding.CLOSED: GOOD,
    PolicyStanding.NOT_FOUND: UNSURE,
    PolicyStanding.CANNOT_HAPPEN: UNSURE,
}


def show_findings(console: Console, findings: Findings, replays: Mapping[FindingPlace, str]) -> None:
    """What each policy can come to under each budget, and how each stands against the one it is held against.

    `replays`: commands that run a witness, by the verdict that it gives.
    """
    for base in findings.scope.bases:
        sizes = sizes_in_words(findings, base)
        told = base.scenario if base.call is None else f"{base.scenario}: {base.call.value}, {sizes}"
        console.print(Text(told, style="bold"))
    for name, once in findings.scope.faults.items():
        if "#" in name:  # of the scenario, by its number there
            print_line(console, Text(f"{name}: {fault_in_words(once.fault)}"))
    console.print(Text(_claim(findings)))
    console.print()
    for base in findings.scope.bases:
        print_table(console, _cells(console, findings, base))
    for policy in findings.asked:
        if policy != findings.against:
            _show_standing(console, findings, policy)
    if not findings.scope.is_own and any(
        place.verdict == HONEST for policy in findings.scope.policies for place, _ in findings.shown(policy)
    ):
        console.print(Text(f"{HONEST} is an honest answer: the work was not done", style=QUIET))
    for place, command in replays.items():
        where = _where(findings, place.base, place.budget)
        print_line(console, Text(f"{findings.names[place.policy]}, {place.verdict}{where}: {command}"))


def _claim(findings: Findings) -> str:
    judgement, effort = findings.judgement, findings.effort
    text = f"{faults_in_words(findings.scope.budgets)}, anywhere"
    text += f"; {judgement.complete} of {judgement.cases} cases explored to the end"
    if judgement.complete < judgement.cases:
        text += f", {effort.walks} schedules drawn of each of the others"
    return text


def _where(findings: Findings, base: Base, budget: Budget) -> str:
    where = f" under {named(budget)}"
    return where if len(findings.scope.bases) == 1 else f"{where} ({findings.called(base)})"


def _cells(console: Console, findings: Findings, base: Base) -> Table:
    heading = "faults" if len(findings.scope.bases) == 1 else f"{findings.called(base)}: faults"
    table = plain_table(
        (heading, *(called(console, findings.names[each], "\n") for each in findings.scope.policies))
    )
    for budget in findings.scope.budgets:
        cells = (_cell(findings, policy, budget, base) for policy in findings.scope.policies)
        table.add_row(Text(str(budget)), *cells)
    return table


def _cell(findings: Findings, policy: str, budget: Budget, base: Base) -> Text:
    cell = findings.judgement.cell(policy, budget, base)
    found = findings.judgement.shown(policy, budget, base)
    if not found:
        style = {Known.PROVED: GOOD, Known.SAMPLED: UNSURE, Known.CANNOT_HAPPEN: QUIET}[cell.known]
        return Text(nothing_found(cell, budget), style=style)
    has_more = any(batch.consumers > 1 for batch in findings.scope.batches)
    lines = [
        Text(f"{verdict}{' (one consumer)' if has_more and each.is_of_one_consumer else ''}", style=BAD)
        for verdict, each in found.items()
    ]
    more = maybe_more(cell)
    told = Text()
    for number, line in enumerate([*lines, Text(more, style=UNSURE)] if more else lines):
        told.append("\n" if number else "").append_text(line)
    return told


def _show_standing(console: Console, findings: Findings, policy: str) -> None:
    against = called(console, findings.names[findings.against])
    compared = findings.compared(policy)
    heading = f"{called(console, findings.names[policy])}, held against {against}: "
    console.print(Text.assemble((heading, "bold"), standings_in_short(compared)))
    has_bases = len(findings.scope.bases) > 1
    table = plain_table(("verdict", *(("batch",) if has_bases else ()), "under", "how it stands"))
    for each in alike(compared, against):
        batch = (Text(findings.called(each.base)),) if has_bases else ()
        standing = Text(each.words, style=_STYLES[each.standing])
        table.add_row(Text(each.verdict), *batch, Text(each.under), standing)
    if compared:
        print_table(console, table)
    else:
        console.print()
