"""What is seen of a run: its steps, and when the last of them took effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from batchsim.model.cells import Cells
from batchsim.model.changes import RecordedCells
from batchsim.model.operation import Operation
from batchsim.model.run import Step
from batchsim.model.steps import Steps

Observer = Callable[[Any, Step, Operation[Any]], None]
"""Told of each step: the world after it, the step, and its operation on the cells that it was on."""


class Recorder:
    """Numbers the steps, and keeps those that it is asked to keep."""

    def __init__(self, keep: frozenset[str] | None, names_noted: frozenset[str], cells: Cells) -> None:
        self.keep = keep
        """The names of the operations whose steps are kept; `None`: of all."""
        self.cells = cells if isinstance(cells, RecordedCells) else None
        """Those that note what a step changes; `None`: no steps are kept."""
        self.taken = 0
        """How many steps were taken."""
        self.steps = Steps()
        self.names_noted = names_noted
        """The names of the operations whose steps are noted, kept or not."""
        self.noted: list[Step] = []
        self.ended_us = 0
        self.faults: Counter[int] = Counter()
        """How often each fault of the setting happened, by its number."""
