"""Pictures of a sweep: a curve where one field is varied, a heat map where two are."""

from batchsim.report.sweep_plot.boundary import Boundary
from batchsim.report.sweep_plot.picture import plot_bytes, write_plot

__all__ = ["Boundary", "plot_bytes", "write_plot"]
