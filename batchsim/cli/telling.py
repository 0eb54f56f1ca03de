"""What is told on standard error, beside the results."""

from __future__ import annotations

import click

from batchsim.visible import visible


def tell(message: str) -> None:
    """Print a message on standard error; nothing in it acts on the terminal."""
    click.echo(visible(message), err=True)
