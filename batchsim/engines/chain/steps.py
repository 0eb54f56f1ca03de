"""The steps of the chain: operations that take effect at a rate or at once, and time that passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from batchsim.model.cells import Key
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Chance,
    Footprint,
    Operation,
    WaitingWrapper,
    Wrapper,
    touches,
)

T_co = TypeVar("T_co", covariant=True)


def running_key(timer: Key) -> Key:
    """The cell that is there while a timer runs."""
    return f"running:{timer}"


@dataclass(frozen=True, slots=True)
class LegPasses(Operation[None]):
    """A leg of an operation passes."""

    name: ClassVar[str] = "time.leg"
    mean_us: int

    def apply(self, world: Any) -> None:
        """Only time passes."""


@dataclass(frozen=True, slots=True)
class RunOut(BlockingOperation[None]):
    """A timer that runs runs out."""

    name: ClassVar[str] = "time.timer"
    timer_key: Key
    mean_us: int

    def waits_for(self) -> Key:
        """The timer's cell."""
        return running_key(self.timer_key)

    def footprint(self) -> Footprint:
        """The timer's cell."""
        return touches(writes=(self.waits_for(),))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """None while it does not run."""
        return () if world.cells.read(self.waits_for()) is None else (Alternative(),)

    def apply(self, world: Any) -> None:
        """It runs no longer."""
        world.cells.delete(self.waits_for())


class Passed:
    """Of the numbers that one draw can give, those that are ruled out: they decide for an earlier way."""

    def __init__(self) -> None:
        self._until = 0.0
        self._left = 1.0

    def pass_over(self, chance: Chance) -> float:
        """The probability that the number is in this part, if it is in no earlier one; rule the part out, too."""
        length = max(0.0, chance.end - max(chance.begin, self._until))
        probability = length / self._left if self._left else 0.0
        self._until = max(self._until, chance.end)
        self._left -= length
        return probability


@dataclass(frozen=True, slots=True)
class Paced(Wrapper[T_co]):
    """An operation at the end of its way: it takes effect at a rate, or at once, and turns out by a draw.

    `alternatives` are those that a timed run can take now, each with the probability that it does: of several
    in order, the first whose timer has run out and that is drawn.
    """

    mean_us: int
    """Of the leg that it ends; 0: it takes effect at once."""
    timers: tuple[Key, ...] = ()
    """The timers that hold it back."""
    starts: Key | None = None
    """The timer that its effect starts, if that takes any time."""

    def footprint(self) -> Footprint:
        """That of the operation, and its timers."""
        inner = self.operation.footprint()
        started = () if self.starts is None else (running_key(self.starts),)
        return Footprint(inner.reads.union(map(running_key, self.timers)), inner.writes.union(started))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """The ways in which it can turn out now, each with its probability."""
        return tuple(self._drawn(world))

    def _drawn(self, world: Any) -> Iterator[Alternative]:
        left = 1.0
        passed: dict[tuple[Key, str | None], Passed] = {}
        for each in self.operation.alternatives(world):
            if each.timer is not None and self._runs(world, each.timer):
                continue
            if each.chance is None:
                yield each._replace(chance=Chance(self.name, 0.0, left))
                return
            drawn = passed.setdefault((each.chance.fault, each.chance.opportunity), Passed())
            probability = drawn.pass_over(each.chance)
            yield each._replace(chance=Chance(self.name, 0.0, left * probability))
            left *= 1.0 - probability
            if not left:
                return

    def _runs(self, world: Any, timer: Key) -> bool:
        return timer in self.timers and world.cells.read(running_key(timer)) is not None

    def apply_alternative(self, world: Any, alternative: Alternative) -> Any:
        """It takes effect, and starts its timer anew."""
        answer = self.operation.apply_alternative(world, alternative)
        if self.starts is not None and self.operation.timer_after(answer) is not None:
            world.cells.write(running_key(self.starts), True)
        return answer


@dataclass(frozen=True, slots=True)
class PacedWaiting(Paced[T_co], WaitingWrapper[T_co]):
    """The same for an operation that waits for a cell."""


def mean_us_of(step: Operation[Any]) -> int:
    """The mean time that a step takes once it is possible; 0: none."""
    assert isinstance(step, LegPasses | RunOut | Paced)
    return step.mean_us
