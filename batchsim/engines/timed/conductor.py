"""A conductor lets steps take effect in a given order, and makes those wait that come early."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import Any, Protocol

from batchsim.model.operation import Alternative, Operation
from batchsim.model.system import Actor


class Cue(Protocol):
    """A step of the order."""

    @property
    def actor(self) -> str:
        """The name of the actor, with its lane."""

    @property
    def name(self) -> str:
        """The name of its operation."""

    @property
    def alternative(self) -> str | None:
        """Which of its ways it takes."""


class OrderNotPossible(Exception):
    """No times fit the order: the run came to rest before its end, or could go on after it."""


class Conductor:
    """Knows whose turn it is, and who waits for his."""

    def __init__(self, order: Sequence[Cue]) -> None:
        self._order = order
        self._taken = 0
        self._early: list[tuple[str, Operation[Any], Callable[[], None]]] = []

    def is_turn_of(self, actor: str, operation: Operation[Any]) -> bool:
        """Whether this step is the next one."""
        if self._taken == len(self._order):
            return False
        cue = self._order[self._taken]
        return cue.actor == actor and cue.name == operation.name

    def find(self, alternatives: tuple[Alternative, ...]) -> Alternative | None:
        """The way in which the next step is to turn out, if it is among these."""
        label = self._order[self._taken].alternative
        return next((each for each in alternatives if each.label == label), None)

    def choose(self, alternatives: tuple[Alternative, ...]) -> Alternative:
        """The way in which the next step is to turn out; raises `OrderNotPossible` if it cannot."""
        chosen = self.find(alternatives)
        if chosen is not None:
            return chosen
        cue = self._order[self._taken]
        raise OrderNotPossible(
            f"step {self._taken + 1} of {len(self._order)}, {cue.name} by {cue.actor}, "
            f"cannot turn out as {cue.alternative!r}"
        )

    def hold(self, actor: str, operation: Operation[Any], go_on: Callable[[], None]) -> None:
        """This step comes early: call back when its turn comes."""
        self._early.append((actor, operation, go_on))

    def release(self, actor: str) -> None:
        """Whoever goes no further waits for no turn."""
        self._early = [each for each in self._early if each[0] != actor]

    def advance(self) -> None:
        """The step whose turn it was has taken effect: the next one may, if it waits."""
        self._taken += 1
        for place, (actor, operation, go_on) in enumerate(self._early):
            if self.is_turn_of(actor, operation):
                del self._early[place]
                go_on()
                return

    def depart(self) -> tuple[str, list[Callable[[], None]]] | None:
        """The run is at rest: what cannot come next, and how those go on who came early.

        `None`: the order was followed to its end.
        """
        if self._taken == len(self._order):
            return None
        early, self._early = self._early, []
        return self._stuck(), [go_on for _, _, go_on in early]

    def _stuck(self) -> str:
        cue = self._order[self._taken]
        return f"step {self._taken + 1} of {len(self._order)}, {cue.name} by {cue.actor}, cannot come next"

    def check_end(self, world: Any, stopped: Set[Actor]) -> None:
        """The run is at rest; raises `OrderNotPossible` if the order was not followed to its end.

        `stopped`: who takes no further step that counts, whatever came early.
        """
        if self._taken < len(self._order):
            raise OrderNotPossible(self._stuck())
        names = {actor.name for actor in stopped}
        for actor, operation, _ in self._early:
            if actor.partition(".")[0] in names:
                continue
            # One that was woken and came too late waits for good: nothing is left for it to take.
            if operation.alternatives(world):
                raise OrderNotPossible(f"{operation.name} by {actor} still takes effect after the last step")
