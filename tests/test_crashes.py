"""An error of batchsim itself: one line, exit code 70, the traceback with `--debug` only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchsim.cli import main

ROOT = Path(__file__).parent.parent
INCIDENT = "scenarios/incident.yaml"
TOLD = "this is an error of batchsim itself: "
HOW = "; please report it, with the command and what it prints with --debug\n"


# They stand for code of batchsim, not of a user: so no file of ours is on the way to what they raise.
FAILING = compile(
    """
import sys

class CrashError(Exception):
    def __init__(self, one, other):  # cannot be made again from its text
        super().__init__(f"{one}\x1b[31m\\n{other}")

def crash(*_, **__):
    raise CrashError(1, 2)

def recurse(*_, **__):
    return recurse()

def leave(*_, **__):
    sys.exit(0)

def lack_memory(*_, **__):
    raise MemoryError

def break_a_pipe(*_, **__):
    raise BrokenPipeError(32, "Broken pipe")
""",
    "<batchsim>",
    "exec",
)
_OURS: dict[str, Any] = {"__name__": __name__}
exec(FAILING, _OURS)
CrashError, crash, recurse = _OURS["CrashError"], _OURS["crash"], _OURS["recurse"]
leave, lack_memory, break_a_pipe = _OURS["leave"], _OURS["lack_memory"], _OURS["break_a_pipe"]


def ended(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return int(str(end.value.code))


@pytest.mark.parametrize(
    ("where", "how", "command", "said"),
    [
        ("batchsim.analysis.runs.run_policy", crash, ["run"], "CrashError: 1\\x1b[31m 2"),
        (
            "batchsim.analysis.runs.run_policy",
            recurse,
            ["run"],
            "RecursionError: maximum recursion",
        ),
        ("batchsim.analysis.runs.run_policy", leave, ["run"], "SystemExit: 0"),
        ("batchsim.analysis.runs.run_policy", break_a_pipe, ["run"], "BrokenPipeError: [Errno 32] Broken pipe"),
        ("batchsim.report.terminal.show_scenario_run", crash, ["run"], "CrashError: 1\\x1b[31m 2"),
        ("batchsim.engines.exhaustive.search.Search.run", crash, ["explore", "-q"], "CrashError: 1\\x1b[31m 2"),
        (
            "batchsim.analysis.sweep.executing.run_piece",
            crash,
            ["sweep", "--runs", "9", "--workers", "2"],
            "WorkerError: CrashError: 1\\x1b[31m 2",
        ),
    ],
)
@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_an_error_of_batchsim_itself_is_one_line(
    where: str,
    how: Callable[..., Any],
    command: list[str],
    said: str,
    debug: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(where, how)
    assert ended(*command, INCIDENT, *debug) == 70
    err = capsys.readouterr().err
    line = err.splitlines(keepends=True)[-1]
    assert line.startswith(TOLD + said)
    assert line.endswith(HOW)
    assert (err == line) == (not debug)
    assert ("Traceback" in err and how.__name__ in err) == bool(debug)


def test_debug_is_taken_before_the_command_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("batchsim.analysis.runs.run_policy", crash)
    assert ended("--debug", "run", INCIDENT) == 70
    assert "Traceback" in capsys.readouterr().err


def test_no_memory_is_no_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("batchsim.engines.exhaustive.search.Search.run", lack_memory)
    assert ended("explore", INCIDENT) == 3
    assert capsys.readouterr().err.startswith("inconclusive: out of memory; ")


PROGRAM = """
import atexit, sys
from batchsim.cli import main
from batchsim.cli import crashes  # whose file is one of batchsim's
code = compile(sys.argv.pop(1), crashes.__file__, "exec")
exec(code, {"atexit": atexit})
sys.argv[1:] = ["policies"]
main()
"""


def test_an_error_at_the_end_of_the_interpreter_is_one_line() -> None:
    code = "def late(): 1 / 0\natexit.register(late)"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stderr.count("\n")) == (70, 1)
    assert done.stderr.startswith(f"{TOLD}ZeroDivisionError: division by zero")
    assert "proposed" in done.stdout


def test_an_error_in_a_destructor_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table is shown, and the exit code says that something is wrong."""
    from batchsim.cli import crashes

    names: dict[str, Any] = {}
    exec(compile("class Bad:\n def __del__(self): 1 / 0", crashes.__file__, "exec"), names)
    monkeypatch.chdir(ROOT)
    explaining = "batchsim.analysis.batch.explanation.race_margin_in"
    monkeypatch.setattr(explaining, lambda trace: names["Bad"]() and None)
    assert ended("run", INCIDENT) == 70
    out, err = capsys.readouterr()
    assert "false_failure" in out
    assert err.count("\n") == 1
    assert err.startswith(f"{TOLD}ZeroDivisionError")
