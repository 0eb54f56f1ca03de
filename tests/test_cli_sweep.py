"""`batchsim sweep` as a user runs it, kills it, and goes on."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.processes import processes_with
from tests.test_cli import INCIDENT, ROOT, batchsim, is_golden

__all__ = ["batchsim"]

VARY = "latency.operations.redis.enqueued_count.request=5 ms..45 ms:3"
OF_TWO = ("--policy", "pre3427", "--policy", "pr3766")


def test_shares_and_differences_are_a_table_each(batchsim: Any) -> None:
    ended = batchsim("sweep", INCIDENT, "--runs", "100")
    assert ended.code == 0
    assert is_golden(ended.out, "sweep_incident.txt")
    assert " 0 %" not in ended.out


def test_what_is_varied_is_a_row_for_each_point(batchsim: Any) -> None:
    ended = batchsim("sweep", INCIDENT, "--runs", "30", "--vary", VARY, "--workers", "1")
    assert ended.code == 0
    assert is_golden(ended.out, "sweep_incident_varied.txt")


def test_json_has_the_shape_of_the_contract(batchsim: Any) -> None:
    ended = batchsim("sweep", INCIDENT, "--runs", "30", *OF_TWO, "--vary", VARY, "--workers", "1", "--json", "-")
    document = json.loads(ended.out)
    assert document.keys() == {
        "schema",
        "scenario",
        "complete",
        "confidence",
        "sweep",
        "differences",
        "expectations",
        "examples",
        "warnings",
    }
    assert (document["schema"], document["scenario"], document["complete"]) == (1, "incident", True)
    assert [(cell["point"][VARY.partition("=")[0]], cell["policy"]) for cell in document["sweep"]] == [
        (value, policy) for value in ("5 ms", "25 ms", "45 ms") for policy in ("pre3427", "pr3766")
    ]
    for cell in document["sweep"]:
        assert cell.keys() == {"policy", "point", "runs", "verdicts", "faults"}
        assert cell["runs"] == 30
        assert {"ok", "false_failure", "stuck"} < cell["verdicts"].keys()
        for share in cell["verdicts"].values():
            assert share.keys() == {"count", "share", "low", "high", "first_run"}
            assert (share["first_run"] is None) == (share["count"] == 0)
            assert share["low"] <= share["share"] == share["count"] / 30 <= share["high"]
    for each in document["differences"]:
        assert each["low"] <= each["difference"] <= each["high"]
        assert each["difference"] == (each["only_policy"] - each["only_other"]) / each["runs"]


def test_exit_codes_say_whether_it_is_as_expected_and_narrow_enough(batchsim: Any) -> None:
    few = ("--runs", "40", "--workers", "1", "--quiet", "--policy", "pre3427")
    ended = batchsim("sweep", INCIDENT, *few, "--set", "expect_explore.pre3427=[ok]")
    assert (ended.code, ended.out) == (1, "")
    assert "incident, pre3427: expected ok, got false_failure, ok" in ended.err
    assert batchsim("sweep", INCIDENT, *few, "--until-width", "1%").code == 3
    assert batchsim("sweep", INCIDENT, *few, "--until-width", "50%").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--runs", "0"], "0 is not in the range x>=1"),
        (["--vary", "batch.items=1..x:2"], "--vary batch.items=1..x:2: found 'x'; allowed: a number with a unit"),
        (["--vary", "batch.itms=1..2:2"], "--vary batch.itms=1: batch.itms: found the unknown key 'itms'"),
        (["--until-width", "0.5"], "--until-width: found '0.5'; allowed: a percentage above 0 %"),
        (["--resume"], "--resume: found no --out"),
        (["--scheduler", "tcp://x:1"], "--scheduler: found --engine local"),
        (["--plot", "x.svg"], "--plot: found no --vary"),
        *(
            (
                ["--vary", VARY, "--plot", name],
                f"--plot {name}: found '{suffix}'; allowed: .svg, .png, or a name without",
            )
            for name, suffix in [
                ("x.gif", ".gif"),
                ("x.SVG", ".SVG"),
                ("x.of.mine", ".mine"),
                ("x.", "."),
                (".x.y", ".y"),
            ]
        ),
        (["--vary", VARY, "--plot", "none/x.svg"], "--plot none/x.svg: found no directory none"),
        (["--out", "none/x.sqlite"], "--out none/x.sqlite: found no directory none"),
        (["--out", "README.md"], "--out README.md: found a file; allowed: a new one, or --resume"),
        (["--out", "README.md", "--resume"], "--out README.md: file is not a database"),
        (["--policy", "pr99"], "--policy: found 'pr99'"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(batchsim: Any, arguments: list[str], message: str) -> None:
    ended = batchsim("sweep", INCIDENT, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_pictures_and_the_database_go_where_they_should(batchsim: Any, tmp_path: Path) -> None:
    few = ("--runs", "5", "--workers", "1", "--policy", "pre3427")  # which has a window
    arguments = ("sweep", INCIDENT, *few, "--vary", VARY, "--quiet")
    ended = batchsim(*arguments, "--plot", str(tmp_path / "curve"), "--out", str(tmp_path))
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curve.png", "curve.svg", "incident.sqlite"]


@pytest.mark.parametrize(
    ("field", "options", "why"),
    [
        (
            "batch.items=1..2:2",
            (),
            "no edge of a window for any policy: along batch.items more varies than latencies",
        ),
        (
            "latency.operations.redis.enqueued_count.request=90 ms..99 ms:2",
            ("--max-states", "99"),
            "no edge of a window for pre3427: the exploration is not complete: "
            "stopped at 99 states (--max-states)",
        ),
        (
            "latency.operations.redis.enqueued_count.request=90 ms..99 ms:2",
            (),
            "no edge of a window for pre3427: with mean latencies the window of false_failure is open everywhere",
        ),
    ],
)
def test_a_picture_without_the_edge_of_a_window_says_why(
    batchsim: Any, tmp_path: Path, field: str, options: tuple[str, ...], why: str
) -> None:
    arguments = ("sweep", INCIDENT, "--runs", "2", "--workers", "1", "--policy", "pre3427", "--vary", field)
    ended = batchsim(*arguments, *options, "--plot", str(tmp_path / "x.svg"))
    assert (ended.code, ended.err) == (0, f"--plot: {why}\n")
    assert (tmp_path / "x.svg").exists()


def test_help_names_every_option(batchsim: Any) -> None:
    assert is_golden(batchsim("sweep", "--help").out, "help_sweep.txt")


# -- ended from outside ------------------------------------------------------------------------


def begun(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "batchsim", "sweep", INCIDENT, *OF_TWO, "--workers", "2", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )


def wait_for_runs(database: Path) -> None:
    """Until the log of transactions holds some: the database itself is locked."""
    log = database.with_name(f"{database.name}-wal")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if log.exists() and log.stat().st_size > 40_000:
            return
        time.sleep(0.02)
    raise AssertionError("no runs within a minute")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killed_at_any_moment_it_goes_on_where_it_was(
    batchsim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "out.sqlite"
    monkeypatch.setenv("BATCHSIM_TEST_MARK", str(tmp_path))
    many = ("--runs", "1000000", "--out", str(database))
    kept, ends = [0], [0]
    for _ in range(2):
        process = begun(*many, *(("--resume",) if database.exists() and database.stat().st_size else ()))
        wait_for_runs(database)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        monkeypatch.delenv("BATCHSIM_TEST_MARK", raising=False)
        deadline = time.monotonic() + 20
        while processes_with(str(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert processes_with(str(tmp_path)) == []
        monkeypatch.setenv("BATCHSIM_TEST_MARK", str(tmp_path))
        connection = sqlite3.connect(database)
        ((runs, end),) = connection.execute(
            "SELECT sum(length(codes) / 2), max(first + length(codes) / 2) FROM record"
        ).fetchall()
        connection.close()
        assert runs > kept[-1]
        kept.append(runs)
        ends.append(end)
    runs = max(ends) + 50
    asked = ("sweep", INCIDENT, *OF_TWO, "--runs", str(runs), "--json", "-")
    resumed = batchsim(*asked, "--out", str(database), "--resume")
    assert resumed.code == 0
    assert resumed.out == batchsim(*asked, "--workers", "1").out


def test_an_interrupted_sweep_says_what_it_found(tmp_path: Path) -> None:
    database = tmp_path / "out.sqlite"
    process = begun("--runs", "1000000", "--out", str(database))
    wait_for_runs(database)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: the workers get it too
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "incomplete: sampled" in out
    assert "interrupted: the sweep is incomplete" in err
    assert "Traceback" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_worker_that_is_killed_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCHSIM_TEST_MARK", str(tmp_path))
    process = begun("--runs", "1000000", "--out", str(tmp_path / "out.sqlite"))
    wait_for_runs(tmp_path / "out.sqlite")
    # The youngest process is a worker.
    os.kill(max(processes_with(str(tmp_path))), signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "a worker ended abruptly" in err
    assert "Traceback" not in err


def test_bytes_depend_on_no_hash_seed_and_no_number_of_workers() -> None:
    outputs = {
        subprocess.run(
            [
                sys.executable,
                "-m",
                "batchsim",
                "sweep",
                INCIDENT,
                "--runs",
                "60",
                "--json",
                "-",
                "--workers",
                workers,
            ],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed, workers in (("1", "1"), ("4242", "2"))
    }
    assert len(outputs) == 1
