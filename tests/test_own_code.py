"""A user's own policies and verdicts: a function of what it is asked about is used, anything else is one line."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from batchsim.batch.decision import Decision
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import CHECKS, OPTIONAL_CHECKS, STEPS, Policy
from batchsim.batch.stores import BatchRow, Status
from batchsim.batch.switches import SWITCHES
from batchsim.cli import main
from batchsim.scenario import asking, compare_decisions, decided_by, find_policy, find_verdict
from batchsim.scenario.asking import Asked
from batchsim.user_code import UserCodeError, printing_to_stderr

HEAD = """\
import functools, os, random, sys, time
from dataclasses import replace
from datetime import datetime
from batchsim import POLICIES, Decision, Policy, Property
P = POLICIES["pre3427"]
"""
ROOT = Path(__file__).parent.parent
ROW = BatchRow()

Own = Callable[[str], Path]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Own:
    """Write a user's file of this content, `own.py` in the current directory, below the usual imports."""
    monkeypatch.chdir(tmp_path)

    def write(code: str) -> Path:
        path = tmp_path / "own.py"
        path.write_text(HEAD + code)
        return path

    return write


@pytest.fixture
def batchsim(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return int(str(ended.value.code)), captured.out, captured.err

    return run


def refusal_of(code: str, own: Own) -> str:
    """What is said of a check `d` that is asked about a row."""
    own(f"{code}\nMINE = replace(P, name='mine', on_count_mismatch=d)\n")
    policy = find_policy("own.py:MINE", Path())
    with pytest.raises(UserCodeError) as refused:
        policy.on_count_mismatch(ROW)
    return str(refused.value)


def test_every_check_and_every_switch_of_a_policy_is_guarded(own: Own) -> None:
    assert {"on_entry", "on_count_mismatch", "on_seal_lost", "on_missing_meta"} <= set(CHECKS)
    others = {"name", "summary", "ingest_concurrency", "stream_grant", "has_heartbeat", "actors", "cells"}
    assert {each.name for each in fields(Policy)} == {*others, *CHECKS, *STEPS}
    for name in CHECKS:
        own(f"MINE = replace(P, name='m', {name}=lambda row: 1 / 0)")
        check = getattr(find_policy("own.py:MINE", Path()), name)
        with pytest.raises(UserCodeError, match=f"own.py:MINE: {name}"):
            check(ROW)
        own(f"MINE = replace(P, name='m', {name}=3)")
        with pytest.raises(UserCodeError, match=f"own.py:MINE: {name}: found 3; allowed: a function of the row"):
            find_policy("own.py:MINE", Path())
    for name in (*SWITCHES, "has_heartbeat"):
        for value in ("'yes'", "0.5", "-1"):
            own(f"MINE = replace(P, name='m', {name}={value})")
            with pytest.raises(UserCodeError, match=f"own.py.*{name}: found {value}; allowed: True, False"):
                find_policy("own.py:MINE", Path())
    assert {"on_missing_meta"} == OPTIONAL_CHECKS
    own("")
    assert find_policy("own.py:P", Path()).on_missing_meta is None


@pytest.mark.parametrize("number", ["0", "True", "1.5", "'10'", "1001"])
def test_ingest_concurrency_is_a_whole_number(number: str, own: Own) -> None:
    own(f"MINE = replace(P, name='m', ingest_concurrency={number})")
    with pytest.raises(UserCodeError, match="allowed: a whole number from 1 to 1000"):
        find_policy("own.py:MINE", Path())


def test_a_summary_that_was_taken_over_from_a_shipped_policy_says_what_is_other(own: Own) -> None:
    def summary_of(changes: str) -> str:
        return find_policy("own.py:MINE", own(f"MINE = replace(P, {changes})").parent).summary

    for changes, summary in (
        ("name='mine', on_entry=lambda row: Decision.OK, has_heartbeat=True", "but for on_entry, has_heartbeat."),
        ("name='mine', enqueues_atomically=True", "but for enqueue."),
        ("name='mine'", "by another name."),
    ):
        assert summary_of(changes) == f"pre3427 (bug) {summary}"
    assert summary_of("name='mine', summary='Mine.', has_heartbeat=True") == "Mine."
    assert summary_of("name='pre3427'") == POLICIES["pre3427"].summary


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def d(row): return random.choice([Decision.OK, Decision.REJECT])", "; allowed: always the same answer"),
        (
            "def d(row): return Decision.OK if random.random() < 1e-9 else Decision.REJECT",
            "asks for a random number",
        ),
        ("def d(row): return Decision.OK if time.time() > 1e12 else Decision.REJECT", "asks time.time;"),
        ("from time import monotonic as m\ndef d(row): m(); return Decision.REJECT", "asks time.monotonic;"),
        ("def d(row): return Decision.OK if datetime.now().year > 9000 else Decision.REJECT", "asks the clock;"),
        ("def d(row): return Decision.OK if os.getpid() == 1 else Decision.REJECT", "asks os.getpid;"),
        ("def d(row): return Decision.OK if id(row) % 7 == 0 else Decision.REJECT", "asks for id(…);"),
        ("def d(row): return Decision.OK if hash('x') == 1 else Decision.REJECT", "asks for hash(…);"),
        (
            "a = []\ndef d(row): a.append(row); return Decision.OK if len(a) > 31 else Decision.REJECT",
            "returned Decision.REJECT, and Decision.OK; allowed: always the same answer",
        ),
        ("def d(): return Decision.OK", "raised TypeError: d() takes 0 positional arguments but 1 was given"),
        ("def d(row): return sys.exit(0)", "raised SystemExit: 0"),
        ("def d(row): raise StopIteration", "raised StopIteration"),
        ("def d(row): return d(row)", "raised RecursionError"),
        (
            "def d(row): raise ValueError('\\x1b]0;t\\x07\\n' + 'x' * 10 ** 6)",
            r"raised ValueError: \x1b]0;t\x07 x",
        ),
        (
            "class E(Exception):\n    def __str__(self): sys.exit()\ndef d(row): raise E",
            "raised E: an unprintable E",
        ),
        ("async def d(row): return Decision.OK", "returned <coroutine object d>; allowed: Decision.OK, "),
        ("def d(row): yield Decision.OK", "returned <generator object d>;"),
        ("def d(row): return Decision.PROCEED", "returned <Decision.PROCEED: 'proceed'>; allowed: Decision.OK, "),
        ("def d(row): return float('nan')", "returned nan;"),
        (
            "class S(str): ...\ndef d(row): return S('200 sealed')",
            "returned '200 sealed', of type batchsim_user_",
        ),
        ("class W:\n    __eq__ = lambda a, b: 1 / 0\n    __hash__ = None\ndef d(row): return W()", ".W object>"),
        ("class W:\n    __class__ = property(lambda self: 1 / 0)\ndef d(row): return W()", ".W object>"),
        ("class W:\n    __class__ = Decision\ndef d(row): return W()", ".W object>"),
        (
            "class M(type):\n    __name__ = __module__ = __hash__ = property(lambda self: 1 / 0)\n"
            "class W(metaclass=M): ...\ndef d(row): return W()",
            ".W object>, of type an unprintable M;",
        ),
    ],
)
def test_a_check_that_is_no_function_of_the_row(code: str, why: str, own: Own) -> None:
    refusal = refusal_of(code, own)
    assert refusal.startswith("own.py:MINE: on_count_mismatch(PENDING, not sealed) ")
    assert why in refusal
    assert refusal.isprintable()
    assert len(refusal) < 500


def test_what_others_do_while_garbage_is_collected_is_not_laid_at_its_door(own: Own) -> None:
    own("def d(row): a = [[] for _ in range(10**5)]; return Decision.OK\nMINE = replace(P, on_count_mismatch=d)\n")

    def collecting(phase: str, info: object) -> None:
        time.perf_counter()

    gc.callbacks.append(collecting)
    try:
        assert find_policy("own.py:MINE", Path()).on_count_mismatch(ROW) is Decision.OK
    finally:
        gc.callbacks.remove(collecting)
    assert gc.isenabled()


def test_a_check_that_remembers_is_found_by_the_next_row(own: Own) -> None:
    own(
        "rows = set()\ndef d(row): rows.add(row); return Decision.OK if len(rows) > 1 else Decision.REJECT\n"
        "MINE = replace(P, name='mine', on_entry=d)\n"
    )
    on_entry = find_policy("own.py:MINE", Path()).on_entry
    on_entry(ROW)
    with pytest.raises(UserCodeError, match=r"\(PENDING, not sealed\) returned Decision.REJECT, and Decision.OK"):
        on_entry(BatchRow(sealed=True))


@pytest.mark.parametrize(
    "code",
    [
        "d = functools.partial(lambda other, row: Decision.OK, 1)",
        "class C:\n    __hash__ = None\n    def __call__(self, row): return Decision.OK\nd = C()",
        "d = lambda row, other=3: Decision.OK",
        "@functools.lru_cache\ndef d(row): return Decision.OK",
        "import logging\ndef d(row): logging.getLogger('own').error('here'); return Decision.OK",
        "def d(row): return random.Random(5).choice([Decision.OK])",
    ],
)
def test_a_function_of_the_row_may_be_anything_that_can_be_called(code: str, own: Own) -> None:
    own(f"{code}\nMINE = replace(P, name='mine', on_count_mismatch=d)\n")
    assert find_policy("own.py:MINE", Path()).on_count_mismatch(ROW) is Decision.OK


def test_what_a_user_prints_is_no_result(own: Own, capsys: pytest.CaptureFixture[str]) -> None:
    own("print('loaded')\ndef d(row): print('asked'); return Decision.OK\nMINE = replace(P, on_entry=d)")
    find_policy("own.py:MINE", Path()).on_entry(ROW)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert set(captured.err.split()) == {"loaded", "asked"}


def test_a_slow_check_is_asked_often_enough_and_no_oftener(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", 0)
    own("asked = []\ndef d(row): asked.append(row); return Decision.OK\nMINE = replace(P, on_entry=d)")
    policy = find_policy("own.py:MINE", Path())
    policy.on_entry(ROW)
    assert len(policy.on_entry._function.__globals__["asked"]) == 2  # type: ignore[attr-defined]


def test_another_process_that_decided_otherwise_is_found(own: Own) -> None:
    own("FLAG = True\nMINE = replace(P, on_entry=lambda row: Decision.OK if FLAG else Decision.REJECT)")
    policy = find_policy("own.py:MINE", Path())
    policy.on_entry(ROW)
    (decided,) = decided_by(policy)
    compare_decisions(policy, [decided])
    with pytest.raises(UserCodeError, match=r"returned Decision.OK, and in another process Decision.REJECT"):
        compare_decisions(policy, [decided._replace(decision=Decision.REJECT)])


def test_what_is_drawn_when_the_file_is_loaded_is_found_by_a_sweep(
    own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    # Told apart by the process that loads it, which is what a draw comes to that the test cannot wait for.
    own(
        f"HERE = os.getpid() == {os.getpid()}\n"
        "MINE = replace(P, name='mine', on_entry=lambda row: Decision.PROCEED if HERE else Decision.REJECT)\n"
    )
    scenario = str(ROOT / "scenarios/small-payloads.yaml")
    arguments = ("--policy", "own.py:MINE", "--runs", "8", "--workers", "2", "-q")
    code, out, err = batchsim("sweep", scenario, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("own.py:MINE: on_entry(PENDING, not sealed) returned Decision.PROCEED, and in ano")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("MINE = Property([], 'm', lambda o: True)", "name: found []; allowed: one line of text"),
        ("MINE = Property('  ', 'm', lambda o: True)", "name: found nothing; allowed: one line of text"),
        ("MINE = Property('a\\x1b', 'm', lambda o: True)", r"name: found 'a\x1b'; allowed: one line of text"),
        ("MINE = Property('\\u202ea', 'm', lambda o: True)", r"name: found '\u202ea'; allowed: one line of text"),
        ("MINE = Property('a' * 201, 'm', lambda o: True)", "name: found 201 characters; allowed: at most 200"),
        ("MINE = Property('stuck', 'm', lambda o: True)", "name: found 'stuck'; allowed: a name that is not"),
        ("MINE = Property('a', 3, lambda o: True)", "meaning: found 3; allowed: one line of text"),
        ("MINE = Property('a', 'm', 3)", "holds: found 3; allowed: a function of the outcome"),
        ("MINE = Property('a', 'm', lambda o: 1)", "holds(outcome) returned 1; allowed: True, False"),
        ("MINE = Property('a', 'm', lambda o: o.nonsense)", "holds(outcome) raised AttributeError: "),
        ("MINE = Property('a', 'm', lambda: True)", "holds(outcome) raised TypeError: "),
        (
            "async def h(o): return True\nMINE = Property('a', 'm', h)",
            "returned <coroutine object h>;",
        ),
        ("MINE = Property('a', 'm', lambda o: random.random() < 0.5)", "allowed: always the same answer"),
    ],
)
def test_a_verdict_that_is_of_no_use(
    code: str, message: str, own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    own(code)
    scenario = str(ROOT / "scenarios/small-payloads.yaml")
    code_and_output = batchsim("run", scenario, "--policy", "pr3427", "--verdict", "own.py:MINE", "-q")
    assert code_and_output[:2] == (2, "")
    error = code_and_output[2]
    assert "own.py:MINE: " in error
    assert message in error
    assert error.removesuffix("\n").isprintable()


def test_a_verdict_cannot_change_the_outcome_that_it_judges(
    own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    own("MINE = Property('a', 'm', lambda o: object.__setattr__(o, 'leaked_keys', ('x',)) is not None)")
    scenario = str(ROOT / "scenarios/small-payloads.yaml")
    code, out, err = batchsim("run", scenario, "--policy", "pr3427", "--verdict", "own.py:MINE", "--json", "-")
    assert (code, err) == (0, "")
    assert json.loads(out)["runs"][0]["leaked_keys"] == []


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["explore"],
        ["explore", "--reduce"],
        ["explore", "--timed"],
        ["window"],
        ["window", "--solve", "items.execution"],
        ["sweep", "--runs", "4", "--workers", "1"],
        ["sweep", "--runs", "4", "--workers", "2"],
        ["worth", "--runs", "1", "--workers", "1"],
    ],
)
def test_every_command_asks_with_care(
    command: list[str], own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    # The second attempt finds no metadata.
    own("MINE = replace(P, name='mine', on_missing_meta=lambda row: Decision.PROCEED)")
    scenario = str(ROOT / "scenarios/incident.yaml")
    code, out, err = batchsim(*command, scenario, "--set", "batch.items=1", "--policy", "own.py:MINE")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("own.py:MINE: on_missing_meta(")
    assert (
        "returned <Decision.PROCEED: 'proceed'>; allowed: Decision.OK, Decision.NOT_SEALED, Decision.REJECT" in err
    )


@pytest.mark.parametrize("command", ["run", "explore", "window", "sweep"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise ValueError('\\x1b[31mred \\x1b]0;t\\x07')", r"no MINE: ValueError: \x1b[31mred \x1b]0;t\x07"),
        ("raise type('E\\x1b', (Exception,), {})", r"no MINE: E\x1b"),
        ("sys.exit(0)", "no MINE: SystemExit: 0"),
        (
            "MINE = replace(P, name='two\\nlines')",
            r"own.py:MINE: name: found 'two\nlines'; allowed: one",
        ),
        ("class W:\n    __class__ = property(lambda self: 1 / 0)\nMINE = W()", "MINE is of type W, not Policy"),
        (
            "class Q(Policy):\n    def __getattribute__(self, name):\n"
            "        if name == 'summary': raise ValueError('\\x1b')\n"
            "        return super().__getattribute__(name)\n"
            "MINE = Q(**{each: getattr(P, each) for each in P.__dataclass_fields__})",
            r"own.py:MINE: a field of the Policy raised ValueError: \x1b",
        ),
    ],
)
def test_a_file_that_cannot_be_used(
    command: str, code: str, message: str, own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    own(code)
    code_, out, err = batchsim(command, str(ROOT / "scenarios/incident.yaml"), "--policy", "own.py:MINE")
    assert (code_, out) == (2, "")
    assert err.startswith("--policy: own.py")
    assert message in err
    assert err.removesuffix("\n").isprintable()


def test_a_check_that_raises_what_ctrl_c_raises_is_no_ctrl_c(own: Own) -> None:
    own("def d(row): raise KeyboardInterrupt\nMINE = replace(P, name='mine', on_entry=d)")
    command = [sys.executable, "-m", "batchsim", "run", str(ROOT / "scenarios/incident.yaml"), "--policy"]
    ended = subprocess.run([*command, "own.py:MINE"], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "own.py:MINE: on_entry(" in ended.stderr
    assert "raised KeyboardInterrupt" in ended.stderr


CHECK_THAT = """
def d(row):
    {line}
    return P.on_entry(row)

MINE = replace(P, name='mine', on_entry=d)
"""
STEP_THAT = """
async def c(setting):
    {line}
    return 1

MINE = replace(P, name='mine', count=c)
"""


def told_by(*arguments: str) -> tuple[int, str, str]:
    """The exit code and the outputs of a process of its own."""
    command = [sys.executable, "-m", "batchsim", *arguments, "--policy", "own.py:MINE"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def test_what_a_check_prints_moves_no_cursor(own: Own) -> None:
    own(CHECK_THAT.format(line=r"print('\x1b[2J')"))
    code, out, err = told_by("run", str(ROOT / "scenarios/incident.yaml"))
    assert code == 0
    assert "mine     false_failure" in out
    assert "\x1b" not in err
    assert r"\x1b[2J" in err


@pytest.mark.parametrize(
    ("line", "did"),
    [
        ("sys.stdout.close()", "closed sys.stdout"),
        ("sys.stderr.close()", "closed sys.stderr"),
        ("sys.__stdout__.close()", "closed sys.__stdout__"),
        ("sys.stdout = None", "replaced sys.stdout"),
        ("sys.stderr = sys.stdout", "replaced sys.stderr"),
        ("del sys.stdout", "replaced sys.stdout"),
    ],
)
def test_whoever_takes_what_others_print_to_is_told(line: str, did: str, own: Own) -> None:
    scenario = str(ROOT / "scenarios/incident.yaml")
    what = f"{did}; allowed: to print to it\n"
    own(CHECK_THAT.format(line=line))
    assert told_by("run", scenario) == (2, "", f"own.py:MINE: on_entry(PENDING, not sealed) {what}")


@pytest.mark.parametrize(
    ("line", "did"),
    [("sys.__stdout__.close()", "closed sys.__stdout__"), ("del sys.stdout", "replaced sys.stdout")],
)
def test_who_takes_it_when_its_file_is_loaded_is_told_too(line: str, did: str, own: Own) -> None:
    own(f"{line}\nMINE = P")
    what = f"{did}; allowed: to print to it\n"
    told = told_by("run", str(ROOT / "scenarios/incident.yaml"))
    assert told == (2, "", f"--policy: own.py: no MINE: {what}")


ENDS = ("import os; os._exit(0)", "from posix import _exit; _exit(0)", "import os; os.execlp('true', 'true')")
"""No exit code of theirs is one of batchsim's, and a gate would take it for one."""


@pytest.mark.parametrize("line", ENDS)
def test_whoever_would_end_the_process_is_told(line: str, own: Own) -> None:
    scenario = str(ROOT / "scenarios/incident.yaml")
    own(f"{line}\nMINE = P")
    code, out, err = told_by("run", scenario)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"--policy: own.py:\d+: no MINE: called os.\w+ in line \d+ of own.py; allowed: .*\n", err)


@pytest.mark.parametrize("command", [("run",), ("explore",), ("sweep", "--runs", "4", "--workers", "2")])
@pytest.mark.parametrize("code_of", [CHECK_THAT, STEP_THAT], ids=["check", "step"])
def test_a_check_or_a_step_that_would_end_the_process_is_told(
    code_of: str, command: tuple[str, ...], own: Own
) -> None:
    own(code_of.format(line=ENDS[0]))
    code, out, err = told_by(*command, str(ROOT / "scenarios/incident.yaml"), "-q")
    assert (code, out) == (2, "")
    assert re.fullmatch(
        r"own.py:MINE: .* called os._exit in line \d+ of own.py; allowed: to raise an error\n", err
    )


@pytest.mark.parametrize("line", ["sys.stdout.close()", "sys.stderr = sys.stdout"])
def test_who_takes_it_in_a_worker_is_told_too(line: str, own: Own) -> None:
    own(CHECK_THAT.format(line=line))
    code, out, err = told_by("sweep", str(ROOT / "scenarios/incident.yaml"), "--runs", "4", "--workers", "2")
    assert (code, out) == (2, "")
    asked = r"own.py:MINE: on_entry\(PENDING, not sealed\)"
    assert re.fullmatch(rf"{asked} (closed|replaced) sys.std(out|err); allowed: to print to it\n", err)


@pytest.mark.parametrize("line", ["sys.stdout.close()", "sys.stdout = None"])
def test_a_step_that_takes_what_others_print_to_is_told_too(line: str, own: Own) -> None:
    own(STEP_THAT.format(line=line))
    code, out, err = told_by("run", str(ROOT / "scenarios/incident.yaml"))
    assert (code, out) == (2, "")
    assert re.fullmatch(r"own.py:MINE: count (closed|replaced) sys.stdout; allowed: to print to it\n", err)


def test_what_a_step_prints_is_no_result(own: Own) -> None:
    own(STEP_THAT.format(line=r"print('\x1b[2J')"))
    code, out, err = told_by("run", str(ROOT / "scenarios/incident.yaml"), "--json", "-")
    assert code == 0
    json.loads(out)
    assert "\x1b" not in err
    assert r"\x1b[2J" in err


@pytest.mark.parametrize("seconds", [0, 2])
@pytest.mark.parametrize("command", [["run"], ["sweep", "--runs", "4", "--workers", "2"]], ids=" ".join)
def test_what_nobody_meets_in_a_users_code_is_not_told(command: list[str], seconds: int, own: Own) -> None:
    """In threads, even when the program has ended but for them, and in destructors."""
    own(
        "import threading\n"
        f"def boom():\n    time.sleep({seconds})\n    raise ValueError('\\x1b[2J')\n"
        "class D:\n    def __del__(self): raise ValueError('\\x1b[2J')\n"
        "threading.Thread(target=boom).start()\n"
        "def d(row):\n    D()\n    return P.on_entry(row)\n"
        "MINE = replace(P, name='mine', on_entry=d)"
    )
    code, _, err = told_by(*command, str(ROOT / "scenarios/incident.yaml"), "-q")
    assert (code, err) == (0, "nothing was expected: exit code 0 says only that it came to its end\n")


def test_what_ctrl_c_raises_is_no_ctrl_c_in_a_worker_either(own: Own) -> None:
    own("def d(row): raise KeyboardInterrupt\nMINE = replace(P, name='mine', on_entry=d)")
    code, out, err = told_by("sweep", str(ROOT / "scenarios/incident.yaml"), "--runs", "4", "--workers", "2")
    assert (code, out) == (2, "")
    assert err == "own.py:MINE: on_entry(PENDING, not sealed) raised KeyboardInterrupt (own.py:6)\n"


def test_in_threads_side_by_side_what_is_ours_stays_ours() -> None:
    stdout, stderr = sys.stdout, sys.stderr

    def ask() -> None:
        for _ in range(300):
            with printing_to_stderr():
                time.sleep(0)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (sys.stdout, sys.stderr) == (stdout, stderr)


# -- steps -------------------------------------------------------------------------------------

STEPS_HEAD = """
from dataclasses import dataclass
from typing import ClassVar
from batchsim.batch.operations import EnqueuedCount
from batchsim.model.operation import Operation, sleep, touches
from batchsim.stores import redis


@dataclass(frozen=True)
class Look(Operation[int]):
    name: ClassVar[str] = "redis.look"

    def footprint(self):
        return touches(reads=("mine",))

    def apply(self, world):
        return world.cells.read("batch:B:meta")


"""


def one_item() -> str:
    Path("one.yaml").write_text("name: one\nbatch: {items: 1}\nconsumers: 1\n")
    return "one.yaml"


@pytest.mark.parametrize("command", ["run", "explore", "sweep"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("count=3", "own.py:MINE: count: found 3; allowed: a coroutine function"),
        ("count=lambda setting: 3", "count: found <function <lambda>>; allowed: a coroutine function (async def)"),
        (
            "count=c)\nasync def c(setting): return 'x'",
            "own.py:MINE: count returned 'x', of type str; allowed: int",
        ),
        ("count=c)\nasync def c(setting): return 1 / 0", "own.py:MINE: count raised ZeroDivisionError: division"),
        ("count=c)\nasync def c(): return 1", "own.py:MINE: count raised TypeError: c() takes 0"),
        (
            "count=c)\nasync def c(setting):\n    redis.incr('mine')\n    return 1",
            "count: line 26: redis.incr('mine') is not awaited, so it does nothing; allowed: `await redis",
        ),
        (
            "count=c)\nasync def c(setting):\n    if EnqueuedCount(): return 1",
            "count: line 26: EnqueuedCount() is not awaited",
        ),
        (
            "count=c)\nasync def c(setting):\n    time.sleep(1)\n    return 1",
            'count: line 26: time.sleep(1) waits outside the model; allowed: `await sleep("100 ms")`',
        ),
        (
            "count=c)\nasync def c(setting):\n    return random.randint(0, 1)",
            "count: line 26: random.randint(0, 1) asks the outside world",
        ),
        (
            "count=c)\nSEEN = {}\nasync def c(setting):\n    SEEN['x'] = 1\n    return 1",
            "count: line 27: SEEN['x'] = 1 outlives the run, and the next one finds it",
        ),
        (
            "count=c)\nSEEN = []\nasync def c(setting):\n    SEEN.append(1)\n    return len(SEEN)",
            "count: line 27: SEEN.append(1) outlives the run",
        ),
        (
            "count=c)\nasync def c(setting):\n    return hash('x') % 2",
            "count: line 26: hash('x') asks the outside world",
        ),
        (
            "cells=('mine',), count=c)\nasync def c(setting): return await Look()",
            "Look (redis.look) reads batch:B:meta",
        ),
        (
            "on_count=None",
            "no MINE: TypeError: a policy has no 'on_count'; did you mean 'count' or 'on_count_mismatch'?",
        ),
        ("cells='mine'", "own.py:MINE: cells: found 'mine'; allowed: a tuple of names"),
        ("actors=(3,)", "own.py:MINE: actors: found (3,); allowed: a tuple of functions"),
    ],
)
def test_a_step_that_cannot_be_used(
    command: str, code: str, message: str, own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    change, _, below = code.partition(")\n")
    if not below:
        change, below = code, "pass"
    own(f"{STEPS_HEAD}{below}\n\n\nMINE = replace(P, name='mine', {change})\n")
    found, out, err = batchsim(command, one_item(), "--policy", "own.py:MINE")
    assert (found, out) == (2, ""), err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "explore", "sweep", "window"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("def f(setting): return ()", "own.py:MINE: actors: f(setting, policy) raised TypeError: f() takes 1"),
        ("def f(setting, policy): yield 1 / 0", "f(setting, policy) raised ZeroDivisionError: division by zero"),
        ("def f(setting, policy): return None", "f(setting, policy) raised TypeError: 'NoneType' object is not"),
        (
            "def f(setting, policy): return [3]",
            "f(setting, policy) gave 3; allowed: an Actor of a kind and a program",
        ),
        ("def f(setting, policy): sys.exit(0)", "f(setting, policy) raised SystemExit: 0"),
        (
            "async def p(): raise KeyError('\\x1b[31m')\ndef f(setting, policy): yield Actor('mine', None, p)",
            "own.py:MINE: actors: f: mine raised KeyError: '\\x1b[31m'",
        ),
        (
            "def p(): return 3\ndef f(setting, policy): yield Actor('mine', None, p)",
            "own.py:MINE: actors: f: mine returned 3; allowed: a coroutine (async def)",
        ),
        (
            "async def p(): pass\ndef f(setting, policy): yield Actor('sdk', None, p)",
            "f(setting, policy) gave the actor 'sdk'; allowed: a name that nobody else has (consumer, ",
        ),
    ],
)
def test_actors_that_cannot_be_used(
    command: str, code: str, message: str, own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    own(f"from batchsim.model.system import Actor\n{code}\nMINE = replace(P, name='mine', actors=(f,))\n")
    found, out, err = batchsim(command, one_item(), "--policy", "own.py:MINE")
    assert (found, out) == (2, ""), err
    assert message in err
    assert err.count("\n") == 1


def test_actors_of_ones_own_act(own: Own, batchsim: Callable[..., tuple[int, str, str]]) -> None:
    own(
        "from batchsim.model.system import Actor\nfrom batchsim.batch.operations import EnqueuedCount\n"
        "async def p(): await EnqueuedCount(); return 3\n"
        "def f(setting, policy): yield Actor('mine', None, p)\n"
        "MINE = replace(P, name='mine', actors=(f,))\n"
    )
    code, out, err = batchsim("run", one_item(), "--policy", "own.py:MINE", "--timeline")
    assert code == 0, err
    assert re.search(r"mine +redis.enqueued_count", out)
    assert batchsim("explore", one_item(), "--policy", "own.py:MINE")[0] in (0, 1)


def test_a_cell_that_a_policy_does_not_list_is_refused_by_exploration(
    own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    step = "async def c(setting):\n    await redis.incr('mine')\n    return await EnqueuedCount()\n"
    own(f"{STEPS_HEAD}{step}\nMINE = replace(P, name='mine', count=c)\nLISTED = replace(MINE, cells=('mine',))\n")
    scenario = one_item()
    code, _, err = batchsim("explore", scenario, "--policy", "own.py:MINE")
    assert code == 2
    assert err.startswith(
        "own.py:26: redis.incr by handler-1 touches the cell 'mine'; allowed: a cell that is listed (batch:B:"
    )
    assert batchsim("explore", scenario, "--policy", "own.py:LISTED")[0] in (0, 1)


def test_a_pipe_is_read_as_no_code_and_as_no_witness(
    own: Own, batchsim: Callable[..., tuple[int, str, str]]
) -> None:
    own("")
    os.mkfifo("pipe.py")
    scenario = str(ROOT / "scenarios/incident.yaml")
    for arguments in (["run", scenario, "--policy", "pipe.py:MINE"], ["replay", "pipe.py"]):
        code, _, err = batchsim(*arguments)
        assert code == 2
        assert "no readable file (it is a FIFO)" in err


def test_a_guarded_policy_decides_as_it_did(own: Own) -> None:
    own("\n".join(f"{name.upper()} = POLICIES[{name!r}]" for name in POLICIES))
    rows = [
        BatchRow(status, sealed, done) for status in Status for sealed in (False, True) for done in (False, True)
    ]
    for name, shipped in POLICIES.items():
        policy = find_policy(f"own.py:{name.upper()}", Path())
        for check in CHECKS:
            if (decide := getattr(shipped, check)) is not None:
                assert list(map(getattr(policy, check), rows)) == list(map(decide, rows))


def test_the_same_object_is_guarded_once_so_that_answers_are_compared_over_a_whole_program(own: Own) -> None:
    own("MINE = replace(P, name='m')\nV = Property('v', 'm', lambda outcome: True)")
    assert find_policy("own.py:MINE", Path()) is find_policy("own.py:MINE", Path())
    assert find_verdict("own.py:V", Path()).holds is find_verdict("own.py:V", Path()).holds


def test_who_was_refused_once_is_refused_by_whoever_asks_next() -> None:
    """What a run issues may be looked at first, by one who does not mind: the run itself has to mind."""
    answers = iter([True, False])
    asked: Asked[int, bool] = Asked(
        lambda _: next(answers, True), "own.py:MINE: holds", {"True": True, "False": False}
    )
    for _ in range(2):
        with pytest.raises(UserCodeError, match="returned True, and False; allowed: always the same answer"):
            asked(1)
