"""Errors of a user's coroutines: they end their actor, and are part of what a run comes to.

An error of batchsim itself is none: that which code of batchsim raised, be it called by a coroutine, goes on to
whoever called the engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from batchsim.bad_input import BadInputError
from batchsim.engines.frames import frames_of
from batchsim.exact import COMPARABLE, EQUAL, FLAT, HASHED, OF_A_KIND, has_equality, is_flat
from batchsim.model.cells import Cells, freeze
from batchsim.model.operation import Operation, ProtocolError
from batchsim.model.operation import told as operation_told
from batchsim.model.system import System
from batchsim.user_code import UserCodeError, last_of_the_users, lines_to, told_error, what_it_did
from batchsim.user_code import told as value_told

_OURS = str(Path(__file__).parent.parent / "_").removesuffix("_")


class ToldError(NamedTuple):
    """An error, and where it came from."""

    error: str
    line: str


def is_own(error: Exception) -> bool:
    """Whether code of a coroutine raised it, or what that called, and no code of batchsim."""
    if isinstance(error, ProtocolError):
        return True
    lines = lines_to(error)
    return not isinstance(error, MemoryError) and bool(lines) and not lines[-1][0].startswith(_OURS)


def told(error: Exception) -> ToldError:
    """An error in one line, and the last line of the user's that led to it."""
    lines = lines_to(error)
    place = last_of_the_users(lines)
    if not place and lines:
        theirs = [each for each in lines if not each[0].startswith(_OURS)] or lines
        place = ":".join(map(str, theirs[-1]))
    return ToldError(told_error(error), place)


def no_operation(program: Any, awaited: object) -> UserCodeError:
    """What is told of a coroutine that awaits what no engine knows, such as one of `asyncio`."""
    place = place_of_await(program)
    return UserCodeError(
        f"{place}awaits {value_told(awaited)}, which is no operation; allowed: operations of batchsim, "
        "such as those of batchsim.stores"
    )


def of_answer(awaited: object, answer: Any, error: Exception) -> UserCodeError:
    """What is told of an answer that cannot be compared with others, with the error that this raised."""
    name = operation_told(awaited) if isinstance(awaited, Operation) else "an operation"
    what = f"{name}: apply returned {value_told(answer)}, which {what_it_did(error)}"
    return UserCodeError(f"{what}; allowed: {COMPARABLE}")


def is_same(awaited: object, first: Any, second: Any) -> bool:
    """Whether two answers of an operation are one for everybody; raises `UserCodeError` if nobody can tell."""
    try:
        return bool(first is second or first == second)
    except Exception as error:
        raise of_answer(awaited, first, error) from None


def of_another(what: str, first: Any, second: Any) -> UserCodeError:
    """What is told of code that did one thing, and another one where all cells were the same."""
    both = f"{value_told(first)}, and {value_told(second)} from the same cells"
    return UserCodeError(f"{what} {both}; allowed: what is equal whenever the cells are the same")


def what_it_left(operation: Operation[Any], cells: Cells, system: System[Any]) -> str | None:
    """What is told of a step that was given, or left in a cell, what may not be there; `None`: all may."""
    try:
        hash(operation.bare)
    except TypeError:
        return f"{operation.name} is given {value_told(operation.bare)}; allowed: {HASHED}"
    for cell in sorted(operation.footprint().writes):
        value = cells.get(cell)
        if not is_flat(value):
            return f"{operation_told(operation)}: left what is nested too deeply in {cell}; allowed: {FLAT}"
        try:
            freeze(value)
        except TypeError:  # a dictionary is put in order
            return f"{operation_told(operation)}: left {value_told(value)} in {cell}; allowed: {OF_A_KIND}"
        allowed = system.holds_not(cell, value)
        if allowed is None and not has_equality(value):
            allowed = EQUAL
        if allowed is not None:
            return f"{operation_told(operation)}: left {value_told(value)} in {cell}; allowed: {allowed}"
    return None


def of_effect(operation: Operation[Any], error: Exception) -> str | None:
    """What is told of a ready-made operation that what it was given keeps from taking effect.

    `None`: the error is not about that. Of an operation of the user's its own code tells.
    """
    if operation.is_own or operation.own_faults:
        return None
    if type(error) is BadInputError:
        return str(error)
    if not isinstance(error, TypeError):
        return None
    given = f"{operation.name} is given {value_told(operation.bare)}"
    try:
        hash(operation.bare)
    except TypeError:
        return f"{given}; allowed: {HASHED}"
    return f"{given}, with which it cannot be done: {error}; allowed: {OF_A_KIND}"


def placed(error: Exception) -> Exception:
    """The same error; of one that tells what is wrong in a coroutine, the line of the user's comes first."""
    place = last_of_the_users(lines_to(error)) if isinstance(error, BadInputError) else ""
    kind = UserCodeError if isinstance(error, UserCodeError) else BadInputError
    return kind(f"{place}: {error}") if place else error


def place_of_await(program: Any) -> str:
    """The line of the user's at which a coroutine waits for an answer, `own.py:7: `; empty: there is none."""
    program = getattr(program, "coroutine", program)  # one that was read stands for it
    place = last_of_the_users((frame.f_code.co_filename, frame.f_lineno) for frame in frames_of(program))
    return place and f"{place}: "
