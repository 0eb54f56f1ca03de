"""What goes wrong, where, and how often (protocol.md §6): what all faults have, and those that befall any system.

A fault is one of three things:

- *pinned*: it happens, once, at the first moment that its fields leave open; where they leave several open,
  exploration takes every one of them;
- a *budget* (`at_most`): exploration lets it happen anywhere its fields admit, at most that often;
- a *probability*: in a timed run, a number is drawn for each opportunity that its fields admit, and decides. What
  an opportunity is, each fault says.

Fields that are `None` admit anything. How an operation turns out under a fault is said in `injection.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from batchsim.model.cells import Key
from batchsim.model.operation import Operation

if TYPE_CHECKING:
    from batchsim.model.exposure import Exposure
    from batchsim.model.system import Actor

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What all faults have."""

    word: ClassVar[str]
    """Its name in a scenario file."""

    at_most: int | None = None
    """A budget, for exploration."""
    probability: float | None = None
    """For timed runs: above 0, at most 1."""
    at_us: int | None = None
    """Pinned, in a timed run: the first moment from then on; exploration takes every moment."""

    @property
    def is_pinned(self) -> bool:
        """Whether it happens, and once."""
        return self.at_most is None and self.probability is None

    @property
    def is_memoryless(self) -> bool:
        """Whether a run is still a Markov chain if it happens: it has no moment, and no timer waits for it."""
        return False

    @property
    def times_max(self) -> int:
        """How often it can happen, if it has no probability."""
        return 1 if self.at_most is None else self.at_most

    # -- of one's own: what a fault of a user's own says of itself -------------------------------------

    def exposure(self, number: int, actor: Actor) -> Exposure[Any] | None:
        """How it can befall what an actor does; `None`: it cannot. `number`: its place among the faults."""
        return None

    def actors(self, number: int) -> tuple[Actor, ...]:
        """Actors of the environment that are there for its sake."""
        return ()

    def cells(self, number: int) -> tuple[Key, ...]:
        """Cells that are there for its sake."""
        return ()

    def in_words(self) -> str:
        """What it is, in a few words."""
        return self.word.replace("_", " ")


class Effect(StrEnum):
    """When an operation raises: whether its store did what it asked for."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash(Fault):
    """An actor stops for good, in place of a step.

    An opportunity is each step that it could stop in place of.
    """

    word: ClassVar[str] = "crash"
    actor: str | None = None
    """`worker-0`, or all of a kind: `worker`."""
    before: str | None = None
    """The operation that it does not come to."""
    item: int | None = None
    """The item that this operation is about."""

    @property
    def is_memoryless(self) -> bool:
        """Whether it has no moment."""
        return self.at_us is None

    def is_about(self, operation: Operation[Any]) -> bool:
        """Whether it can come in place of an operation of the actor."""
        return admits(self.before, operation.name) and admits(self.item, operation.item)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreError(Fault):
    """An operation raises.

    An opportunity is each use of an operation, whether it would raise before its effect or after it.
    """

    word: ClassVar[str] = "store_error"
    actor: str | None = None
    """`worker-0`, or all of a kind: `worker`."""
    operation: str | None = None
    item: int | None = None
    """The item that the operation is about."""
    effect: Effect | None = None
    """`None`: exploration takes both; a timed run raises before the effect."""

    @property
    def is_memoryless(self) -> bool:
        """Whether it has no moment."""
        return self.at_us is None

    def is_about(self, operation: Operation[Any]) -> bool:
        """Whether an operation of the actor can raise."""
        return admits(self.operation, operation.name) and admits(self.item, operation.item)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFault(Fault):
    """For a while, something is wrong with all operations of a group.

    Exploration lets it begin and end between any two steps. With a probability, an opportunity is a run.
    """

    word: ClassVar[str] = "outage"
    group: str
    """The service that fails: what the names of its operations begin with, `redis` of `redis.get`."""
    lasts_us: int | None = None
    """In a timed run: how long."""
    services: tuple[str, ...] = ()
    """Further services that are on the same servers."""

    def is_about(self, operation: Operation[Any]) -> bool:
        """Whether the operation is one of the group."""
        return operation.name.partition(".")[0] in (self.group, *self.services)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage(ServiceFault):
    """For a while, all operations of a group raise, before their effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowOutage(ServiceFault):
    """For a while, all operations of a group are slow: each takes effect later.

    It is slow if the step before it took effect meanwhile. What waits for something is as fast as ever.
    """

    delay_us: int
    """How much later each takes effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostState(Fault):
    """Keys of a store vanish (an eviction), or are again what they were before the last writes (a failover).

    Exploration lets it happen between any two steps. With a probability, an opportunity is a run.
    """

    word: ClassVar[str] = "lost_state"
    keys: tuple[str, ...]
    """Names of cells; `*` stands for any characters, as in `lease:*`."""
    last_writes: int | None = None
    """How many writes of these keys are undone; `None`: the keys vanish."""


def admits(field: T | None, value: T | None) -> bool:
    """Whether a field of a fault admits this value."""
    return field is None or field == value


def befalls(actor: str | None, kind: str, number: int | None = None) -> bool:
    """Whether a fault that names `actor` can befall an actor of this kind, and of this number if one is given."""
    if actor is None or actor == kind:
        return True
    named, _, digits = actor.rpartition("-")
    return named == kind and (number is None or digits == str(number))
