"""What each fix is worth: how often the call fails falsely under each policy, over two lengths of time.

Theory of operation
===================

The race of a late count is decided by the *delay* between the last push and the count, and a policy that looks at
the status can help only once the child runs have *executed*. So both are varied, each by itself and both together
(`question.py`), and swept under all policies and the same latencies (`valuing.py`).

Why a policy helps, or does not, is looked at twice. In runs: when the handler reads the row, and when the row is
COMPLETED (`timing.py`). And in all runs that latencies within their intervals allow: where a policy decides
otherwise than the first one at all, and from which delay on (`deciding.py`). What a policy costs is
counted in runs (`costs.py`).
"""

from batchsim.analysis.worth.costs import Cost, Extra
from batchsim.analysis.worth.deciding import Border, DecidedOtherwise, Otherwise
from batchsim.analysis.worth.judging import EffectOfFix, Judged, judge
from batchsim.analysis.worth.question import DELAY, EXECUTION, Question
from batchsim.analysis.worth.results import Worth
from batchsim.analysis.worth.rows import WorthRow
from batchsim.analysis.worth.timing import Spread, Timing
from batchsim.analysis.worth.valuing import worth_of

__all__ = [
    "DELAY",
    "EXECUTION",
    "Border",
    "Cost",
    "DecidedOtherwise",
    "EffectOfFix",
    "Extra",
    "Judged",
    "Otherwise",
    "Question",
    "Spread",
    "Timing",
    "Worth",
    "WorthRow",
    "judge",
    "worth_of",
]
