"""What the program does when it is told to end: Ctrl-C, SIGTERM, SIGHUP.

While it starts nothing is to be tidied up, and it ends at once. While it works, the first signal is an exception
in the main thread, met at the top (`cli/program.py`): files are whole or gone then, and workers have ended. Work
that has something to show first may ask for Ctrl-C to be patient (`orderly`): it looks time and again whether it
is to come to an end (`is_asked`).

Nobody has to press twice. An orderly end that is not begun soon becomes the exception; one that was lost in a
destructor, where Python can raise nothing, is raised again; and a program that has not ended some seconds later
ends at once. A signal that is ignored (`nohup`, a job in the background) stays so.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Any, NoReturn

CODES = 128
"""To be added to the number of the signal."""
WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
"""The signals, each with what is said."""
PATIENCE_S = 2.0
"""An orderly end has to begin within this time."""
GRACE_S = 10.0
"""What is to be tidied up has to be done within this time."""
AGAIN_S = 1.0
"""A second signal counts after this time only: one key press can come as several, by way of who started us."""
_SOON_S = 0.01


class ToldToEnd(KeyboardInterrupt):
    """The program was told to end. Whoever lets Ctrl-C pass lets this pass, too."""


class _State:
    is_deaf = False
    is_at_work = False
    is_over = False
    number: int | None = None
    """The signal that the program ends for."""
    since = 0.0
    is_lost = False
    """Whether the exception has to be raised again."""
    held = 0
    orderly = 0
    is_asked = False


_state = _State()


def told() -> int | None:
    """The signal that the program was told to end by; `None`: it was not."""
    return _state.number


def is_real(error: BaseException) -> bool:
    """Whether somebody pressed Ctrl-C, or the program was told to end; a user's code may raise the same.

    Of what a caller in Python gets, every `KeyboardInterrupt` is taken for one.
    """
    return isinstance(error, ToldToEnd) or (
        isinstance(error, KeyboardInterrupt) and not (_state.is_at_work or _state.is_deaf)
    )


def ignore_ctrl_c() -> None:
    """It is for the program, in whose workers every `KeyboardInterrupt` is a user's own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _state.is_deaf = True


def word_for(number: int) -> str:
    """What is said of a signal."""
    return WORDS[signal.Signals(number).name]


def take() -> None:
    """Meet the signals from here on, each that is not ignored."""
    for name in WORDS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _on_signal)


@contextmanager
def at_work() -> Iterator[None]:
    """In here a signal is a `ToldToEnd`, and the caller meets it; where another thread calls, nothing changes."""
    try:
        before = {number: signal.getsignal(number) for number in map(_number_of, WORDS) if number is not None}
        take()
    except ValueError:  # signals are for the main thread
        yield
        return
    hook = sys.unraisablehook
    is_program = any(handler is _on_signal for handler in before.values())
    try:
        _state.number, _state.is_over, _state.is_lost = None, False, False
        sys.unraisablehook = lambda unraisable: _on_unraisable(unraisable, hook)
        _state.is_at_work = True
        yield
    finally:
        _state.is_at_work, _state.is_over = False, True
        sys.unraisablehook = hook
        # What is left is the end of the interpreter; of a caller that goes on it is none of ours.
        _wake_after(GRACE_S if is_program and _state.number is not None else 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def orderly() -> Iterator[None]:
    """In here Ctrl-C asks for an end; if nobody looks (`is_asked`), it is an exception as elsewhere."""
    _state.is_asked = False
    _state.orderly += 1
    try:
        yield
    finally:
        _state.orderly -= 1
        if _state.number is None:
            _wake_after(0)


@contextmanager
def held() -> Iterator[None]:
    """In here nothing is raised, so that what begins in here begins in whole; it is raised at the end."""
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1
    if _state.is_lost and not _state.held and _state.number is not None:
        _raise(_state.number)


def is_asked() -> bool:
    """Whether an orderly end was asked for, which begins now."""
    if _state.is_asked and _state.number is None:
        _wake_after(0)
    return _state.is_asked


def forgive() -> None:
    """Ctrl-C was met: what is there is shown, and the next one is as the first."""
    _state.number, _state.is_asked = None, False
    _wake_after(0)


def _number_of(name: str) -> int | None:
    return getattr(signal, name, None)


def _on_signal(number: int, frame: FrameType | None) -> None:
    if not _state.is_at_work and not _state.is_over:
        _end_at_once(number)
    if _state.is_over or _state.number is not None:
        # It ends already.
        if _state.number is None:
            _state.number, _state.since = number, monotonic()
            _wake_after(PATIENCE_S)
        elif monotonic() - _state.since > AGAIN_S:
            _end_at_once(_state.number)
        return
    if number == signal.SIGINT and _state.orderly:
        if not _state.is_asked:
            _state.is_asked, _state.since = True, monotonic()
            _wake_after(PATIENCE_S)
            return
        if monotonic() - _state.since <= AGAIN_S:
            return
    _raise(number)


def _on_alarm(number: int, frame: FrameType | None) -> None:
    if _state.number is None:
        _raise(signal.SIGINT)
    elif _state.is_lost:
        _raise(_state.number)
    else:
        _end_at_once(_state.number)


def _raise(number: int) -> None:
    _state.number, _state.since, _state.is_lost = number, monotonic(), bool(_state.held)
    _wake_after(GRACE_S)
    if not _state.held:
        raise ToldToEnd(word_for(number))


def _on_unraisable(unraisable: Any, otherwise: Any) -> None:
    if isinstance(unraisable.exc_value, ToldToEnd):
        _state.is_lost = True
        _wake_after(_SOON_S)
    else:
        otherwise(unraisable)


def _wake_after(seconds: float) -> None:
    """Ask again after some time; 0: do not."""
    if hasattr(signal, "setitimer"):
        if seconds:
            signal.signal(signal.SIGALRM, _on_alarm)
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _end_at_once(number: int) -> NoReturn:
    try:
        os.write(2, f"{word_for(number)}\n".encode())
    finally:
        os._exit(CODES + number)
