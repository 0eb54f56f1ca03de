"""Windows as JSON, in numbers: a page moves a latency, and sees by the formula what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from batchsim.analysis.study import FoundWindow
from batchsim.analysis.window import Case, Condition, Window
from batchsim.analysis.window.assignments import Intervals, latency_of, span_of
from batchsim.analysis.window.legs import LatencyLeg
from batchsim.analysis.window.sums import Instant
from batchsim.report.formulas import distinct_conditions, formula_of_all, rank_of
from batchsim.report.page.policies import policy_names
from batchsim.report.window import WindowResult, is_of_the_same, latencies_in, window_document


def found_document(scenario: str, found: FoundWindow) -> dict[str, Any]:
    """The window of one verdict under one policy: as in the contract of `window`, and in numbers."""
    result = WindowResult(found.verdict, found.window, found.change, found.at_means, found.why_none)
    windows: Any = window_document(scenario, found.policy.name, [result])["windows"]
    return {
        "policy": policy_names(found.policy),
        **windows[0],
        "numbers": None if found.window is None else _numbers(found.window),
    }


def _numbers(window: Window) -> dict[str, Any]:
    """What the formula is evaluated with.

    The verdict is given exactly if in one of `cases` each condition holds: if the largest sum of `left` is less
    than that of `right`, or equal to it where `equality` says so. `same`: the sides are equal
    whatever the latencies are. A sum is a list of pairs, in the order of
    the formula: the number of one of `latencies`, and how often it passes.
    """
    shown = latencies_in(window)
    is_within = bool(window.cases_within)
    cases = window.cases_within or ((window.nearest,) if window.nearest else ())
    latencies: dict[LatencyLeg, int] = {latency: number for number, latency in enumerate(shown)}
    written = [
        [
            _condition(window, alike, latencies)
            for alike in distinct_conditions(window.scenario, _conditions_of(case))
        ]
        for case in cases
    ]
    return {
        "is_within": is_within,
        "cases": written,
        "latencies": [_latency(window, latency) for latency in latencies],
    }


def _conditions_of(case: Case) -> Iterable[Condition]:
    return case.conditions or case.settled


def _condition(window: Window, alike: Sequence[Condition], latencies: dict[LatencyLeg, int]) -> dict[str, Any]:
    condition = alike[0]
    left, right = condition.sides
    return {
        "formula": formula_of_all(alike, Intervals(window.scenario)),
        "earlier": condition.earlier,
        "later": condition.later,
        "left": _sums(window, left, latencies),
        "right": _sums(window, right, latencies),
        "equality": condition.holds_at_equality,
        "same": is_of_the_same(window, condition),
    }


def _sums(window: Window, instant: Instant, latencies: dict[LatencyLeg, int]) -> list[list[list[int]]]:
    sums = []
    for each in instant:
        counts: dict[int, int] = {}
        for leg, count in sorted(each, key=lambda part: rank_of(part[0])):
            number = latencies.setdefault(latency_of(window.scenario, leg), len(latencies))
            counts[number] = counts.get(number, 0) + count
        sums.append([[number, count] for number, count in counts.items()])
    return sorted(sums)


def _latency(window: Window, latency: LatencyLeg) -> dict[str, Any]:
    min_us, max_us = span_of(window.scenario, latency)
    return {
        "name": str(latency),
        "operation": latency.operation,
        "part": latency.part,
        "item": latency.item,
        "mean_us": window.values[latency],
        "min_us": min_us,
        "max_us": max_us,
    }
