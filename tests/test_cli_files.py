"""Files as a user has them: never lost, never half, and nothing in their names acts."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copy
from typing import Any

import pytest

from batchsim.cli import main
from tests.report.test_visible import acts

ROOT = Path(__file__).parent.parent
INCIDENT = str(ROOT / "scenarios" / "incident.yaml")
ONE = str(ROOT / "tests" / "golden" / "one.yaml")
VARIED = ("--vary", "latency.operations.redis.enqueued_count.request=5 ms..45 ms:2")
SWEEP = ("sweep", INCIDENT, "--runs", "3", "--workers", "1")


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def batchsim(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capfd.readouterr()
        return Ended(int(str(ended.value.code)), captured.out, captured.err)

    return run


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


# -- what is not ours ------------------------------------------------------------------------------

FOLDERS = {
    "incident.md": ("run", INCIDENT, "--report"),
    "incident-pr3766.svg": ("run", INCIDENT, "--report"),
    "README.md": ("run", INCIDENT, "--report"),
    "pr3427-1-x.json": ("explore", ONE, "--policy", "pr3427", "--witness"),
    "pr3427-2-x.json": ("explore", ONE, "--timed", "--policy", "pr3427", "--witness"),
    "incident-worth-both.svg": ("worth", INCIDENT, "--runs", "1", "--report"),
    "findings.md": ("findings", "--policy", "pr4397", "--items", "1", "--consumers", "1", "--out"),
    "findings/pr4397.md": ("findings", "--policy", "pr4397", "--items", "1", "--consumers", "1", "--out"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_of_the_users_is_refused_before_any_work(
    batchsim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "d" / name).parent.mkdir(parents=True)
    (tmp_path / "d" / name).write_text("mine")
    for work in (
        "engines.timed.run._Run.__init__",
        "engines.exhaustive.search.Search.__init__",
        "engines.zones.search.ZoneSearch.__init__",
        "analysis.worth.worth_of",
        "analysis.findings.survey",
    ):
        monkeypatch.setattr(f"batchsim.{work}", None)
    ended = batchsim(*FOLDERS[name], "d")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"d/{name}: not written by batchsim; choose another folder, or remove it\n"
    assert contents(tmp_path) == {f"d/{name}": b"mine"}


@pytest.mark.parametrize("command", [FOLDERS["incident.md"], FOLDERS["pr3427-1-x.json"]])
def test_what_batchsim_wrote_is_written_again(batchsim: Any, tmp_path: Path, command: tuple[str, ...]) -> None:
    assert batchsim(*command, "d", "-q").code == 0
    before = contents(tmp_path)
    assert batchsim(*command, "d", "-q").code == 0
    assert contents(tmp_path) == before
    for each in before:
        assert re.search(rb'<!-- written by batchsim|"written_by": "batchsim"', before[each])


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "own.yaml", "--json", "own.yaml"),
        ("explore", "own.yaml", "--json", "link.yaml"),
        ("run", "own.yaml", "--policy", "own.py:MINE", "--json", "own.py"),
        ("sweep", "own.yaml", *VARIED, "--plot", "own.yaml.svg"),
        # Read because the scenario names it, not the command line.
        ("run", "leading.yaml", "--json", "own.py"),
        ("run", "leading.yaml", "--policy", "pr3427", "--json", "verdict.py"),
        ("explore", "leading.yaml", "--json", "own.py"),
        ("explore", "leading.yaml", "--timed", "--json", "own.py"),
        ("window", "leading.yaml", "--policy", "own.py:MINE", "--json", "verdict.py"),
        ("sweep", "leading.yaml", *VARIED, "--json", "times.csv"),
        ("sweep", "leading.yaml", *VARIED, "--plot", "times.csv.svg"),
        ("worth", "leading.yaml", "--json", "times.csv"),
    ],
)
def test_a_file_that_is_read_is_not_replaced(batchsim: Any, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    copy(ONE, tmp_path / "own.yaml")
    (tmp_path / "link.yaml").symlink_to("own.yaml")
    (tmp_path / "own.yaml.svg").hardlink_to(tmp_path / "own.yaml")
    (tmp_path / "own.py").write_text("from batchsim import POLICIES\nMINE = POLICIES['pr3427']\n")
    (tmp_path / "verdict.py").write_text(
        "from batchsim import Property\nNEVER = Property('never', 'No.', lambda outcome: False)\n"
    )
    (tmp_path / "times.csv").write_text("1 ms\n2 ms\n")
    (tmp_path / "times.csv.svg").hardlink_to(tmp_path / "times.csv")
    (tmp_path / "leading.yaml").write_text(
        "name: leading\nbatch: {items: 1}\nconsumers: 1\npolicies: [own.py:MINE]\nverdicts: [verdict.py:NEVER]\n"
        "latency: {redis: {empirical: times.csv}}\n"
    )
    before = contents(tmp_path)
    ended = batchsim(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith("found a file that is read; allowed: another one\n")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "x.svg", "--json", "x.svg"), "--out x.svg: found the file of --json; allowed: another one\n"),
        (
            (*VARIED, "--plot", "x.svg", "--json", "./x.svg"),
            "--plot x.svg: found the file of --json; allowed: another one\n",
        ),
    ],
)
def test_one_file_is_not_written_twice(
    batchsim: Any, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    ended = batchsim(*SWEEP, *options)
    assert (ended.code, ended.out, ended.err) == (2, "", message)
    assert contents(tmp_path) == {}


# -- places and disks ------------------------------------------------------------------------------


def loop(place: Path) -> None:
    place.symlink_to(place.name)


WRITING = {
    "run --json": ("run", ONE, "--json"),
    "run --report": ("run", ONE, "--report"),
    "replay --json": ("replay", "w.json", "--json"),
    "replay --report": ("replay", "w.json", "--report"),
    "explore --json": ("explore", ONE, "--policy", "pr3427", "--json"),
    "explore --witness": ("explore", ONE, "--policy", "pr3427", "--witness"),
    "timed --json": ("explore", ONE, "--timed", "--policy", "pr3427", "--json"),
    "timed --witness": ("explore", ONE, "--timed", "--policy", "pr3427", "--witness"),
    "window --json": ("window", INCIDENT, "--policy", "pr3766", "--json"),
    "sweep --json": (*SWEEP, "--json"),
    "sweep --plot": (*SWEEP, *VARIED, "--plot"),
    "sweep --out": (*SWEEP, "--out"),
    "worth --json": ("worth", INCIDENT, "--runs", "1", "--json"),
    "worth --report": ("worth", INCIDENT, "--runs", "1", "--report"),
    "findings --out": ("findings", "--out"),
    "policies --json": ("policies", "--json"),
}


@pytest.mark.parametrize("what", WRITING)
@pytest.mark.parametrize("place", ["loop", "n" * 300, "none/below", "file/below", "\x1b[31m/below", "other"])
def test_an_odd_place_is_one_line_that_names_it(batchsim: Any, tmp_path: Path, what: str, place: str) -> None:
    witness = {"schema": 1, "scenario": ONE, "set": [], "policy": "pr3427", "properties": [], "verdicts": []}
    (tmp_path / "w.json").write_text(json.dumps({**witness, "steps": []}))
    loop(tmp_path / "loop")
    (tmp_path / "file").write_text("")
    takes_a_file = what.endswith(("--json", "--plot", "sweep --out"))
    if place == "other":
        (tmp_path / "other").mkdir() if takes_a_file else (tmp_path / "other").write_text("")
        if what == "sweep --out":
            return
    if place.endswith("/below") and place != "file/below" and not takes_a_file:
        return
    if what == "sweep --plot":
        place = f"{place}.svg"
        loop(tmp_path / "loop.svg")
        (tmp_path / "other.svg").mkdir()
    ended = batchsim(*WRITING[what], place)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"{what.split()[1]} {place}".replace("\x1b", "\\x1b"))


FULL = """
import os, runpy, sys
def full(handle): raise OSError(28, "No space left on device")
os.fsync = full
sys.argv[0] = "batchsim"
from batchsim.cli import main
if __name__ == "__main__": main()
"""


@pytest.mark.parametrize(
    ("begins", "command"),
    [
        ("<!doctype html>", ("run", ONE, "--html")),
        ("scenario,", ("run", ONE, "--csv")),
        ("---\ntitle: ", ("run", ONE, "--policy", "pr3427", "--mermaid")),
        ("scenario,", ("explore", ONE, "--csv")),
        ("scenario,", (*SWEEP, "--csv")),
    ],
)
@pytest.mark.usefixtures("pages_in_short")
def test_a_dash_is_standard_output_where_one_text_is_written(
    batchsim: Any, tmp_path: Path, begins: str, command: tuple[str, ...]
) -> None:
    ended = batchsim(*command, "-")
    assert batchsim(*command, "file", "-q").code == ended.code == 0
    assert ended.out.lower().startswith(begins.lower())
    assert ended.out == (tmp_path / "file").read_text()
    assert contents(tmp_path).keys() == {"file"}


@pytest.mark.parametrize(
    ("option", "command"),
    [
        ("--perfetto", ("run", ONE)),
        ("--otlp", ("run", ONE)),
        ("--report", ("run", ONE)),
        ("--plot", (*SWEEP, *VARIED)),
        ("--out", SWEEP),
        ("--witness", ("explore", ONE)),
        ("--out", ("report", ONE)),
        ("--junit", ("check", ONE)),
        ("--csv", ("run", ONE, "--json", "-")),
    ],
)
def test_a_dash_is_no_name_of_a_file(batchsim: Any, tmp_path: Path, option: str, command: tuple[str, ...]) -> None:
    ended = batchsim(*command, option, "-")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"{option} -: found ")
    assert not contents(tmp_path)


@pytest.mark.parametrize("what", ["run --json", "run --report", "explore --witness", "sweep --json"])
def test_a_full_disk_loses_no_table(tmp_path: Path, what: str) -> None:
    (tmp_path / "full.py").write_text(FULL)
    command = [sys.executable, "full.py", *WRITING[what], "x"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (2, f"{what.split()[1]} x: No space left on device\n")
    assert "pr3427" in ended.stdout
    assert set(contents(tmp_path)) == {"full.py"}


def test_a_device_that_is_full_and_a_pipe_that_nobody_reads_are_one_line(batchsim: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ended = batchsim("run", INCIDENT, "--json", str(tmp_path / "pipe"))
    assert (ended.code, ended.out) == (2, "")  # before any work
    assert ended.err == f"--json {tmp_path / 'pipe'}: found a FIFO that nobody reads\n"
    ended = batchsim(*SWEEP, "--out", "/dev/null")
    assert (ended.code, ended.err) == (2, "--out /dev/null: found a device or a pipe; allowed: a file\n")
    ended = batchsim("run", INCIDENT, "--json", "/dev/full")
    assert (ended.code, ended.err) == (2, "--json /dev/full: No space left on device\n")
    assert "all 6 verdicts as the scenario expects" in ended.out


def test_a_pipe_that_somebody_reads_is_written_to(batchsim: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert batchsim("policies", "--json", str(tmp_path / "pipe")).code == 0
    with os.fdopen(reader) as stream:
        assert json.loads(stream.read())[0]["name"] == "pre3427"


def test_output_that_goes_into_a_file_may_be_named(tmp_path: Path) -> None:
    command = f"{sys.executable} -m batchsim run {ONE} --json /dev/stdout > out.txt"
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    table, _, document = (tmp_path / "out.txt").read_text().partition("{")
    assert "one-item" in table
    assert json.loads("{" + document)["scenario"] == "one-item"


def test_who_has_seen_enough_of_the_table_still_gets_the_files(tmp_path: Path) -> None:
    command = f"{sys.executable} -m batchsim run {ONE} --json out.json | true"
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert json.loads((tmp_path / "out.json").read_text())["scenario"] == "one-item"


# -- databases -------------------------------------------------------------------------------------


def executing(statement: str) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute(statement)
        connection.close()

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (executing("UPDATE record SET sets = '[]'"), "found a record that was damaged or edited"),
        (executing("UPDATE identity SET value = value || ' '"), "found what it is of that was damaged or edited"),
        (executing("PRAGMA user_version = 1"), "found format 1; allowed: format 2"),
        (lambda file: os.truncate(file, file.stat().st_size // 2), "malformed"),
        (lambda file: file.write_text("something else\n" * 400), "file is not a database"),
    ],
)
def test_a_database_that_was_edited_is_refused(batchsim: Any, tmp_path: Path, damage: Any, message: str) -> None:
    assert batchsim(*SWEEP, "--out", "x.sqlite", "-q").code == 0
    assert batchsim(*SWEEP, "--out", "x.sqlite", "-q", "--resume").code == 0
    damage(tmp_path / "x.sqlite")
    ended = batchsim(*SWEEP, "--out", "x.sqlite", "--resume")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("--out x.sqlite: ")
    assert message in ended.err


def test_a_database_that_takes_no_more_ends_the_sweep_with_what_is_known(
    batchsim: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from batchsim.analysis.sweep.storing import NotKept, Store

    add, calls = Store.add, []

    def full(store: Store, records: Any) -> None:
        calls.append(1)
        if len(calls) > 2:
            raise NotKept("--out x.sqlite: database or disk is full")
        add(store, records)

    monkeypatch.setattr(Store, "add", full)
    ended = batchsim("sweep", INCIDENT, "--runs", "100", "--workers", "1", "--out", "x.sqlite")
    assert (ended.code, ended.err) == (2, "--out x.sqlite: database or disk is full\n")
    assert re.search("incomplete: sampled, [0-9]+ runs of each policy", ended.out)


# -- names -----------------------------------------------------------------------------------------

ODD = 'name: "\u202e.abc[red]a[/red] :bomb: _x $y_{"\nsummary: "[/]\u202ex"\nbatch: {items: 1}\n'
"""What turns the direction of text around, and markup of Rich, Markdown and Matplotlib."""


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--report", "d"),
        ("run", "--json", "-"),
        ("explore", "--policy", "pr3427"),
        ("window", "--policy", "pr3427"),
        ("sweep", "--runs", "2", *VARIED, "--workers", "1", "--plot", "p.svg"),
        ("run", "--set", "expect.pr3427=stuck", "--policy", "pr3427", "-q"),
        ("explore", "--set", "expect_explore.pr3427=stuck", "--policy", "pr3427", "-q"),
    ],
)
@pytest.mark.usefixtures("few_runs_of_a_window")
def test_names_are_shown_and_never_act(batchsim: Any, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "odd.yaml").write_text(ODD)
    ended = batchsim(arguments[0], "odd.yaml", *arguments[1:])
    assert ended.code in (0, 1)
    shown = [ended.out, ended.err]
    shown += [each.decode() for name, each in contents(tmp_path).items() if name != "odd.yaml"]
    assert not any(acts(each) for each in shown)
    if "-q" not in arguments:
        assert "\\u202e.abc[red]a[/red] :bomb: _x $y_{" in ended.out


def test_names_of_files_and_options_never_act_either(batchsim: Any, tmp_path: Path) -> None:
    for arguments in (
        ("run", "\x1b[31m\u202e.yaml"),
        ("run", "\x1b[31m" * 60, "--json", "x"),
        ("run", ONE, "--policy", "\x1b[31m"),
        ("run", ONE, "--set", "\x1b[31m=\u202e"),
        ("run", ONE, "--\x1b[31m"),
        ("\x1b[31m",),
    ):
        ended = batchsim(*arguments)
        assert ended.code == 2
        assert not acts(ended.err)
        assert "\\x1b[31m" in ended.err


def test_a_witness_whose_text_is_none_is_refused(batchsim: Any, tmp_path: Path) -> None:
    batchsim("explore", ONE, "--policy", "pr3427", "--witness", "w", "-q")
    (file, *_) = sorted((tmp_path / "w").iterdir())
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "verdicts": ["\ud800"]}))
    ended = batchsim("replay", str(file), "--report", "d")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{file}: verdicts[0]: verdicts: found '\\ud800'; allowed: text\n"
    assert not (tmp_path / "d").exists()


# -- long chains -----------------------------------------------------------------------------------


def test_a_chain_of_a_thousand_items_is_as_short_as_what_happens_in_it(batchsim: Any, tmp_path: Path) -> None:
    text = "name: long\nsummary: A thousand items.\nbatch: {items: 1000}\npolicies: [pr3427]\n"
    (tmp_path / "long.yaml").write_text(text)
    ended = batchsim("run", "long.yaml", "--report", "d")
    assert len(ended.out.splitlines()) < 30
    assert re.search(r"┌ redis.get_meta × 998 +612 ms", ended.out)
    assert re.search(r"together +1.79 s +together +9.39 s", ended.out)
    page = (tmp_path / "d" / "long.md").read_text()
    assert "left out" not in page.partition("### The race")[2].partition("---\n\nMade by")[0]
    assert "| └ `queue.push` request × 998 | 287.454 ms | 1.784818 s |" in page
