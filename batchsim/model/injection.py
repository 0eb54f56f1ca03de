"""Fault injection: what each fault that befalls any system does to the operations that it befalls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from batchsim.model.exposure import Exposure
from batchsim.model.faults import Crash, Effect, StoreError
from batchsim.model.operation import Alternative, Footprint, Operation, Raised, Stopped, StoreFailure, touches

C = TypeVar("C", bound=Crash)
E = TypeVar("E", bound=StoreError)
Ways = tuple[Alternative, ...]


class ActorCrashes(Exposure[C]):
    """In place of a step: the actor stops for good."""

    def concerns(self, operation: Operation[Any]) -> bool:
        """Whether it can come in place of the operation."""
        return self.fault.is_about(operation)

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """How often it may still happen, and what it leaves behind."""
        return touches(writes=(self.key, *self.unblocks(operation)))

    @property
    def is_open(self) -> bool:
        """Whether it is a budget, or pinned to no operation."""
        return super().is_open or (self.timer is None and self.fault.before is None)

    def is_certain(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it is pinned to this operation."""
        return self.fault.is_pinned and self.fault.before is not None and self.timer is None

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """One, wherever the operation could take effect."""
        if not usual or not self.is_left(world) or self.spares(world, operation):
            return ()
        return (self.way("crash"),)

    def apply(self, world: Any, operation: Operation[Any], way: Alternative) -> Raised:
        """The actor stops."""
        self.use_up(world)
        self.leave(world, operation)
        return Raised(Stopped)

    def spares(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it does not happen here although it could."""
        return False

    def leave(self, world: Any, operation: Operation[Any]) -> None:
        """What becomes of what the actor had in hand."""


class StoreFails(Exposure[E]):
    """The operation raises, before or after its effect."""

    def concerns(self, operation: Operation[Any]) -> bool:
        """Whether the operation can raise."""
        return self.fault.is_about(operation)

    @property
    def is_open(self) -> bool:
        """Whether it is a budget, or pinned to no operation."""
        return super().is_open or (self.timer is None and self.fault.operation is None)

    def is_certain(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it is pinned to this operation."""
        return self.fault.is_pinned and self.fault.operation is not None and self.timer is None

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """Before the effect, and after it in each way in which the operation can turn out."""
        if not usual or not self.is_left(world) or self.spares(world, operation):
            return ()
        return tuple(self._ways(world, operation, usual))

    def _ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Iterator[Alternative]:
        is_probable = self.fault.probability is not None
        if self.fault.effect is not Effect.AFTER and not self.is_refused_enough(world, operation, usual):
            before = self.way("raises before")
            yield before._replace(is_optional=before.is_optional or self.fault.effect is None)
        # Of a use that is drawn it is left to us when it raises: before, as where a timed run is pinned.
        if self.fault.effect is Effect.AFTER or (self.fault.effect is None and not is_probable):
            for each in usual:
                if not (is_probable and self.spares_after(operation, each)):
                    yield self.way(_raises_after(each), each, each.timer)

    def apply(self, world: Any, operation: Operation[Any], way: Alternative) -> Raised:
        """It raises; after its effect if the way says so."""
        self.use_up(world)
        turned_out: Alternative | None = way.choice
        if turned_out is None:
            self.leave_before(world, operation)
            return Raised(StoreFailure)
        answer = operation.apply_alternative(world, turned_out)
        self.leave_after(world, operation, turned_out)
        return Raised(StoreFailure, True, answer)

    def spares(self, world: Any, operation: Operation[Any]) -> bool:
        """Whether it does not happen here although it could."""
        return False

    def spares_after(self, operation: Operation[Any], turned_out: Alternative) -> bool:
        """Whether, with a probability, it does not happen after the operation has turned out so."""
        return False

    def is_refused_enough(self, world: Any, operation: Operation[Any], usual: Ways) -> bool:
        """Whether it has raised here so often that it does no more: every run has to end."""
        return False

    def leave_before(self, world: Any, operation: Operation[Any]) -> None:
        """What becomes of what the actor had in hand, where it raises before its effect."""

    def leave_after(self, world: Any, operation: Operation[Any], turned_out: Alternative) -> None:
        """Likewise, where it raises after it."""


def _raises_after(usual: Alternative) -> str:
    return "raises after" if usual.label is None else f"raises after ({usual.label})"
