"""Verdicts over history: what a property remembers of the steps of a run.

Engines know none of it. An operation is wrapped into one that also updates the memory, which is a cell that every
step writes. So no two steps commute, states that differ in what is remembered are two, and the memory at the end
is part of what a run came to (`AtRest.memory_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

from batchsim.bad_input import BadInputError
from batchsim.exact import exact
from batchsim.model.cells import Cells, Key, freeze
from batchsim.model.changes import Change, Seen
from batchsim.model.operation import (
    Alternative,
    BlockingOperation,
    Footprint,
    Operation,
    Timer,
    WaitingWrapper,
    Wrapper,
)
from batchsim.model.properties import Property

T_co = TypeVar("T_co", covariant=True)

MEMORIES_MAX = 10_000
"""A memory that had more different values while all runs were explored is taken to be unbounded."""


class HistoryStep(NamedTuple):
    """A step as a memory sees it: without times, as which step comes next is all that runs differ in."""

    actor: str
    """The name of the actor; of twins the kind, as states do not tell them apart."""
    name: str
    """The name of the operation: `redis.set`."""
    answer: Any
    """What the actor was answered; `Raised`: the operation raised."""
    changes: tuple[Change, ...]
    """The cells that hold another value after the step, each with its `key`, `before` and `after`, in order."""

    def change_of(self, key: Key) -> Change | None:
        """What it did to a cell; `None`: that holds what it held."""
        return next((each for each in self.changes if each.key == key), None)


def over_history(
    name: str,
    meaning: str,
    *,
    start: Hashable,
    update: Callable[[Any, HistoryStep], Hashable],
    holds: Callable[[Any, Any], bool],
) -> Property:
    """A verdict that looks at the steps of a run, and not only at its end.

    `start`: what is remembered at the beginning. `update(memory, step)`: what is remembered after a step, given
    what was before it. `holds(memory, end)`: whether the verdict is given, from what is remembered at the end and
    the outcome. Both are pure. A memory is small and has a hash: `False`, a name, a tuple of a few numbers. The
    property is to be one of `System.properties`, or given to an exploration. What is remembered makes more states,
    and no two steps commute: exploration with `reduces` leaves nothing out.

    Raises `BadInputError` for a `start` without a hash. So do engines for any memory without one, for an `update`
    that raises, and where an exploration sees more than 10 000 different memories.
    """

    def holds_at(end: Any) -> bool:
        try:
            memory = end.memory_of(name)
        except AttributeError:
            raise BadInputError(
                f"{name}: an outcome of type {type(end).__name__} holds no memory; allowed: properties over "
                "history for systems whose outcome is made by `at_rest`"
            ) from None
        return holds(memory, end)

    _check_hash(name, start)
    return Property(name, meaning, holds_at, history=(start, update))


def _check_hash(name: str, memory: Any) -> None:
    try:
        frozenset((memory,))
    except TypeError:
        raise BadInputError(
            f"{name}: it remembers {memory!r}, of type {type(memory).__name__}; allowed: what has a hash"
        ) from None


class MemoryKey(str):
    """The cell of a memory."""

    __slots__ = ("of",)
    of: str
    """The name of the property."""

    def __new__(cls, of: str) -> MemoryKey:
        """The cell of the memory of this property."""
        key = super().__new__(cls, f"history:{of}")
        key.of = of
        return key

    def __reduce__(self) -> tuple[type[MemoryKey], tuple[str]]:
        return MemoryKey, (self.of,)


class Memory:
    """What a property remembers, while the runs of a system are gone through."""

    def __init__(self, name: str, history: tuple[Any, Any], memories_max: int | None) -> None:
        self.name = name
        self.key = MemoryKey(name)
        self._start, self._update = history
        self._max = memories_max
        self._seen: set[Hashable] = set()

    def begin(self, cells: Cells) -> None:
        """Before anybody acts."""
        self._put(cells, self._start)

    def note(self, cells: Cells, step: HistoryStep) -> None:
        """A step took effect."""
        (memory,) = cells[self.key]
        try:
            memory = self._update(memory, step)
        except Exception as error:
            raise BadInputError(
                f"{self.name}: update raised {type(error).__name__}: {error}, after {step.name} by {step.actor}"
            ) from error
        self._put(cells, memory)

    def _put(self, cells: Cells, memory: Any) -> None:
        _check_hash(self.name, memory)
        self._seen.add(memory)
        if self._max is not None and len(self._seen) > self._max:
            raise BadInputError(
                f"{self.name}: more than {self._max:,} different memories: it is unbounded, or holds too much; "
                "allowed: as few as the verdict needs"
            )
        # As none of the cells' own methods does: it is no cell of the system's, and no change of the step's.
        dict.__setitem__(cells, self.key, (memory,))


@dataclass(frozen=True, slots=True)
class Remembered(Wrapper[T_co]):
    """An operation whose steps are remembered."""

    actor: str
    memories: tuple[Memory, ...]
    may_unblock: ClassVar[bool] = True

    @property
    def is_instant(self) -> bool:  # type: ignore[override]
        """As the operation."""
        return self.operation.is_instant

    @property
    def acts_on_arrival(self) -> bool:  # type: ignore[override]
        """As the operation."""
        return self.operation.acts_on_arrival

    def footprint(self) -> Footprint:
        """That of the operation, and the memories."""
        reads, writes = self.operation.footprint()
        return Footprint(reads, writes.union(each.key for each in self.memories))

    def timer_after(self, answer: Any) -> Timer | None:
        """That of the operation."""
        return self.operation.timer_after(answer)

    def unblocks(self) -> tuple[Key, ...]:
        """As the operation."""
        return self.operation.unblocks()

    def unblocks_after(self, answer: Any) -> tuple[Key, ...]:
        """As the operation."""
        return self.operation.unblocks_after(answer)

    def alternatives(self, world: Any) -> tuple[Alternative, ...]:
        """Those of the operation."""
        return self.operation.alternatives(world)

    def apply_alternative(self, world: Any, alternative: Alternative) -> Any:
        """Take effect, and be remembered."""
        cells, keys = world.cells, sorted(self.operation.footprint().writes)
        before = [freeze(cells.get(key)) for key in keys]
        answer = self.operation.apply_alternative(world, alternative)
        after = [freeze(cells.get(key)) for key in keys]
        changes = tuple(
            Change(key, Seen(was, 0), Seen(now, 0))
            for key, was, now in zip(keys, before, after, strict=True)
            if exact(was) != exact(now)
        )
        step = HistoryStep(self.actor, self.name, answer, changes)
        for each in self.memories:
            each.note(cells, step)
        return answer

    def describe(self, answer: Any) -> str:
        """As the operation."""
        return self.operation.describe(answer)


@dataclass(frozen=True, slots=True)
class RememberedWaiting(Remembered[T_co], WaitingWrapper[T_co]):
    """The same for an operation that waits for a cell."""


def remembered(operation: Operation[T_co], actor: str, memories: tuple[Memory, ...]) -> Operation[T_co]:
    """The operation, whose steps are remembered."""
    kind = RememberedWaiting if isinstance(operation, BlockingOperation) else Remembered
    return kind(operation, actor, memories)
