"""`batchsim window`: what it prints, its JSON, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batchsim.cli.program import main

ONE = "tests/golden/one.yaml"
LATE_COUNT = "latency.operations.redis.enqueued_count.request=60 ms"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["window", *arguments])
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_json_says_when_it_fails(tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    options = ("--set", LATE_COUNT, "--set", "latency.operations.redis.enqueued_count.response=1 ms")
    assert run(ONE, "--policy", "pre3427", *options, "--json", str(file), "--quiet") == 0
    document = json.loads(file.read_text())
    assert (document["schema"], document["policy"]) == (1, "pre3427")
    (entry,) = document["windows"]
    assert (entry["verdict"], entry["why_none"]) == ("false_failure", None)
    window = entry["window"]
    (((condition,),), change) = window["cases"], window["smallest_change"]
    assert condition["formula"].endswith("< push.response + enqueued_count.request")
    assert condition["slack_us"] == condition["right_us"] - condition["left_us"] == window["slack_us"] > 0
    assert (abs(change["by_us"]), change["opens"]) == (window["slack_us"] + 1, False)


def test_a_verdict_that_never_occurs_is_proved_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ONE, "--policy", "pr3766", "--class", "false_failure") == 0
    assert "false_failure is never given: proved for all schedules" in capsys.readouterr().out


def test_no_failing_verdict_at_all_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ONE, "--policy", "pr3766") == 0
    assert "no schedule gives any verdict but ok" in capsys.readouterr().out


def test_a_bound_makes_it_inconclusive(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ONE, "--policy", "pre3427", "--max-states", "20") == 3
    assert "has no window: the exploration is not complete" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ONE, "--policy", "pre3427", "--class", "stuc"), "did you mean 'stuck'?"),
        ((ONE, "--policy", "pr9"), "--policy: found 'pr9'"),
        ((ONE,), "Missing option '--policy'"),
        (
            (ONE, "--policy", "pre3427", "--set", "faults=[{lost_response: {attempt: 1}}]"),
            "faults: found some; allowed: none",
        ),
    ],
)
def test_bad_input_is_one_message(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
