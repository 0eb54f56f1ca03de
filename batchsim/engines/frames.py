"""Where a coroutine is: the position in the code, the local variables and the stack of every frame.

A coroutine depends on nothing but its arguments and the answers that it got, so two of one program that are at
the same place will do the same from now on.
"""

from __future__ import annotations

import gc
from collections.abc import Hashable, Iterator, Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from types import BuiltinMethodType, CoroutineType, FrameType, GeneratorType, MethodType, ModuleType
from typing import Any

from batchsim.exact import FLAT, HASHED
from batchsim.model.operation import ForEach, Operation
from batchsim.user_code import UserCodeError, last_of_the_users, told, type_name


def frames_of(awaiting: Any) -> Iterator[FrameType]:
    """Each frame, from a coroutine down to what it awaits."""
    return (frame for _, frame in _suspended(awaiting))


def _suspended(awaiting: Any) -> Iterator[tuple[Any, FrameType]]:
    """Each coroutine or generator with its frame, from the first one down to what it awaits."""
    while isinstance(awaiting, CoroutineType | GeneratorType):
        holder = awaiting
        if isinstance(awaiting, CoroutineType):
            frame, awaiting = awaiting.cr_frame, awaiting.cr_await
        else:
            frame, awaiting = awaiting.gi_frame, awaiting.gi_yieldfrom
        if frame is not None:
            yield holder, frame


def place_of(awaiting: Any) -> Hashable:
    """The same for two coroutines of one program that will do the same from now on."""
    try:
        return tuple([_frame_key(holder, frame) for holder, frame in _suspended(awaiting)])
    except (UserCodeError, RecursionError) as error:
        if isinstance(error, RecursionError):
            error = UserCodeError(f"a variable of a coroutine is nested too deeply; allowed: {FLAT}")
        place = last_of_the_users([(frame.f_code.co_filename, frame.f_lineno) for frame in frames_of(awaiting)])
        raise UserCodeError(f"{place and f'{place}: '}{error}") from None


def _frame_key(holder: Any, frame: FrameType) -> Hashable:
    variables = frame.f_locals
    held = tuple([(name, _as_value(value)) for name, value in sorted(variables.items())])
    return (frame.f_code, frame.f_lasti, held, _stack(holder, frame, variables))


# -- what stands on the stack ----------------------------------------------------------------------
#
# In `await incr(DONE) == await get(SIZE)` the first answer is in no variable while the second is awaited: it is on
# the frame's stack, as the iterator of a `for` and the exit of a `with` are. Python shows the stack to its garbage
# collector alone: after the code of the frame come its variables, and then what stands on the stack.


def _stack(holder: Any, frame: FrameType, variables: Mapping[str, Any]) -> Hashable:
    held = gc.get_referents(holder)
    code = frame.f_code
    begin = max(place for place, each in enumerate(held) if each is code) + 1
    cells = {*code.co_cellvars, *code.co_freevars}
    begin += len(cells) + sum(name in variables and name not in cells for name in code.co_varnames)
    # On top is what is awaited, which has a frame of its own. Behind it comes the exception that is being handled;
    # where one was handled before, that is `None`, which makes no difference.
    rest = held[begin:]
    top = max(
        (place for place, each in enumerate(rest) if isinstance(each, CoroutineType | GeneratorType)), default=0
    )
    below, behind = rest[:top], [each for each in rest[top:] if each is not None]
    return tuple(
        [_on_stack(each) for each in (*below, *behind) if not isinstance(each, CoroutineType | GeneratorType)]
    )


def _on_stack(value: Any) -> Hashable:
    match value:
        case MethodType() | BuiltinMethodType() if not isinstance(value.__self__, ModuleType):
            return (value.__name__, _state_of(value.__self__))
    return _as_value(value)


def _state_of(value: Any) -> Hashable:
    """What a method is bound to, by its type and what it holds."""
    fields = getattr(value, "__dict__", None)
    return (type(value), _as_value(fields)) if isinstance(fields, dict) else _as_value(value)


def _as_value(value: Any) -> Hashable:
    # The body of a `ForEach` is a closure made anew each time; the frame around it says what it closes over.
    if isinstance(value, ForEach):
        return (value.count, value.limit)
    if isinstance(value, BaseException):
        return (type(value), _as_value(value.args))
    if isinstance(value, CoroutineType):
        return place_of(value)  # one that somebody drives by hand
    if isinstance(value, tuple | Iterator):
        return _contents(value)
    try:
        hash(value)
    except TypeError:
        return _contents(value)
    return value  # type: ignore[no-any-return]


def _contents(value: Any) -> Hashable:
    """A collection by what it holds; raises `UserCodeError` for anything else that can change."""
    match value:
        case tuple() | list():
            return (type(value), *map(_as_value, value))
        case Iterator():
            with suppress(TypeError):
                # It says how it would be made again, with what it has yet to give.
                return (type(value), _as_value(value.__reduce__()))
        case set():
            return (set, frozenset(value))
        case dict():
            return (dict, frozenset((key, _as_value(each)) for key, each in value.items()))
    if isinstance(value, Operation) and type(value).__hash__ is not None:
        raise UserCodeError(f"{value.name} is given {told(value)}; allowed: {HASHED}")
    hint = "; a dataclass has one with @dataclass(frozen=True)" if is_dataclass(value) else ""
    raise UserCodeError(
        f"a variable of a coroutine holds {told(value)}, of type {type_name(value)}; "
        f"allowed: what has a hash; lists, sets, dictionaries of that; iterators over it{hint}"
    )
