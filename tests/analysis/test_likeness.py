from __future__ import annotations

from dataclasses import replace

from batchsim.analysis.likeness import are_alike, first_alike
from tests.report.samples import incident


def test_policies_that_differ_where_a_run_never_comes_are_alike() -> None:
    runs = incident().runs
    assert first_alike(runs, 1) is runs[0]
    assert first_alike(runs, 0) is None
    assert first_alike(runs, 2) is None


def test_another_verdict_or_another_instant_makes_a_difference() -> None:
    run = incident().runs[0]
    assert not are_alike(run, replace(run, verdicts=("ok",)))
    *before, last = run.trace.steps
    later = replace(run.trace, steps=(*before, last._replace(at_us=last.at_us + 1)))
    assert not are_alike(run, replace(run, trace=later))
    assert are_alike(run, replace(run, policy=replace(run.policy, name="another")))
