"""The JSON contract of `batchsim worth` (names and shapes are relied on)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from batchsim.analysis.sweep import CONFIDENCE
from batchsim.analysis.worth import Border, Cost, Spread, Worth, WorthRow, judge
from batchsim.batch.operations import FindBatch
from batchsim.report.phrases import answer_of
from batchsim.report.sweep_contract import results_of
from batchsim.report.words import call

SCHEMA = 1


def worth_document(worth: Worth) -> dict[str, Any]:
    """What was found of one scenario."""
    return {
        "schema": SCHEMA,
        "scenario": worth.scenario.name,
        "complete": worth.is_complete,
        "confidence": CONFIDENCE,
        "against": worth.first,
        "own": results_of(worth.as_is),
        "over_delay": results_of(worth.over_delay),
        "over_execution": results_of(worth.over_execution),
        "over_both": results_of(worth.over_both),
        "costs": [{"policy": name, **_cost(each)} for name, each in worth.costs.items()],
        "executions": [_row(each) for each in worth.rows],
        "worth": [
            {
                "policies": list(each.policies),
                "effect": each.effect.name.lower(),
                "proved_alike": each.is_proved_alike,
                "otherwise": [
                    {
                        "check": found.check,
                        "row": FindBatch().describe(found.row),
                        "decision": found.decision.value,
                    }
                    for found in each.otherwise
                ],
                "pairs_told_apart": len(each.apart_over_both),
            }
            for each in judge(worth)
        ],
    }


def _cost(cost: Cost) -> dict[str, Any]:
    return {**cost._asdict(), "extra": None if cost.extra is None else cost.extra._asdict()}


def _row(row: WorthRow) -> dict[str, Any]:
    timing = row.timing
    return {
        "point": {name: value.text for name, value in row.point.values},
        "runs": timing.runs,
        "late": timing.late,
        "read_us": _spread(timing.read),
        "completed_us": _spread(timing.completed),
        "read_completed": timing.read_completed,
        "retries": {answer_of(*answer): count for answer, count in timing.retries},
        "ends": {call(end): count for end, count in timing.ends},
        "proved_alike": [name for name, otherwise in (row.decided or {}).items() if not otherwise],
        "borders": [_border(each) for each in row.borders],
        "sooner": None if row.sooner is None else asdict(row.sooner),
    }


def _spread(found: Spread) -> dict[str, int] | None:
    if not found.runs:
        return None
    return {"least": found.least_us, "median": found.median_us, "most": found.most_us}


def _border(each: Border) -> dict[str, Any]:
    return {"policy": each.policy, "least_delay_us": each.least_us, "is_reached": each.is_sharp}
