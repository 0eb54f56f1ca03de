"""Where a coroutine is: the position in the code and the local variables of every frame.

A coroutine depends on nothing but its arguments and the answers that it got, so two of one program that are at
the same place will do the same from now on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from types import CoroutineType, FrameType, GeneratorType
from typing import Any

from batchsim.model.operation import ForEach
from batchsim.user_code import UserCodeError, told, type_name


def frames_of(awaiting: Any) -> Iterator[FrameType]:
    """Each frame, from a coroutine down to what it awaits."""
    while isinstance(awaiting, CoroutineType | GeneratorType):
        if isinstance(awaiting, CoroutineType):
            frame, awaiting = awaiting.cr_frame, awaiting.cr_await
        else:
            frame, awaiting = awaiting.gi_frame, awaiting.gi_yieldfrom
        if frame is not None:
            yield frame


def place_of(awaiting: Any) -> Hashable:
    """The same for two coroutines of one program that will do the same from now on."""
    return tuple(_frame_key(frame) for frame in frames_of(awaiting))


def _frame_key(frame: FrameType) -> Hashable:
    variables = tuple((name, _as_value(value)) for name, value in sorted(frame.f_locals.items()))
    return (frame.f_code, frame.f_lasti, variables)


def _as_value(value: Any) -> Hashable:
    # The body of a `ForEach` is a closure made anew each time; the frame around it says what it closes over.
    if isinstance(value, ForEach):
        return (value.count, value.limit)
    try:
        hash(value)
    except TypeError:
        return _contents(value)
    return value  # type: ignore[no-any-return]


def _contents(value: Any) -> Hashable:
    """A collection by what it holds; raises `UserCodeError` for anything else that can change."""
    match value:
        case list():
            return ("list", *map(_as_value, value))
        case tuple():
            return ("tuple", *map(_as_value, value))
        case set():
            return ("set", frozenset(value))
        case dict():
            return ("dict", frozenset((key, _as_value(each)) for key, each in value.items()))
    raise UserCodeError(
        f"a variable of a coroutine holds {told(value)}, of type {type_name(value)}; "
        "allowed: what has a hash, and lists, sets and dictionaries of that"
    )
