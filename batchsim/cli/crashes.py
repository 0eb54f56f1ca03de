"""An error of batchsim itself: one line and how to report it; the traceback where it is asked for."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TypeGuard

from batchsim.cli.exit_codes import INTERNAL_ERROR
from batchsim.user_code import place_in_batchsim
from batchsim.visible import in_one_line


def line_of(error: BaseException) -> str:
    """What went wrong, in one line."""
    text = f"{type(error).__name__}: {_text_of(error)}"
    place = place_in_batchsim(error.__traceback__)
    return in_one_line(" ".join(text.split())).removesuffix(":") + (f" ({place})" if place else "")


def report_of(error: BaseException) -> str:
    """What is said of an error of batchsim itself."""
    return (
        f"this is an error of batchsim itself: {line_of(error)}; "
        "please report it, with the command and what it prints with --debug"
    )


def show_trace(error: BaseException) -> None:
    """Print the traceback, with that of another process if there was one."""
    import traceback

    traceback.print_exception(error)


@contextmanager
def noting(errors: list[BaseException], is_shown: Callable[[], bool]) -> Iterator[None]:
    """Note our errors where nobody can meet them: in destructors and in threads.

    Those of other people's code are none that the interpreter would end for. `is_shown`: whether tracebacks are.
    """
    in_destructors, in_threads = sys.unraisablehook, threading.excepthook

    def unraisable(found: sys.UnraisableHookArgs) -> None:
        if is_shown():
            in_destructors(found)
        if _is_ours(found.exc_value, found.exc_traceback):
            errors.append(found.exc_value)

    def in_thread(found: threading.ExceptHookArgs) -> None:
        if is_shown():
            in_threads(found)
        if _is_ours(found.exc_value, found.exc_traceback):
            errors.append(found.exc_value)

    sys.unraisablehook, threading.excepthook = unraisable, in_thread
    try:
        yield
    finally:
        sys.unraisablehook, threading.excepthook = in_destructors, in_threads


def meet_at_exit(is_shown: bool, is_heard: bool) -> None:
    """What goes wrong while the interpreter ends: our errors end it with their exit code, if `is_heard`."""
    in_destructors, in_threads = sys.unraisablehook, threading.excepthook

    def unraisable(found: sys.UnraisableHookArgs) -> None:
        if is_shown:
            in_destructors(found)
        if is_heard and _is_ours(found.exc_value, found.exc_traceback):
            try:
                os.write(2, f"{report_of(found.exc_value)}\n".encode())
            finally:
                os._exit(INTERNAL_ERROR)

    def in_thread(found: threading.ExceptHookArgs) -> None:
        if is_shown:
            in_threads(found)

    # The interpreter waits for threads that a user's code has left, whose errors are none that it ends for.
    sys.unraisablehook, threading.excepthook = unraisable, in_thread


def _is_ours(error: BaseException | None, trace: TracebackType | None) -> TypeGuard[BaseException]:
    # A coroutine of a user's that awaits something on its way out, where nobody is there to answer.
    is_left = isinstance(error, RuntimeError) and str(error) == "coroutine ignored GeneratorExit"
    is_met = error is not None and not isinstance(error, KeyboardInterrupt) and not is_left
    return is_met and place_in_batchsim(trace) is not None


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "it cannot say what is wrong"
