"""`batchsim explore --exact`: what it prints, its JSON, its exit codes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from batchsim.cli import main

ROOT = Path(__file__).parent.parent
MEMORYLESS = str(ROOT / "scenarios" / "memoryless.yaml")


def exit_code(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(("explore", MEMORYLESS, "--exact", *arguments))
    return int(str(ended.value.code))


def test_json_says_how_likely_each_outcome_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--policy", "pr3427", "--json", "-") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["exact"] is True
    (exploration,) = document["explorations"]
    assert exploration["complete"] is True
    likely = [each["probability"] for each in exploration["outcomes"] if each["verdicts"] == ["false_failure"]]
    assert exploration["verdicts"]["false_failure"] == pytest.approx(sum(likely))
    assert sum(each["probability"] for each in exploration["outcomes"]) == pytest.approx(1, abs=1e-12)


def test_a_bound_makes_it_inconclusive(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("--policy", "pr3427", "--max-states", "5000") == 3
    printed = capsys.readouterr().out
    assert "stopped at 5,000 states (--max-states)" in printed
    assert re.search(r"\nok .* at least 4[0-9.]+ %\n", printed)
    assert exit_code("--policy", "pr3766", "--max-states", "20") == 3
    assert "inconclusive: stopped at 20 states (--max-states), and nothing so far" in capsys.readouterr().out


def test_a_verdict_that_exploration_does_not_expect_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        exit_code("--policy", "pr3427", "--set", "expect_explore={pr3427: ok}", "--set", "policies=[pr3427]") == 1
    )
    assert "expected ok, got false_failure, ok" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reduce",), "--exact: allowed: neither --reduce nor --witness beside it"),
        (("--witness", "nowhere"), "--exact: allowed: neither --reduce nor --witness beside it"),
        (
            ("--set", "items.execution=3 ms"),
            "latency of run.finish: found constant, 3 ms; allowed: 0, or an expo",
        ),
        (("--set", "latency.redis=1 ms"), "yaml: latency: found 8 latencies of other kinds: redis."),
    ],
)
def test_bad_input_is_one_clear_message(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert exit_code(*arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""
