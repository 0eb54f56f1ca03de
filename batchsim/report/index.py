"""The index of a report folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import starmap

from batchsim.analysis.runs import PolicyRun, ScenarioRun
from batchsim.report.file_names import FINDINGS, worth_file
from batchsim.report.markdown_text import bold, code, link, plain, table, with_gloss
from batchsim.report.questions import FIRST, ORDER, question_of

TITLE = "# Reports"


def index_of(reports: Iterable[tuple[str, ScenarioRun]], others: Collection[str] = ()) -> str:
    """The index; `reports`: each with the name of its file, `others`: files beside them."""
    listed = sorted(reports, key=lambda each: each[1].scenario.name != FIRST)
    policies = {run.policy.name: run.policy for _, scenario_run in listed for run in scenario_run.runs}
    groups = [(question, [each for each in listed if _question(each[1]) == question]) for question in ORDER]
    parts = (
        TITLE,
        f"One report for each scenario. Policies: {', '.join(map(with_gloss, policies.values()))}.",
        *(part for question, group in groups if group for part in _group(question, group)),
        *_unexpected(scenario_run for _, scenario_run in listed),
        *_beside([scenario_run.scenario.name for _, scenario_run in listed], others),
    )
    return "\n\n".join(parts) + "\n"


def _question(scenario_run: ScenarioRun) -> str:
    runs = scenario_run.runs
    fails = any(not run.is_ok for run in runs)
    return question_of(scenario_run.scenario, (run.policy for run in runs), fails=fails)


def _group(question: str, listed: Iterable[tuple[str, ScenarioRun]]) -> Iterable[str]:
    yield f"## {question}"
    yield table(("scenario", "what it shows", "what policies make of it"), starmap(_row, listed))


def _beside(scenarios: Iterable[str], others: Collection[str]) -> Iterable[str]:
    """Links to the pages that other commands make."""
    links = [
        f"- {link(f'What each fix is worth: {plain(name)}', worth_file(name))}"
        for name in scenarios
        if worth_file(name) in others
    ]
    if FINDINGS in others:
        links.append(f"- {link('Findings: what can occur under which faults', FINDINGS)}")
    if links:
        yield "Beside them:"
        yield "\n".join(links)


def _row(file: str, scenario_run: ScenarioRun) -> tuple[str, ...]:
    scenario = scenario_run.scenario
    return link(plain(scenario.name), file), plain(scenario.summary), "<br>".join(_told(scenario_run.runs))


def _told(runs: Iterable[PolicyRun]) -> Iterable[str]:
    """Each verdict with the policies that give it, in the order in which they come."""
    policies: dict[str, list[str]] = {}
    for run in runs:
        policies.setdefault(_verdicts(run), []).append(code(run.policy.name))
    return (f"{verdicts}: {', '.join(names)}" for verdicts, names in policies.items())


def _verdicts(run: PolicyRun) -> str:
    verdicts = ", ".join(code(verdict) for verdict in run.verdicts)
    return (verdicts if run.is_ok else bold(verdicts)) + ("" if run.is_as_expected else " (not expected)")


def _unexpected(scenario_runs: Iterable[ScenarioRun]) -> Iterable[str]:
    judged = [run for each in scenario_runs for run in each.runs if run.expected is not None]
    missed = sum(not run.is_as_expected for run in judged)
    if judged:
        yield (
            f"{missed} of {len(judged)} verdicts were not expected."
            if missed
            else (f"All {len(judged)} verdicts are as the scenarios expect.")
        )
