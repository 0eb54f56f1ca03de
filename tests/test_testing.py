"""Assertions about scenarios, witnesses that became tests, and scenarios as tests of pytest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batchsim import InvalidScenario, load_scenario, sweep, window
from batchsim.cli import main
from batchsim.engines.exhaustive.search import Bounds
from batchsim.testing import (
    NotProved,
    OrderChanged,
    VerdictGiven,
    assert_gone,
    assert_never,
    assert_only,
    assert_proved,
)

ONE = """
name: one
batch: {items: 1}
policies: [pr3427, pr3766]
"""
FAILING = "given false_failure, must never be given false_failure"


@pytest.fixture
def one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text(ONE)
    return "one.yaml"


def test_a_failure_tells_the_story_the_margin_and_how_to_see_it_again(one: str) -> None:
    with pytest.raises(VerdictGiven) as failed:
        assert_never(one, "pr3427", "false_failure", within="all orders", witness="found")
    error, text = failed.value, str(failed.value)
    assert (error.scenario, error.policy, error.verdicts) == ("one", "pr3427", ("false_failure",))
    assert text.startswith(f"one, pr3427, all orders: {FAILING}\n")
    assert "it counted 0 of 1" in text
    assert "lost by" in text
    assert error.witness == Path("found/one-pr3427-false_failure.json")
    assert f"batchsim replay {error.witness} --timeline" in text
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(error.witness), "--quiet"])
    assert ended.value.code == 0


def test_it_is_asked_in_the_way_that_was_said(one: str) -> None:
    # The default latencies of one item exclude what some order gives.
    assert_never(one, "pr3427", "false_failure")
    assert_never(one, "pr3427", samples=20)
    assert_never(one, "pr3427", within="one run")
    assert_proved(one, "pr3766")
    assert_only(one, "pr3427", ["ok", "false_failure"], within="all orders")
    with pytest.raises(VerdictGiven, match="may be given only ok"):
        assert_only(load_scenario(one), "pr3427", "ok", within="all orders")


def test_of_many_runs_the_one_that_failed_is_run_again(one: str) -> None:
    slow = load_scenario(one, ["latency.operations={redis.enqueued_count: {request: 1 s}}"])
    with pytest.raises(VerdictGiven, match=r"batchsim run one\.yaml --run 0 --policy pre3427"):
        assert_never(slow, "pre3427", samples=3)


def test_a_bound_is_no_proof(one: str) -> None:
    with pytest.raises(NotProved) as failed:
        assert_proved(one, "pr3766", bounds=Bounds(10, None))
    assert failed.value.reason == "stopped at 10 states (--max-states)"


def test_without_its_fault_nothing_is_shown(one: str) -> None:
    late = load_scenario(one, ["faults=[{redeliver: {item: 0, at: 61 s}}]"])
    fault = r"fault 0 \(redelivery of item 0, from 61 s on\)"
    for how, told in (
        ({"within": "one run"}, "did not happen"),
        ({"samples": 2}, "happened in none of 2 runs"),
        ({"within": "intervals"}, "occurs in no schedule"),
    ):
        with pytest.raises(NotProved, match=f"{fault} {told}"):
            assert_never(late, "pr3427", "lost_item", **how)


def test_what_nobody_can_be_given_is_refused(one: str) -> None:
    for ask, field, found, hint in (
        (lambda: assert_never(one, "pr3427", "false_failur"), "verdict", "'false_failur'", "'false_failure'"),
        (
            lambda: window(load_scenario(one), "pr3427", "false_failur"),
            "verdict",
            "'false_failur'",
            "'false_failure'",
        ),
        (lambda: assert_never(one, "pr3428"), "policy", "'pr3428'", "'pr3427'"),
        (lambda: sweep(load_scenario(one), ["pr3428"], runs=1), "policies", "'pr3428'", "'pr3427'"),
        (
            lambda: assert_never("incidents"),
            "",
            "no file, and no scenario of this name that is shipped",
            "'incident'",
        ),
    ):
        with pytest.raises(InvalidScenario) as refused:
            ask()
        (problem,) = refused.value.problems
        assert (problem.field, problem.found, problem.hint) == (field, found, f"did you mean {hint}?")
        if any(frame.name == "_ask" for frame in refused.traceback):
            assert refused.traceback[-1].name == "_ask"  # nobody is shown where we found it out
    with pytest.raises(ValueError, match="proves nothing"):
        assert_proved(one, within="one run")


def test_a_shipped_scenario_goes_by_its_name_unless_there_is_a_file(one: str) -> None:
    assert_never("small-payloads", "pr3766", within="one run")
    assert load_scenario("incident", ["batch.items=1"]).name == "incident"
    Path(one).rename("incident")
    assert load_scenario(Path("incident")).name == "one"
    with pytest.raises(InvalidScenario, match="found an empty path"):
        load_scenario("")


def test_a_pinned_witness_fails_until_the_policy_is_mended(one: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(VerdictGiven) as failed:
        assert_never(one, "pr3427", within="all orders", witness="found")
    Path("tests").mkdir()
    for _ in range(2):  # pinned again, it is the same
        with pytest.raises(SystemExit) as ended:
            main(["pin", str(failed.value.witness)])
        assert ended.value.code == 0
    assert capsys.readouterr().out.endswith("run it: pytest tests/test_one_pr3427_false_failure.py\n")
    test: dict[str, Any] = {"__file__": str(Path("tests/test_one_pr3427_false_failure.py"))}
    exec(Path(test["__file__"]).read_text(), test)
    with pytest.raises(VerdictGiven, match="given false_failure still"):
        test["test_one_pr3427_false_failure"]()
    with pytest.warns(
        OrderChanged,
        match=r"pr3766 follows the order of the witness only in part: step 23 of 25, sdk\.backoff by sdk",
    ):
        assert_gone(str(failed.value.witness), "pr3766")
    Path(test["__file__"]).write_text("something else")
    with pytest.raises(SystemExit) as ended:
        main(["pin", str(failed.value.witness)])
    assert (ended.value.code, Path(test["__file__"]).read_text()) == (2, "something else")


def test_who_departs_from_an_order_is_judged_by_how_it_ends(one: str) -> None:
    """The steps of another fix, and the verdict is there still."""
    with pytest.raises(VerdictGiven) as failed:
        assert_never(one, "local_count", within="all orders", witness="found")
    with pytest.warns(OrderChanged), pytest.raises(VerdictGiven, match="given false_failure still"):
        assert_gone(str(failed.value.witness), "pre3427")


def test_scenarios_are_tests_of_pytest_one_for_each_policy(one: str, tmp_path: Path) -> None:
    expects = "expect: {pr3427: ok, pr3766: ok}\nexpect_explore: {pr3427: ok, pr3766: ok}\n"
    expects += "expect_timed: {pr3427: stuck}\n"
    Path("one.batchsim.yaml").write_text(f"{ONE}{expects}")
    Path("none.batchsim.yaml").write_text(ONE)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "2", "--strict-markers"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_PLUGINS"}
    ended = subprocess.run(
        [*command, "--batchsim-witness", "found"], env=environment, capture_output=True, text=True, check=False
    )
    assert "1 failed, 1 passed, 1 error" in ended.stdout, ended.stdout
    assert "none.batchsim.yaml: found nothing that is expected; allowed: expect, expect_rate" in ended.stdout
    assert "one.batchsim.yaml:6: one, pr3427, all orders: expected ok, got false_failure, ok" in ended.stdout
    assert "it counted 0 of 1" in ended.stdout
    assert "Traceback" not in ended.stdout
    found = {path.name for path in (tmp_path / "found").iterdir()}
    assert found == {"one-pr3427-false_failure.json", "one-pr3427-ok-timed.json"}


def test_a_policy_of_ones_own_is_called_by_its_name(one: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("fix.py").write_text(
        "from dataclasses import replace\n"
        "from batchsim import POLICIES\n"
        'MINE = replace(POLICIES["pr3766"], name="mine")\n'
    )
    Path("own.yaml").write_text(
        f"{Path(one).read_text()}expect: {{mine: stuck}}\n".replace("pr3427", "fix.py:MINE")
    )
    assert_proved("own.yaml", "mine")
    with pytest.raises(SystemExit) as ended:
        main(["run", "own.yaml", "--policy", "mine"])
    assert ended.value.code == 1  # so it is this one of which something is expected
    assert "mine: expected stuck, got ok" in capsys.readouterr().out
