"""What the fields of a user's own system and of its actors may hold, beyond what their types say.

Engines take a system as it is; so whatever else stands there is met here, and named.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Set
from typing import Any, NamedTuple

from batchsim.model.exposure import Exposure
from batchsim.model.faults import Fault
from batchsim.model.system import Actor, Alarm, LegOf, System
from batchsim.model.views import View
from batchsim.user_code import UserCodeError, told


class _Field(NamedTuple):
    """A field, whether a value may stand there, and what may, in words."""

    name: str
    admits: Callable[[Any], bool]
    allowed: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_truth(value: Any) -> bool:
    return type(value) is bool


def _is_pair(value: Any) -> bool:
    return type(value) is tuple and len(value) == 2 and isinstance(value[0], str)


def _is_timer(value: Any) -> bool:
    return _is_pair(value) and _is_text(value[1])


def _is_mapping_of_timers(value: Any) -> bool:
    return isinstance(value, Mapping) and all(_is_text(each) for each in (*value, *value.values()))


def _all_of(admits: Callable[[Any], bool], kind: Any = tuple) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kind) and all(admits(each) for each in value)


def _each(kind: type) -> Callable[[Any], bool]:
    return _all_of(lambda each: isinstance(each, kind))


def _of_arguments(count: int) -> Callable[[Any], bool]:
    """Whether it is a function that so many arguments can be given to, as far as it tells."""

    def admits(value: Any) -> bool:
        if not callable(value):
            return False
        try:
            inspect.signature(value).bind(*range(count))
        except TypeError:
            return False
        except ValueError:
            pass  # built-in functions may not tell
        return True

    return admits


def _or_none(admits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or admits(value)


def _field_of(name: str, kind: type) -> _Field:
    return _Field(name, _each(kind), f"a tuple, of {kind.__name__} each")


_TIMERS = 'with the name of an operation for each timer: {"lease": "lease.expires"}'
_OF_SYSTEM = (
    _Field("begin", _of_arguments(1), "a function of the cells"),
    _Field("world", _of_arguments(1), "a function of the cells"),
    _Field("outcome", _of_arguments(2), "a function of the world and the results"),
    _Field("trace", _of_arguments(1), "a function of the run"),
    _Field("class_of", _of_arguments(2), "a function of the outcome and its verdicts"),
    _Field("holds_not", _of_arguments(2), "a function of a cell and its value"),
    _Field("timers", _is_mapping_of_timers, f"a mapping, {_TIMERS}"),
    _Field("first_timers", _is_mapping_of_timers, f"a mapping, {_TIMERS}"),
    _field_of("alarms", Alarm),
    _field_of("faults", Fault),
    _field_of("views", View),
    _Field("noted", _all_of(_is_text, (tuple, frozenset, set)), "a set of the names of operations"),
    _Field("is_guarded", _is_truth, "True or False"),
)
_OF_ACTOR = (
    _Field("begins_with", _or_none(_is_text), "a cell, or None"),
    _Field("begins_after_leg_of", _or_none(lambda value: isinstance(value, LegOf)), "a LegOf, or None"),
    *(
        _Field(name, _is_truth, "True or False")
        for name in Actor._fields
        if name.startswith(("is_", "has_")) or name in ("draws_by_item", "serves")
    ),
    _Field("returns_to", _or_none(_is_text), "a cell, or None"),
    _Field("copy", lambda value: type(value) is int and value >= 1, "a whole number from 1"),
    _Field("first_cells", _all_of(_is_pair), "a tuple of cells with their values: ((cell, value),)"),
    _Field("timers", _all_of(_is_timer), f"a tuple of pairs, {_TIMERS}"),
    _field_of("exposures", Exposure),
    _Field("adapts", _or_none(_of_arguments(1)), "a function of an operation, or None"),
)


def check_fields(system: System[Any], what: str) -> None:
    """Whether what nobody else looks at is of use; raises `UserCodeError`, which begins with `what`."""
    _check(system, _OF_SYSTEM, what)
    for actor in system.actors:
        _check(actor, _OF_ACTOR, f"{what}: {actor.name}")


def check_cells(system: System[Any], what: str) -> None:
    """Whether the cells that its actors wait for, bring and return to are listed; raises `UserCodeError`."""
    listed: Set[str] = frozenset(system.cells)
    for actor in system.actors:
        named = [("begins_with", actor.begins_with), ("returns_to", actor.returns_to)]
        named += [("first_cells", cell) for cell, _ in actor.first_cells]
        for field, cell in named:
            if cell is not None and cell not in listed:
                some = ", ".join(sorted(listed)[:6]) or "none is"
                raise UserCodeError(
                    f"{what}: {actor.name}: {field}: found {cell!r}; allowed: a cell that is listed ({some})"
                )


def _check(value: Any, fields: tuple[_Field, ...], what: str) -> None:
    for field in fields:
        found = getattr(value, field.name)
        if not field.admits(found):
            raise UserCodeError(f"{what}: {field.name}: found {told(found)}; allowed: {field.allowed}")
