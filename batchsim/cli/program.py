"""The program around the commands: whatever goes wrong is one message and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import BufferedWriter, FileIO, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from batchsim.bad_input import BadInputError
from batchsim.cli.commands import commands
from batchsim.cli.exit_codes import BAD_INPUT, INTERRUPTED
from batchsim.cli.telling import tell

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


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
    """What a stream cannot encode is escaped, and one that is closed, at either end, takes everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - to the end of the process
        elif isinstance(stream, TextIOWrapper):
            robust = TextIOWrapper(
                BufferedWriter(_Pipe(stream.fileno(), "w", closefd=False)),
                encoding=stream.encoding,
                errors="backslashreplace",
                line_buffering=stream.line_buffering,
            )
            setattr(sys, name, robust)


class _Pipe(FileIO):
    """A stream whose reader may leave: it has seen enough, and what the exit code says is not changed by that.

    Click would make it exit code 1, which says that a verdict was not expected.
    """

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return super().write(data)


def _silence(stream: TextIO) -> None:
    """Nothing more goes there, not even at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
