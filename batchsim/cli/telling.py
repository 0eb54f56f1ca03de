"""What is told on standard error, beside the results."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import click

from batchsim.visible import visible


def tell(message: str) -> None:
    """Print a message on standard error; nothing in it acts on the terminal.

    Where nobody reads it, or nothing more fits, it is dropped: no exit code depends on it.
    """
    try:
        click.echo(visible(message), err=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Nothing more goes there, not even at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
