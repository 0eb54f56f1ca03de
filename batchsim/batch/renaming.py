"""The same operations on other cells: those of another batch.

An actor that works for a batch whose cells have other names does what it always does (`Actor.adapts`), on a world
that looks each cell up under the name that it has there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from batchsim.batch.world import World
from batchsim.model.cells import Cells, Key
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Footprint,
    Operation,
    Timer,
    WaitingWrapper,
    Wrapper,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Renaming(Protocol):
    """Which cell stands for another one; hashable."""

    def looks_at(self) -> tuple[Key, ...]:
        """The cells that decide it."""

    def names(self, key: Key) -> tuple[Key, ...]:
        """All cells that may stand for one."""

    def name(self, key: Key, cells: Cells) -> Key:
        """The one that stands for it now."""

    def woken(self, key: Key) -> tuple[Key, ...]:
        """All cells that somebody may wait for where the operation makes this one ready."""


class RenamedCells(Cells):
    """Cells under other names."""

    __slots__ = ("_name", "_of")

    def __init__(self, cells: Cells, name: Callable[[Key, Cells], Key]) -> None:
        super().__init__()
        self._of = cells
        self._name = name

    def read(self, key: Key) -> Any:
        """As in `Cells`."""
        return self._of.read(self._name(key, self._of))

    def name_of(self, key: Key) -> Key:
        """As in `Cells`."""
        return self._of.name_of(self._name(key, self._of))

    def modify(self, key: Key, empty: Callable[[], T]) -> T:
        """As in `Cells`."""
        return self._of.modify(self._name(key, self._of), empty)

    def write(self, key: Key, value: Hashable) -> None:
        """As in `Cells`."""
        self._of.write(self._name(key, self._of), value)

    def delete(self, key: Key) -> bool:
        """As in `Cells`."""
        return self._of.delete(self._name(key, self._of))


@dataclass(frozen=True, slots=True)
class Renamed(Wrapper[T_co]):
    """An operation on cells under other names."""

    renaming: Renaming

    @property
    def on_its_cells(self) -> Operation[T_co]:
        """Under the same names."""
        return replace(self, operation=self.operation.on_its_cells)

    @property
    def is_instant(self) -> bool:  # type: ignore[override]
        """As the operation."""
        return self.operation.is_instant

    @property
    def acts_on_arrival(self) -> bool:  # type: ignore[override]
        """As the operation."""
        return self.operation.acts_on_arrival

    @property
    def may_unblock(self) -> bool:  # type: ignore[override]
        """As the operation."""
        return self.operation.may_unblock

    def footprint(self) -> Footprint:
        """That of the operation, under every name."""
        reads, writes = self.operation.footprint()
        return Footprint(
            frozenset((*self._all(reads), *self.renaming.looks_at())),
            frozenset(self._all(writes)),
        )

    def _all(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        return tuple(name for key in keys for name in self.renaming.names(key))

    def timer_after(self, answer: Any) -> Timer | None:
        """Under the other name."""
        timer = self.operation.timer_after(answer)
        if timer is None:
            return None
        # A timer belongs to a job, or a message, which stays under the first name.
        first = self.renaming.names
        return timer._replace(
            key=first(timer.key)[0],
            also=tuple((first(key)[0], item) for key, item in timer.also),
            about=None if timer.about is None else first(timer.about)[0],
        )

    def unblocks(self) -> tuple[Key, ...]:
        """Under every name."""
        return self._woken(self.operation.unblocks())

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        """Under every name."""
        return self._woken(self.operation.unblocks_after(answer))

    def timed_after(self, answer: Any) -> tuple[Key, ...]:
        """Under every name."""
        return self._woken(self.operation.timed_after(answer))

    def _woken(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        return tuple(name for key in keys for name in self.renaming.woken(key))

    def alternatives(self, world: World) -> tuple[Alternative, ...]:
        """Those of the operation."""
        return tuple(
            each if each.timer is None else each._replace(timer=self.renaming.names(each.timer)[0])
            for each in self.operation.alternatives(self._seen_by(world))
        )

    def apply_alternative(self, world: World, alternative: Alternative) -> Any:
        """Take effect on the cells under their other names."""
        return self.operation.apply_alternative(self._seen_by(world), alternative)

    def _seen_by(self, world: World) -> World:
        return World(RenamedCells(world.cells, self.renaming.name))

    def describe(self, answer: Any) -> str:
        """As the operation."""
        return self.operation.describe(answer)


@dataclass(frozen=True, slots=True)
class RenamedWaiting(Renamed[T_co], WaitingWrapper[T_co]):
    """The same for an operation that waits for a cell."""

    def waits_for(self) -> Key:
        """Under the other name; of several, the last."""
        assert isinstance(self.operation, BlockingOperation)
        return self.renaming.names(self.operation.waits_for())[-1]


def renamed(renaming: Renaming, operation: Operation[T_co]) -> Operation[T_co]:
    """An operation on cells under other names."""
    kind = RenamedWaiting if isinstance(operation, BlockingOperation) else Renamed
    return kind(operation, renaming)
