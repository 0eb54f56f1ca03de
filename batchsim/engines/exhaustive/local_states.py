"""The local states of an actor: where its coroutine can be, as small integers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from batchsim.engines.exhaustive.task import TIMELESS, Join, Pace, Pending, Task
from batchsim.engines.exhaustive.twins import Twin, check_alike
from batchsim.engines.own_errors import ToldError, of_answer
from batchsim.exact import exact
from batchsim.model.operation import Program, told
from batchsim.model.system import Actor
from batchsim.user_code import UserCodeError

Answers = tuple[tuple[int, Any], ...]
"""What a coroutine was answered, each with the position of its operation."""


class LocalState(NamedTuple):
    """One point that a coroutine can be at."""

    pending: tuple[Pending, ...]
    has_ended: bool
    result: Any
    """What it returned, once it has ended."""
    raised: ToldError | None = None
    """The error that ended it, if one did."""
    point: Hashable = None
    """The same for those from which it does the same from now on."""


class LocalStates:
    """The local states of one program, numbered in the order in which they are found; 0 is the beginning."""

    def __init__(
        self,
        actor: Actor,
        *,
        merges: bool,
        pace: Pace = TIMELESS,
        catches: bool = False,
        twins: Sequence[Twin] = (),
    ) -> None:
        self._actor = actor
        self._twins = twins
        """Those of its kind that have another program: they must do the same."""
        self._merges = merges
        self._pace = pace
        self._catches = catches
        self.alike: Sequence[LocalStates] = (self,)
        """These, and those of others with which its actor can be exchanged: all know the same states by the same
        numbers."""
        self._numbers: dict[Hashable, int] = {}
        self._answers: list[Answers] = []
        """Answers that lead there."""
        self._states: list[LocalState] = []
        self._transitions: dict[tuple[int, int, Any], int] = {}
        self._joins: dict[tuple[int, int, Any], Join] = {}
        self._kept: dict[tuple[int, int, Any], dict[int, int]] = {}
        self._intern(self._fed(actor.program, ()), ())

    def __getitem__(self, number: int) -> LocalState:
        return self._states[number]

    def __len__(self) -> int:
        return len(self._states)

    def place_of(self, number: int, position: int) -> str:
        """The line of the user's that awaits the operation at a position, `own.py:7: `; empty: there is none."""
        task = self._fed(self._actor.program, self._answers[number])
        place = task.place_of(position)
        task.close()
        return place

    def after(self, number: int, position: int, answer: Any) -> int:
        """The local state that an answer to the operation at a position leads to."""
        try:
            transition = (number, position, exact(answer))
            is_known = transition in self._transitions
        except Exception as error:
            raise of_answer(self._states[number].pending[position].operation, answer, error) from None
        if not is_known:
            for each in self.alike:
                each._find(number, position, answer)
        return self._transitions[transition]

    def _find(self, number: int, position: int, answer: Any) -> None:
        transition = (number, position, exact(answer))
        task = self._fed(self._actor.program, self._answers[number])
        self._check_same_again(number, task)
        task.answer(position, answer)
        self._transitions[transition] = self._intern(task, (*self._answers[number], (position, answer)))
        if task.join is not None:
            self._joins[transition] = task.join

    def _check_same_again(self, number: int, task: Task) -> None:
        """Raises `UserCodeError` if a coroutine awaits something else than it did after the same answers."""
        both = self._states[number].pending, task.pending
        # What it awaits is made anew, and need not be equal to what it was.
        before, now = (
            [(each.lane, type(each.operation.bare), each.operation.name) for each in some] for some in both
        )
        if before == now:
            return
        first, second = (" and ".join(told(each.operation) for each in some) or "nothing" for some in both)
        raise UserCodeError(
            f"{self._actor.name}: after the same answers it awaited {first}, and {second}; allowed: a coroutine "
            "that depends on its answers alone"
        )

    def answers_to(self, number: int) -> Answers:
        """Answers that lead from the beginning to a local state."""
        return self._answers[number]

    def join_after(self, number: int, position: int, answer: Any) -> Join | None:
        """What such an answer, which was asked for before, is to coroutines side by side; `None`: nothing."""
        return self._joins.get((number, position, exact(answer)))

    def kept_after(self, number: int, position: int, answer: Any) -> dict[int, int]:
        """By position before such an answer: where the other operations stand after it that still wait."""
        transition = (number, position, exact(answer))
        if transition not in self._kept:
            task = self._fed(self._actor.program, self._answers[number])
            self._kept[transition] = task.kept_after(position, answer)
            task.close()
        return self._kept[transition]

    @property
    def transitions_count(self) -> int:
        """How many transitions between local states are known."""
        return len(self._transitions)

    def edges(self) -> list[tuple[int, int]]:
        """The known transitions between local states."""
        return sorted({(before, after) for (before, _, _), after in self._transitions.items()})

    def _intern(self, task: Task, answers: Answers) -> int:
        key = self._key(task, answers) if not self._twins else self._key_with_twins(task, answers)
        number = self._numbers.setdefault(key, len(self._states))
        if number == len(self._states):
            point = key if self._merges else task.key()
            self._states.append(LocalState(task.pending, task.has_ended, task.result, task.raised, point))
            self._answers.append(answers)
        task.close()
        return number

    def _fed(self, program: Callable[[], Program[Any]], answers: Answers) -> Task:
        task = Task(program(), self._actor.expose, self._pace, catches=self._catches)
        for position, answer in answers:
            task.answer(position, answer)
        return task

    def _key_with_twins(self, task: Task, answers: Answers) -> Hashable:
        """Histories are one local state only if they are for each of the programs."""
        keys = [self._key(task, answers)]
        for twin in self._twins:
            other = self._fed(twin.program, answers)
            check_alike(self._actor, task, twin, other, [answer for _, answer in answers])
            keys.append(self._key(other, answers))
            other.close()
        return tuple(keys)

    def _key(self, task: Task, answers: Answers) -> Hashable:
        if task.has_ended and not task.pending:
            return exact(("ended", task.result, task.raised))
        return task.key() if self._merges else exact(answers)
