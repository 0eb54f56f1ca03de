"""The terminal: what `batchsim run` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress, zip_longest
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from batchsim.analysis.chains import Span, Stretch, any_of, folded, spans_of
from batchsim.analysis.contest import contest_of
from batchsim.analysis.headings import headings_of
from batchsim.analysis.judging import missed_in_words
from batchsim.analysis.margins import Margin
from batchsim.model.run import Step
from batchsim.report import words
from batchsim.report.occurrences import happened, never_happened
from batchsim.report.outcomes import columns_of_runs, is_of_batch, row_of_run
from batchsim.report.phrases import OF_AN_ORDER, repeated
from batchsim.report.screen import Text, called, print_line
from batchsim.report.tables import BAD, GOOD, QUIET, UNSURE, fits, plain_table, print_table, print_wide
from batchsim.rounding import exact_instant, rounded
from batchsim.scenario import fault_in_words

if TYPE_CHECKING:
    from batchsim.analysis.runs import PolicyRun, ScenarioRun

RACE_MARGIN = "race margin: from the handler's count of the enqueued items to their deletion; minus: deleted first"
SEAL_MARGIN = (
    "seal margin: from the handler's seal to another write that rules it out; minus: that write came first"
)

Chains = tuple[tuple[Stretch, ...], tuple[Stretch, ...]] | None


def show_scenario_run(
    console: Console, scenario_run: ScenarioRun, again: Callable[[PolicyRun], str], *, timeline: bool
) -> None:
    """The table of one scenario, and for each run its explanation and its margin, those that are alike together.

    `again`: the command that shows a run by itself.
    """
    scenario = scenario_run.scenario
    console.print(Text(scenario.name, style="bold"))
    if scenario.summary or scenario.own is None:
        console.print(Text(scenario.summary))
    _show_faults(console, scenario_run)
    if not scenario_run.has_own_times:
        console.print(Text(f"times: {OF_AN_ORDER}", style=QUIET))
    console.print()
    table = _table_of_runs(console, scenario_run.runs)
    # Where it does not fit it becomes records, which are long: first the verdicts, and the story.
    is_first = fits(console, table)
    if is_first:
        _show_runs(console, table, scenario_run.runs)
    else:
        print_table(console, _table_of_verdicts(console, scenario_run.runs))
    shown: dict[Chains, str] = {}
    for runs in _alike(scenario_run.runs):
        _show_explanation(console, runs, shown)
        if not runs[0].is_ok and not timeline:
            # A command is copied: it stays one line.
            console.print(Text(f"  see every step: {again(runs[0])}\n", style=QUIET), soft_wrap=True)
    if not is_first:
        _show_runs(console, table, scenario_run.runs)
    if timeline:
        for run in scenario_run.runs:
            _show_timeline(console, run)
    _show_expectations(console, [scenario_run])


def show_matrix(console: Console, scenario_runs: Sequence[ScenarioRun], *, timeline: bool) -> None:
    """Scenario against policy: the verdicts."""
    runs = [run for each in scenario_runs for run in each.runs]
    headings = {run.name: _heading(run, runs) for run in runs}
    table = plain_table(["scenario", *(called(console, each, "\n") for each in headings.values())])
    for each in scenario_runs:
        cells = {run.name: _verdicts(run) for run in each.runs}
        table.add_row(Text(each.scenario.name), *(cells.get(name, Text("")) for name in headings))
    print_table(console, table)
    for each in scenario_runs:
        for line in never_happened(each, lambda run: called(console, _heading(run, runs))):
            console.print(Text(f"{each.scenario.name}: {line}", style=UNSURE), soft_wrap=True)
    if timeline:
        for each in scenario_runs:
            for run in each.runs:
                _show_timeline(console, run, each.scenario.name)
    _show_expectations(console, scenario_runs)


def _show_faults(console: Console, scenario_run: ScenarioRun) -> None:
    """Each fault, and whether it happened."""
    said = happened(scenario_run, lambda run: called(console, _heading(run, scenario_run.runs)))
    for number, (fault, (how_often, is_everywhere)) in enumerate(
        zip(scenario_run.scenario.faults, said, strict=True)
    ):
        line = f"fault {number}: {fault_in_words(fault)}: {how_often}"
        console.print(Text(line, style="" if is_everywhere else UNSURE), soft_wrap=True)


def _heading(run: PolicyRun, runs: Iterable[PolicyRun]) -> str:
    """What its policy is called, among those of all runs."""
    return headings_of((other.name, other.policy) for other in runs)[run.name]


def _verdicts(run: PolicyRun) -> Text:
    text = Text("\n".join(run.verdicts), style=GOOD if run.is_ok else BAD)
    if not run.is_as_expected:
        text.append("\n(not expected)", BAD)
    return text


def _table_of_runs(console: Console, runs: Sequence[PolicyRun]) -> Table:
    headings, right = columns_of_runs(runs)
    rows = [[cell if isinstance(cell, Text) else Text(cell) for cell in _row(run)] for run in runs]
    # A margin that no run has says nothing, and a table is wide enough without.
    said = [
        not heading.endswith("margin") or any(row[place].plain != words.margin(None) for row in rows)
        for place, heading in enumerate(headings)
    ]
    table = plain_table(("policy", "verdict", *compress(headings, said)), right=right)
    for run, row in zip(runs, rows, strict=True):
        table.add_row(Text(called(console, _heading(run, runs))), _verdicts(run), *compress(row, said))
    return table


def _table_of_verdicts(console: Console, runs: Sequence[PolicyRun]) -> Table:
    table = plain_table(("policy", "verdict"))
    for run in runs:
        table.add_row(Text(called(console, _heading(run, runs))), _verdicts(run))
    return table


def _show_runs(console: Console, table: Table, runs: Sequence[PolicyRun]) -> None:
    print_table(console, table)
    _explain_margins(console, runs)


def _explain_margins(console: Console, runs: Sequence[PolicyRun]) -> None:
    """What the margins of the table are, each where one is shown."""
    said = [
        *([RACE_MARGIN] if any(run.race is not None for run in runs) else []),
        *([SEAL_MARGIN] if any(run.seal is not None for run in runs) else []),
    ]
    if said and all(map(is_of_batch, runs)):
        for line in said:
            console.print(Text(line, style=QUIET))
        console.print()


def _row(run: PolicyRun) -> Iterator[Text | str]:
    yield from row_of_run(run)
    if is_of_batch(run):
        yield from (_margin(run.race), _margin(run.seal))


def _margin(margin: Margin | None) -> Text:
    style = QUIET if margin is None else GOOD if margin.is_won else BAD
    return Text(words.margin(margin), style=style)


def _alike(runs: Iterable[PolicyRun]) -> Iterable[list[PolicyRun]]:
    """The runs that have the same to tell, together."""
    groups: dict[tuple[object, ...], list[PolicyRun]] = {}
    for run in runs:
        groups.setdefault((run.explanation, _chains(contest_of(run))), []).append(run)
    return groups.values()


def _chains(margin: Margin | None) -> Chains:
    return None if margin is None else (margin.endpoint_legs, margin.rival_legs)


def _show_explanation(console: Console, runs: list[PolicyRun], shown: dict[Chains, str]) -> None:
    """The explanation of runs that are alike, and their margin; `shown`: margins that were, and whose."""
    margin = contest_of(runs[0])
    if margin is None and not runs[0].explanation:
        return
    names = ", ".join(called(console, _heading(run, runs)) for run in runs)
    console.print(Text(names, style="bold"))
    for sentence in runs[0].explanation:
        console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    before = shown.setdefault(_chains(margin), names)
    if margin is None:
        console.print()
    elif before != names:
        console.print(Padding(Text(f"the same race as under {before}, {_end_of(margin)}"), (0, 0, 1, 2)))
    else:
        print_wide(console, Padding(_table_of_margin(margin), (1 if runs[0].explanation else 0, 0, 0, 2)))


def _end_of(margin: Margin) -> str:
    won, first = ("won", margin.endpoint) if margin.is_won else ("lost", margin.rival)
    return f"{won} by {rounded(abs(margin.margin_us))}: {first.name} came first"


def _table_of_margin(margin: Margin) -> Table:
    cause = margin.cause
    since = "the start" if cause is None else f"{cause.name} ({cause.description}) by {cause.actor}"
    table = plain_table(show_footer=True, title=f"since {since}", title_justify="left")
    sides = [(margin.endpoint, margin.endpoint_legs), (margin.rival, margin.rival_legs)]
    for step, legs in sides:
        together = rounded(sum(leg.duration_us for leg in legs))
        table.add_column(f"to {step.name} ({step.actor})", footer="together", overflow="fold")
        table.add_column("", justify="right", footer=together, overflow="fold")
    for left, right in zip_longest(*(_rows(legs) for _, legs in sides), fillvalue=("", "")):
        table.add_row(*left, *right)
    table.caption = _end_of(margin)
    table.caption_justify = "left"
    return table


def _rows(legs: Sequence[Stretch]) -> Iterator[tuple[str, str]]:
    """What a chain consists of, and how long each took; of what is repeated, all of them together."""
    for fold in folded(spans_of(legs), lambda span: (any_of(span.actor), _name(span))):
        names = repeated([_name(spans[0]) for spans in fold.cycle], fold.times)
        for name, spans in zip(names, fold.cycle, strict=True):
            yield name, rounded(sum(span.duration_us for span in spans))


def _name(span: Span) -> str:
    parts = {leg.part for leg in span.parts}
    part = f" ({parts.pop()})" if len(parts) == 1 else ""
    return f"{span.operation}{part}"


def _show_timeline(console: Console, run: PolicyRun, scenario: str = "") -> None:
    console.print(
        Text(
            f"timeline of {called(console, run.policy.name)}{f' in {scenario}' if scenario else ''}", style="bold"
        )
    )
    steps = run.trace.steps
    widths = (
        max((len(exact_instant(step.at_us)) for step in steps), default=0),
        max((len(step.actor) for step in steps), default=0),
        max((len(step.name) for step in steps), default=0),
    )
    for step in steps:
        print_line(console, _line(step, widths, decisive=step.number in run.decisive))
    console.print()


def _line(step: Step, widths: tuple[int, int, int], *, decisive: bool) -> Text:
    at, actor, operation = widths
    mark = ">" if decisive else " "
    line = f"{mark} {exact_instant(step.at_us):>{at}}  {step.actor:<{actor}}  {step.name:<{operation}}"
    return Text(f"{line}  {step.description}".rstrip(), style="bold yellow" if decisive else "")


def _show_expectations(console: Console, scenario_runs: Sequence[ScenarioRun]) -> None:
    judged = [run for each in scenario_runs for run in each.runs if run.expected is not None]
    if not judged:
        return
    runs = [run for each in scenario_runs for run in each.runs]
    missed = [
        f"{each.scenario.name}, {_heading(run, runs)}: "
        + missed_in_words(
            run.expected or (),
            run.verdicts,
            "expect" if each.witness is None else None,
            each.scenario.known_verdicts([run.policy]),
        )
        for each in scenario_runs
        for run in each.runs
        if not run.is_as_expected
    ]
    for line in missed:
        console.print(Text(line, style=BAD))
    if not missed:
        by = "scenario" if scenario_runs[0].witness is None else "witness"
        which = {1: "the verdict is", 2: "both verdicts"}.get(len(judged), f"all {len(judged)} verdicts")
        console.print(Text(f"{which} as the {by} expects", style=GOOD))


def show_list(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain list."""
    table = plain_table(headings)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    print_table(console, table)
