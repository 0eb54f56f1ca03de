"""Coroutines that one actor runs side by side: two operations at once, or the lanes of an ingest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from batchsim.model.operation import Both, EndsEarly, ForEach, Operation, Program

Report = Callable[[Any, Exception | None, int, int | None], None]
"""Told of the end of a coroutine: its result or its failure, when its last answer is there, and its last step."""
GiveUp = Callable[[], None]
Begin = Callable[[int, int, int | None, Report], GiveUp]
"""Begins coroutine number so-and-so, at a time in microseconds, and after a step; how to give it up."""


def program_of(awaited: Both[Any, Any] | ForEach, number: int) -> Program[Any]:
    """The coroutine number `number` of those that are awaited together."""
    return awaited.program(number) if isinstance(awaited, ForEach) else _perform(awaited.operations[number])


async def _perform(operation: Operation[Any]) -> Any:
    return await operation


class Group:
    """Who is in progress, who comes next, and who is told when all are done or one has failed.

    Coroutines end in the order of the effects of their last steps, as in an exploration without time; who awaits
    them goes on when the last of all their answers is there, or that of the first which failed.
    """

    def __init__(
        self, awaited: Both[Any, Any] | ForEach, begin: Begin, finish: Report, lose: Callable[[Exception], None]
    ) -> None:
        self._awaited = awaited
        self._begin = begin
        self._finish = finish
        self._lose = lose
        """Told of a failure that nobody awaits any longer."""
        self._count = awaited.count if isinstance(awaited, ForEach) else len(awaited.operations)
        self._limit = awaited.limit if isinstance(awaited, ForEach) else self._count
        self._begun = 0
        self._results: list[Any] = [None] * self._count
        self._ended = 0
        self._in_progress: dict[int, GiveUp | None] = {}
        self._has_failed = False
        self._answered_us = 0
        """When the latest of the answers is there."""
        self._last: int | None = None
        """The step that it is the answer to."""

    def begin(self, at_us: int, after: int | None) -> None:
        """Begin as many as may be in progress at once."""
        for _ in range(self._limit):
            if self._begun == self._count:  # one that ends without a step has let the next one begin
                return
            self._begin_next(at_us, after)

    def _begin_next(self, at_us: int, after: int | None) -> None:
        number = self._begun
        self._begun += 1
        self._in_progress[number] = None

        def report(result: Any, failure: Exception | None, answered_us: int, last: int | None) -> None:
            self._results[number] = result
            self._in_progress.pop(number, None)
            self._note_end(failure, answered_us, last)

        give_up = self._begin(number, at_us, after, report)
        if number in self._in_progress:
            self._in_progress[number] = give_up

    def _note_end(self, failure: Exception | None, answered_us: int, last: int | None) -> None:
        self._ended += 1
        if self._has_failed:
            if failure is not None:
                self._lose(failure)
            return
        if answered_us >= self._answered_us:
            self._answered_us, self._last = answered_us, last
        if failure is not None:
            self._has_failed = True
            if isinstance(failure, EndsEarly):
                self._give_up(failure.arrived)
                if isinstance(self._awaited, ForEach) and self._awaited.is_over(failure, self._in_progress):
                    self._finish(failure.arrived, None, answered_us, last)
                    return
            self._finish(None, failure, answered_us, last)
        elif self._begun < self._count:
            self._begin_next(answered_us, last)
        elif self._ended == self._count:
            self._finish(tuple(self._results), None, self._answered_us, self._last)

    def _give_up(self, arrived: int) -> None:
        """Those beyond the end have nothing to do: they never began."""
        for number in [each for each in self._in_progress if each >= arrived]:
            give_up = self._in_progress.pop(number)
            if give_up is not None:
                give_up()
