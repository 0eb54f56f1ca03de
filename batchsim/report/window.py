"""The terminal: what `batchsim window` prints."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console

from batchsim.analysis.window import Case, Condition, LatencyChange, Window, WindowStanding
from batchsim.analysis.window.assignments import Durations, Intervals, latency_of, support_of
from batchsim.analysis.window.legs import LatencyLeg, Leg
from batchsim.analysis.window.sums import Instant, instant_us
from batchsim.report.formulas import distinct_conditions, formula, formula_of_all
from batchsim.report.phrases import counted
from batchsim.report.screen import Text, called, print_line
from batchsim.report.tables import BAD, GOOD, QUIET, UNSURE, plain_table, print_table
from batchsim.rounding import rounded

_ACTOR = re.compile(r" \(([^()]+)\)")
"""Of a step, as it is told: `redis.get #2 (loader-1)`."""
_PLACE = re.compile(r" #\d+")


@dataclass(frozen=True, slots=True)
class WindowResult:
    """The window of a verdict, or why there is none."""

    verdict: str
    window: Window | None
    change: LatencyChange | None
    """The smallest one that opens or closes it."""
    at_means: WindowStanding | None = None
    """How it stands with all latencies at their means."""
    why_none: str = ""


def show_windows(console: Console, title: str, policy: str, results: Sequence[WindowResult]) -> None:
    """Print the windows of a scenario under a policy."""
    console.print(Text(f"{title}, {called(console, policy)}", style="bold"))
    if not results:
        console.print(Text("proved: no schedule gives any verdict but ok", style=GOOD))
    for result in results:
        console.print()
        if result.window is None:
            console.print(Text(f"{result.verdict} has no window: {result.why_none}", style=UNSURE))
        else:
            _show_window(console, result.window, result.change, result.at_means)


def _show_window(
    console: Console, window: Window, change: LatencyChange | None, at_means: WindowStanding | None
) -> None:
    if not window.reasons:
        console.print(Text(f"{window.verdict} never occurs: proved for all schedules", style=GOOD))
        return
    if () in map(tuple, window.reasons):
        console.print(
            Text(f"{window.verdict} occurs in every schedule, whatever takes how long: proved", style=BAD)
        )
        return
    _show_cases(console, window)
    if at_means is not None:
        _show_standing(console, window, at_means)
    if change is not None:
        print_line(console, Text(f"smallest change: {_told_change(window, change)}"))
    _show_claim(console, window)
    _show_numbers(console, window)


def _show_cases(console: Console, window: Window) -> None:
    if not window.cases_within:
        met = f"in none of {window.tried} runs within the intervals"
        console.print(Text(f"{window.verdict} occurs {met}, and under no condition that was found", style=GOOD))
        if window.nearest is not None:
            console.print(
                f"beyond the intervals it occurs, for example, if{joined(_counted(window, [window.nearest]))}"
            )
            _show_conditions(console, window, window.nearest.conditions)
            _show_equality(console, window.nearest.conditions)
        return
    console.print(
        Text.assemble((window.verdict, BAD), f" occurs exactly if{joined(_counted(window, window.cases_within))}")
    )
    for number, case in enumerate(window.cases_within):
        if number:
            console.print("  or if")
        _show_conditions(console, window, case.conditions or case.settled)
        if not case.conditions:
            console.print("    always, within the intervals")
    _show_equality(console, [condition for case in window.cases_within for condition in case.conditions])


def _counted(window: Window, cases: Sequence[Case]) -> list[int]:
    """How many different conditions each case has."""
    return [len(distinct_conditions(window.scenario, case.conditions or case.settled)) for case in cases]


def joined(cases: Sequence[int]) -> str:
    """How cases of so many conditions are joined, and the conditions of each; nothing for one of one."""
    has_several = any(count > 1 for count in cases)
    if len(cases) > 1:
        return f" one or more of these {len(cases)} cases hold{', each with all of its conditions' * has_several}"
    return " all of these conditions hold" if has_several else ""


def _show_conditions(console: Console, window: Window, conditions: Sequence[Condition]) -> None:
    for number, alike in enumerate(distinct_conditions(window.scenario, conditions)):
        both, condition = "and " if number else "", alike[0]
        print_line(console, Text(both + formula_of_all(alike, Intervals(window.scenario))), indent=4)
        print_line(console, Text(f"{condition.earlier} before {condition.later}", style=QUIET), indent=6)
        if len(alike) > 1:
            told = (
                f"{counted(len(alike) - 1, 'more such pair')} of steps, all with the same latencies: one condition"
            )
            print_line(console, Text(f"and {told}", style=QUIET), indent=6)
        if twins := _twins(window, condition):
            told = f"{' and '.join(twins)} are interchangeable: it says only which of them comes first"
            print_line(console, Text(told, style=QUIET), indent=6)
        if is_of_the_same(window, condition):
            told = "both sides are the same latencies in two uses: which use takes less is left to chance"
            print_line(console, Text(told, style=QUIET), indent=6)
        console.print(Text(f"      with mean latencies {_with_numbers(window, condition)}", style=QUIET))


def _twins(window: Window, condition: Condition) -> list[str]:
    """The two actors whose steps a condition compares, if they are interchangeable and take the same one."""
    if window.scenario.own is None:
        return []
    kinds = {each.name: each.kind for each in window.scenario.system(window.policy).actors if each.is_twin}
    earlier, later = (_ACTOR.findall(told)[-1:] for told in (condition.earlier, condition.later))
    names = sorted({*earlier, *later} & kinds.keys())
    same_operation = _ACTOR.sub("", condition.earlier) == _ACTOR.sub("", condition.later)
    return names if same_operation and len(names) == 2 and len({kinds[each] for each in names}) == 1 else []


def is_of_the_same(window: Window, condition: Condition) -> bool:
    """Whether both sides are equal whatever the latencies are, as long as each is the same in all its uses."""
    left, right = ({_latencies_of(window, each) for each in side} for side in condition.sides)
    return left == right


def _latencies_of(window: Window, legs: Iterable[tuple[Leg, int]]) -> frozenset[tuple[LatencyLeg, int]]:
    counts: Counter[LatencyLeg] = Counter()
    for leg, count in legs:
        counts[latency_of(window.scenario, leg)] += count
    return frozenset(counts.items())


def _show_equality(console: Console, conditions: Sequence[Condition]) -> None:
    if not all(each.holds_at_equality for each in conditions):
        console.print("if both sides are equal, either step may come first")


def _with_numbers(window: Window, condition: Condition) -> str:
    durations = Durations(window.scenario, window.values)
    left, right = condition.sides
    told = _compared(instant_us(left, durations), instant_us(right, durations))
    return f"{told}; over the intervals {_range(window, left)} against {_range(window, right)}"


def _compared(left_us: int, right_us: int) -> str:
    """Two durations, and which one is longer; exact where they differ by less than is told otherwise."""
    relation = "=" if left_us == right_us else "<" if left_us < right_us else ">"
    left, right = rounded(left_us), rounded(right_us)
    if left == right and left_us != right_us:
        left, right = f"{left_us:,} us", f"{right_us:,} us"
    return f"{left} {relation} {right}"


def _range(window: Window, instant: Instant) -> str:
    intervals = Intervals(window.scenario)
    least = max(sum(count * intervals[leg][0] for leg, count in each) for each in instant)
    most = [[(intervals[leg][1], count) for leg, count in each] for each in instant]
    if any(max_us is None for each in most for max_us, _ in each):
        return f"{rounded(least)} or more"
    return f"{rounded(least)} … {rounded(max(sum((us or 0) * n for us, n in each) for each in most))}"


def _show_standing(console: Console, window: Window, at_means: WindowStanding) -> None:
    slack_us = _slack_us(window)
    by = f", by {rounded(abs(slack_us))}" if slack_us else ""
    if at_means is WindowStanding.EITHER:
        says = Text(
            "with all latencies at their means two steps fall on one instant: either may come first", UNSURE
        )
    else:
        style = BAD if at_means is WindowStanding.OPEN else GOOD
        occurs = "occurs" if at_means is WindowStanding.OPEN else "does not occur"
        says = Text(f"with all latencies at their means it {occurs}: the window is {at_means}{by}", style)
    print_line(console, says)
    print_line(console, Text(_told_within(window)))


def _slack_us(window: Window) -> int | None:
    """By how much it is given with all latencies at their means; `None`: always, or never."""
    return window.slack_us(window.values) if all(case.conditions for case in window.cases) else None


def _told_within(window: Window) -> str:
    """What the slack at the means does not say: how it is with all other latencies.

    Not that some runs give it: in those the two halves of a round trip are one draw.
    """
    if 0 < window.failed < window.tried:
        says = "some give it, some do not"
    else:
        says = "all that were tried give it" if window.failed else "none that was tried gives it"
    return f"with other latencies within the intervals, each leg the same in all its uses: {says}"


def _told_change(window: Window, change: LatencyChange) -> str:
    longer = "longer" if change.by_us > 0 else "shorter"
    opens = "opens" if change.opens else "closes"
    less = "either may come first" if change.one_less is WindowStanding.EITHER else "it does not"
    return (
        f"{change.latency} {abs(change.by_us):,} us {longer} ({change.to_us:,} us in all) {opens} the window"
        f"; with one microsecond less {less}"
    )


def _show_claim(console: Console, window: Window) -> None:
    console.print("proved: it occurs in exactly the schedules with")
    for number, reason in enumerate(window.reasons):
        met = "" if number < window.reasons_met else "  (no run had it)"
        told = " and ".join(map(str, reason))
        print_line(console, Text(f"{'or ' if number else ''}{told}{met}", style=QUIET), indent=2)
    print_line(console, Text(_told_link(window)))
    checked = (
        f"checked: {window.tried} runs with latencies within their intervals ({window.failed} gave the verdict) "
        f"and {window.tried_beyond} with latencies of any length; all agree with the formula"
    )
    print_line(console, Text(checked))


def _told_link(window: Window) -> str:
    """How the formula and the orders of the claim belong together, as they need not name the same steps."""
    cases = window.cases_within or ((window.nearest,) if window.nearest else ())
    conditions = [condition for case in cases for condition in case.conditions or case.settled]
    raced = {_PLACE.sub("", f"{each.earlier} before {each.later}") for each in conditions}
    which = "one of these orders" if len(window.reasons) > 1 else "this order"
    told = f"the formula says which latencies lead to {which}"
    if raced & {_PLACE.sub("", str(each)) for reason in window.reasons for each in reason}:
        return told
    return f"{told}; it compares other steps: their race comes first, and what it comes to leads there"


def _show_numbers(console: Console, window: Window) -> None:
    shown = latencies_in(window)
    if not shown:
        return
    console.print()
    table = plain_table(("latency", "mean", "from", "to"), ("mean", "from", "to"))
    for latency in shown:
        min_us, max_us = support_of(window.scenario, latency)
        longest = "any" if max_us is None else rounded(max_us)
        table.add_row(str(latency), rounded(window.values[latency]), rounded(min_us), longest)
    print_table(console, table)


def latencies_in(window: Window) -> list[LatencyLeg]:
    """The latencies in the conditions within the intervals, those that take no time left out."""
    cases = window.cases_within or ((window.nearest,) if window.nearest else ())
    conditions = [condition for case in cases for condition in case.conditions or case.settled]
    found = {latency_of(window.scenario, leg) for condition in conditions for leg in condition.legs}
    return sorted(
        (each for each in found if support_of(window.scenario, each) != (0, 0)),
        key=lambda each: (each.operation, each.item or 0, each.attempt or 0, each.part),
    )


def window_document(scenario: str, policy: str, results: Sequence[WindowResult]) -> dict[str, object]:
    """The windows as JSON."""
    return {"schema": 1, "scenario": scenario, "policy": policy, "windows": [_document(each) for each in results]}


def _document(result: WindowResult) -> dict[str, object]:
    window = result.window
    if window is None:
        return {"verdict": result.verdict, "window": None, "why_none": result.why_none}
    return {
        "verdict": result.verdict,
        "window": {
            "reasons": [[str(each) for each in reason] for reason in window.reasons],
            "reasons_met": window.reasons_met,
            "cases": [_conditions(window, case) for case in window.cases_within],
            "nearest": None if window.nearest is None else _conditions(window, window.nearest),
            "at_means": None if result.at_means is None else str(result.at_means),
            "slack_us": _slack_us(window),
            "smallest_change": _change(result.change),
            "tried": window.tried,
            "failed": window.failed,
            "tried_beyond": window.tried_beyond,
        },
        "why_none": None,
    }


def _conditions(window: Window, case: Case) -> list[dict[str, object]]:
    if case.conditions:
        return [_condition(window, each, always=False) for each in case.conditions]
    return [_condition(window, each, always=True) for each in case.settled]


def _condition(window: Window, condition: Condition, *, always: bool) -> dict[str, object]:
    durations = Durations(window.scenario, window.values)
    left, right = condition.sides
    return {
        "formula": formula(condition, Intervals(window.scenario)),
        "earlier": condition.earlier,
        "later": condition.later,
        "left_us": instant_us(left, durations),
        "right_us": instant_us(right, durations),
        "slack_us": condition.slack_us(durations),
        "at_equality": "holds" if condition.holds_at_equality else "either",
        "always": always,
        "same_latencies": is_of_the_same(window, condition),
    }


def _change(change: LatencyChange | None) -> dict[str, object] | None:
    if change is None:
        return None
    return {
        "latency": str(change.latency),
        "by_us": change.by_us,
        "to_us": change.to_us,
        "opens": change.opens,
        "one_less": str(change.one_less),
    }
