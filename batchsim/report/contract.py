"""The JSON contract of `batchsim run` and `batchsim explore` (names and shapes are relied on)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat, zip_longest
from typing import TYPE_CHECKING, Any

from batchsim.analysis.deciding import with_places
from batchsim.report.occurrences import (
    missing_in_words,
    occurrences_document,
    run_faults_document,
    unreached_document,
    why_inconclusive,
)
from batchsim.report.outcomes import batch, document_of, outcome_document

if TYPE_CHECKING:
    from batchsim.analysis.deciding import Places
    from batchsim.analysis.judging import Given
    from batchsim.analysis.runs import PolicyRun, ScenarioRun
    from batchsim.batch.trace import Answered, Trace
    from batchsim.engines.chain import ExactExploration, ExactOutcome
    from batchsim.engines.exhaustive import Bounds, DecisiveSteps, Exploration, OutcomeClass
    from batchsim.engines.zones import TimedExploration, TimedOutcome
    from batchsim.model.run import Step
    from batchsim.scenario import Scenario

SCHEMA = 1


def run_document(scenario_run: ScenarioRun) -> dict[str, Any]:
    """One scenario and its runs."""
    of_sweep = scenario_run.of_sweep
    return {
        "schema": SCHEMA,
        "scenario": scenario_run.scenario.name,
        "seed": scenario_run.scenario.seed,
        "warnings": list(scenario_run.warnings),
        **({} if of_sweep is None else {"run": of_sweep.number, "point": dict(of_sweep.point)}),
        "runs": [_run(run, scenario_run.scenario) for run in scenario_run.runs],
    }


def explore_document(
    scenario: str,
    explorations: Sequence[Exploration],
    judged: Sequence[Given] = (),
    places: Iterable[Sequence[Places]] = repeat(()),
) -> dict[str, Any]:
    """The explorations of one scenario; `judged`: each of them as it is held against what is expected.

    `places`: of each the places of its decisive steps.
    """
    return {
        "schema": SCHEMA,
        "scenario": scenario,
        "explorations": _with_expectations(
            (_exploration(each, at) for each, at in zip(explorations, places, strict=False)), judged
        ),
    }


def _with_expectations(documents: Iterable[dict[str, Any]], judged: Sequence[Given]) -> list[dict[str, Any]]:
    return [
        {**document, **expectation(given)}
        for document, given in zip_longest(documents, judged)
        if document is not None
    ]


def expectation(given: Given | None) -> dict[str, Any]:
    """What was expected, and whether it came so; null where nothing was, or where that is not known."""
    return {
        "expected": None if given is None or given.expected is None else sorted(given.expected),
        "as_expected": None if given is None else given.as_expected,
    }


def _exploration(exploration: Exploration, places: Sequence[Places]) -> dict[str, Any]:
    return {
        "policy": exploration.policy,
        "complete": exploration.is_complete,
        "inconclusive": why_inconclusive(exploration),
        "bounds": _bounds(exploration.bounds),
        "states": exploration.states,
        "transitions": exploration.transitions,
        "schedules": _count(exploration.schedules),
        "faults": occurrences_document(exploration.faults, "schedules"),
        **unreached_document(exploration),
        "outcomes": [_outcome(each) for each in exploration.outcomes],
        "decisive": [_decision(*each) for each in with_places(exploration, places)],
    }


def explore_timed_document(
    scenario: str, explorations: Sequence[TimedExploration], judged: Sequence[Given] = ()
) -> dict[str, Any]:
    """The timed explorations of one scenario: the shape of `explore_document`, and the zones."""
    return {
        "schema": SCHEMA,
        "scenario": scenario,
        "timed": True,
        "explorations": _with_expectations(map(_timed_exploration, explorations), judged),
    }


def _timed_exploration(exploration: TimedExploration) -> dict[str, Any]:
    return {
        "policy": exploration.policy,
        "complete": exploration.is_complete,
        "inconclusive": why_inconclusive(exploration),
        "bounds": _bounds(exploration.bounds),
        "states": exploration.state_classes,
        "zones": exploration.zones,
        "transitions": exploration.transitions,
        "schedules": None,
        "faults": occurrences_document(exploration.faults),
        **unreached_document(exploration),
        "outcomes": [timed_outcome(each) for each in exploration.outcomes],
        "decisive": [],
    }


def timed_outcome(each: TimedOutcome) -> dict[str, Any]:
    """An outcome, and a run that comes to it."""
    return {
        **document_of(each.outcome, each.verdicts),
        "schedules": None,
        "share": None,
        "witness": [
            {
                "actor": step.actor,
                "operation": step.name,
                "alternative": step.alternative,
                "issued_us": step.issued_us,
                "at_us": step.at_us,
                "answered_us": step.answered_us,
            }
            for step in each.witness.steps
        ],
    }


def _bounds(bounds: Bounds) -> dict[str, int | None]:
    return {"max_states": bounds.states_max, "max_memory_bytes": bounds.memory_bytes_max}


def _count(schedules: int | None) -> str | None:
    return None if schedules is None else str(schedules)


def exact_document(
    scenario: str, explorations: Sequence[ExactExploration], judged: Sequence[Given] = ()
) -> dict[str, Any]:
    """The exact explorations of one scenario; `judged` as for `explore_document`."""
    return {
        "schema": SCHEMA,
        "scenario": scenario,
        "exact": True,
        "explorations": _with_expectations(map(_exact_exploration, explorations), judged),
    }


def _exact_exploration(exploration: ExactExploration) -> dict[str, Any]:
    return {
        "policy": exploration.policy,
        "complete": exploration.is_complete,
        "inconclusive": missing_in_words(exploration) or exploration.stopped_by,
        "bounds": _bounds(exploration.bounds),
        "states": exploration.states,
        "transitions": exploration.transitions,
        "relative_error_max": exploration.relative_error_max,
        "unresolved": exploration.unresolved,
        "verdicts": {name: exploration.probability_of(name) for name in sorted(exploration.verdicts)},
        "faults": occurrences_document(exploration.faults, "probability"),
        **unreached_document(exploration),
        "outcomes": [_exact_outcome(each) for each in exploration.outcomes],
    }


def _exact_outcome(each: ExactOutcome) -> dict[str, Any]:
    return {**document_of(each.outcome, each.verdicts), "probability": each.probability}


def _outcome(each: OutcomeClass) -> dict[str, Any]:
    return {
        **document_of(each.outcome, each.verdicts),
        "schedules": _count(each.schedules),
        "share": each.share,
        "witness": [
            {"actor": step.actor, "operation": step.name, "alternative": step.alternative} for step in each.witness
        ],
    }


def _decision(each: DecisiveSteps, places: Sequence[int]) -> dict[str, Any]:
    return {
        "operation": each.operation,
        "actor": each.actor,
        "places": list(places),
        "overtook": list(each.overtook),
        "verdict": each.verdict,
        "edges": each.edges,
    }


def _run(run: PolicyRun, scenario: Scenario) -> dict[str, Any]:
    return {
        "policy": run.policy.name,
        "verdicts": list(run.verdicts),
        **expectation_of_run(run),
        **(_of_batch(run) if scenario.own is None else _of_own(run)),
        "faults": run_faults_document(scenario, run.trace),
        "steps": [_step(step) for step in run.trace.steps],
    }


def expectation_of_run(run: PolicyRun) -> dict[str, Any]:
    """What is expected of a run, and whether it came so; null where nothing is."""
    return {
        "expected": None if run.expected is None else sorted(run.expected),
        "as_expected": None if run.expected is None else run.is_as_expected,
    }


def _of_batch(run: PolicyRun) -> dict[str, Any]:
    outcome = run.trace.outcome
    return {
        "client": _client(run.trace),
        "batch": batch(outcome),
        "runs_created": outcome.runs_created,
        "runs_total": outcome.runs_total,
        "leaked_keys": list(outcome.leaked_keys),
        "margin_us": None if run.race is None else run.race.margin_us,
    }


def _of_own(run: PolicyRun) -> dict[str, Any]:
    return {"outcome": outcome_document(run.trace.outcome), "ended_us": run.trace.ended_us}


def _client(trace: Trace) -> dict[str, Any]:
    call = trace.outcome.call
    return {
        "result": call.result.value,
        "status": call.status,
        "attempts": call.attempts,
        "answers": [_answer(answered) for answered in trace.answers],
        "at_us": trace.called_back_us,
    }


def _answer(answered: Answered) -> dict[str, Any]:
    return {
        "attempt": answered.attempt,
        "status": answered.status,
        "sealed": answered.sealed,
        "at_us": answered.at_us,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "at_us": step.at_us,
        "actor": step.actor,
        "operation": step.name,
        "answer": step.description,
    }
