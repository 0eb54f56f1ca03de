"""What a fault of the user's own does to operations, guarded: `UserCodeError` is all that comes of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from batchsim.bad_input import BadInputError
from batchsim.model.cells import IfListed
from batchsim.model.exposure import Exposure
from batchsim.model.faults import Fault
from batchsim.model.operation import Alternative, Footprint, Operation, ProtocolError
from batchsim.signals import is_real
from batchsim.user_code import UserCodeError, check_comparable, told, type_name, was_raised_here, what_it_did

Ways = tuple[Alternative, ...]

_NAMES = (str, IfListed)


def guard_fault(kind: type[Fault], reference: str) -> None:
    """From now on, what faults of this class do to operations is looked at."""
    for each in kind.__mro__:
        exposure = vars(each).get("exposure")
        if issubclass(each, Fault) and not each.__module__.startswith("batchsim.") and callable(exposure):
            each.exposure = exposure if _is_guarded(exposure) else _guarded(exposure, reference)  # type: ignore[method-assign]


def _is_guarded(exposure: Callable[..., Any]) -> bool:
    return hasattr(exposure, "__wrapped__")


def _guarded(exposure: Callable[..., Any], reference: str) -> Callable[..., Exposure[Any] | None]:
    @wraps(exposure)
    def guarded(fault: Fault, number: int, actor: Any) -> Exposure[Any] | None:
        made = _asked(f"{reference}: exposure", exposure, fault, number, actor)
        if made is not None and not issubclass(type(made), Exposure):
            raise UserCodeError(f"{reference}: exposure returned {told(made)}; allowed: an Exposure, or None")
        return None if made is None else GuardedExposure(made, reference)

    return guarded


class GuardedExposure(Exposure[Any]):
    """One of the user's own, asked with care."""

    def __init__(self, own: Exposure[Any], reference: str) -> None:
        super().__init__(own.number, own.fault)
        self._own = own
        self.own_name = f"{reference}: {type_name(own)}"
        self.key = own.key

    @property
    def timer(self) -> str | None:
        """As the user's."""
        return self._own.timer

    @property
    def is_open(self) -> bool:
        """As the user's."""
        return self._own.is_open

    @property
    def _keeps_that_it_lasts(self) -> bool:
        """Whether its fault has cells or actors of its own: then what happened before may only be seen here."""
        kind = type(self.fault)
        return kind.cells is not Fault.cells or kind.actors is not Fault.actors

    def slower_while(self) -> tuple[str, int] | None:
        """As the user's."""
        what = f"{self.own_name}.slower_while"
        answer = _asked(what, self._own.slower_while)
        if answer is None:
            return None
        match answer:
            case (str(cell), int(by_us)) if type(cell) in _NAMES and type(by_us) is int and by_us >= 0:
                return cell, by_us
        raise UserCodeError(f"{what} returned {told(answer)}; allowed: a cell and whole microseconds, or None")

    def concerns(self, operation: Operation[Any]) -> bool:
        """As the user's."""
        return self._ask("concerns", bool, operation)  # type: ignore[no-any-return]

    def footprint(self, operation: Operation[Any]) -> Footprint:
        """As the user's."""
        found: Footprint = self._ask("footprint", Footprint, operation)
        for each in (*found.reads, *found.writes):
            self._check_name("footprint", each, "names of cells")
        return found

    def unblocks(self, operation: Operation[Any]) -> tuple[str, ...]:
        """As the user's."""
        found = self._ask_for_each("unblocks", str, operation)
        for each in found:
            self._check_name("unblocks", each, "names of cells")
        return found

    def is_certain(self, world: Any, operation: Operation[Any]) -> bool:
        """As the user's."""
        return self._ask("is_certain", bool, world, operation)  # type: ignore[no-any-return]

    def holds_back(self, world: Any, operation: Operation[Any]) -> bool:
        """As the user's."""
        return self._ask("holds_back", bool, world, operation)  # type: ignore[no-any-return]

    def ways(self, world: Any, operation: Operation[Any], usual: Ways) -> Ways:
        """As the user's."""
        ways = self._ask_for_each("ways", Alternative, world, operation, usual)
        for way in ways:
            if way.fault is None and not self._keeps_that_it_lasts:
                raise UserCodeError(
                    f"{self.own_name}.ways gave {told(way.label)}, a way of no fault, which nobody counts; "
                    "allowed: self.way(…)"
                )
            drawn = (way.chance.fault, way.chance.opportunity) if way.chance else ()
            for each in (way.label, way.timer, *drawn):
                self._check_name("ways", each, "text, or None, to tell a way and what it waits for")
        return ways

    def apply(self, world: Any, operation: Operation[Any], way: Alternative) -> Any:
        """As the user's."""
        happens = way.fault is not None and self.fault.probability is None
        left = self._left(world, operation) if happens else None
        answer = self._ask("apply", object, world, operation, way)
        check_comparable(answer, f"{self.own_name}.apply")
        if happens and self._left(world, operation) == left:
            raise UserCodeError(
                f"{self.own_name}.apply did not use up one of its times; allowed: self.use_up(world) in it, "
                "and ways only if self.is_left(world)"
            )
        return answer

    def _left(self, world: Any, operation: Operation[Any]) -> Any:
        """How often it may still happen, as far as it looks at that at all."""
        footprint = self.footprint(operation)
        return world.cells.read(self.key) if self.key in footprint.reads | footprint.writes else None

    def look(self, world: Any, operation: Operation[Any]) -> Any:
        """As the user's."""
        return self._ask("look", object, world, operation)

    def compare(self, world: Any, operation: Operation[Any], seen: Any) -> None:
        """As the user's."""
        self._ask("compare", object, world, operation, seen)

    def note(self, world: Any, operation: Operation[Any]) -> None:
        """As the user's."""
        self._ask("note", object, world, operation)

    def _ask(self, name: str, expected: type, *arguments: Any) -> Any:
        what = f"{self.own_name}.{name}"
        answer = _asked(what, getattr(self._own, name), *arguments)
        if not issubclass(type(answer), expected):
            allowed = "True, False" if expected is bool else f"a {expected.__name__}"
            raise UserCodeError(f"{what} returned {told(answer)}, of type {type_name(answer)}; allowed: {allowed}")
        return answer

    def _check_name(self, method: str, name: object, allowed: str) -> None:
        # Engines look names up: a subclass of `str` could raise there, or be equal to others by turns.
        if name is not None and type(name) not in _NAMES:
            raise UserCodeError(
                f"{self.own_name}.{method} gave {told(name)}, of type {type_name(name)}; allowed: {allowed}"
            )

    def _ask_for_each(self, name: str, expected: type, *arguments: Any) -> tuple[Any, ...]:
        answer = self._ask(name, tuple, *arguments)
        for each in answer:
            if not issubclass(type(each), expected):
                allowed = f"a tuple of {expected.__name__}"
                raise UserCodeError(f"{self.own_name}.{name} returned {told(answer)}; allowed: {allowed}")
        return answer  # type: ignore[no-any-return]


def _asked(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (ProtocolError, BadInputError):
        raise
    except BaseException as error:
        if is_real(error):
            raise
        if isinstance(error, NotImplementedError) and was_raised_here(error):
            raise UserCodeError(f"{what}: missing; allowed: a method of this name") from None
        raise UserCodeError(f"{what} {what_it_did(error)}") from None
