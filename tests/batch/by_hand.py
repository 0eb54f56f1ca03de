"""A protocol coroutine, driven by hand: what it awaits is looked at, and answered."""

from __future__ import annotations

from typing import Any

from batchsim.model.operation import Program


class ByHand:
    """One coroutine; `awaited` is what it waits for, `result` what it came to."""

    def __init__(self, program: Program[Any]) -> None:
        self._program = program
        self.awaited: Any = None
        self.result: Any = None
        self.answer(None)

    def answer(self, answer: object) -> None:
        """Answer what it waits for."""
        try:
            self.awaited = self._program.send(answer)
        except StopIteration as end:
            self.awaited, self.result = None, end.value

    def expect(self, operation: object, answer: object = None) -> None:
        """It waits for exactly this; answer it."""
        assert self.awaited == operation
        self.answer(answer)
