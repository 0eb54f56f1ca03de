"""The picture of a run over time, as SVG.

Above the whole run, below it the race that decided it, in a scale of its own. All of it is a pure
function of the run: the same run gives the same bytes.
"""

from batchsim.report.timeline.picture import timeline

__all__ = ["timeline"]
