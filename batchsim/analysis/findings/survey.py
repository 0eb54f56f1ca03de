"""All cases, on every core."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

from batchsim.analysis.findings.cases import Case, Scope, cases_of
from batchsim.analysis.findings.examining import Effort, Finding, examine

CHUNK = 4
"""Cases that a worker takes at a time."""


def survey(
    scope: Scope,
    effort: Effort,
    *,
    workers: int | None = None,
    on_case: Callable[[Finding], None] = lambda _: None,
) -> dict[Case, Finding]:
    """Look at every case of a scope; `on_case` is told of each. The result does not depend on the workers."""
    count = workers or os.cpu_count() or 1
    if count == 1:
        return _survey(scope, effort, None, on_case)
    # No fork: whoever calls may have threads.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as executor:
        return _survey(scope, effort, executor, on_case)


def _survey(
    scope: Scope, effort: Effort, executor: Executor | None, on_case: Callable[[Finding], None]
) -> dict[Case, Finding]:
    findings: dict[Case, Finding] = {}
    for size in range(3):
        cases = list(cases_of(scope, (size,)))
        tries = [_is_worth_trying(case, findings) for case in cases]
        for finding in _examined(cases, [effort] * len(cases), tries, executor):
            findings[finding.case] = finding
            on_case(finding)
    return findings


def _examined(
    cases: list[Case], efforts: list[Effort], tries: list[bool], executor: Executor | None
) -> Iterable[Finding]:
    if executor is None:
        return map(examine, cases, efforts, tries)
    return executor.map(examine, cases, efforts, tries, chunksize=CHUNK)


def _is_worth_trying(case: Case, findings: dict[Case, Finding]) -> bool:
    """A case with a fault more is larger: not where one with less was too large."""
    smaller = (findings.get(case._replace(budget=part)) for part in case.budget.parts)
    return all(finding is None or finding.is_complete for finding in smaller)
