"""`batchsim pin`: a witness becomes a test."""

from __future__ import annotations

import os
from pathlib import Path

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options


@click.command()
@click.argument("file", type=options.NamedPath(), metavar="WITNESS")
@click.option(
    "--out",
    "directory",
    type=options.NamedPath(),
    metavar="DIR",
    help="Where the test goes; default: tests if there is such a folder, or else the current one.",
)
@options.quiet
def pin(file: Path, directory: Path | None, quiet: bool) -> int:
    """Make a regression test of a WITNESS.

    Writes a copy of the witness and a test beside it, for pytest. The test passes while the verdict is
    gone, and fails while it is there. Where the policy takes other steps by now, the order is followed as far as
    that goes, and a warning says how far it was.
    """
    from batchsim.analysis.witnesses import read_witness
    from batchsim.cli.inputs import load, policy_of
    from batchsim.cli.outputs import check_folder
    from batchsim.model.properties import OK
    from batchsim.report.files import write_folder, write_whole
    from batchsim.testing.pinned import pinned_texts

    witness = read_witness(file)
    (scenario,) = load([witness.scenario], witness.overrides, None, policies=[witness.policy])
    policy_of(scenario, file, witness.policy)
    if set(witness.verdicts) <= {OK}:
        raise BadInputError(f"{file}: found the verdict ok; allowed: a witness of another one")
    directory = directory or (Path("tests") if Path("tests").is_dir() else Path())
    copy, text, test, code = pinned_texts(file, witness, scenario.name, directory)
    check_folder("--out", directory, [] if (directory / copy).resolve() == file.resolve() else [copy])
    there = directory / test
    if os.path.lexists(there) and (not there.is_file() or there.read_text() != code):
        raise BadInputError(f"{there}: found another test; allowed: a folder without it (--out), or remove it")
    try:
        write_folder(directory, {copy: text})
        write_whole(there, code)
    except OSError as error:
        raise BadInputError(f"--out {directory}: {error.strerror or error}") from None
    if not quiet:
        click.echo(f"{directory / copy}\n{there}\nrun it: pytest {there}")
    return 0
