"""The program around the commands: whatever goes wrong is one message and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn, TextIO

import click

from batchsim.bad_input import BadInputError
from batchsim.cli.commands import commands
from batchsim.cli.exit_codes import BAD_INPUT, INTERRUPTED
from batchsim.cli.telling import tell


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    _make_streams_robust()
    # With NumPy comes OpenBLAS, which starts a thread for each core; there is no linear algebra for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code = commands.main(arguments, prog_name="batchsim", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        code = _complain(error.format_message(), getattr(error, "ctx", None))
    except BadInputError as error:
        code = _complain(str(error))
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        _silence(sys.stdout)
        code = 0
    except OSError as error:
        _silence(sys.stdout)
        code = _complain(f"standard output: {error.strerror or error}")
    sys.exit(code)


def _complain(message: str, context: click.Context | None = None) -> int:
    if context is not None:
        message = f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n\nError: {message}"
    try:
        tell(message)
    except OSError:
        _silence(sys.stderr)
    return BAD_INPUT


def _make_streams_robust() -> None:
    """What a stream cannot encode is escaped, and a stream that is closed takes everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - to the end of the process
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence(stream: TextIO) -> None:
    """Nothing more goes there, not even at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
