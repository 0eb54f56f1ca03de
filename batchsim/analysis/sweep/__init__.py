"""Sweeps: how probable each verdict is, under each policy, over many runs.

Theory of operation
===================

A sweep has *points* (values of the fields that are varied; one point where none is), and at each point a
*cell* for each policy. The runs of a cell have indices 0, 1, 2, …; the seed of a run is a hash of the content of
the scenario, the point, and the index. So a run is the same whoever makes it, and all policies meet the same
latencies (common random numbers), which makes differences between them far sharper than their shares.

Where a policy decides as another did in the same run, that run is not made again (`together.py`). Of the others,
most draws are made ahead, on arrays (`engines/drawing_ahead.py`), and what coroutines do is read where a run went
that way before (`engines/timed/scripts.py`).

Runs are made in *pieces* (`pieces.py`), by any executor of `concurrent.futures` (`pool.py` beside this package,
`executors.py`). What a piece came to is judged, kept in the database in one transaction (`storing.py`), and joined
to what is known (`records.py`). What is not known yet is planned anew whenever a sweep begins (`plan.py`), so one
that was killed goes on where it was. Results (`results.py`) are computed from the verdicts in the order of the
index, never of arrival.
"""

from batchsim.analysis.pool import SizedExecutor, local_executor
from batchsim.analysis.sweep.executing import Watch
from batchsim.analysis.sweep.executors import dask_executor
from batchsim.analysis.sweep.intervals import CONFIDENCE, Interval
from batchsim.analysis.sweep.one_run import run_of
from batchsim.analysis.sweep.plan import verdicts_over
from batchsim.analysis.sweep.results import CellResult, Difference, Example, Share, Sweep, examples_of
from batchsim.analysis.sweep.sweeping import RUNS, SweepNotKept, sweep, with_other_parameters
from batchsim.analysis.sweep.varying import Axis, Point, Value, parse_point

__all__ = [
    "CONFIDENCE",
    "RUNS",
    "Axis",
    "CellResult",
    "Difference",
    "Example",
    "Interval",
    "Point",
    "Share",
    "SizedExecutor",
    "Sweep",
    "SweepNotKept",
    "Value",
    "Watch",
    "dask_executor",
    "examples_of",
    "local_executor",
    "parse_point",
    "run_of",
    "sweep",
    "verdicts_over",
    "with_other_parameters",
]
