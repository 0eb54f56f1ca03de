"""`batchsim check`, as a CI and its users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from batchsim.cli import main

ONE = """name: one
batch: {items: 1}
policies: [pr3427, pr3766]
expect: {pr3427: ok, pr3766: ok}
expect_rate:
  pr3427: {false_failure: {at_most: 5 %}}
expect_timed: {pr3427: ok}
expect_explore:
  pr3427: [ok, false_failure]
"""
OWN = """name: own
batch: {items: 1}
policies: ["fix.py:MINE"]
latency: {operations: {redis.enqueued_count: {empirical: count.csv}}}
expect: {mine: ok}
"""
FIX = """from dataclasses import replace
from batchsim import POLICIES
from helper import NAME
MINE = replace(POLICIES["pr3766"], name=NAME)
"""
GATE = """name: gate
batch: {items: 1}
policies: ["fix.py:MINE"]
latency: {stream_end: 45 ms}
expect: {mine: ok}
"""
BY = """from dataclasses import replace
from batchsim import POLICIES
%s
MINE = replace(POLICIES[WHICH], name="mine")
"""


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(["check", "--workers", "1", *arguments])
        captured = capsys.readouterr()
        return Ended(int(str(ended.value.code)), captured.out, captured.err)

    return run


def test_everything_that_is_expected_is_one_table(check: Any) -> None:
    Path("one.yaml").write_text(ONE)
    ended = check()
    lines = [line.split("   ") for line in ended.out.splitlines()]
    rate = "false_failure < 0.37 %, ok > 99.63 %"
    assert [[cell.strip() for cell in line if cell.strip()] for line in lines] == [
        ["scenario", "policy", "asked", "expected", "got", "result"],
        ["one", "pr3427 (first fix)", "one run", "ok", "ok", "passed"],
        [
            "one",
            "pr3427 (first fix)",
            "many runs",
            "false_failure at most 5 %",
            rate,
            "passed",
        ],
        ["one", "pr3427 (first fix)", "within intervals", "ok", "ok", "passed"],
        ["one", "pr3427 (first fix)", "all orders", "false_failure, ok", "false_failure, ok", "passed"],
        ["one", "pr3766 (second fix)", "one run", "ok", "ok", "passed"],
        [],
        ["5 checks: 5 passed"],
    ]
    assert (ended.code, ended.err) == (0, "")
    assert check().out.endswith("5 checks: 5 passed; 5 known from an earlier run\n")
    assert check("--no-cache").out.endswith("5 checks: 5 passed\n")


def test_a_check_that_passed_without_its_fault_says_so(check: Any, monkeypatch: Any) -> None:
    late = ONE.replace("expect_timed: {pr3427: ok}\n", "faults: [{redeliver: {item: 0, at: 61 s}}]\n")
    Path("late.yaml").write_text(late[: late.index("expect_explore")])
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    never = "fault 0 (redelivery of item 0, from 61 s on)"
    once, often = f"{never} did not happen", f"{never} happened in none of 1,000 runs"
    for known in ("", "; 3 known from an earlier run"):
        ended = check("--json", "out.json")
        assert f"late.yaml:4: one, pr3427, one run: passed, but {once}\n" in ended.out
        assert f"late.yaml:6: one, pr3427, many runs: passed, but {often}\n" in ended.out
        assert (ended.code, ended.out.endswith(f"3 checks: 3 passed{known}\n")) == (0, True)
        assert [each["note"] for each in json.loads(Path("out.json").read_text())["checks"]] == [once, often, once]
        assert "many runs: passed, but fault 0" in Path("summary.md").read_text()


def test_what_is_not_expected_is_told_at_its_line_in_every_form(check: Any, monkeypatch: Any) -> None:
    Path("one.yaml").write_text(ONE.replace("pr3427: [ok, false_failure]", "pr3427: ok"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    ended = check("--junit", "junit.xml", "--sarif", "out.sarif", "--json", "out.json")
    told = "expected ok, got false_failure, ok"
    again = "batchsim explore one.yaml --policy pr3427"
    assert ended.code == 1
    assert f"one.yaml:9: one, pr3427, all orders: {told}\n  see it: {again}\n" in ended.out
    title = "title=batchsim%3A one%2C pr3427%2C all orders"
    assert ended.err == f"::error file=one.yaml,line=9,{title}::{told}%0A{again}\n"
    assert (
        f"- one.yaml:9: one, pr3427, all orders: expected ok, got false\\_failure, ok\n  `{again}`\n"
        in Path("summary.md").read_text()
    )
    suite = Xml.parse("junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("5", "1", "0")
    (result,) = json.loads(Path("out.sarif").read_text())["runs"][0]["results"]
    assert result["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "one.yaml"}, "region": {"startLine": 9}}}
    ]
    (wrong,) = (each for each in json.loads(Path("out.json").read_text())["checks"] if each["status"] == "failed")
    assert (wrong["field"], wrong["expected"], wrong["why"]) == ("expect_explore", ["ok"], told)


def test_timed_exploration_is_held_against_what_is_expected_of_it(
    check: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    for expected, code in (("ok", 0), ("[ok, false_failure]", 1)):
        Path("one.yaml").write_text(
            ONE.replace("expect_timed: {pr3427: ok}", f"expect_timed: {{pr3427: {expected}}}")
        )
        with pytest.raises(SystemExit) as ended:
            main(["explore", "one.yaml", "--timed", "--policy", "pr3427", "--quiet"])
        assert ended.value.code == code
    assert capsys.readouterr().err == "one, pr3427: expected false_failure, ok, got ok\n"


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (("at_most: 5 %", "at_least: 5 %"), 3, "0 of 50 runs (0 %), 95 % interval 0 % … 7.11 %"),
        (("at_most: 5 %", "at_least: 50 %"), 1, "expected at least 50 %"),
        (("policies", "seed: 2\npolicies"), 3, "not decided by 50 runs, more may do (--runs)"),
    ],
)
def test_a_rate_is_judged_by_its_interval(check: Any, change: tuple[str, str], code: int, told: str) -> None:
    Path("one.yaml").write_text(ONE.replace(*change))
    ended = check("--runs", "50", "--no-cache")
    assert (ended.code, told in ended.out) == (code, True), ended.out


def test_an_answer_is_known_until_anything_that_it_depends_on_changes(check: Any, monkeypatch: Any) -> None:
    monkeypatch.syspath_prepend(".")
    texts = {"own.yaml": OWN, "fix.py": FIX, "helper.py": 'NAME = "mine"\n', "count.csv": "1 ms\n"}
    for name, text in texts.items():
        Path(name).write_text(text)
    known = "1 check: 1 passed; 1 known from an earlier run\n"
    assert check().out.endswith("1 check: 1 passed\n")
    assert check().out.endswith(known)
    for name, text in texts.items():
        Path(name).write_text(f"{text}2 ms\n" if name.endswith(".csv") else f"{text}\n# more\n")
        assert check().out.endswith("1 check: 1 passed\n"), name
        assert check().out.endswith(known), name
    assert {each.name for each in Path(".batchsim_cache").iterdir()} >= {".gitignore", "CACHEDIR.TAG"}
    sys.modules.pop("helper")


@pytest.mark.parametrize(
    ("how", "files"),
    [
        ("from helper import WHICH", {"helper.py": "WHICH = '%s'"}),
        ("import ours.deep\nWHICH = ours.WHICH", {"ours/__init__.py": "WHICH = '%s'", "ours/deep.py": ""}),
        ("import importlib\nWHICH = importlib.import_module('helper').WHICH", {"helper.py": "WHICH = '%s'"}),
        (
            "from ours import reader\nWHICH = reader.WHICH",
            {
                "ours/which.txt": "%s",
                "ours/__init__.py": "",
                "ours/reader.py": "from pathlib import Path\nWHICH = Path('ours/which.txt').read_text()\n",
            },
        ),
    ],
    ids=["module", "package above it", "by name", "file that a module reads"],
)
def test_a_policy_that_is_broken_by_what_it_imports_or_reads_is_found_in_the_same_process(
    check: Any, monkeypatch: Any, how: str, files: dict[str, str]
) -> None:
    monkeypatch.syspath_prepend(".")
    Path("gate.yaml").write_text(GATE)
    Path("fix.py").write_text(BY % how)
    Path("ours").mkdir()
    changing = next(iter(files))
    for name, text in files.items():
        Path(name).write_text(text.replace("%s", "pr3766"))
    assert check().code == 0
    assert check().out.endswith("1 check: 1 passed; 1 known from an earlier run\n")
    Path(changing).write_text(files[changing].replace("%s", "pre3427"))
    assert check().code == 1
    Path(changing).write_text(files[changing].replace("%s", "pr3766"))
    assert check().code == 0


def test_what_is_edited_while_it_is_asked_is_asked_again(check: Any, monkeypatch: Any) -> None:
    from batchsim.checking import work

    def edited(question: Any) -> Any:
        good = Path("gate.yaml").read_text()
        Path("gate.yaml").write_text(good.replace("45 ms", "1 ms"))
        row = work_check(question)
        Path("gate.yaml").write_text(good + "# more\n")
        return row

    work_check = work.check
    Path("gate.yaml").write_text(GATE.replace("fix.py:MINE", "pre3427").replace("mine", "pre3427"))
    with monkeypatch.context() as editing:
        editing.setattr(work, "check", edited)
        check()
    Path("gate.yaml").write_text(Path("gate.yaml").read_text().replace("# more\n", ""))
    assert check().code == 1


def test_a_gate_cannot_stay_green_because_nothing_is_asked(check: Any) -> None:
    Path("one.yaml").write_text("name: one\nbatch: {items: 1}\n")
    Path("compose.yaml").write_text("name: app\nservices: {}\n")
    ended = check()
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("one.yaml: found nothing that is expected, so nothing can be checked; allowed: ")
    Path("one.yaml").unlink()
    assert check().err == ".: found no scenario in this folder; allowed: a folder with some, or a file\n"
    # Of some, but not of all: that is told, and no option silences it.
    Path("gate.yaml").write_text(ONE)
    Path("one.yaml").write_text("name: one\nbatch: {items: 1}\n")
    ended = check("--quiet", "--runs", "100", "--json", "checks.json")
    assert (ended.code, ended.err) == (0, "nothing is expected, so nothing is checked in one.yaml\n")
    assert json.loads(Path("checks.json").read_text())["warnings"] == [
        "one.yaml: nothing is expected, so nothing is checked"
    ]


@pytest.mark.parametrize("misspelt", ["nmae: one", '"name": one', "name: one\nbacth: {items: 1}"])
def test_a_scenario_with_a_misspelt_key_is_not_taken_for_somebody_elses_file(check: Any, misspelt: str) -> None:
    Path("gate.yaml").write_text(GATE.replace("fix.py:MINE", "pr3766").replace("mine", "pr3766"))
    Path("one.yaml").write_text(ONE.replace("name: one", misspelt).replace("ok, pr3766", "stuck, pr3766"))
    assert check("--runs", "50").code in (1, 2)


def test_what_is_expected_of_a_policy_that_is_not_listed_is_asked_too(check: Any) -> None:
    Path("fix.py").write_text(BY % "WHICH = 'pre3427'")
    Path("gate.yaml").write_text(
        GATE.replace('"fix.py:MINE"', "pr3766").replace("mine: ok", 'pre3427: ok, "fix.py:MINE": ok, pr3766: ok')
    )
    ended = check("--json", "-")
    found = {each["policy"]: each["status"] for each in json.loads(ended.out)["checks"]}
    assert (ended.code, found) == (1, {"pr3766": "passed", "pre3427": "failed", "mine": "failed"})
    # Who chooses policies is told of these alone.
    assert check("--set", "policies=[pr3766]").out.endswith("1 check: 1 passed\n")


def test_a_ci_shows_why_nothing_could_be_checked(check: Any, monkeypatch: Any) -> None:
    Path("gate.yaml").write_text(GATE)
    Path("fix.py").write_text("MINE = 1 / 0\n")
    Path("rate.yaml").write_text(ONE.replace("{false_failure: {at_most: 5 %}}", "{}"))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    ended = check("--junit", "j.xml", "--sarif", "s.sarif")
    assert ended.code == 2
    assert "::error file=gate.yaml,line=3,title=batchsim%3A cannot be checked::gate.yaml:3" in ended.err
    assert "::error file=rate.yaml,line=6,title=batchsim%3A cannot be checked::rate.yaml:6" in ended.err
    suites = Xml.parse("j.xml").getroot()
    assert [(each.get("name"), each.get("errors")) for each in suites] == [("gate.yaml", "1"), ("rate.yaml", "1")]
    (run,) = json.loads(Path("s.sarif").read_text())["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert [each["region"]["startLine"] for each in places] == [3, 6]
    assert "ZeroDivisionError" in Path("summary.md").read_text()
    ended = check("nowhere.yaml", "--junit", "j.xml", "--sarif", "s.sarif")
    assert ended.code == 2
    assert (
        "::error title=batchsim%3A cannot be checked::nowhere.yaml" in ended.err
        or "file=nowhere.yaml" in ended.err
    )


def test_a_repository_says_what_is_checked(check: Any, monkeypatch: Any) -> None:
    Path("races").mkdir()
    Path("races/one.yaml").write_text(ONE)
    Path("other.yaml").write_text("name: other\nbatch: {items: 0}\n")
    Path("pyproject.toml").write_text('[tool.batchsim]\npaths = ["races"]\nruns = 100\ncache-dir = "kept"\n')
    Path("races/deeper").mkdir()
    monkeypatch.chdir("races/deeper")
    ended = check("--json", "-")
    assert ended.code == 0
    assert {each["file"] for each in json.loads(ended.out)["checks"]} == {"../one.yaml"}
    assert Path("../../kept").is_dir()
    Path("../../pyproject.toml").write_text("[tool.batchsim]\nrun = 100\n")
    ended = check()
    assert ended.code == 2
    assert "tool.batchsim.run: found an unknown key; allowed: paths, runs" in ended.err


def test_watching_it_checks_again_when_anything_changes_that_the_answer_depends_on(tmp_path: Path) -> None:
    for name, text in {"gate.yaml": GATE, "fix.py": BY % "from helper import WHICH"}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "helper.py").write_text("WHICH = 'pr3766'\n")
    command = [sys.executable, "-m", "batchsim", "check", "--watch", "--workers", "1"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert "1 check: 1 passed\n" in iter(process.stdout.readline, "")
        (tmp_path / "helper.py").write_text("WHICH = 'pre3427'\n")
        assert "1 check: 1 failed\n" in iter(process.stdout.readline, "")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
