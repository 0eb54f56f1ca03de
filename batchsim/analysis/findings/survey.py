"""All cases, on every core."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from math import inf, prod
from pathlib import Path

from batchsim.analysis.findings.examining import CaseWork, Effort, Finding, examine
from batchsim.analysis.findings.scope import NO_FAULT, Budget, Scope, SurveyCase, cases_of
from batchsim.analysis.pool import local_executor
from batchsim.model.faults import Fault
from batchsim.scenario import compare_decisions


def survey(
    scope: Scope,
    effort: Effort,
    *,
    workers: int | None = None,
    executor: Executor | None = None,
    on_case: Callable[[Finding], object] = lambda _: None,
) -> dict[SurveyCase, Finding]:
    """Look at every case of a scope; `on_case` is told of each. The result does not depend on who does the work.

    `executor`: does it, instead of `workers` processes of this machine; its workers see the same files. References
    to the user's own are relative to the current directory; raises `UserCodeError` where these cannot be used, or
    decide otherwise in another process.
    """
    if executor is not None:
        return _survey(scope, effort, executor, on_case)
    with local_executor(workers, [examine.__module__]) as (local, _):
        return _survey(scope, effort, local, on_case)


def _survey(
    scope: Scope, effort: Effort, executor: Executor, on_case: Callable[[Finding], object]
) -> dict[SurveyCase, Finding]:
    directory = Path.cwd()
    policies = {name: scope.find_policy(name, directory) for name in scope.policies}
    findings: dict[SurveyCase, Finding] = {}
    for size in range(3):
        cases = list(cases_of(scope, (size,)))
        # The longest first: whoever begins one last has all others wait for it. Of a batch under a policy it is
        # the last budget. Policies come one by one: their largest cases, which need most memory, do not coincide.
        in_turn = cases[::-1]
        in_turn.sort(
            key=lambda case: (
                _states(case._replace(budget=NO_FAULT), findings),
                scope.policies.index(case.policy),
            ),
            reverse=True,
        )
        works = [
            CaseWork(case, scope.batches[case.batch], _faults_of(scope, case), scope.verdicts, directory)
            for case in in_turn
        ]
        tries = [expected_states(case, findings) <= effort.states_max_of(case) for case in in_turn]
        found: dict[SurveyCase, Finding] = {}
        for done in executor.map(examine, works, [effort] * len(works), tries):
            compare_decisions(policies[done.finding.case.policy], done.decided)
            found[done.finding.case] = done.finding
            on_case(done.finding)
        findings.update((case, found[case]) for case in cases)
    return findings


def _faults_of(scope: Scope, case: SurveyCase) -> tuple[Fault, ...]:
    return tuple(scope.faults[name].fault for name in case.budget.names)


def expected_states(case: SurveyCase, findings: Mapping[SurveyCase, Finding]) -> float:
    """How many states a case has, judged by those with fewer faults: each fault multiplies them."""
    if not case.budget.names:
        return 1.0
    states = _states(case._replace(budget=NO_FAULT), findings)
    if states == inf:
        return inf
    factors = (_states(case._replace(budget=Budget((name,))), findings) / states for name in case.budget.names)
    return states * prod(factors)


def _states(case: SurveyCase, findings: Mapping[SurveyCase, Finding]) -> float:
    """Those of a case that was looked at: without end where it was not explored to the end, 1 where it was not."""
    finding = findings.get(case)
    if finding is None:
        return 1.0
    return finding.looked_at if finding.is_complete else inf
