"""Slips in a command line that was nearly right: one line that says what to write, and exit code 2."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from batchsim.cli import main

RACE = """\
name: race
batch: {items: 3}
items: {execution: 1 s}
policies: [pr3427, pr3766]
latency: {stream_end: 45 ms}
expect: {pr3766: ok}
"""
BOTH = "--policy pr3427 --policy pr3766"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (f"window race.yaml {BOTH}", "--policy: found pr3427, pr3766; allowed: one, as its window is its own"),
        (
            "window race.yaml --policy pr3427 --solve batch.items",
            "--solve batch.items: found no length; allowed: the length of",
        ),
        ("sweep race.yaml --vary latency.stream_end=1..2:3", "a duration has a unit, as in 1 ms..2 ms"),
        ("sweep race.yaml --vary latency.stream_end=1ms..2ms:1000000", "found 1000000 steps; allowed: 2 to 1000"),
        (
            "latencies l.csv",
            "of a CSV with several columns, --column: one of its names, and --unit: one of us, ms, s, ns",
        ),
        ("latencies l.csv --column ms", "allowed: a number; with a unit, or --unit: one of us, ms, s, ns"),
        (
            "calibrate spans.json --out c.yaml",
            "--out: found no --scenario; allowed: together with --scenario FILE",
        ),
        (
            "calibrate spans.json --scenario race.yaml",
            "--scenario: found no --out; allowed: together with --out OUT.yaml",
        ),
        ("check race.yaml --cache-dir l.csv", "--cache-dir l.csv: found l.csv, a file; allowed: a folder"),
        (
            "check race.yaml --cache-dir l.csv/below",
            "--cache-dir l.csv/below: found l.csv, a file; allowed: a folder",
        ),
        (
            "check race.yaml --cache-dir new --no-cache",
            "--cache-dir: found --no-cache, too; allowed: one of the two",
        ),
        ("init new.yaml", "standard input: found its end; allowed: an answer, or --defaults, which asks nothing"),
    ],
)
def test_a_slip_is_told_with_what_would_do(
    command: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    Path("race.yaml").write_text(RACE)
    Path("l.csv").write_text("op,ms\nredis.get,3\n")
    Path("spans.json").write_text("{}")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_said_of_each_value_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "race.yaml").write_text(RACE)
    with pytest.raises(SystemExit):
        main(["sweep", f"{tmp_path}/race.yaml", "--vary", "nosuch=1..2:2"])
    assert capsys.readouterr().err.count("found the unknown key 'nosuch'") == 1
