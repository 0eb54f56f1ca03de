"""The terminal and JSON: what `batchsim window --solve` says."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from batchsim.analysis.window import Failing, Solution
from batchsim.engines.zones import Range
from batchsim.report.contract import SCHEMA, timed_outcome
from batchsim.report.outcomes import row_of
from batchsim.report.phrases import OF_ZONES, amount
from batchsim.report.screen import Text, called, print_line
from batchsim.report.tables import BAD, GOOD, QUIET, UNSURE, plain_table, print_table
from batchsim.rounding import rounded


def show_solution(console: Console, solution: Solution, replay: str) -> None:
    """Print with which values nothing fails, and a run that fails beside them; `replay`: the command for it."""
    console.print(Text(f"{solution.scenario.name}, {called(console, solution.policy.name)}", style="bold"))
    console.print()
    print_line(console, _answer(solution))
    for line in _claims(solution):
        print_line(console, Text(line))
    console.print()
    _show_values(console, solution)
    if solution.failing is not None:
        _show_failing(console, solution.failing, replay)
    console.print(Text(f"\n{OF_ZONES}", QUIET))


def _answer(solution: Solution) -> Text:
    name, nothing = solution.parameter, f"no latency within these intervals {_fail(solution, 's')}"
    if solution.always_fails:
        return Text(f"with every {name} some latencies within these intervals {_fail(solution)}", style=BAD)
    if solution.smallest_us is None:
        return Text(f"inconclusive: {solution.stopped_by} before the answer", style=UNSURE)
    if not solution.fails:
        return Text(f"with any {name} {nothing}", style=GOOD)
    return Text(f"{name} of {_told(solution.smallest_us)} is the shortest with which {nothing}", style=GOOD)


def _claims(solution: Solution) -> list[str]:
    """What is proved, and within which bounds."""
    if solution.is_complete and not solution.is_used:
        return [*_proved(solution), f"no run under {solution.policy.name} depends on {solution.parameter}"]
    return _proved(solution)


def _proved(solution: Solution) -> list[str]:
    size = f"  ({amount(solution.state_classes, 'situation')}, {amount(solution.zones, 'zone')})"
    safe = solution.first_safe
    if solution.always_fails:
        return [f"proved for every value from {solution.least_us:,} us on: some give {_what(solution)}{size}"]
    if safe is None:
        found = (
            f"some give {_what(solution)} with {_values(solution.fails)}" if solution.fails else "nothing fails"
        )
        return [f"found so far: {found}{size}"]
    extent = "that and any longer one" if safe.max_us is None else f"{_range(safe)}"
    claims = [f"proved for all latencies within these intervals, with {extent}: {_nothing(solution)}{size}"]
    if safe.max_us is not None:
        always = solution.always_from_us
        end = "as with others of any length" if always is None else f"from {_told(always)} on none does again"
        claims.append(f"but with {_told(safe.max_us + 1)} some {_fail(solution)}; {end}")
    return claims


def _fail(solution: Solution, ending: str = "") -> str:
    return f"let{ending} it fail" if solution.verdict is None else f"give{ending} {solution.verdict}"


def _nothing(solution: Solution) -> str:
    return "no verdict but ok" if solution.verdict is None else f"no {solution.verdict}"


def _what(solution: Solution) -> str:
    failing = [name for name in solution.values_of if name != "ok"]
    return solution.verdict or ", ".join(failing) or "nothing but ok"


def _told(value_us: int) -> str:
    return f"{value_us:,} us" if value_us < 1000 else f"{value_us:,} us ({rounded(value_us)})"


def _values(ranges: Sequence[Range]) -> str:
    return ", ".join(map(_range, ranges)) or "no value"


def _range(values: Range) -> str:
    least, most = values
    if most is None:
        return f"{least:,} us or longer" if least else "any"
    return f"{least:,} us" if least == most else f"{least:,} … {most:,} us"


def _show_values(console: Console, solution: Solution) -> None:
    heading = "some latencies give it" if solution.is_complete else "found so far: some latencies give it"
    table = plain_table(("verdict", f"{heading} with {solution.parameter} of"))
    for verdict, ranges in sorted(solution.values_of.items(), key=lambda each: (each[0] == "ok", each)):
        table.add_row(Text(verdict, style=GOOD if verdict == "ok" else BAD), _values(ranges))
    print_table(console, table)


def _show_failing(console: Console, failing: Failing, replay: str) -> None:
    run = failing.run
    told = f"{', '.join(run.verdicts)}, {row_of(run.outcome)[0]}"
    steps = f"{len(run.witness.steps)} steps, repeated by the timed engine"
    tie = "; two of them fall on one instant: either may come first" if failing.is_tied else ""
    print_line(console, Text(f"for example with {failing.value_us:,} us: {told}; {steps}{tie}"))
    print_line(console, Text(f"replay it: {replay}", style=QUIET), indent=2)


def solution_document(solution: Solution) -> dict[str, object]:
    """The solution as JSON, beside the windows that were not asked for."""
    failing = solution.failing
    return {
        "schema": SCHEMA,
        "scenario": solution.scenario.name,
        "policy": solution.policy.name,
        "windows": [],
        "solution": {
            "parameter": solution.parameter,
            "verdict": solution.verdict,
            "complete": solution.is_complete,
            "situations": solution.state_classes,
            "zones": solution.zones,
            "is_used": solution.is_used,
            "least_us": solution.least_us,
            "smallest_us": solution.smallest_us,
            "always_from_us": solution.always_from_us,
            "always_fails": solution.always_fails,
            "fails": [list(each) for each in solution.fails],
            "values": {name: [list(each) for each in ranges] for name, ranges in solution.values_of.items()},
            "failing": None if failing is None else _failing(failing),
        },
    }


def _failing(failing: Failing) -> dict[str, object]:
    return {"value_us": failing.value_us, "tied": failing.is_tied, **timed_outcome(failing.run)}
