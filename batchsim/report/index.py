"""The index of a report folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from batchsim.analysis.runs import PolicyRun, ScenarioRun
from batchsim.report.file_names import FINDINGS, worth_file
from batchsim.report.markdown_text import bold, code, link, plain, table, with_gloss

TITLE = "# Reports"


def index_of(reports: Iterable[tuple[str, ScenarioRun]], others: Collection[str] = ()) -> str:
    """The index; `reports`: each with the name of its file, `others`: files beside them."""
    listed = list(reports)
    policies = {run.policy.name: run.policy for _, scenario_run in listed for run in scenario_run.runs}
    rows = [_row(file, scenario_run, policies) for file, scenario_run in listed]
    parts = (
        TITLE,
        "One report for each scenario; what each policy makes of it:",
        table(("scenario", "what it shows", *map(with_gloss, policies.values())), rows),
        *_unexpected(scenario_run for _, scenario_run in listed),
        *_beside([scenario_run.scenario.name for _, scenario_run in listed], others),
    )
    return "\n\n".join(parts) + "\n"


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


def _row(file: str, scenario_run: ScenarioRun, policies: Iterable[str]) -> tuple[str, ...]:
    scenario = scenario_run.scenario
    runs = {run.policy.name: run for run in scenario_run.runs}
    cells = (_verdicts(runs[policy]) if policy in runs else "" for policy in policies)
    return link(plain(scenario.name), file), plain(scenario.summary), *cells


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
