"""What is seen of a run: its steps, the answers that the SDK got, and when the last things happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from batchsim.protocol.cells import Cells
from batchsim.protocol.changes import Notes, RecordedCells
from batchsim.protocol.operation import World
from batchsim.protocol.stores import Answer
from batchsim.trace import Answered, Step

Observer = Callable[[World, Step], None]


class Recorder:
    """Numbers the steps, and keeps those that it is asked to keep."""

    def __init__(self, keep: frozenset[str] | None, cells: Cells) -> None:
        self.keep = keep
        """The names of the operations whose steps are kept; `None`: of all."""
        self.cells = cells if isinstance(cells, RecordedCells) else None
        """Those that note what a step changes; `None`: no steps are kept."""
        self.taken = 0
        """How many steps were taken."""
        self.steps: list[Step] = []
        self.answers: list[Answered] = []
        self.settled_us: int | None = None
        """When the waitpoint was completed, the first time."""
        self.ended_us = 0
        self.faults: Counter[int] = Counter()
        """How often each fault of the setting happened, by its number."""

    def take_notes(self) -> Notes:
        """What the step wrote that has just taken effect."""
        return () if self.cells is None else self.cells.take_notes()

    def note_settled(self, now_us: int) -> None:
        """Somebody completes the waitpoint; the parent goes on when the first one does."""
        if self.settled_us is None:
            self.settled_us = now_us

    def note_answer(self, attempt: int, answer: Answer, now_us: int) -> None:
        """An answer reaches the SDK."""
        sealed = answer.sealed if answer.status == 200 else None
        self.answers.append(Answered(attempt, answer.status, sealed, now_us))
