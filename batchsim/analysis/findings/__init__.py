"""Which verdicts can occur under which faults: policies under every budget of up to two faults.

`batches.py` and `scope.py` say what is looked at, `examining.py` looks at one case, `survey.py` at all of them on
every core, and `table.py` says what that means: what each policy closed, and what is open. All of it together is
in `results.py`.
"""

from batchsim.analysis.batch.switched_off import meaning_of, switches_over
from batchsim.analysis.findings.batches import USUAL, Sizes, Source, batches_of
from batchsim.analysis.findings.examining import Effort, Finding, FoundSchedule
from batchsim.analysis.findings.own_faults import own_faults
from batchsim.analysis.findings.results import FindingPlace, Findings
from batchsim.analysis.findings.scope import (
    BUDGETS,
    NO_FAULT,
    ONCE,
    Base,
    Budget,
    Scope,
    SizedBatch,
    SurveyCase,
    budgets_of,
    cases_of,
)
from batchsim.analysis.findings.survey import survey
from batchsim.analysis.findings.table import Compared, FindingsTable, Found, Known, PolicyStanding, TableCell

__all__ = [
    "BUDGETS",
    "NO_FAULT",
    "ONCE",
    "USUAL",
    "Base",
    "Budget",
    "Compared",
    "Effort",
    "Finding",
    "FindingPlace",
    "Findings",
    "FindingsTable",
    "Found",
    "FoundSchedule",
    "Known",
    "PolicyStanding",
    "Scope",
    "SizedBatch",
    "Sizes",
    "Source",
    "SurveyCase",
    "TableCell",
    "batches_of",
    "budgets_of",
    "cases_of",
    "meaning_of",
    "own_faults",
    "survey",
    "switches_over",
]
