"""Timed exploration: every run in which each latency is within its interval, over dense time, as a graph of zones.

Theory of operation
===================

What can happen next depends on where everybody is (the global state of `engines/exhaustive`) and on the
instants at which what is pending takes effect. Only their differences matter: nobody reads a clock. So a *zone*
is a set of such instants, given by bounds on their differences (`bounds.py`), and a *state class*
(`state_class.py`) is a global state with the names of the instants that are to come (`slots.py`), as Berthomieu
and Diaz (*Modeling and verification of time dependent systems using time Petri nets*, 1991) have them, without an
instant for now. Numbers are only ever added and compared, so their size plays no part.

A step (`step.py`) takes effect first of all that is due, which is one constraint for each rival; then new
instants are to come, each within a window after it; then its own is forgotten. All zones of a state class are
stepped together, in one NumPy array. A zone within another goes, and zones whose union is a zone become one
(`merging.py`): after two steps that commute, the two orders are halves of one zone (Salah, Bozga and Maler, *On
interleaving in timed automata*, 2006), so orders that do not matter cost nothing. In a large search that takes
nearly all of the time: then compiled loops do it, where Numba is installed (`compiled.py`); and where many zones
reach one state class, the answer is found without most of them, between two searches (`bracketing.py`). Child runs
that are alike are exchanged (`exchanging.py`), and lanes that are alike act in the order in which they came
(`lanes.py`).

What no difference bound can say is split into zones: who awaits several goes on with the last of them; who waits
for a cell acts when he has arrived and it is ready, whichever comes last. Steps at one instant come in any
order.

Faults are alternatives of operations, and only their times are seen here (`state_class.py`). Of the alternatives
of an operation the first one is taken whose timer has run out, as in a timed run; one that is optional may be
passed over. An instant at which something may happen and need not is no deadline: each step comes before it, or
passes it over. Who waits looks when he arrives, when a step makes something possible, and at the end of a timer;
what he did not watch he is told then, as another case. What is slow is drawn longer, once (`drawing.py`).

Each leg varies by itself, the halves of a round trip too. From a zone of the end back to the beginning, a run is
read off with a time for every instant (`path.py`), and told as the timed engine would tell it (`timetable.py`).

Where zones keep both ends of some legs to the end, one exploration says for which lengths of these an outcome
comes about (`parameter.py`, `by_value.py`).
"""

from batchsim.engines.zones.by_value import EndByValue, ExplorationByValue, explore_by_value
from batchsim.engines.zones.explore import TimedExploration, TimedOutcome, explore_timed
from batchsim.engines.zones.parameter import NoLeg, Probe
from batchsim.engines.zones.ranges import Range, united
from batchsim.engines.zones.timetable import TimedStep, Timetable

__all__ = [
    "EndByValue",
    "ExplorationByValue",
    "NoLeg",
    "Probe",
    "Range",
    "TimedExploration",
    "TimedOutcome",
    "TimedStep",
    "Timetable",
    "explore_by_value",
    "explore_timed",
    "united",
]
