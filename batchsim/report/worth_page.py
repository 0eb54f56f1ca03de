"""The page that says what each fix is worth in a scenario, with its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from batchsim.analysis.sweep import Sweep
from batchsim.analysis.worth import DELAY, EXECUTION, Judged, Question, Worth, judge
from batchsim.analysis.worth.results import VERDICT
from batchsim.report import shares
from batchsim.report.file_names import worth_file
from batchsim.report.markdown_text import code, filled, picture, plain, table, warning
from batchsim.report.shell import quote
from batchsim.report.sweep_plot.likeness import alike
from batchsim.report.worth_completed import about_completed
from batchsim.report.worth_pictures import PICTURES, pictures
from batchsim.report.worth_words import (
    COST_HEADINGS,
    about_costs,
    apart,
    cheapest,
    claim,
    cost_cells,
    in_short,
    own_delay,
    own_execution,
    time,
)

INTRODUCTION = """\
How often does the call fail although the work is done, under each policy, if two times of the scenario are other
than they are: the delay between the last push and the count, and how long child runs execute?"""

CLAIMS = """\
All other latencies are those of the scenario. Shares are {claim}. What was never seen has an upper bound. What is
*proved* holds for all latencies within their intervals, over dense time."""


def possible_files(scenario: str) -> list[str]:
    """The files that `worth_files` gives for a scenario of that name."""
    return [*(worth_file(scenario, what, ".svg") for what in PICTURES), worth_file(scenario)]


def worth_files(worth: Worth, warnings: Sequence[str] = (), folder: str = "reports") -> dict[str, str]:
    """The pictures and the page, by name of the file.

    `warnings`: what to warn of in the scenario. `folder`: the name of the one that they are for.
    """
    name = worth.scenario.name
    drawn = {worth_file(name, what, ".svg"): content for what, content in pictures(worth).items()}
    return {**drawn, worth_file(name): page(worth, warnings, folder)}


def page(worth: Worth, warnings: Sequence[str] = (), folder: str = "reports") -> str:
    """The page, in Markdown."""
    judged = judge(worth)
    parts = [
        f"# What each fix is worth: {plain(worth.scenario.name)}",
        plain(worth.scenario.summary),
        *map(warning, warnings),
        *_asked(worth),
        "## In short",
        "\n".join(f"- {paragraph}" for paragraph in in_short(worth, judged, code)),
        *_costs(worth, judged),
        *about_completed(worth, judged),
        *_shown(worth, judged),
        "---",
        f"Made by {code(_command(worth, folder))}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _asked(worth: Worth) -> Iterator[str]:
    yield filled(INTRODUCTION)
    rows = [
        ("the delay", code(DELAY), plain(own_delay(worth.scenario)), _range(worth.over_delay)),
        ("the execution", code(EXECUTION), plain(own_execution(worth.scenario)), _range(worth.over_execution)),
    ]
    yield table(("what", "field", "in the scenario itself", "varied"), rows)
    yield filled(CLAIMS, claim=claim(worth))


def _costs(worth: Worth, judged: Sequence[Judged]) -> Iterator[str]:
    if not worth.costs:
        return
    yield "## What each policy costs"
    yield about_costs(worth, code)
    yield table(COST_HEADINGS, [(code(name), *cost_cells(cost)) for name, cost in worth.costs.items()])
    yield cheapest(worth, judged, code)


def _range(sweep: Sweep) -> str:
    (axis,) = sweep.axes
    first, last = axis.values[0], axis.values[-1]
    return f"{time(first.number)} … {time(last.number)}"


def _shown(worth: Worth, judged: Sequence[Judged]) -> Iterator[str]:
    name, pairs = worth.scenario.name, len(worth.over_both.points)
    yield "## Over the delay between the last push and the count"
    yield f"Child runs execute {plain(own_execution(worth.scenario))}, as in the scenario."
    found = {each.policies: each.apart_over_delay for each in judged}
    yield apart(worth.over_delay, found, "delays", code)
    yield picture("False failures over the delay", worth_file(name, "delay", ".svg"))
    yield _shares(worth.over_delay, "delay")
    yield "## Over how long child runs execute"
    yield f"The delay is {plain(own_delay(worth.scenario))}, as in the scenario."
    found = {each.policies: each.apart_over_execution for each in judged}
    yield apart(worth.over_execution, found, "executions", code)
    yield picture("False failures over the execution", worth_file(name, "execution", ".svg"))
    yield _shares(worth.over_execution, "execution")
    yield "## Over both"
    yield f"{worth.question.runs_of_a_pair:,} runs of each policy at each of {pairs:,} pairs."
    yield picture("False failures over both", worth_file(name, "both", ".svg"))


def _shares(sweep: Sweep, what: str) -> str:
    groups = alike(sweep, VERDICT)
    found = {(each.policy, each.point): shares.share(each.verdicts[VERDICT]) for each in sweep.cells}
    rows = [
        (time(value.number), *(found[group[0], point] for group in groups))
        for point in sweep.points
        for _, value in point.values
    ]
    headings = (what, *(", ".join(map(code, group)) for group in groups))
    return table(headings, rows, right=range(len(headings)))


def _command(worth: Worth, folder: str) -> str:
    # Where the file was on this machine is nobody's business.
    usual = Question()
    options = [
        f"{option} {quote(str(value))}"
        for option, value, default in (
            ("--delay", worth.question.delay, usual.delay),
            ("--execution", worth.question.execution, usual.execution),
            ("--runs", worth.question.runs, usual.runs),
        )
        if value != default
    ]
    file = quote(f"scenarios/{Path(worth.scenario.file).name}")
    return " ".join(("batchsim worth", file, *options, f"--report {quote(folder)}"))
