"""`batchsim window --solve`: what it prints, its JSON, its witness, its exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from batchsim.cli.program import main
from tests.processes import wait_until_busy

TOMBSTONE = ("scenarios/tombstone.yaml", "--policy", "tombstone", "--solve", "tombstone.grace")
REAPER = (
    "scenarios/and-wait-two-hours.yaml",
    "--policy",
    "pr4397",
    "--solve",
    "latency.operations.jobs.take_expiry",
)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_witness_fails_with_a_microsecond_less(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("window", *TOMBSTONE, "--witness", str(tmp_path)) == 0
    (file,) = tmp_path.iterdir()
    assert f"replay it: batchsim replay {file}" in capsys.readouterr().out
    assert json.loads(file.read_text())["set"] == ["tombstone.grace=117600 us"]
    assert run("replay", str(file)) == 0
    assert "tombstone (alternative)   false_failure   ApiError(422)" in capsys.readouterr().out


def test_the_json_has_every_range(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    assert run("window", *TOMBSTONE, "--json", str(file), "--quiet") == 0
    document = json.loads(file.read_text())
    assert (document["schema"], document["policy"], document["windows"]) == (1, "tombstone", [])
    solution = document["solution"]
    assert (solution["smallest_us"], solution["always_from_us"], solution["complete"]) == (117_601, 117_601, True)
    assert solution["values"] == {"false_failure": [[0, 117_600]], "ok": [[0, None]]}
    assert solution["failing"]["value_us"] == 117_600
    assert solution["failing"]["witness"][-1]["at_us"] > 0


def test_the_name_of_a_parameter_works_wherever_a_field_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    explore = ("explore", TOMBSTONE[0], "--policy", "tombstone", "--timed", "--set")
    run(*explore, "tombstone.grace=117601 us")
    assert "proved for all latencies within these intervals: no verdict but ok" in capsys.readouterr().out
    run(*explore, "tombstone.grace=117600 us")
    assert "some latencies within these intervals give false_failure" in capsys.readouterr().out


def test_a_bound_makes_it_inconclusive(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("window", *REAPER, "--max-states", "50") == 3
    printed = capsys.readouterr().out
    assert "inconclusive: stopped at 50 zones (--max-states) before the answer" in printed
    assert "found so far" in printed
    assert "proved" not in printed


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (
            ("tests/golden/one.yaml", "--policy", "pr3766"),
            "with any X no latency within these intervals lets it fail",
        ),
        (
            ("tests/golden/one.yaml", "--policy", "pr3427", "--class", "stuck"),
            "with any X no latency within these intervals gives stuck",
        ),
        (
            ("scenarios/tombstone.yaml", "--policy", "pre3427"),
            "but with 2,400 us (2.4 ms) some let it fail; as with others",
        ),
        (
            ("tests/golden/one.yaml", "--policy", "pr3427"),
            "some let it fail; from 765,901 us (766 ms) on none does again",
        ),
    ],
)
def test_answers_of_every_kind(
    arguments: tuple[str, ...], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parameter = "latency.operations.redis.enqueued_count.request"
    assert run("window", *arguments, "--solve", parameter) == 0
    assert answer in capsys.readouterr().out.replace(parameter, "X")


def test_that_every_value_fails_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("window", "scenarios/tombstone.yaml", "--policy", "pre3427", "--solve", "tombstone.grace") == 0
    printed = capsys.readouterr().out
    assert "with every tombstone.grace some latencies within these intervals let it fail" in printed
    assert "no run under pre3427 depends on tombstone.grace" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*TOMBSTONE[:3], "--solve", "latency.redis"), "--solve latency.redis: found several lengths of redis."),
        ((*TOMBSTONE, "--class", "stuc"), "did you mean 'stuck'?"),
        ((*TOMBSTONE, "--set", "faults=[{lost_response: {attempt: 1}}]"), "faults: found some; allowed: none"),
        ((*TOMBSTONE[:3], "--witness", "w"), "--witness: found no --solve; allowed: only with it"),
        ((*TOMBSTONE, "--witness", "README.md"), "--witness README.md: found a file; allowed: a directory"),
    ],
)
def test_bad_input_is_one_message(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("window", *arguments) == 2
    assert message in capsys.readouterr().err


def test_an_interrupt_says_what_was_found() -> None:
    """Three runs of open lengths at once: a search of many seconds."""
    options = ("scenarios/incident.yaml", "--policy", "pre3427", "--solve", "items.execution")
    process = subprocess.Popen(
        [sys.executable, "-m", "batchsim", "window", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    wait_until_busy(process, cpu_s=2.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "inconclusive: interrupted before the answer" in out
    assert "interrupted: the exploration is incomplete" in err
    assert "Traceback" not in err
