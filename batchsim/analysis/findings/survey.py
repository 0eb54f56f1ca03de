"""All cases, on every core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from math import inf, prod

from batchsim.analysis.findings.cases import BUDGETS, Budget, Case, Scope, cases_of
from batchsim.analysis.findings.examining import Effort, Finding, examine
from batchsim.analysis.pool import local_crew


def survey(
    scope: Scope,
    effort: Effort,
    *,
    workers: int | None = None,
    on_case: Callable[[Finding], object] = lambda _: None,
) -> dict[Case, Finding]:
    """Look at every case of a scope; `on_case` is told of each. The result does not depend on the workers."""
    with local_crew(workers, [examine.__module__]) as (executor, _):
        return _survey(scope, effort, executor, on_case)


def _survey(
    scope: Scope, effort: Effort, executor: Executor, on_case: Callable[[Finding], object]
) -> dict[Case, Finding]:
    findings: dict[Case, Finding] = {}
    for size in range(3):
        cases = list(cases_of(scope, (size,)))
        tries = [expected_states(case, findings) <= effort.states_max_of(case) for case in cases]
        for finding in executor.map(examine, cases, [effort] * len(cases), tries):
            findings[finding.case] = finding
            on_case(finding)
    return findings


def expected_states(case: Case, findings: Mapping[Case, Finding]) -> float:
    """How many states a case has, judged by those with fewer faults: each fault multiplies them."""
    states = _states(case._replace(budget=BUDGETS[0]), findings)
    if case.budget.names:
        factors = (_states(case._replace(budget=Budget((name,))), findings) / states for name in case.budget.names)
        return states * prod(factors)
    return states


def _states(case: Case, findings: Mapping[Case, Finding]) -> float:
    """Those of a case that was looked at: without end where it was not explored to the end, 1 where it was not."""
    finding = findings.get(case)
    if finding is None:
        return 1.0
    return finding.looked_at if finding.is_complete else inf
