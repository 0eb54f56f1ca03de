"""Runs that are alike: policies that differ only where a run never comes take it through the same steps."""

from __future__ import annotations

from collections.abc import Sequence

from batchsim.analysis.runs import PolicyRun
from batchsim.model.run import Step


def first_alike(runs: Sequence[PolicyRun], place: int) -> PolicyRun | None:
    """The first run before `place` that went step for step like the one there, if any did."""
    run = runs[place]
    return next((other for other in runs[:place] if are_alike(run, other)), None)


def are_alike(one: PolicyRun, other: PolicyRun) -> bool:
    """Whether two runs have the same verdicts and the same steps with the same answers at the same times."""
    if one.verdicts != other.verdicts or len(one.trace.steps) != len(other.trace.steps):
        return False
    pairs = zip(one.trace.steps, other.trace.steps, strict=True)
    return all(_seen(left) == _seen(right) for left, right in pairs)


def _seen(step: Step) -> tuple[object, ...]:
    return step.actor, step.name, step.description, step.issued_us, step.at_us, step.answered_us
