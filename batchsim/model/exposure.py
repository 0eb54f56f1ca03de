"""An operation that faults can befall: it offers their ways to turn out beside its own.

Engines know no fault. They ask an operation how it can turn out, and take one of its alternatives: of several,
the exhaustive engine takes each, and the timed engine the first in order that is due and, if it has a
chance, is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from batchsim.model.cells import Key
from batchsim.model.faults import Fault
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Chance,
    Footprint,
    Operation,
    Raised,
    Timer,
    WaitingWrapper,
    Wrapper,
)

F = TypeVar("F", bound=Fault)
T_co = TypeVar("T_co", covariant=True)


Share = tuple[int, int]
"""One of so many equal parts, by its number from 0."""
WHOLE: Share = (0, 1)


OF_FAULTS = ("fault:", "outage:", "lost_state:")
"""What the names of cells begin with that are there for the sake of faults."""


def fault_key(number: int) -> Key:
    """The cell that holds how often fault number `number` may still happen; the timer until it may."""
    return f"fault:{number}"


class Exposure(Generic[F]):
    """One fault, where it can befall the operations of one actor."""

    own_name = ""
    """How messages call one of the user's, with its file; empty: it is none."""

    def __init__(self, number: int, fault: F) -> None:
        self.number = number
        self.listed_as = number
        """The number that people know it by, where they list more than what befalls operations."""
        self.fault = fault
        self.key = fault_key(number)

    @property
    def timer(self) -> Key | None:
        """The timer that has to run out before it happens."""
        return None if self.fault.at_us is None else self.key

    def is_left(self, world: Any) -> bool:
        """Whether it may still happen."""
        return self.fault.probability is not None or world.cells.read(self.key) is not None

    def use_up(self, world: Any) -> None:
        """It happens once."""
        if self.fault.probability is not None:
            return  # as often as it is drawn
        left: int = world.cells.read(self.key)
        if left > 1:
            world.cells.write(self.key, left - 1)
        else:
            world.cells.delete(self.key)

    def concerns(self, operation: Operation[Any]) -> bool:
        """Whether it can befall an operation at all."""
        raise NotImplementedError

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """What it touches beside what the operation does."""
        return Footprint(writes=frozenset((self.key,)))

    def unblocks(self, operation: Operation[Any]) -> tuple[Key, ...]:
        """The cells that somebody may wait for and that it can make ready."""
        return ()

    def is_certain(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether nothing else can happen now, if it can."""
        return False

    def holds_back(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether whoever waits for something goes on waiting, though it is there."""
        return False

    def slower_while(self) -> tuple[Key, int] | None:
        """With time: while which cell is there it is slow, and by how many microseconds it is later then.

        `None`: it is as fast as ever.
        """
        return None

    def ways(
        self, world: Any, operation: Operation[Any], usual: tuple[Alternative, ...]
    ) -> tuple[Alternative, ...]:
        """How the operation can turn out if it happens now, beside the usual alternatives."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether the fault leaves it open that it happens here, where it can."""
        return self.fault.at_most is not None

    def way(
        self,
        label: str | None,
        choice: Any = None,
        timer: Key | None = None,
        *,
        due: tuple[Key, ...] = (),
        opportunity: str | None = None,
        part: Share = WHOLE,
    ) -> Alternative:
        """One such way; `timer`: of the operation itself, if any, which the moment of the fault replaces.

        `due`: likewise, but one of them has to run out, too: nobody meets what befalls a wait before he looks.

        With a probability, one number is drawn for each opportunity (`None`: for the use of the operation), and a
        way is taken if the number lies in its part of those for which the fault happens.
        """
        return Alternative(
            label=label,
            timer=self.timer or timer,
            choice=choice,
            chance=self._chance(opportunity, part),
            is_optional=self.is_open,
            fault=self.number,
            due=due,
        )

    def _chance(self, opportunity: str | None, part: Share) -> Chance | None:
        probability = self.fault.probability
        if probability is None:
            return None
        number, count = part
        return Chance(self.key, probability * number / count, probability * (number + 1) / count, opportunity)

    def apply(self, world: Any, operation: Operation[Any], way: Alternative) -> Any:
        """It happens in this way; the answer, or what is raised in its place."""
        raise NotImplementedError

    def look(self, world: Any, operation: Operation[Any]) -> Any:
        """What has to be known of the world before the operation takes effect."""

    def compare(self, world: Any, operation: Operation[Any], seen: Any) -> None:
        """The operation took effect: what has to be remembered of the world before it, which was `seen`."""

    def note(self, world: Any, operation: Operation[Any]) -> None:
        """The operation took effect in one way or another: what has to be remembered of it."""


class Befalling(NamedTuple):
    """The choice of an alternative that a fault offers."""

    exposure: Exposure[Any]
    way: Alternative


@dataclass(frozen=True, slots=True)
class Exposed(Wrapper[T_co]):
    """An operation with the faults that can befall it."""

    exposures: tuple[Exposure[Any], ...]
    may_unblock: ClassVar[bool] = True

    @property
    def is_own(self) -> bool:
        """Whether code of the user's says what the operation does, or what one of its faults does."""
        return self.operation.is_own or bool(self.own_faults)

    @property
    def own_faults(self) -> tuple[str, ...]:
        """Those of the user's."""
        return tuple(each.own_name for each in self.exposures if each.own_name)

    @property
    def is_instant(self) -> bool:  # type: ignore[override]
        """As the operation."""
        return self.operation.is_instant

    @property
    def acts_on_arrival(self) -> bool:  # type: ignore[override]
        """As the operation."""
        return self.operation.acts_on_arrival

    @property
    def slower_while(self) -> tuple[tuple[Key, int], ...]:
        """As each of its faults says."""
        return tuple(slower for each in self.exposures if (slower := each.slower_while()) is not None)

    def footprint(self) -> Footprint:
        """All that the operation and its faults can touch."""
        parts = (self.operation.footprint(), *(each.footprint(self.operation) for each in self.exposures))
        return Footprint(
            frozenset().union(*(part.reads for part in parts)), frozenset().union(*(part.writes for part in parts))
        )

    def timer_after(self, answer: Any) -> Timer | None:
        """That of the operation, if it took effect."""
        if not isinstance(answer, Raised):
            return self.operation.timer_after(answer)
        if answer.timer is not None or not answer.took_effect:
            return answer.timer
        return self.operation.timer_after(answer.answer)

    def unblocks(self) -> tuple[Key, ...]:
        """All that the operation and its faults can make ready."""
        return (*self.operation.unblocks(), *self._unblocked_by_faults())

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        """What the operation made ready, if it took effect, and what its faults can have."""
        by_faults = self._unblocked_by_faults()
        if isinstance(answer, Raised):
            return (*self.operation.unblocks_after(answer.answer), *by_faults) if answer.took_effect else by_faults
        return (*self.operation.unblocks_after(answer), *by_faults)

    def timed_after(self, answer: Any) -> tuple[Key, ...]:
        """What the operation's own timer is about, or that of a fault in its place."""
        if not isinstance(answer, Raised):
            return self.operation.timed_after(answer)
        if answer.timer is not None or not answer.took_effect:
            return self._unblocked_by_faults()
        return self.operation.timed_after(answer.answer)

    def _unblocked_by_faults(self) -> tuple[Key, ...]:
        return tuple(key for each in self.exposures for key in each.unblocks(self.operation))

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """Those of the faults first; alone, if one of them is certain."""
        if any(each.holds_back(world, self.operation) for each in self.exposures):
            return ()
        usual = self.operation.alternatives(world)
        offered: list[Alternative] = []
        for exposure in self.exposures:
            ways = exposure.ways(world, self.operation, usual)
            if ways and exposure.is_certain(world, self.operation):
                return tuple(way._replace(choice=Befalling(exposure, way)) for way in ways)
            offered.extend(_told_apart(exposure, way, offered) for way in ways)
        return (*offered, *usual)

    def apply_alternative(self, world: Any, alternative: Alternative) -> Any:
        """Take effect in one of all these ways."""
        seen = [each.look(world, self.operation) for each in self.exposures]
        if isinstance(alternative.choice, Befalling):
            exposure, way = alternative.choice
            answer = exposure.apply(world, self.operation, way)
        else:
            answer = self.operation.apply_alternative(world, alternative)
        for each, before in zip(self.exposures, seen, strict=True):
            each.compare(world, self.operation, before)
            each.note(world, self.operation)
        return answer

    def describe(self, answer: Any) -> str:
        """As the operation."""
        return self.operation.describe(answer)


def _told_apart(exposure: Exposure[Any], way: Alternative, offered: list[Alternative]) -> Alternative:
    label = way.label
    if any(label == other.label for other in offered):
        label = f"{label or 'it happens'} (fault {exposure.listed_as})"
    return way._replace(label=label, choice=Befalling(exposure, way))


@dataclass(frozen=True, slots=True)
class ExposedWaiting(Exposed[T_co], WaitingWrapper[T_co]):
    """An operation that waits for a cell, with the faults that can befall it."""

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        """As of any; what it was woken for is still there for somebody else, if it raised before its effect."""
        ready = super(ExposedWaiting, self).unblocks_after(answer)
        if isinstance(answer, Raised) and not answer.took_effect:
            return (*ready, self.waits_for())
        return ready


def exposed(operation: Operation[T_co], exposures: tuple[Exposure[Any], ...]) -> Operation[T_co]:
    """The operation with those of the faults that concern it."""
    concerning = tuple(each for each in exposures if each.concerns(operation))
    if not concerning:
        return operation
    kind = ExposedWaiting if isinstance(operation, BlockingOperation) else Exposed
    return kind(operation, concerning)
