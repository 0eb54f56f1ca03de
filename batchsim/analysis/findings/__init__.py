"""Which verdicts can occur under which faults: every policy under every budget of up to two faults.

`cases.py` says what is looked at, `examining.py` looks at one case, `survey.py` at all of them on every core, and
`judging.py` says what that means: what each policy closed, and what is open.
"""

from batchsim.analysis.findings.cases import BUDGETS, Budget, Case, Scope, cases_of
from batchsim.analysis.findings.examining import Effort, Finding, Shown, switches_over
from batchsim.analysis.findings.judging import Found, Judgement, judge
from batchsim.analysis.findings.survey import survey

__all__ = [
    "BUDGETS",
    "Budget",
    "Case",
    "Effort",
    "Finding",
    "Found",
    "Judgement",
    "Scope",
    "Shown",
    "cases_of",
    "judge",
    "survey",
    "switches_over",
]
