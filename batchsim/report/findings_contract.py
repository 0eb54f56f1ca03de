"""The JSON contract of `batchsim findings` (names and shapes are relied on)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shlex import join
from typing import Any

from batchsim.analysis.findings import Base, Budget, Compared, FindingPlace, Findings, Found, SizedBatch
from batchsim.report.contract import SCHEMA


def findings_document(
    findings: Findings, replays: Mapping[FindingPlace, str], warnings: Sequence[str] = ()
) -> dict[str, Any]:
    """All cells, with a witness of each verdict, and how each policy stands; `replays`: as on the terminal."""
    scope, effort, judgement = findings.scope, findings.effort, findings.judgement
    return {
        "schema": SCHEMA,
        "policies": [{"policy": findings.names[policy], "asked_for": policy} for policy in scope.policies],
        "against": findings.names[findings.against],
        "batches": [{**_base(batch.base), **_sizes(batch)} for batch in scope.batches],
        "bounds": {
            "max_states": effort.states_max,
            "max_states_of_pair": effort.states_max_of_pair,
            "walks": effort.walks,
        },
        "warnings": list(warnings),
        "cases": judgement.cases,
        "complete": judgement.complete,
        "cells": [
            _cell(findings, policy, base, budget, replays)
            for policy in scope.policies
            for base in scope.bases
            for budget in scope.budgets
        ],
        "standings": [
            _standing(findings, policy, each)
            for policy in findings.asked
            if policy != findings.against
            for each in findings.compared(policy)
        ],
    }


def _base(base: Base) -> dict[str, Any]:
    return {"scenario": base.scenario, **({} if base.call is None else {"call": base.call.value})}


def _sizes(batch: SizedBatch) -> dict[str, int]:
    """None of a system of the user's own: its scenario says how large it is."""
    return {} if batch.base.call is None else {"items": batch.items, "consumers": batch.consumers}


def _cell(
    findings: Findings, policy: str, base: Base, budget: Budget, replays: Mapping[FindingPlace, str]
) -> dict[str, Any]:
    cell = findings.judgement.cell(policy, budget, base)
    return {
        "policy": findings.names[policy],
        **_base(base),
        "faults": list(budget.names),
        "known": cell.known.value,
        "sampled_schedules": cell.schedules,
        "sampled_with_the_faults": cell.happened,
        "ok_occurs": cell.gives_ok,
        "verdicts": [
            _verdict(findings, FindingPlace(policy, base, budget, verdict), found, replays)
            for verdict, found in findings.judgement.found(policy, budget, base).items()
        ],
    }


def _verdict(
    findings: Findings, place: FindingPlace, found: Found, replays: Mapping[FindingPlace, str]
) -> dict[str, Any]:
    case, smaller = found.case, place.budget.parts
    up_to = findings.judgement.up_to
    return {
        "verdict": place.verdict,
        "only_together": not any(place.verdict in up_to(place.policy, part, place.base) for part in smaller),
        "only_with_one_consumer": found.is_of_one_consumer,
        **_sizes(case.batch),
        "witness": [
            {"actor": step.actor, "operation": step.name, "alternative": step.alternative}
            for step in found.witness.steps
        ],
        "explore": join(findings.explore(case)),
        "replay": replays.get(place),
    }


def _standing(findings: Findings, policy: str, compared: Compared) -> dict[str, Any]:
    return {
        "policy": findings.names[policy],
        "against": findings.names[findings.against],
        **_base(compared.base),
        "verdict": compared.verdict,
        "faults": list(compared.budget.names),
        "standing": compared.standing.value,
        "known": compared.ours.known.value,
        "known_of_the_other": compared.theirs.known.value,
    }
