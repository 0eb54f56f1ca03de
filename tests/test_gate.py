"""Exit codes as a CI relies on them: nothing passes by accident, and what fails says why, quiet or not."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import INCIDENT, ROOT, batchsim

__all__ = ["batchsim"]

SCENARIO = """
name: mine
batch: {items: 1}
consumers: 1
policies: [pre3427, policies.py:OURS]
verdicts: [policies.py:AGAIN]
latency: {operations: {redis.enqueued_count: {request: {uniform: [1 ms, 60 ms]}, response: 300 us}}}
"""
POLICIES = """
from dataclasses import replace
from batchsim import POLICIES, Decision, Property
OURS = replace(POLICIES["pr3427"], name="ours")
MENDED = replace(POLICIES["pr3766"], name="ours")
UNNAMED = replace(POLICIES["pre3427"], on_count_mismatch=lambda row: Decision.NOT_SEALED)
AGAIN = Property("again", "More than one attempt.", lambda outcome: outcome.call.attempts > 1)
"""
ONE = "tests/golden/one.yaml"
UNSAID = "nothing was expected: exit code 0 says only that it came to its end"
LATE = ("--set", "latency.operations.redis.enqueued_count.request=90 ms")
SWEEP = ("sweep", "{mine}", "--runs", "60", "--workers", "1")
EXACT = ("explore", "scenarios/memoryless.yaml", "--exact", "--set", "expect_explore={}")
COMMANDS = [
    ("run", "{mine}", *LATE),
    ("explore", "{mine}"),
    ("explore", "{mine}", "--reduce"),
    ("explore", "{mine}", "--timed"),
    EXACT,
    SWEEP,
]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with a scenario of one's own, policies beside it."""
    folder = tmp_path / "it's mine"
    folder.mkdir()
    (folder / "mine.yaml").write_text(SCENARIO)
    (folder / "policies.py").write_text(POLICIES)
    return folder


@pytest.fixture
def cli(batchsim: Any, mine: Path) -> Any:
    """The program, told where one's own files are."""
    places = {"{mine}": str(mine / "mine.yaml"), "{policies}": str(mine / "policies.py")}

    def run(*words: str) -> Any:
        for key, place in places.items():
            words = tuple(word.replace(key, place) for word in words)
        return batchsim(*words)

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_expectations_every_command_says_that_its_code_says_nothing(
    cli: Any, command: tuple[str, ...]
) -> None:
    ended = cli(*command, "--quiet", "--policy", "pre3427")
    assert (ended.code, ended.out, ended.err) == (0, "", f"{UNSAID}\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_forbidden_verdict_is_exit_code_1_and_one_line(cli: Any, command: tuple[str, ...]) -> None:
    for forbidden in ("any", "stuck, false_failure", "ok,false_failure"):
        ended = cli(*command, "--quiet", "--policy", "pre3427", "--fail-on", forbidden)
        assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
        assert ", pre3427: got " in ended.err
        assert "false_failure" in ended.err
        assert "which --fail-on forbids" in ended.err
    ended = cli(*command, "--quiet", "--policy", "pre3427", "--fail-on", "stuck", "--fail-on", "lost_item")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert cli(*command, "--quiet", "--policy", "pr3766", "--fail-on", "any").code == 0


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("forbidden", "message"),
    [
        ("false_falure", "--fail-on: found 'false_falure'; allowed: any, ok, false_failure,"),
        ("false_falure", "did you mean 'false_failure'?"),
        ("stuck,", "--fail-on: found no verdict"),
        ("", "--fail-on: found no verdict"),
        ("Stuck", "did you mean 'stuck'?"),
    ],
)
def test_what_is_no_verdict_is_bad_input(cli: Any, command: tuple[str, ...], forbidden: str, message: str) -> None:
    ended = cli(*command, "--policy", "pre3427", "--fail-on", forbidden)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_verdicts_of_ones_own_can_be_forbidden(cli: Any) -> None:
    ended = cli("run", "{mine}", *LATE, "-q", "--policy", "pre3427", "--fail-on", "again")
    assert (ended.code, ended.err) == (1, "mine, pre3427: got again, which --fail-on forbids\n")
    ended = cli(
        "run", INCIDENT, "-q", "--verdict", "{policies}:AGAIN", "--fail-on", "again", "--policy", "pre3427"
    )
    assert ended.code == 1


def test_whichever_of_expectation_and_prohibition_fails_is_exit_code_1(cli: Any) -> None:
    run = ("run", INCIDENT, "-q", "--policy", "pre3427")
    assert cli(*run).code == 0
    assert cli(*run, "--fail-on", "false_failure").code == 1
    ended = cli(*run, "--fail-on", "stuck", "--set", "expect.pre3427=ok")
    assert (ended.code, ended.err) == (1, "incident, pre3427: expected ok, got false_failure\n")
    alike = cli("run", INCIDENT, "-q", "--fail-on", "any").err
    assert alike == "incident, pre3427, pr3427_count_only, pr3427: got false_failure, which --fail-on forbids\n"


def test_replay_is_a_gate_too(cli: Any, tmp_path: Path) -> None:
    cli("explore", "scenarios/seal-lost.yaml", "--policy", "pr3427_count_only", "--witness", str(tmp_path / "w"))
    witness = str(min((tmp_path / "w").glob("*false_failure.json")))
    assert (cli("replay", witness, "-q").code, cli("replay", witness, "-q").err) == (0, "")
    ended = cli("replay", witness, "-q", "--fail-on", "any")
    assert ended.code == 1
    assert ", pr3427_count_only: got false_failure, which" in ended.err
    document = json.loads(Path(witness).read_text())
    Path(witness).write_text(json.dumps({**document, "verdicts": ["stuck"]}))
    ended = cli("replay", witness, "-q")
    assert (ended.code, ended.err.count("expected stuck, got false_failure")) == (1, 1)


@pytest.mark.parametrize(("command", "bound"), [((), 100), (("--timed",), 10), (("--exact",), 5000)])
def test_a_bound_that_was_hit_before_the_answer_is_exit_code_3(
    cli: Any, command: tuple[str, ...], bound: int
) -> None:
    file = "scenarios/memoryless.yaml" if command == ("--exact",) else INCIDENT
    explore = ("explore", file, *command, "-q", "--max-states", str(bound), "--policy", "pr3766")
    for asked in ((), ("--fail-on", "any"), ("--fail-on", "stuck", "--set", "expect_explore={}")):
        # Whatever the question is, it is open.
        few = explore if command != ("--exact",) else (*explore[:-3], "100", "--policy", "pr3766")
        ended = cli(*few, *asked)
        assert ended.code == 3
        assert "pr3766: stopped at " in ended.err
    ended = cli(*explore, "--fail-on", "ok,any", "--set", "batch.items=1", "--max-states", "100000")
    assert ended.code == 1


def test_a_forbidden_verdict_that_was_found_before_the_bound_is_exit_code_1(cli: Any) -> None:
    few = ("explore", "scenarios/memoryless.yaml", "-q", "--policy", "pre3427", "--max-states", "1000")
    assert cli(*few, "--fail-on", "false_failure").code == 1
    # That false failures were found says nothing of what else there may be.
    assert cli(*few, "--fail-on", "stuck", "--set", "expect_explore={}").code == 3


# -- rates -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "code", "end"),
    [
        ("false_failure>0.5%", 1, "limit 0.5 %: over\n"),
        ("any > 50 %", 1, "limit 50 %: over\n"),
        ("false_failure>99%", 0, None),
        ("false_failure>78%", 3, "limit 78 %: undecided\n"),
        ("stuck>0%", 3, "0 of 100 runs, 95 % interval 0 % … 3.622 %, limit 0 %: undecided\n"),
        ("stuck>5%", 0, None),
        ("stuck>1%,false_failure>1%", 1, "limit 1 %: over\n"),
    ],
)
def test_a_rate_is_judged_by_the_interval(cli: Any, limit: str, code: int, end: str | None) -> None:
    sweep = ("sweep", INCIDENT, "--runs", "100", "--workers", "1", "-q", "--policy", "pre3427")
    ended = cli(*sweep, "--fail-on", limit)
    assert ended.code == code
    assert ended.err.count("\n") == (end is not None)
    assert ended.err.endswith(end or "")


def test_a_rate_is_judged_at_every_point(cli: Any) -> None:
    vary = "latency.operations.redis.enqueued_count.request=5 ms..45 ms:3"
    sweep = ("sweep", INCIDENT, "--runs", "100", "--workers", "1", "-q", "--policy", "pre3427", "--vary", vary)
    ended = cli(*sweep, "--fail-on", "false_failure>50%")
    lines = ended.err.splitlines()
    assert (ended.code, len(lines)) == (1, 1)
    assert "runs at latency.operations.redis.enqueued_count.request=45 ms (" in lines[0]
    assert cli(*sweep, "--fail-on", "false_failure>98%").code == 0


def test_an_exact_probability_is_held_against_a_rate(cli: Any) -> None:
    exact = ("explore", "scenarios/memoryless.yaml", "--exact", "-q", "--policy", "pr3427")
    ended = cli(*exact, "--fail-on", "false_failure>49.1%")
    assert (ended.code, ended.err.count("probability 49.112 %, limit 49.1 %: over")) == (1, 1)
    assert cli(*exact, "--fail-on", "any>49.2%").code == 0
    assert cli(*exact, "--fail-on", "stuck>0%").code == 0
    ended = cli(*exact, "--fail-on", "any>45%", "--max-states", "4000")
    assert (ended.code, "limit 45 %: undecided" in ended.err) == (3, True)


@pytest.mark.parametrize(
    ("command", "limit", "message"),
    [
        (("sweep", INCIDENT), "stuck>100%", "allowed: a percentage below 100 % after >, such as stuck>0.5%"),
        (("sweep", INCIDENT), "stuck>=1%", "found 'stuck>=1%'; allowed: a percentage"),
        (("sweep", INCIDENT), "stuck>1", "found 'stuck>1'; allowed: a percentage"),
        (("sweep", INCIDENT), "stuk>1%", "found 'stuk'; allowed: any, ok"),
        (("run", INCIDENT), "stuck>1%", "found the rate 'stuck>1%'; allowed: stuck, as a rate is for sweep"),
        (("explore", INCIDENT), "stuck>1%", "found the rate 'stuck>1%'"),
        (("explore", INCIDENT, "--timed"), "stuck>1%", "found the rate 'stuck>1%'"),
    ],
)
def test_what_is_no_rate_is_bad_input(cli: Any, command: tuple[str, ...], limit: str, message: str) -> None:
    ended = cli(*command, "--fail-on", limit)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


# -- whose expectation -------------------------------------------------------------------------


def expecting(mine: Path, text: str) -> str:
    """The scenario of one's own, with expectations."""
    file = mine / "mine.yaml"
    file.write_text(SCENARIO + text)
    return str(file)


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (("run", "{mine}", *LATE), "expect"),
        (("explore", "{mine}"), "expect_explore"),
        (("explore", "{mine}", "--timed"), "expect_explore"),
        ((*SWEEP, *LATE), "expect_explore"),
    ],
)
def test_every_line_calls_a_policy_by_its_name_and_says_how_ones_own_verdict_is_expected(
    cli: Any, mine: Path, command: tuple[str, ...], field: str
) -> None:
    expecting(mine, f"{field}: {{ours: ok}}\n")
    ended = cli(*command, "-q", "--policy", "{policies}:OURS", "--fail-on", "false_failure")
    missed, forbidden = ended.err.splitlines()
    assert ended.code == 1
    assert missed.startswith("mine, ours: expected ok, got again, false_failure")
    assert missed.endswith(
        f"; again is a verdict of your own that {field} does not name: to expect it, list it under verdicts of "
        f"the scenario, and name it under {field}"
    )
    assert forbidden.startswith("mine, ours: got false_failure, which")
    given = missed.partition("got ")[2].partition(";")[0]
    assert cli(*command, "-q", "--policy", "{policies}:OURS", "--set", f"{field}.ours=[{given}]").code == 0


def test_a_change_that_kept_the_name_of_a_shipped_policy_is_not_called_by_it(cli: Any) -> None:
    for command in (("run", INCIDENT), ("explore", ONE), ("sweep", INCIDENT, "--runs", "9", "--workers", "1")):
        ended = cli(*command, "-q", "--policy", "{policies}:UNNAMED", "--fail-on", "any")
        assert ended.code == 1
        assert "policies.py:UNNAMED: got " in ended.err
        shown = cli(*command, "--policy", "pre3427", "--policy", "{policies}:UNNAMED").out
        assert re.search(r"^/.*policies.py:UNNAMED {2,}", shown, re.MULTILINE), shown
    assert "policies.py:UNNAMED   false_failure" in cli("run", INCIDENT, "--policy", "{policies}:UNNAMED").out
    both = cli("explore", ONE, "--policy", "pre3427", "--policy", "{policies}:UNNAMED").out
    assert "policies.py:UNNAMED  fails in " in both
    assert both.count("pre3427 (bug)  fails in ") == 1


@pytest.mark.parametrize("key", ["ours", "policies.py:OURS", "./policies.py:OURS"])
def test_an_expectation_is_found_by_name_or_reference_from_anywhere(
    cli: Any, mine: Path, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = expecting(mine, f"expect: {{pre3427: false_failure, '{key}': ok}}\nexpect_explore: {{'{key}': stuck}}")
    miss = "expected ok, got again, false_failure"
    ended = cli("run", file, *LATE, "-q")
    assert (ended.code, f"mine, ours: {miss}; again is" in ended.err) == (1, True)
    ended = cli("run", file, *LATE, "-q", "--policy", "{policies}:OURS")
    assert (ended.code, miss in ended.err) == (1, True)
    monkeypatch.chdir(mine)
    ended = cli("run", "mine.yaml", *LATE, "-q", "--policy", "../it's mine/policies.py:OURS")
    assert (ended.code, miss in ended.err) == (1, True)
    monkeypatch.chdir(mine.parent)
    ended = cli("run", "it's mine/mine.yaml", *LATE, "-q", "--policy", "it's mine/policies.py:OURS")
    assert (ended.code, miss in ended.err) == (1, True)
    monkeypatch.chdir(mine)
    for more in ([], ["--timed"]):
        ended = cli("explore", "mine.yaml", "-q", "--policy", "policies.py:OURS", *more)
        assert (ended.code, "expected stuck, got" in ended.err) == (1, True)
    ended = cli("sweep", "mine.yaml", "-q", "--runs", "9", "--workers", "1", "--policy", "policies.py:OURS")
    assert (ended.code, "expected stuck, got" in ended.err) == (1, True)


def test_a_policy_that_is_given_is_found_by_its_name_alone(cli: Any, mine: Path) -> None:
    file = expecting(mine, "expect: {ours: ok}\n")
    assert cli("run", file, *LATE, "-q", "--policy", "{policies}:MENDED").code == 0
    assert cli("run", file, *LATE, "-q", "--policy", "{policies}:MENDED", "--set", "expect.ours=stuck").code == 1
    ended = cli("run", file, "-q", "--policy", "{policies}:MENDED", "--policy", "{policies}:OURS")
    assert ended.code == 2
    assert "mine.yaml: expect.ours: found two policies of that name, " in ended.err
    # Not among the policies of the file: its name is one only where it is given.
    alone = ("run", INCIDENT, "-q", "--set", "expect={ours: stuck}")
    assert "found 'ours'; allowed: pre3427" in cli(*alone).err
    assert cli(*alone, "--policy", "pr3766").err == f"{UNSAID}\n"
    assert "did you mean 'ours'?" in cli(*alone, "--set", "expect.our=ok", "--policy", "{policies}:OURS").err
    assert "did you mean 'pr3427'?" in cli(*alone, "--set", "expect.pr3428=ok", "--policy", "pr3766").err
    ended = cli(*alone, "--policy", "{policies}:OURS")
    assert (ended.code, "expected stuck, got false_failure" in ended.err) == (1, True)
    assert cli("window", ONE, "--policy", "{policies}:OURS", "-q", "--set", "expect={ours: stuck}").code == 0


def test_whoever_leaves_the_name_of_a_shipped_policy_has_nothing_expected(cli: Any) -> None:
    ended = cli("run", INCIDENT, "-q", "--policy", "{policies}:UNNAMED")
    assert (ended.code, ended.err) == (0, f"{UNSAID}\n")


def test_some_without_expectation_are_named(cli: Any, mine: Path) -> None:
    file = expecting(mine, "expect: {ours: ok}\n")
    assert cli("run", file, "-q").err == UNSAID.replace(":", " of pre3427:") + "\n"
    ended = cli("run", file, INCIDENT, "-q", "--policy", "pre3427")
    assert ended.err == UNSAID.replace(":", " of pre3427 in mine:") + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("expect: {our: ok}", "expect.our: found 'our'; allowed: pre3427,"),
        ("expect: {our: ok}", "did you mean 'ours'?"),
        (
            "expect: {ours: ok, 'policies.py:OURS': ok}",
            "'policies.py:OURS' again; allowed: each policy once",
        ),
        (
            "policies: [policies.py:UNNAMED]\nexpect: {pre3427: ok}",
            "'pre3427', the name of the shipped",
        ),
        (
            "policies: ['policies.py:OURS', 'policies.py:MENDED']\nexpect_explore: {ours: ok}",
            "expect_explore.ours: found 'ours', the name of policies.py:OURS and of policies.py:MENDED;",
        ),
    ],
)
def test_an_expectation_of_nobody_or_of_two_is_refused(cli: Any, mine: Path, text: str, message: str) -> None:
    head = SCENARIO if not text.startswith("policies") else SCENARIO.replace("policies: [", "# policies: [")
    (mine / "mine.yaml").write_text(head + text)
    ended = cli("run", "{mine}")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_policy_that_cannot_be_read_is_one_problem_not_two(cli: Any, mine: Path) -> None:
    (mine / "policies.py").write_text("raise ValueError")
    lines = cli("run", "{mine}", "--set", "verdicts=[]", "--set", "expect={ours: ok}").err.splitlines()
    assert [": policies[1]: " in line for line in lines] == [True]


def test_json_says_what_was_expected(cli: Any, mine: Path) -> None:
    file = expecting(mine, "expect: {ours: ok}\nexpect_explore: {ours: [ok, stuck, false_failure, again]}\n")
    (bug, ours) = json.loads(cli("run", file, "--json", "-", *LATE).out)["runs"]
    assert [(each["expected"], each["as_expected"]) for each in (bug, ours)] == [(None, None), (["ok"], False)]
    all_of = ["again", "false_failure", "ok", "stuck"]
    for more, as_expected in ([], False), (["--timed"], True), (["--max-states", "9"], None):
        found = json.loads(cli("explore", file, "--json", "-", *more).out)["explorations"]
        assert [(each["expected"], each["as_expected"]) for each in found] == [(None, None), (all_of, as_expected)]
    document = json.loads(cli("sweep", file, "--runs", "9", "--workers", "1", "--json", "-").out)
    assert document["expectations"] == [
        {"policy": "pre3427", "expected": None, "as_expected": None},
        {"policy": "ours", "expected": all_of, "as_expected": True},
    ]


# -- a run of a sweep --------------------------------------------------------------------------


def test_the_command_that_a_sweep_prints_shows_the_run(cli: Any, mine: Path) -> None:
    options = ("--policy", "{policies}:OURS", "--policy", "pr3766", "--verdict", "{policies}:AGAIN")
    faults = "faults=[{slow: {operation: redis.enqueued_count, delay: 9 ms, probability: 30%}}]"
    sweep = (
        "sweep", "{mine}", "--runs", "40", "--workers", "1", *options, "--set", faults, "--set", "seed=7",
        "--set", "verdicts=[]", "--set", "policies=[pre3427]", "--vary", "items.execution=20 ms..3 s:2",
        "--set", "expect={ours: ok}",
        "--vary", "faults.0.slow.delay=1 ms..20 ms:2",
    )  # fmt: skip
    examples = json.loads(cli(*sweep, "--json", "-").out)["examples"]
    printed = [line.split(maxsplit=1) for line in cli(*sweep).out.splitlines() if " batchsim run " in line]
    assert [(each["verdict"], each["command"]) for each in examples] == [tuple(line) for line in printed]
    assert {each["verdict"] for each in examples} == {"ok", "false_failure", "again"}
    for each in examples:
        words = shlex.split(each["command"])
        assert words[:2] == ["batchsim", "run"]
        document = json.loads(cli(*words[1:], "--json", "-").out)
        assert each["verdict"] in document["runs"][0]["verdicts"]
        assert (document["run"], document["point"]) == (each["run"], each["point"])
    # As it stands, in a shell.
    shell = f'batchsim() {{ {shlex.quote(sys.executable)} -m batchsim "$@"; }}; {examples[0]["command"]}'
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ended.returncode, "false_failure" in ended.stdout) == (0, True), ended.stderr
    assert "see every step: batchsim run" in ended.stdout


def test_own_policies_of_the_scenario_are_named_from_here(cli: Any, mine: Path) -> None:
    out = cli("sweep", "{mine}", "--runs", "30", "--workers", "1", "--set", "policies=['policies.py:OURS']").out
    (line,) = [line for line in out.splitlines() if line.startswith("false_failure ") and "batchsim run" in line]
    words = shlex.split(line)[2:]
    assert Path(words[-1].rpartition(":")[0]) == Path(os.path.normpath(mine / "policies.py"))
    again = cli(*words)
    assert "false_failure" in again.out
    (step,) = [line for line in again.out.splitlines() if "see every step: " in line]
    steps = cli(*shlex.split(step.partition("see every step: ")[2])[1:]).out
    assert "timeline of ours" in steps


def test_a_run_of_a_sweep_is_held_against_what_the_sweep_is(cli: Any) -> None:
    # `expect` is about the scenario's own seed.
    run = ("run", INCIDENT, "--run", "3", "--policy", "pre3427", "-q")
    assert (cli(*run).code, cli(*run).err) == (0, "")
    ended = cli(*run, "--set", "expect_explore.pre3427=stuck")
    assert (ended.code, ended.err) == (1, "incident, pre3427: expected stuck, got ok\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--at", "items.execution=1 s"], "--at: found no --run; allowed: only with it"),
        (["--run", "-1"], "-1 is not in the range x>=0"),
        (["--run", "1", "--at", "batch.itms=1"], "--at batch.itms=1: batch.itms: found the unknown key 'itms'"),
        (["--run", "1", "--at", "items.execution=soon"], "--at items.execution=soon: found 'soon'"),
    ],
)
def test_what_is_no_run_of_a_sweep_is_bad_input(cli: Any, options: list[str], message: str) -> None:
    ended = cli("run", INCIDENT, *options)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_a_report_says_how_it_was_made(cli: Any, tmp_path: Path) -> None:
    report = tmp_path / "report"
    cli("run", INCIDENT, "--run", "2", "--at", "items.execution=1 s", "-q", "--report", str(report))
    made = "Made by `batchsim run scenarios/incident.yaml --run 2 --at 'items.execution=1 s' --report report`"
    assert made in (report / "incident.md").read_text()
