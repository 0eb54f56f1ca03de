"""`batchsim window`: what it prints, its JSON, its exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from batchsim import POLICIES, Policy, Scenario, load_scenario, simulate, verdicts_of
from batchsim.cli.program import main
from batchsim.report.window import joined

pytestmark = pytest.mark.usefixtures("few_runs_of_a_window")

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


TIE = """
name: const
batch: {items: 3}
items: {upload: 1 s, execution: 20 s}
consumers: 2
policies: [pre3427]
latency:
  redis: 600 us
  postgres: 3 ms
  http: {request: 40 ms, response: 40 ms}
  operations:
    queue.take: {request: 0 us, response: 25 ms}
    redis.enqueued_count: {request: 30 ms, response: 300 us}
"""
FORMULA = (
    "take + get_meta + create_run + record + completion_update + schedule_completion + cleanup.request "
    "+ max(read_failures, read_runs) < enqueued_count.request + push.response"
)


@pytest.mark.parametrize(
    ("count_us", "at_means", "always", "told"),
    [
        (33_399, "closed", None, "33,700 us > 33,699 us"),
        (33_400, "either", False, "two steps fall on one instant: either may come first"),
        (33_401, "open", True, "33,700 us < 33,701 us"),
    ],
)
def test_constant_latencies_have_a_formula_and_strict_is_told_from_equal(
    count_us: int,
    at_means: str,
    always: bool | None,
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "tie.yaml").write_text(TIE)
    count = f"latency.operations.redis.enqueued_count.request={count_us} us"
    options = (str(tmp_path / "tie.yaml"), "--policy", "pre3427", "--set", count)
    assert run(*options, "--json", str(tmp_path / "w.json")) == 0
    out = capsys.readouterr().out
    assert (told in out, FORMULA in out, "always, within the intervals" in out) == (True, True, bool(always))
    window = json.loads((tmp_path / "w.json").read_text())["windows"][0]["window"]
    cases = window["cases"] or [window["nearest"]]
    assert (window["at_means"], window["slack_us"], bool(window["cases"])) == (
        at_means,
        count_us - 33_400,
        always is not None,
    )
    assert [(each["formula"], each["at_equality"], each["always"]) for each in cases[0]] == [
        (FORMULA, "either", bool(always))
    ]


def test_the_slack_at_the_means_is_not_all_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """At the means it is closed, and a good part of the runs fail all the same."""
    spread = "latency.operations.redis.enqueued_count.request={uniform: [20 ms, 42 ms]}"
    assert run(ONE, "--policy", "pre3427", "--set", spread) == 0
    out = capsys.readouterr().out
    assert "with all latencies at their means it does not occur: the window is closed, by" in out
    assert (
        "with other latencies within the intervals, each leg the same in all its uses: some give it, some do not"
        in out
    )


def test_what_no_run_draws_is_not_said_of_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It takes a count that is late, and whose answer is not; of a round trip a run draws both halves at once."""
    file = tmp_path / "halves.yaml"
    file.write_text(HALVES)
    assert verdicts_of_runs(load_scenario(file), POLICIES["pr3427"]) == {"ok"}
    assert run(str(file), "--policy", "pr3427") == 0
    out = capsys.readouterr().out
    assert (
        "with other latencies within the intervals, each leg the same in all its uses: some give it, some do not"
        in out
    )
    assert "runs draw" not in out


HALVES = """
name: halves
batch: {items: 1}
consumers: 1
items: {execution: 1 ms}
latency:
  {redis: 1 ms, postgres: 2 ms, http: 1 ms, operations:
    {queue.take: 0, redis.enqueued_count: {uniform: [1 ms, 40 ms]}, jobs.take_completion: 0}}
"""


def verdicts_of_runs(scenario: Scenario, policy: Policy) -> set[str]:
    traces = (simulate(replace(scenario, seed=seed), policy) for seed in range(200))
    return {verdict for trace in traces for verdict in verdicts_of(trace.outcome)}


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([1], ""),
        ([2], " all of these conditions hold"),
        ([1, 1], " one or more of these 2 cases hold"),
        ([1, 2], " one or more of these 2 cases hold, each with all of its conditions"),
    ],
)
def test_how_conditions_and_cases_are_joined_is_said(cases: list[int], said: str) -> None:
    assert joined(cases) == said


def test_conditions_that_have_to_hold_together_are_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("scenarios/tombstone.yaml", "--policy", "tombstone") == 0
    out = capsys.readouterr().out
    assert "beyond the intervals it occurs, for example, if all of these conditions hold\n    take" in out
    assert out.count("\n    and ") == 2


def test_a_verdict_that_never_occurs_is_proved_not_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(ONE, "--policy", "pr3766", "--class", "false_failure") == 0
    assert "false_failure never occurs: proved for all schedules" in capsys.readouterr().out


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
