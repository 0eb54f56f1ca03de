"""The program around the commands: whatever goes wrong is one message and an exit code.

What the user can mend is told as such (2), with whatever their own code raised. Everything else is an error of
batchsim itself (70), unless the machine has no more memory (3: no answer). A signal ends it with 128 and its
number, whatever else went wrong then.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn, TextIO

import click

from batchsim import signals
from batchsim.bad_input import BadInputError
from batchsim.cli.commands import commands
from batchsim.cli.crashes import meet_at_exit, noting, report_of, show_trace
from batchsim.cli.exit_codes import BAD_INPUT, INCONCLUSIVE, INTERNAL_ERROR, INTERRUPTED
from batchsim.cli.options import Debugging
from batchsim.cli.telling import silence, tell
from batchsim.user_code import of_users

COMPLETION = "_BATCHSIM_COMPLETE"
"""In the environment: a shell asks how a command goes on."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the program and exit."""
    _make_streams_robust()
    # With NumPy comes OpenBLAS, which starts a thread for each core; there is no linear algebra for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # It would look for plugins in all packages that are installed; a scenario has no use for one.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    debugging = Debugging()
    unmet: list[BaseException] = []
    try:
        with noting(unmet, lambda: debugging.is_on), signals.at_work():
            code = _command(sys.argv[1:] if arguments is None else list(arguments), debugging)
            sys.stdout.flush()
        if unmet:
            code = _crash(unmet[0], debugging)
    except BaseException as error:  # `sys.exit` and what a library makes of an interrupt among them
        code = _code_of(error, debugging)
    _flush()
    if arguments is None:
        meet_at_exit(is_shown=debugging.is_on, is_heard=signals.told() is None)
    sys.exit(code)


def _command(arguments: list[str], debugging: Debugging) -> int:
    if COMPLETION in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(commands, {}, "batchsim", COMPLETION, os.environ[COMPLETION])
    # Not `commands.main`: it exits with 1 by itself where a pipe is broken, whichever pipe that is.
    try:
        with commands.make_context("batchsim", arguments or ["--help"], obj=debugging) as context:
            code: int = commands.invoke(context)
            return code
    except click.exceptions.Exit as ended:  # `--help`
        return ended.exit_code


def _code_of(error: BaseException, debugging: Debugging) -> int:
    """Tell what ended a command; the exit code."""
    number = signals.told()
    if number is not None:
        _complain(signals.word_for(number))
        return signals.CODES + number
    match error:
        case click.NoSuchOption():
            _complain(_no_such_option(error), error.ctx)
            return BAD_INPUT
        case click.ClickException():
            _complain(error.format_message(), getattr(error, "ctx", None))
            return BAD_INPUT
        case BadInputError():
            _complain(str(error))
            return BAD_INPUT
        # Nobody pressed Ctrl-C: that was told above. A user's code may raise the same, and `sys.exit` too.
        case KeyboardInterrupt() | SystemExit() if (of_theirs := of_users(error)) is not None:
            _complain(str(of_theirs))
            return BAD_INPUT
        case click.Abort() | KeyboardInterrupt():
            _complain("interrupted")
            return INTERRUPTED
        case _ if _is_out_of_memory(error):
            if debugging.is_on:
                show_trace(error)
            _complain(
                "inconclusive: out of memory; fewer items, or a bound (--max-memory, --max-states), "
                "where the command takes one, give an answer of what fits"
            )
            return INCONCLUSIVE
        case Exception() if (of_theirs := of_users(error)) is not None:
            if debugging.is_on:
                show_trace(error)
            _complain(str(of_theirs))
            return BAD_INPUT
        case _:
            return _crash(error, debugging)


def _no_such_option(error: click.NoSuchOption) -> str:
    """What is said of it; with the commands that do have it. `--help` is no guess at anything."""
    name = error.option_name
    guesses = [each for each in error.possibilities or () if each != "--help"]
    told = click.NoSuchOption(name, possibilities=guesses).format_message()
    having = [
        command
        for command, each in commands.every().items()
        if any(name in parameter.opts for parameter in each.params)
    ]
    elsewhere = f" It is an option of {', '.join(having)}." if having else ""
    return told + elsewhere


def _crash(error: BaseException, debugging: Debugging) -> int:
    try:
        if debugging.is_on:
            show_trace(error)
        _complain(report_of(error))
    except OSError:
        silence(sys.stderr)
    return INTERNAL_ERROR


def _is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def _complain(message: str, context: click.Context | None = None) -> None:
    if context is not None:
        message = f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n\nError: {message}"
    tell(message)


def _flush() -> None:
    """What was printed is out now, or never: at the end of the interpreter it would be an error of its own."""
    try:
        sys.stdout.flush()
    except (OSError, BadInputError):
        silence(sys.stdout)
    except ValueError:
        pass  # a user's code has closed it, which was told


class _StandardOutput(TextIOWrapper):
    """Standard output, whose errors are not mistaken for those of other files and pipes.

    Whoever reads it need not read to the end: what comes after that is dropped, and the exit code stays.
    """

    wrapped: TextIO

    def write(self, text: str, /) -> int:
        with self._telling():
            super().write(text)
        return len(text)

    def flush(self) -> None:
        if not self.closed:
            with self._telling():
                super().flush()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            silence(self)
        except OSError as error:
            raise BadInputError(f"standard output: {error.strerror or error}") from None


def _make_streams_robust() -> None:
    """What a stream cannot encode is escaped, and a stream that is closed takes everything."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - to the end of the process
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    out = sys.stdout
    if type(out) is TextIOWrapper:
        out.flush()
        sys.stdout = _StandardOutput(
            out.buffer,
            encoding=out.encoding,
            errors=out.errors,
            line_buffering=out.line_buffering,
            write_through=out.write_through,
        )
        sys.stdout.wrapped = out  # which would close the file if it were gone
        # So would this one, if a user's code put another in its place.
        vars(sys)["__stdout__"] = sys.stdout
