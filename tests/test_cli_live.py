"""Real servers and measured latencies on the command line, as a user has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batchsim.analysis import calibration, hammering
from batchsim.cli import main
from batchsim.engines.live import commands
from batchsim.engines.live.servers import EXTRA, missing_wheels
from batchsim.report.hammer_progress import HammerProgress

ROOT = Path(__file__).parent.parent
SCENARIO = """
name: three
batch: {items: 2}
items: {upload: 5 ms, execution: 50 ms}
latency:
  http: {request: 1 ms, response: 1 ms}
  operations:
    redis.enqueued_count: {request: {uniform: [0 ms, 60 ms]}}
    queue.take: {response: {uniform: [0 ms, 20 ms]}}
expect_explore: {pr3427: [ok, false_failure], pr3766: [ok]}
"""
needs_servers = pytest.mark.skipif(bool(missing_wheels()), reason=f"{missing_wheels()} not installed: {EXTRA}")


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def batchsim(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "three.yaml").write_text(SCENARIO)

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return Ended(int(str(ended.value.code)), captured.out, captured.err)

    return run


@pytest.fixture
def witness(batchsim: Any, tmp_path: Path) -> Path:
    memoryless = str(ROOT / "scenarios" / "memoryless.yaml")
    assert batchsim("explore", memoryless, "--policy", "pr3427", "--witness", "w", "-q").code == 0
    return sorted((tmp_path / "w").glob("*.json"))[0]


@needs_servers
def test_a_witness_is_taken_step_by_step(batchsim: Any, witness: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = batchsim("replay", str(witness), "--stores", "embedded", "--json", "out.json")
    assert ended.code == 0
    assert "on Valkey" in ended.out
    assert "answers and" in ended.out
    assert ended.out.strip().endswith("no difference")
    live = json.loads(Path("out.json").read_text())["live"]
    assert live["difference"] is None
    assert live["steps"] == live["answers"] > 10
    monkeypatch.setattr(commands.Commands, "sadd", lambda self, key, member: 1)
    ended = batchsim("replay", str(witness), "--stores", "embedded")
    assert ended.code == 1
    assert "first difference: step" in ended.out
    assert "in the model" in ended.out
    assert "on the servers   absent" in ended.out
    assert "first difference: step" in ended.err


@needs_servers
def test_batches_run_freely_and_their_latencies_can_be_used(
    batchsim: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "RUNS", 200)
    monkeypatch.setattr(calibration, "RESAMPLES", 2)
    monkeypatch.setattr(hammering, "RUNS_UNCALIBRATED", 50)
    words = ("--batches", "24", "--speed", "2", "--policy", "pr3427")
    ended = batchsim("hammer", "three.yaml", *words, "--calibrate", "out.yaml", "--json", "out.json")
    assert ended.code == 0, ended.err
    assert "the model explains 24 of 24" in ended.out
    assert "predicted" in ended.out
    (policy,) = json.loads(Path("out.json").read_text())["policies"]
    assert policy["explained"] == policy["batches"] == 24
    assert {"redis.record", "postgres.create_run"} <= {each["name"] for each in policy["operations"]}
    head = Path("out.yaml").read_text().splitlines()[:6]
    assert head[0] == "# Latencies measured by batchsim hammer three.yaml --policy pr3427 --speed 2"
    assert "Valkey" in head[2]
    for command in (("run", "out.yaml"), ("sweep", "out.yaml", "--runs", "5", "--workers", "1")):
        assert batchsim(*command, "--policy", "pr3427").code == 0


@needs_servers
def test_an_interrupt_is_told_as_one(batchsim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def goes_on(progress: HammerProgress, over: Any) -> bool:
        progress.was_interrupted = over() >= 1
        return not progress.was_interrupted

    monkeypatch.setattr(HammerProgress, "looks_at", goes_on)
    ended = batchsim("hammer", "three.yaml", "--speed", "5", "--policy", "pr3427", "--policy", "pr3766")
    assert ended.code == 130
    assert "interrupted: not all batches" in ended.err
    assert "exit code 0" not in ended.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("hammer", "three.yaml", "--redis", "redis://x"), "--redis: found without --postgres"),
        (("hammer", "three.yaml", "--stores", "embedded", "--redis", "redis://x"), "allowed: one of the two"),
        (("hammer", "three.yaml", "--calibrate", "x.txt"), "--calibrate: found x.txt; allowed: a file whose name"),
        (("hammer", "three.yaml", "--calibrate", "x.yaml"), "found 6 policies; allowed: one"),
        (
            ("hammer", "{root}/scenarios/lost-answer.yaml"),
            "faults: found 1; allowed on real servers without an order",
        ),
        (
            ("hammer", "three.yaml", "--redis", "redis://:secret@127.0.0.1:1", "--postgres", "postgresql://x/y"),
            "Redis: ",
        ),
        (("calibrate", "three.yaml"), "three.yaml:2:1: found no JSON"),
        (("calibrate", "spans.json", "--out", "x.yaml"), "--out: found no --scenario; allowed: together with"),
        (
            ("calibrate", "spans.json", "--scenario", "three.yaml", "--out", "x.txt"),
            "--out: found x.txt; allowed: a",
        ),
        (
            ("calibrate", "spans.json", "--scenario", "{root}/examples/chord.yaml", "--out", "x.yaml"),
            "a system of your own; allowed: a scenario of the batch",
        ),
        (("latencies", "three.yaml"), "three.yaml"),
        (("latencies", "missing.csv"), "missing.csv: found no readable file"),
        (("latencies", "three.yaml", "--where", "x"), "--where: found 'x'; allowed: NAME=TEXT"),
        (("run", "{root}/examples/chord.yaml", "--otlp", "x"), "--otlp: found"),
    ],
)
def test_what_is_wrong_is_one_message(batchsim: Any, words: tuple[str, ...], told: str) -> None:
    if "spans.json" in words:
        assert batchsim("run", "three.yaml", "--policy", "pr3427", "--otlp", "spans.json", "-q").code == 0
    ended = batchsim(*(word.format(root=ROOT) for word in words))
    assert ended.code == 2
    assert told in ended.err
    assert "Traceback" not in ended.err
    assert "secret" not in ended.err


def test_a_run_is_exported_as_spans_and_measured_again(batchsim: Any) -> None:
    assert batchsim("run", "three.yaml", "--otlp", "spans.json", "-q").code == 0
    ended = batchsim("calibrate", "spans.json", "--scenario", "three.yaml", "--out", "again.yaml")
    assert ended.code == 0, ended.err
    assert "cleanup before the count: " in ended.out
    assert "assumed: legs cannot be known" in ended.out
    assert batchsim("run", "again.yaml", "--policy", "pr3427", "-q").code == 0


def test_latencies_are_shown_as_they_are_understood(batchsim: Any) -> None:
    Path("pgbench_log").write_text("".join(f"0 {n} {1000 + n} 0 1175850568 {n}\n" for n in range(100)))
    ended = batchsim("latencies", "pgbench_log", "--json", "out.json")
    assert ended.code == 0
    assert ended.out.startswith("pgbench_log: pgbench log, column time, unit us, 100 values\nmin 1 ms")
    assert ended.out.strip().endswith("in a scenario: {empirical: pgbench_log}")
    assert json.loads(Path("out.json").read_text())["quantiles_us"]["max"] == 1099
    Path("mine.csv").write_text("5 ms\n1 ms\n")
    assert "a duration a line" in batchsim("latencies", "mine.csv").out


def test_the_clients_are_imported_only_where_they_are_asked_for() -> None:
    code = (
        "import sys, batchsim.cli.commands; print([m for m in ('redis', 'psycopg', 'simpy') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
