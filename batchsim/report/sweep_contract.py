"""The JSON contract of `batchsim sweep` (names and shapes are relied on)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batchsim.analysis.judging import Given
from batchsim.analysis.sweep import CONFIDENCE, CellResult, Difference, Example, Point, Share, Sweep
from batchsim.model.faults import Fault
from batchsim.report.contract import expectation
from batchsim.report.occurrences import identified
from batchsim.scenario import Slow

SCHEMA = 1


def sweep_document(
    sweep: Sweep, judged: Sequence[Given] = (), commands: Sequence[tuple[Example, str]] = ()
) -> dict[str, Any]:
    """One sweep; `judged`: its policies, in its order, as they are held against what is expected.

    `commands`: runs that are examples of verdicts, each with the command that shows it.
    """
    return {
        "schema": SCHEMA,
        "scenario": sweep.scenario.name,
        "complete": sweep.is_complete,
        "confidence": CONFIDENCE,
        **results_of(sweep),
        "expectations": [
            {"policy": policy, **expectation(each)} for policy, each in zip(sweep.policies, judged, strict=False)
        ],
        "examples": [
            {
                "verdict": each.verdict,
                "policy": each.cell.policy,
                "point": _point(each.cell.point),
                "run": each.run,
                "command": command,
            }
            for each, command in commands
        ],
    }


def results_of(sweep: Sweep) -> dict[str, Any]:
    """What was counted in it."""
    return {
        "sweep": [_cell(each, sweep.scenario.faults) for each in sweep.cells],
        "differences": [_difference(each) for each in sweep.differences],
    }


def _cell(each: CellResult, faults: Sequence[Fault | Slow]) -> dict[str, Any]:
    return {
        "policy": each.policy,
        "point": _point(each.point),
        "runs": each.runs,
        "verdicts": {
            name: {**_share(share), "first_run": each.first_runs.get(name)}
            for name, share in each.verdicts.items()
        },
        "faults": [
            {**identified(number, fault), **_share(share)}
            for number, (fault, share) in enumerate(zip(faults, each.faults, strict=True))
        ],
    }


def _point(point: Point) -> dict[str, str]:
    return {name: value.text for name, value in point.values}


def _share(share: Share) -> dict[str, Any]:
    return {
        "count": share.count,
        "share": share.share,
        "low": share.interval.low,
        "high": share.interval.high,
    }


def _difference(each: Difference) -> dict[str, Any]:
    return {
        "verdict": each.verdict,
        "point": _point(each.point),
        "policy": each.policy,
        "other": each.other,
        "runs": each.runs,
        "only_policy": each.only_policy,
        "only_other": each.only_other,
        "difference": each.difference,
        "low": each.interval.low,
        "high": each.interval.high,
    }
