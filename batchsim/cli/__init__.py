"""The command line: files in, reports out, and an exit code that a CI can rely on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from batchsim import signals
from batchsim.cli import collecting


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    if arguments is None:
        # Before all that takes time to import: Ctrl-C is one line from the beginning.
        signals.take()
        collecting.put_off()
    from batchsim.cli.program import main as program

    program(arguments)


__all__ = ["main"]
