"""`batchsim init`: five questions, and a scenario with comments."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from batchsim.bad_input import BadInputError
from batchsim.cli import options

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 ._-]{0,99}")
_TEXT = """\
# See what it means, with every default: batchsim explain {file}
name: {name}
summary: The handler counts the items a while after the last one; consumers may have cleaned up by then.
batch: {{items: {items}}}
items:
  upload: {upload}          # 0: small payloads, which are in the request itself
  execution: {execution}       # of a child run
# consumers: 3           # who takes items from the queue; 3 unless said otherwise
policies: [pre3427, pr3427, pr3766, pr4397]   # the bug, and three fixes; your own: path/to/file.py:NAME
latency:
  # How long after the last item the handler sees that there are no more. This decides the race.
  stream_end: {stream_end}
  # redis: {{uniform: [200 us, 1 ms]}}           # a round trip; these are the defaults
  # postgres: {{uniform: [1 ms, 5 ms]}}
  # operations: {{queue.take: {{response: {{uniform: [0, 50 ms]}}}}}}   # how long a message waits for a consumer
seed: 1
# What it must come to. Look first (batchsim run {file}), then write down what you want to stay so, and let
# batchsim check {file} tell when it does not:
# expect: {{pr3766: ok}}                         # the run with this seed
# expect_timed: {{pr3766: ok}}                   # all runs within these latencies
# expect_explore: {{pr3766: ok}}                 # all orders, whatever takes how long
# expect_rate: {{pr3766: {{false_failure: {{at_most: 1 %}}}}}}   # many runs
"""


@click.command()
@click.argument("file", type=options.NamedPath(), default=Path("race.batchsim.yaml"))
@click.option("--defaults", is_flag=True, help="Ask nothing.")
@options.quiet
def init(file: Path, defaults: bool, quiet: bool) -> int:
    """Ask five questions, and write a scenario with comments.

    FILE is race.batchsim.yaml unless given; there must be none yet.
    """
    from batchsim.cli.outputs import check_file
    from batchsim.cli.telling import tell
    from batchsim.report.files import write_whole
    from batchsim.scenario import load_scenario

    if os.path.lexists(file):
        raise BadInputError(f"{file}: found a file; allowed: one that does not exist yet")
    check_file("FILE", file)
    usual = file.name.removesuffix(".yaml").removesuffix(".yml").removesuffix(".batchsim")

    def ask(question: str, default: str, read: Callable[[str], Any]) -> str:
        if defaults:
            return default
        while True:
            try:
                answer: str = click.prompt(question, default=default, err=True).strip()
            except click.Abort as aborted:
                if not isinstance(aborted.__context__, EOFError):
                    raise
                tell("")  # the question has no line of its own
                raise BadInputError(
                    "standard input: found its end; allowed: an answer, or --defaults, which asks nothing"
                ) from None
            try:
                read(answer)
            except ValueError as error:
                tell(f"found {answer!r}; allowed: {error}")
            else:
                return answer

    answers = {
        "name": ask("What is it called?", usual, _name),
        "items": ask("How many items has a batch?", "3", _items),
        "upload": ask("How long does the payload of an item upload? (0: small)", "3 s", _duration),
        "stream_end": ask("How long after the last item does the stream end?", "45 ms", _duration),
        "execution": ask("How long does a child run take?", "20 s", _duration),
    }
    text = _TEXT.format(file=file.name, **answers)
    try:
        write_whole(file, text)
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror or error}") from None
    load_scenario(file)
    if not quiet:
        click.echo(f"{file}\nrun it: batchsim run {file}")
    return 0


def _name(text: str) -> None:
    if (
        not text
        or not text.isprintable()
        or not text[0].isalpha()
        or any(each in text for each in ":#{}[],&*!|>'\"%@`")
    ):
        raise ValueError("letters, digits, blanks, dots and hyphens, a letter first")


def _items(text: str) -> None:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise ValueError("a whole number from 1 to 100000")


def _duration(text: str) -> None:
    from batchsim.durations import parse_duration

    parse_duration(0 if text == "0" else text)
