"""Which verdicts can occur under which faults: policies under every budget of up to two faults.

`batches.py` and `cases.py` say what is looked at, `examining.py` looks at one case, `survey.py` at all of them on
every core, and `judging.py` says what that means: what each policy closed, and what is open. All of it together is
in `results.py`.
"""

from batchsim.analysis.findings.batches import USUAL, Sizes, Source, batches_of
from batchsim.analysis.findings.cases import (
    BUDGETS,
    NO_FAULT,
    ONCE,
    Base,
    Batch,
    Budget,
    Case,
    Scope,
    budgets_of,
    cases_of,
)
from batchsim.analysis.findings.examining import Effort, Finding, Witness, switches_over
from batchsim.analysis.findings.judging import Cell, Compared, Found, Judgement, Known, Standing
from batchsim.analysis.findings.own_faults import own_faults
from batchsim.analysis.findings.results import Findings, Place
from batchsim.analysis.findings.survey import survey

__all__ = [
    "BUDGETS",
    "NO_FAULT",
    "ONCE",
    "USUAL",
    "Base",
    "Batch",
    "Budget",
    "Case",
    "Cell",
    "Compared",
    "Effort",
    "Finding",
    "Findings",
    "Found",
    "Judgement",
    "Known",
    "Place",
    "Scope",
    "Sizes",
    "Source",
    "Standing",
    "Witness",
    "batches_of",
    "budgets_of",
    "cases_of",
    "own_faults",
    "survey",
    "switches_over",
]
