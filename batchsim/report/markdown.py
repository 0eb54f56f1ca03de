"""The report of a scenario as one Markdown file: what a reviewer of an incident wants to know."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from batchsim.analysis.chains import Stretch, any_of, folded
from batchsim.analysis.excerpt import excerpt
from batchsim.analysis.likeness import first_alike
from batchsim.analysis.margins import Margin
from batchsim.analysis.runs import PolicyRun, ScenarioRun
from batchsim.batch.operations import Backoff
from batchsim.batch.setting import Kind
from batchsim.model.run import Step
from batchsim.report import phrases, words
from batchsim.report.file_names import worth_file
from batchsim.report.latencies import by_item, in_words, special_operations
from batchsim.report.markdown_text import bold, code, details, link, picture, plain, table, warning, with_gloss
from batchsim.report.occurrences import happened
from batchsim.report.outcomes import columns_of_runs, is_of_batch, outcome_in_words, row_of_run, value_in_words
from batchsim.report.page.policies import with_gloss as name_with_gloss
from batchsim.report.shell import join
from batchsim.rounding import exact_instant, instant, rounded
from batchsim.scenario import Scenario, fault_in_words, format_duration
from batchsim.scenario.own_systems import OwnModel, plain_of

_ROWS_MAX = 40
"""Of a table of legs."""


def report_of(
    scenario_run: ScenarioRun,
    pictures: Mapping[int, str],
    others: Collection[str] = (),
    folder: str = "reports",
) -> str:
    """The report; `pictures`: by place of the run, the file of its picture, where it has one.

    `others`: files beside it, of which a page on the same scenario is linked to. `folder`: the name of theirs.
    """
    parts = [
        f"# {plain(scenario_run.scenario.name)}",
        plain(scenario_run.scenario.summary),
        *_setting(scenario_run),
        *map(warning, scenario_run.warnings),
        *_verdicts(scenario_run.runs),
        *_failing(scenario_run, pictures),
        *_passing(scenario_run, pictures),
        *_worth(scenario_run, others),
        *_footer(scenario_run, folder),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


# -- setting -----------------------------------------------------------------------------------


def _setting(scenario_run: ScenarioRun) -> Iterator[str]:
    scenario = scenario_run.scenario
    yield "## Setting"
    rows = _of_batch(scenario) if scenario.own is None else _of_own(scenario, scenario.own)
    times = [] if scenario_run.has_own_times else [("times", phrases.OF_AN_ORDER)]
    yield table(("what", "value"), [*rows, ("seed", str(scenario.seed)), *times, *_faults(scenario_run)])


def _of_own(scenario: Scenario, own: OwnModel) -> Iterator[tuple[str, str]]:
    """What a scenario says of a system of the user's own."""
    # Where the file is on this machine is nobody's business.
    file, _, name = own.reference.rpartition(":")
    yield "system", code(f"{Path(file).name}:{name}")
    if own.model.summary:
        yield "what it is", plain(own.model.summary)
    for name, value in (plain_of(own.parameters) or {}).items():
        yield code(name), plain(value_in_words(value))
    latencies = scenario.latencies
    for name, latency in (*latencies.of_group.items(), *latencies.of_operation.items()):
        yield code(name), plain(in_words(latency))


def _of_batch(scenario: Scenario) -> Iterator[tuple[str, str]]:
    setting = scenario.setting
    yield from (
        ("call", code(setting.call)),
        ("items", _items(scenario)),
        ("uploads", _uploads(scenario)),
        ("execution of a child run", plain(by_item(scenario, "run.finish"))),
        ("consumers", str(setting.consumers)),
        ("items handled at once", str(setting.ingest_concurrency or "what the policy says")),
        *((code(name), plain(latency)) for name, latency in special_operations(scenario)),
    )


def _faults(scenario_run: ScenarioRun) -> Iterator[tuple[str, str]]:
    """Each fault, and whether it happened."""
    said = happened(scenario_run, lambda run: name_with_gloss(run.policy))
    for number, (fault, (how_often, is_everywhere)) in enumerate(
        zip(scenario_run.scenario.faults, said, strict=True)
    ):
        told = plain(how_often) if is_everywhere else bold(plain(how_often))
        yield f"fault {number}", f"{plain(fault_in_words(fault))}: {told}"


def _items(scenario: Scenario) -> str:
    items = scenario.setting.items
    kinds = {kind: [place for place, item in enumerate(items) if item.kind is kind] for kind in Kind}
    parts = [
        f"{len(places)} {code(kind)}"
        + ("" if len(places) == len(items) else f" ({phrases.items_in_words(places)})")
        for kind, places in kinds.items()
        if places
    ]
    for attempts in sorted({item.failed_attempts for item in items} - {0}):
        failing = [place for place, item in enumerate(items) if item.failed_attempts == attempts]
        parts.append(
            f"{phrases.items_in_words(failing)} {phrases.fails(len(failing))} {phrases.times(attempts)} first"
        )
    return f"{len(items)}: {'; '.join(parts)}"


def _uploads(scenario: Scenario) -> str:
    if not any(item.offloaded for item in scenario.setting.items):
        return "none: small payloads"
    return plain(by_item(scenario, "store.upload"))


# -- verdicts ----------------------------------------------------------------------------------


def _verdicts(runs: Sequence[PolicyRun]) -> Iterator[str]:
    yield "## Verdicts"
    if not all(map(is_of_batch, runs)):
        headings, _ = columns_of_runs(runs)
        rows = [(*_judged(run), *map(plain, row_of_run(run))) for run in runs]
        yield table(("policy", "verdict", *headings), rows, right=(2,))
        yield from _all_expected(runs)
        return
    headings = ("policy", "verdict", "the caller got", "batch row", "race margin", "seal margin")
    yield table(headings, [_verdict(run) for run in runs], right=(4, 5))
    yield from _all_expected(runs)
    yield (
        "Race margin: the first deletion of `enqueued_items` minus the first count of it. "
        "Seal margin: the first other write that leaves nothing to seal minus the first `postgres.seal`. "
        "Negative: the endpoint came too late."
    )


def _all_expected(runs: Sequence[PolicyRun]) -> Iterator[str]:
    if all(run.expected is not None and run.is_as_expected for run in runs):
        yield "All verdicts are as the scenario expects."


def _judged(run: PolicyRun) -> tuple[str, ...]:
    verdicts = ", ".join(code(verdict) for verdict in run.verdicts)
    told = [verdicts if run.is_ok else bold(verdicts)]
    told += [] if run.is_as_expected else [bold(plain(words.expectation(run)))]
    return with_gloss(run.policy), "; ".join(told)


def _verdict(run: PolicyRun) -> tuple[str, ...]:
    trace = run.trace
    attempts = phrases.counted(trace.outcome.call.attempts, "attempt")
    return (
        *_judged(run),
        f"{plain(words.caller_got(trace))}; {attempts}, {instant(trace.called_back_us)}",
        f"{words.batch_row(trace.outcome.batch)}; child runs {words.runs_created(trace)}",
        _margin(run.race),
        _margin(run.seal),
    )


def _margin(margin: Margin | None) -> str:
    said = words.margin(margin)
    return said if margin is None or margin.is_won else bold(said)


# -- runs --------------------------------------------------------------------------------------


def _failing(scenario_run: ScenarioRun, pictures: Mapping[int, str]) -> Iterator[str]:
    for place, run in enumerate(scenario_run.runs):
        if run.is_ok:
            continue
        yield f"## {code(run.policy.name)}: {', '.join(code(verdict) for verdict in run.verdicts)}"
        alike = first_alike(scenario_run.runs, place)
        if alike is not None:
            yield f"Step for step the same run as under {code(alike.policy.name)}."
            continue
        yield "\n".join(f"- {plain(sentence[:1].upper() + sentence[1:])}" for sentence in run.explanation)
        yield from _picture(scenario_run.scenario, run, pictures.get(place))
        yield from _answers(run) if is_of_batch(run) else ()
        yield from _contests(run)
        yield from _steps(run)


def _passing(scenario_run: ScenarioRun, pictures: Mapping[int, str]) -> Iterator[str]:
    passing = [(place, run) for place, run in enumerate(scenario_run.runs) if run.is_ok]
    if not passing:
        return
    yield f"## Passing: {', '.join(code(run.policy.name) for _, run in passing)}"
    yield "\n".join(f"- {code(run.policy.name)}: {_how_it_ended(run)}" for _, run in passing)
    for place, run in passing:
        yield from _picture(scenario_run.scenario, run, pictures.get(place))
    if len(passing) == len(scenario_run.runs):
        yield from _contests(passing[0][1])


def _how_it_ended(run: PolicyRun) -> str:
    if is_of_batch(run):
        return phrases.call_sentence(run)
    return plain(f"ended after {rounded(run.trace.ended_us)}: {outcome_in_words(run.trace.outcome)}.")


def _picture(scenario: Scenario, run: PolicyRun, file: str | None) -> Iterator[str]:
    if file is not None:
        yield picture(f"Timeline of {plain(scenario.name)} under {plain(run.policy.name)}", file)


def _answers(run: PolicyRun) -> Iterator[str]:
    yield "### Answers the SDK got"
    backoffs = [step for step in run.trace.steps if isinstance(step.operation, Backoff)]
    rows = [
        (
            str(answered.attempt),
            exact_instant(answered.at_us),
            phrases.answer(answered),
            "" if backoff is None else format_duration(backoff.at_us - backoff.issued_us),
        )
        for answered, backoff in zip_longest(run.trace.answers, backoffs)
    ]
    yield table(("attempt", "answered at", "answer", "backoff before the next"), rows, right=(0, 1, 3))


# -- margins -----------------------------------------------------------------------------------


def _contests(run: PolicyRun) -> Iterator[str]:
    for name, margin in (("race", run.race), ("seal", run.seal)):
        if margin is not None:
            result = "won" if margin.is_won else "lost"
            by = format_duration(abs(margin.margin_us))
            yield f"### The {name}: {result} by {by}" if is_of_batch(run) else f"### What decided, by {by}"
            since = 0 if margin.cause is None else margin.cause.at_us
            yield (
                f"{plain(phrases.margin_sentence(margin))}. "
                f"Both chains begin with {plain(phrases.cause(margin))} at {exact_instant(since)}."
            )
            yield _chains(margin)


def _chains(margin: Margin) -> str:
    sides = [_side(margin.endpoint, margin.endpoint_legs), _side(margin.rival, margin.rival_legs)]
    headings = [
        heading
        for step in (margin.endpoint, margin.rival)
        for heading in (f"to {code(step.name)} ({plain(step.actor)})", "took", "together")
    ]
    rows = [(*left, *right) for left, right in zip_longest(*sides, fillvalue=("", "", ""))]
    return table(headings, list(_shortened(rows)), right=(1, 2, 4, 5))


def _side(end: Step, legs: tuple[Stretch, ...]) -> list[tuple[str, str, str]]:
    """What a chain consists of: how long each leg took, of a repeated one all together; and all up to there."""
    rows: list[tuple[str, str, str]] = []
    together_us = 0
    taken = [leg for leg in legs if leg.duration_us]
    for fold in folded(taken, lambda leg: (any_of(leg.actor), leg.operation, leg.part)):
        names = phrases.repeated([_names(each, end) for each in fold.cycle], fold.times)
        took_us = [sum(leg.duration_us for leg in each) for each in fold.cycle]
        together_us += sum(took_us)
        rows += [(name, format_duration(us), "") for name, us in zip(names, took_us, strict=True)]
        # Within a cycle that is repeated, there is no instant to tell.
        rows[-1] = (*rows[-1][:2], format_duration(together_us))
    if rows:
        rows[-1] = (bold(rows[-1][0]), rows[-1][1], bold(rows[-1][2]))
    return rows


def _names(legs: Sequence[Stretch], end: Step) -> str:
    """Legs that are alike, with their actor where it is not that of the end."""
    actors = {leg.actor for leg in legs}
    actor = actors.pop() if len(actors) == 1 else any_of(legs[0].actor)
    told = "" if actor == end.actor else f"{plain(actor)} "
    return f"{told}{code(legs[0].operation)} {legs[0].part}"


def _shortened(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    if len(rows) <= _ROWS_MAX:
        yield from rows
        return
    half = _ROWS_MAX // 2
    yield from rows[:half]
    yield f"… {len(rows) - 2 * half} rows left out …", *[""] * (len(rows[0]) - 1)
    yield from rows[-half:]


# -- steps -------------------------------------------------------------------------------------


def _steps(run: PolicyRun) -> Iterator[str]:
    parts = excerpt(run.trace.steps, run.decisive)
    shown = sum(not isinstance(part, int) for part in parts)
    left_out = len(run.trace.steps) - shown
    summary = f"All {shown} steps" if not left_out else f"{shown} of {len(run.trace.steps)} steps"
    rows = [_left_out(part) if isinstance(part, int) else _step(part, run) for part in parts]
    headings = ("at", "actor", "operation", "answer")
    yield details(f"{summary}, the decisive ones in bold", table(headings, rows, right=(0,)))


def _step(step: Step, run: PolicyRun) -> tuple[str, ...]:
    row = (exact_instant(step.at_us), plain(step.actor), code(step.name), plain(step.description))
    return tuple(bold(cell) for cell in row) if step.number in run.decisive else row


def _left_out(count: int) -> tuple[str, ...]:
    return "", "", f"… {phrases.counted(count, 'step')} left out …", ""


# -- worth -------------------------------------------------------------------------------------


def _worth(scenario_run: ScenarioRun, others: Collection[str]) -> Iterator[str]:
    name = scenario_run.scenario.name
    if scenario_run.witness is None and worth_file(name) in others:
        yield "## What each fix is worth"
        yield (
            "How often the call fails falsely under each policy, over the delay between the last push and the "
            f"count, and over how long child runs execute: {link('what each fix is worth', worth_file(name))}."
        )
        yield picture("False failures over both", worth_file(name, "both", ".svg"))


# -- footer ------------------------------------------------------------------------------------


def _footer(scenario_run: ScenarioRun, folder: str) -> Iterator[str]:
    # Where the file was on this machine is nobody's business.
    if scenario_run.witness is None:
        name = Path(scenario_run.scenario.file).name
        file = name if scenario_run.scenario.own is not None else f"scenarios/{name}"
        command = ["run", file, *scenario_run.options]
    else:
        command = ["replay", scenario_run.witness]
    yield "---"
    yield f"Made by {code(join(['batchsim', *command, '--report', folder]))}"
