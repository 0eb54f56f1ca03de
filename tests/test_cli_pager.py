"""What is longer than the screen, on a real terminal: by a pager, as git has it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COLOR = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
MARKS = "sed s/^/PAGED:/"


def on_a_terminal(*words: str, lines: int = 24, columns: int = 80, more: Mapping[str, str] = {}) -> list[str]:
    """The lines that a terminal of that size shows, colors left out."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    kept = {
        name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "PAGER", "NO_COLOR")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "batchsim", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**kept, "TERM": "xterm-256color", **more},
    )
    os.close(theirs)
    shown = b"".join(_read(ours))
    os.close(ours)
    assert process.wait() in (0, 1)
    return COLOR.sub("", shown.decode()).replace("\r", "").splitlines()


def _read(descriptor: int) -> Iterator[bytes]:
    while True:
        try:
            read = os.read(descriptor, 65536)
        except OSError:  # the other end is closed
            return
        if not read:
            return
        yield read


@pytest.mark.parametrize(
    ("words", "lines", "environment", "is_paged"),
    [
        ((), 5, {"BATCHSIM_PAGER": MARKS, "PAGER": "false"}, True),
        ((), 5, {"PAGER": MARKS}, True),
        ((), 500, {"PAGER": MARKS}, False),
        (("--no-pager",), 5, {"PAGER": MARKS}, False),
        ((), 5, {"BATCHSIM_PAGER": "", "PAGER": MARKS}, False),
        ((), 5, {"PAGER": MARKS, "TERM": "dumb"}, False),
        ((), 5, {"PAGER": "/no/such/pager"}, False),
    ],
)
def test_what_is_longer_than_the_screen_goes_to_the_pager_that_is_named(
    words: tuple[str, ...], lines: int, environment: dict[str, str], is_paged: bool
) -> None:
    shown = on_a_terminal("policies", *words, lines=lines, more=environment)
    marked = [line.startswith("PAGED:") for line in shown if "no/such" not in line]
    assert set(marked) == {is_paged}
    assert any("pre3427 (bug)" in line for line in shown)


def test_a_narrow_terminal_has_verdicts_and_story_before_the_records() -> None:
    words = ("run", "scenarios/incident.yaml", "--policy", "pre3427", "--policy", "pr3766", "--no-pager")
    shown = on_a_terminal(*words)
    assert all(len(line) <= 80 for line in shown if "see every step" not in line)
    verdict, story, record = (
        next(number for number, line in enumerate(shown) if line.startswith(begins))
        for begins in ("pre3427 (bug)         false_failure", "  attempt 1 got 200", "policy: pre3427 (bug)")
    )
    assert verdict < story < record
    wide = on_a_terminal(*words, columns=200)
    assert not [line for line in wide if line.startswith("policy: ")]


def test_a_histogram_is_no_wider_than_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "measured.csv"
    file.write_text("latency_ms\n1\n2\n2\n3\n80\n")
    for columns, longest in ((60, 26), (100, 40)):
        shown = on_a_terminal("latencies", str(file), columns=columns)
        bars = [line for line in shown if line.endswith(" %")]
        assert len(bars) == 14
        assert max(map(len, bars)) <= columns
        assert max(line.count("#") for line in bars) == longest


def test_a_long_exploration_says_its_answer_first_and_last() -> None:
    shown = on_a_terminal("explore", "scenarios/seal-lost.yaml", "--policy", "pre3427", "--no-pager")
    claims = [number for number, line in enumerate(shown) if line.startswith("pre3427 (bug)  fails in ")]
    assert len(shown) > 24
    assert len(claims) == 2
    assert claims[1] > len(shown) - 4
    assert claims[0] < 8


def test_a_policy_that_only_has_the_name_of_a_shipped_one_has_no_gloss(tmp_path: Path) -> None:
    (tmp_path / "fix.py").write_text(
        "from dataclasses import replace\nfrom batchsim import POLICIES\nMINE = replace(POLICIES['pr3766'])\n"
        "MINE = replace(MINE, on_entry=POLICIES['pre3427'].on_entry)\n"
    )
    words = ("explore", "scenarios/seal-lost.yaml", "--set", "batch.items=1", "--no-pager", "--policy")
    assert any("pr3766 (second fix)" in line for line in on_a_terminal(*words, "pr3766", columns=200))
    assert not any("second fix" in line for line in on_a_terminal(*words, f"{tmp_path}/fix.py:MINE", columns=200))


def test_a_file_that_was_written_is_a_link_where_the_terminal_has_them(tmp_path: Path) -> None:
    words = ("report", "examples/outbox.yaml", "-o", str(tmp_path))
    assert f"\x1b]8;;{(tmp_path / 'outbox.html').as_uri()}\x1b\\" in on_a_terminal(*words)[-1]
    assert on_a_terminal(*words, more={"TERM": "dumb"})[-1] == str(tmp_path / "outbox.html")
