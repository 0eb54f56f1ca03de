"""Twins are alike: whether two actors of a kind that are said to be interchangeable do the same.

States do not tell twins apart, so one program stands for all of them. Where the others have the same program, with
equal arguments, nothing is left to ask. Where they have another one, each is fed the answers that the first one
is, wherever it goes, and has to await the same operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any, NamedTuple

from batchsim.bad_input import BadInputError
from batchsim.engines.exhaustive.task import Pending, Task
from batchsim.model.operation import Program
from batchsim.model.system import Actor
from batchsim.user_code import told

_SHARED = ("is_twin", "begins_with", "begins_after_leg_of", "returns_to", "is_judged", "is_spare", "is_background")
ALLOWED = "allowed: is_twin=True for actors of a kind that all do the same, with the same answers"


class Twin(NamedTuple):
    """One whose program is not known to be that of its kind."""

    name: str
    program: Callable[[], Program[Any]]


def twins_with_programs_of_their_own(actors: Sequence[Actor]) -> tuple[Twin, ...]:
    """Those of a role that have another program than the first one, each program once.

    Raises `BadInputError` for actors that differ in anything else that makes a difference.
    """
    first, others = actors[0], list[Twin]()
    for actor in actors[1:]:
        for field in _SHARED:
            found = getattr(first, field), getattr(actor, field)
            if found[0] != found[1]:
                raise _not_alike(
                    actor.kind, f"{field} is {found[0]!r} for {first.name}, {found[1]!r} for {actor.name}"
                )
        known = (first.program, *(each.program for each in others))
        if not any(_are_same(actor.program, program) for program in known):
            others.append(Twin(actor.name, actor.program))
    if first.is_judged and len(actors) > 1:
        raise _not_alike(first.kind, "each is asked what it returned (is_judged)")
    return tuple(others)


def check_alike(first: Actor, task: Task, twin: Twin, other: Task, answers: Sequence[Any]) -> None:
    """Raises `BadInputError` unless two twins that were given the same answers are about to do the same."""
    found = [*map(_in_words, task.pending)], [*map(_in_words, other.pending)]
    is_same = (task.has_ended, task.raised) == (other.has_ended, other.raised) and _are_same(
        [(each.lane, each.operation) for each in task.pending],
        [(each.lane, each.operation) for each in other.pending],
    )
    if is_same and (first.returns_to is None or _are_same(task.result, other.result)):
        return
    what = [" and ".join(each) or f"ends{_how(one)}" for each, one in zip(found, (task, other), strict=True)]
    when = f"after the answers {told(list(answers))}" if answers else "at first"
    raise _not_alike(first.kind, f"{when} {first.name} {what[0]}, and {twin.name} {what[1]}")


def _not_alike(kind: str, why: str) -> BadInputError:
    return BadInputError(f"twins of kind {kind!r} are not alike: {why}; {ALLOWED}")


def _in_words(pending: Pending) -> str:
    operation = pending.operation.bare
    return f"awaits {operation.name}, {told(operation)}"


def _how(task: Task) -> str:
    if task.raised is not None:
        return f" with {task.raised.error}"
    return "" if task.result is None else f" with {told(task.result)}"


def _are_same(one: Any, other: Any, seen: frozenset[tuple[int, int]] = frozenset()) -> bool:
    """Whether two values are equal; functions are if they have the same code, over equal values."""
    pair = id(one), id(other)
    if one is other or pair in seen:
        return True
    if type(one) is not type(other):
        return False
    parts, of_other = _parts(one), _parts(other)
    if parts is None or of_other is None:
        return bool(one == other)
    deeper = seen | {pair}
    return len(parts) == len(of_other) and all(
        _are_same(each, its_like, deeper) for each, its_like in zip(parts, of_other, strict=True)
    )


def _parts(value: Any) -> list[Any] | None:
    """What a value is made of; `None`: it is to be compared as a whole."""
    match value:
        case partial():
            return [
                value.func,
                value.args,
                *sorted(value.keywords),
                *(value.keywords[k] for k in sorted(value.keywords)),
            ]
        case FunctionType():
            defaults = (value.__defaults__ or (), value.__kwdefaults__)
            return [value.__code__, id(value.__globals__), *defaults, *(value.__closure__ or ())]
        case CellType():
            try:
                return [value.cell_contents]
            except ValueError:  # it is empty
                return []
        case MethodType():
            return [value.__func__, value.__self__]
        case tuple() | list():
            return list(value)
    if is_dataclass(value):
        return [getattr(value, each.name) for each in fields(value)]
    return None
