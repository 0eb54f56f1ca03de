"""Command lines that show something again, to be copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


def how_again(
    *,
    seed: int | None = None,
    overrides: Iterable[str] = (),
    number: int | None = None,
    values: Iterable[str] = (),
) -> list[str]:
    """The options by which a scenario differs from its file; `number`, `values`: those of a run of a sweep."""
    options = [] if seed is None else ["--seed", str(seed)]
    options += [word for each in overrides for word in ("--set", each)]
    options += [] if number is None else ["--run", str(number)]
    options += [word for each in values for word in ("--at", each)]
    return options


def command_line(
    command: str, files: Sequence[Path], options: Iterable[str] = (), verdicts: Iterable[str] = ()
) -> list[str]:
    """The words of a command; `verdicts`: those of `--verdict`."""
    from batchsim.scenario.shipped import as_written

    # A file may begin like an option.
    names = [f"./{file}" if str(file).startswith("-") and str(file) != "-" else as_written(file) for file in files]
    judged_by = [word for each in verdicts for word in ("--verdict", each)]
    return ["batchsim", command, *names, *options, *judged_by]
