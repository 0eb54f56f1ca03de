"""The terminal: what `batchsim run` prints."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from batchsim.analysis.chains import Span, spans_of
from batchsim.analysis.margins import Margin
from batchsim.analysis.runs import PolicyRun, ScenarioRun
from batchsim.report import words
from batchsim.report.tables import BAD, GOOD, QUIET, plain_table, print_table
from batchsim.rounding import exact_instant, rounded
from batchsim.trace import Step


def show_scenario_run(console: Console, scenario_run: ScenarioRun, *, timeline: bool) -> None:
    """The table of one scenario, the stories of the runs that failed, and the margins behind them."""
    scenario = scenario_run.scenario
    console.print(Text(scenario.name, style="bold"))
    console.print(Text(scenario.summary))
    console.print()
    print_table(console, _table_of_runs(scenario_run.runs))
    failed = [run for run in scenario_run.runs if not run.is_ok]
    for runs in _alike(failed):
        _show_story(console, runs)
    if timeline:
        for run in scenario_run.runs:
            _show_timeline(console, run)
    _show_expectations(console, [scenario_run])


def show_matrix(console: Console, scenario_runs: Sequence[ScenarioRun], *, timeline: bool) -> None:
    """Scenario against policy: the verdicts."""
    names = dict.fromkeys(run.policy.name for each in scenario_runs for run in each.runs)
    table = plain_table()
    table.add_column("scenario")
    for name in names:
        table.add_column(name)
    for each in scenario_runs:
        cells = {run.policy.name: _verdicts(run) for run in each.runs}
        table.add_row(Text(each.scenario.name), *(cells.get(name, Text("")) for name in names))
    print_table(console, table)
    if timeline:
        for each in scenario_runs:
            for run in each.runs:
                _show_timeline(console, run, each.scenario.name)
    _show_expectations(console, scenario_runs)


def _verdicts(run: PolicyRun) -> Text:
    text = Text("\n").join(Text(verdict, style=GOOD if run.is_ok else BAD) for verdict in run.verdicts)
    if not run.is_as_expected:
        text.append("\n(not expected)", style=BAD)
    return text


def _table_of_runs(runs: Iterable[PolicyRun]) -> Table:
    table = plain_table()
    for heading in ("policy", "verdict", "caller got"):
        table.add_column(heading)
    for heading in ("attempts", "after"):
        table.add_column(heading, justify="right")
    for heading in ("batch row", "runs"):
        table.add_column(heading)
    for heading in ("race margin", "seal margin"):
        table.add_column(heading, justify="right")
    for run in runs:
        trace = run.trace
        table.add_row(
            Text(run.policy.name),
            _verdicts(run),
            Text(words.caller_got(trace)),
            str(trace.outcome.call.attempts),
            Text(rounded(trace.called_back_us)),
            Text(words.batch_row(trace.outcome.batch)),
            Text(words.runs_created(trace)),
            _margin(run.race),
            _margin(run.seal),
        )
    return table


def _margin(margin: Margin | None) -> Text:
    style = QUIET if margin is None else GOOD if margin.is_won else BAD
    return Text(words.margin(margin), style=style)


def _alike(runs: Iterable[PolicyRun]) -> Iterable[list[PolicyRun]]:
    """The runs that have the same to tell, together."""
    groups: dict[tuple[str, ...], list[PolicyRun]] = {}
    for run in runs:
        groups.setdefault(run.story, []).append(run)
    return groups.values()


def _show_story(console: Console, runs: list[PolicyRun]) -> None:
    console.print(Text(", ".join(run.policy.name for run in runs), style="bold"))
    for sentence in runs[0].story:
        console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    margin = runs[0].race if runs[0].race is not None and not runs[0].race.is_won else runs[0].seal
    if margin is not None:
        print_table(console, Padding(_table_of_margin(margin), (1, 0, 0, 2)))
    else:
        console.print()


def _table_of_margin(margin: Margin) -> Table:
    cause = margin.cause
    since = "the start" if cause is None else f"{cause.name} ({cause.description}) by {cause.actor}"
    table = plain_table(show_footer=True, title=f"since {since}", title_justify="left")
    sides = ((margin.endpoint, spans_of(margin.endpoint_legs)), (margin.rival, spans_of(margin.rival_legs)))
    for step, spans in sides:
        table.add_column(f"to {step.name} ({step.actor})", footer="together")
        table.add_column("", justify="right", footer=rounded(sum(s.duration_us for s in spans)))
    for left, right in zip_longest(sides[0][1], sides[1][1]):
        table.add_row(*_span(left), *_span(right))
    won = "won" if margin.is_won else "lost"
    table.caption = f"{won} by {rounded(abs(margin.margin_us))}"
    table.caption_justify = "left"
    return table


def _span(span: Span | None) -> tuple[str, str]:
    if span is None:
        return "", ""
    parts = {leg.part for leg in span.parts}
    part = f" ({parts.pop()})" if len(parts) == 1 else ""
    return f"{span.operation}{part}", rounded(span.duration_us)


def _show_timeline(console: Console, run: PolicyRun, scenario: str = "") -> None:
    console.print(Text(f"timeline of {run.policy.name}{f' in {scenario}' if scenario else ''}", style="bold"))
    steps = run.trace.steps
    widths = (
        max((len(exact_instant(step.at_us)) for step in steps), default=0),
        max((len(step.actor) for step in steps), default=0),
        max((len(step.name) for step in steps), default=0),
    )
    for step in steps:
        console.print(_line(step, widths, decisive=step.number in run.decisive), soft_wrap=True)
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
    missed = [
        f"{each.scenario.name}, {run.policy.name}: {words.expectation(run)}, got {', '.join(run.verdicts)}"
        for each in scenario_runs
        for run in each.runs
        if not run.is_as_expected
    ]
    for line in missed:
        console.print(Text(line, style=BAD))
    if not missed:
        console.print(Text(f"all {len(judged)} verdicts as the scenario expects", style=GOOD))


def show_list(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain list."""
    table = plain_table()
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    print_table(console, table)
