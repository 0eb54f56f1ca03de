"""What each fix is worth, in sentences: all of them follow from what was found.

`say` sets a name apart, as the page or the terminal does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from batchsim.analysis.sweep import Point, Sweep
from batchsim.analysis.worth import EXECUTION, Cost, EffectOfFix, Judged, Otherwise, Worth, WorthRow
from batchsim.batch.operations import FindBatch
from batchsim.report import shares, words
from batchsim.report.latencies import by_item, spread_in_words
from batchsim.report.phrases import answer_of
from batchsim.scenario import Distribution, Legs, Scenario

Say = Callable[[str], str]

CHECKS = {
    "on_entry": "the entry check",
    "on_count_mismatch": "the count-mismatch check",
    "on_seal_lost": "the seal-lost check",
    "on_missing_meta": "the missing-metadata check",
}


def time(us: float) -> str:
    """A duration in four digits."""
    return shares.value(us, "us")


def names(policies: Sequence[str], say: Say) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return listed([say(each) for each in policies], "and")


def listed(texts: Iterable[str], last: str) -> str:
    """`a, b or c`."""
    *others, end = texts
    return f"{', '.join(others)} {last} {end}" if others else end


# -- the scenario itself ---------------------------------------------------------------------------


def request_of(scenario: Scenario, operation: str, item: int | None = None) -> Distribution:
    """The request leg of an operation that has one of its own."""
    latency = scenario.latency_of(operation, item, attempt=1)
    return latency.request if isinstance(latency, Legs) else latency.total


def own_delay(scenario: Scenario) -> str:
    """The delay that the scenario itself has."""
    return spread_in_words(request_of(scenario, "redis.enqueued_count"))


def own_execution(scenario: Scenario) -> str:
    """How long child runs execute in the scenario itself."""
    return by_item(scenario, "run.finish")


def execution_of(worth: Worth, row: WorthRow) -> str:
    """How long child runs execute in a row."""
    values = dict(row.point.values)
    return time(values[EXECUTION].number) if values else own_execution(worth.scenario)


def claim(worth: Worth) -> str:
    """How far what follows can be relied on."""
    question = worth.question
    sampled = "sampled," if worth.is_complete else "incomplete: sampled, up to"
    return (
        f"{sampled} {question.runs:,} runs of each policy at each point and "
        f"{question.runs_of_a_pair:,} at each pair, all policies under the same latencies; with 95 % intervals"
    )


# -- conclusions -----------------------------------------------------------------------------------


def in_short(worth: Worth, judged: Sequence[Judged], say: Say) -> Iterator[str]:
    """A paragraph on the first policy, and on each group of the others."""
    share, scenario = shares.share(worth.own_share(worth.first)), worth.scenario
    if not worth.own_share(worth.first).runs:
        yield "Nothing is known yet."
        return
    yield (
        f"With the latencies of the scenario itself (a delay of {own_delay(scenario)}, child runs of "
        f"{own_execution(scenario)}), {say(worth.first)} fails falsely in {share} of the runs."
    )
    for each in judged:
        yield " ".join(_paragraph(worth, each, say))


def _paragraph(worth: Worth, judged: Judged, say: Say) -> Iterator[str]:
    yield f"{names(judged.policies, say)} {_effect(worth, judged, say)}."
    if judged.is_proved_alike:
        throughout = f", with each of the {len(worth.rows) - 1} executions too" * judged.is_proved_alike_throughout
        yield (
            f"That is proved: for all latencies within their intervals {verb(judged.policies, 'it', 'they')} "
            f"{verb(judged.policies, 'decides', 'decide')} as {say(worth.first)}{throughout}."
        )
    if judged.otherwise:
        decide = f"{names(judged.compared, say)} {verb(judged.compared, 'decides', 'decide')}"
        yield f"{decide} otherwise only where {_rows(judged.otherwise)}."
    if judged.needs_completed:
        yield f"{verb(judged.compared, 'It', 'They')} can do so with a delay {_borders(worth, judged)} (proved)."
    yield from _region(worth, judged, say)


def _effect(worth: Worth, judged: Judged, say: Say) -> str:
    left = shares.share(judged.share)
    difference = shares.difference(judged.gain) if judged.gain else "no false failure at all"
    match judged.effect:
        case EffectOfFix.NOTHING:
            prevent = verb(judged.policies, "prevents", "prevent")
            return f"{prevent} no false failure here: in {judged.share.runs:,} runs none was saved ({difference})"
        case EffectOfFix.ALL:
            prevent = verb(judged.policies, "prevents", "prevent")
            return f"{prevent} all false failures of these runs: {difference}, which leaves {left}"
        case EffectOfFix.SOME:
            prevent = verb(judged.policies, "prevents", "prevent")
            return f"{prevent} some of the false failures: {difference}, which leaves {left}"
        case EffectOfFix.MORE:
            cause = verb(judged.policies, "causes", "cause")
            return f"{cause} more false failures: {difference}, which makes it {left}"
        case EffectOfFix.UNSURE:
            return f"may help or not: the difference from {say(worth.first)} can be chance ({difference})"


def _rows(otherwise: Sequence[Otherwise]) -> str:
    """`the count-mismatch check reads a row that is PENDING or COMPLETED, not sealed`."""
    statuses: dict[tuple[str, str], list[str]] = {}
    for each in otherwise:
        status, _, rest = FindBatch().describe(each.row).partition(", ")
        found = statuses.setdefault((CHECKS[each.check], rest), [])
        found += [status] if status not in found else []
    checks: dict[str, list[str]] = {}
    for (check, rest), found in statuses.items():
        checks.setdefault(f"{listed(found, 'or')}, {rest}", []).append(check)
    return ", or ".join(f"{listed(found, 'or')} reads a row that is {row}" for row, found in checks.items())


def _borders(worth: Worth, judged: Judged) -> str:
    varied = [row for row in worth.rows if row.point.values]
    rows = (*varied[:1], *worth.rows[:1], *varied[-1:])
    return ", ".join(f"{border(worth, judged, row)} for runs of {execution_of(worth, row)}" for row in rows)


def border(worth: Worth, judged: Judged, row: WorthRow) -> str:
    """From which delay on one of these policies can decide otherwise."""
    found = worth.border(judged.policies[0], row)
    if found is None:
        return "not known"
    if found.least_us is None:
        return f"never up to {time(max(value.number for value in worth.over_delay.axes[0].values))}"
    return f"from {time(found.least_us)} on" if found.is_sharp else f"not below {time(found.least_us)}"


def _region(worth: Worth, judged: Judged, say: Say) -> Iterator[str]:
    differ = f"{verb(judged.policies, 'It differs', 'They differ')} from {say(worth.first)}, beyond chance,"
    asked = len(worth.over_both.points)
    made = asked - len({each.point for each in worth.over_both.cells if not each.runs})
    pairs = f"{made:,} {'pairs' if made == asked else f'of {asked:,} pairs'} of a delay and an execution"
    pairs += " that have runs so far" if made < asked else ""
    if not made:
        return
    if not judged.apart_over_both:
        yield f"{differ} at none of {pairs}."
        return
    excess_us = judged.excess_us or 0
    there = (
        f", at each of which the delay exceeds the execution by {time(excess_us)} or more" if excess_us > 0 else ""
    )
    yield f"{differ} at {len(judged.apart_over_both):,} of {pairs}{there}."


def apart(sweep: Sweep, found: Mapping[tuple[str, ...], Sequence[Point]], what: str, say: Say) -> str:
    """Over one axis, by policies: where they differ from the first one."""
    told = [f"{names(policies, say)} at {_where(sweep, points, what)}" for policies, points in found.items()]
    return f"Different from {say(sweep.policies[0])}, beyond chance: {'; '.join(told)}." if told else ""


def _where(sweep: Sweep, points: Sequence[Point], what: str) -> str:
    if not points:
        return f"none of {len(sweep.points)} {what}"
    values = [value.number for point in points for _, value in point.values]
    return f"{len(points)} of {len(sweep.points)} {what}, {time(min(values))} … {time(max(values))}"


def verb(policies: Sequence[str], one: str, several: str) -> str:
    """The form of a verb for so many policies."""
    return one if len(policies) == 1 else several


# -- costs -----------------------------------------------------------------------------------------

COST_HEADINGS = ("policy", "operations", "round trips", "more operations", "more round trips", "keys kept", "for")
OF_COSTS = (
    "For each batch, on average of {runs:,} runs with the latencies of the scenario, all attempts together. "
    "Operations: on Redis, PostgreSQL, queues and the object store. Round trips: operations issued together count "
    "once. More: than under {first}, where the call returned at its first attempt under both. Keys kept: "
    "Redis keys of the batch that outlive cleanup."
)


def about_costs(worth: Worth, say: Say) -> str:
    """What the columns of costs are."""
    runs = next(iter(worth.costs.values())).runs
    return OF_COSTS.format(runs=runs, first=say(worth.first))


def cost_cells(cost: Cost) -> tuple[str, ...]:
    """A row of them, but for the name."""
    extra = cost.extra
    more = ("-", "-") if extra is None else (f"{extra.operations:+.1f}", f"{extra.round_trips:+.1f}")
    lasting = "-" if not cost.keys_kept else "ever" if cost.kept_us is None else time(cost.kept_us)
    return (f"{cost.operations:.1f}", f"{cost.round_trips:.1f}", *more, str(cost.keys_kept), lasting)


def cheapest(worth: Worth, judged: Sequence[Judged], say: Say) -> str:
    """The fix that costs least, of those that prevent every false failure of the runs; empty where none does."""
    names_ = [name for each in judged if each.effect is EffectOfFix.ALL for name in each.policies]
    costs = {name: worth.costs[name] for name in names_ if name in worth.costs}
    if not costs:
        return ""
    least = min(each.rank for each in costs.values())
    best = [name for name, each in costs.items() if each.rank == least]
    return (
        f"Of the fixes that prevent all false failures of these runs {names(best, say)} "
        f"{verb(best, 'costs', 'cost')} least: {costs[best[0]].round_trips:.1f} round trips for each batch."
    )


# -- rows ------------------------------------------------------------------------------------------


def retries(row: WorthRow) -> str:
    """How later attempts were answered, where any was: `500: 1,812; 422: 778`."""
    answers = (f"{answer_of(status, sealed)}: {count:,}" for (status, sealed), count in row.timing.retries)
    return "; ".join(answers) or "-"


def ends(row: WorthRow) -> str:
    """What the caller got how often: `ApiError(422): 778`."""
    return "; ".join(f"{words.call(call)}: {count:,}" for call, count in row.timing.ends) or "-"
