"""A pager for what is longer than the screen, as git has it, and links to files where the terminal has them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread

import click

from batchsim.visible import visible

USUAL = "less"
LESS = "FRX"
"""As git sets it: ends at once where all fits, shows colors, and leaves the screen as it was."""
NONE = ("", "cat")
"""What one names who wants no pager."""
_WITHOUT_LINKS = ("", "dumb", "linux", "vt100")
"""Values of TERM: terminals that would show the address."""


def print_paged(text: str, *, is_wanted: bool) -> None:
    """Print text: on a terminal that it does not fit on, by the pager; `is_wanted`: whether it may."""
    pager = _pager() if is_wanted and _is_longer_than_the_screen(text) else ""
    if not pager or not _page(pager, text):
        click.echo(text, nl=False)


def _pager() -> str:
    """The command; empty: none."""
    named = os.environ.get("BATCHSIM_PAGER", os.environ.get("PAGER"))
    if named is None:
        import shutil

        return USUAL if shutil.which(USUAL) else ""
    return "" if named.strip() in NONE else named


def _is_longer_than_the_screen(text: str) -> bool:
    if not (sys.stdout.isatty() and sys.stdin.isatty()) or os.environ.get("TERM") in (None, "dumb"):
        return False
    import shutil

    lines = shutil.get_terminal_size().lines
    return 0 < lines <= text.count("\n")


def _page(pager: str, text: str) -> bool:
    """Whether the pager could be begun."""
    import subprocess

    environment = {**os.environ, "LESS": os.environ.get("LESS", LESS)}
    sys.stdout.flush()
    with _patient():
        try:
            # By a shell, as git does: it may have options.
            process = subprocess.Popen(pager, shell=True, stdin=subprocess.PIPE, env=environment)
        except OSError:
            return False
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.write(text.encode(errors="backslashreplace"))
        with suppress(BrokenPipeError):
            process.stdin.close()
        return process.wait() not in (126, 127)  # what a shell says of a command that it cannot begin


@contextmanager
def _patient() -> Iterator[None]:
    """Ctrl-C is for the pager, which stays."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def linked(path: Path) -> str:
    """A path as it is printed: on a terminal that has them, a link to the file."""
    told = visible(str(path))
    if not sys.stdout.isatty() or os.environ.get("TERM", "") in _WITHOUT_LINKS:
        return told
    return f"\033]8;;{path.absolute().as_uri()}\033\\{told}\033]8;;\033\\"
