"""Windows: the condition on the latencies under which a verdict is given.

Theory of operation
===================

A schedule of the exhaustive graph comes to a verdict exactly if it obeys one of a few *reasons*, each a set
of up to four order constraints (`finding.py`, `constraints.py`): that is proved on the graph. A reason is an
order of instants, and an instant of a run is a largest of sums of legs, as the timed engine has it
(`causes.py`, `sums.py`). What led to the steps of a reason may itself have been a race: with the other end of
it, they would have come about otherwise. So a failing run is a *case*: its reason, and the races that it
depends on (`races.py`), all as conditions between max-plus sums (`conditions.py`); cases that are the two
ends of one race become one (`cases.py`).

Where the two sides of a condition are equal, two steps take effect at one instant, and the draw that orders them
decides. So nothing is said of such a point but that either may come first; whether it makes a difference there,
timed exploration knows (`standing.py`).

Within the intervals of the scenario most conditions hold always, and most sums are never the largest; what is
left is the formula. Runs of the timed engine, drawn within the intervals and beyond, and beside those that are
known (`neighbours.py`), bring the cases, and are held against them: that no case is missing is checked so, not
proved.
"""

from batchsim.analysis.window.cases import Case
from batchsim.analysis.window.changes import LatencyChange, smallest_change
from batchsim.analysis.window.conditions import Condition
from batchsim.analysis.window.edges import Edge, NoEdge, edges_of
from batchsim.analysis.window.finding import NoWindow, Window, find_window, window_of
from batchsim.analysis.window.solving import Failing, Solution, solve
from batchsim.analysis.window.standing import WindowStanding, standing

__all__ = [
    "Case",
    "Condition",
    "Edge",
    "Failing",
    "LatencyChange",
    "NoEdge",
    "NoWindow",
    "Solution",
    "Window",
    "WindowStanding",
    "edges_of",
    "find_window",
    "smallest_change",
    "solve",
    "standing",
    "window_of",
]
