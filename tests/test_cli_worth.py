"""`batchsim worth` as a user runs it, and stops it."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from batchsim.analysis.worth import Question
from batchsim.report.sweep_progress import SweepProgress
from tests.commands import command
from tests.test_cli import batchsim, is_golden

__all__ = ["batchsim"]

ROOT = Path(__file__).parent.parent
LATE = "tests/golden/timed.yaml"
OF_TWO = ("--policy", "pre3427", "--policy", "pr3427")
FEW = ("--delay", "10 ms..1 s:2", "--execution", "10 ms..1 s:2", "--runs", "20", "--workers", "1", *OF_TWO)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report, and what is in it as JSON."""
    folder = tmp_path_factory.mktemp("worth")
    ended = command(["worth", LATE, *FEW, "--report", f"{folder}/r", "--json", f"{folder}/worth.json", "-q"], ROOT)
    assert ended == (0, "", "nothing was expected of pre3427: exit code 0 says only that it came to its end\n")
    return folder


def test_json_has_the_shape_of_the_contract(made: Path) -> None:
    document = json.loads((made / "worth.json").read_text())
    parts = {"own": 1, "over_delay": 2, "over_execution": 2, "over_both": 4}
    assert document.keys() == {
        *("schema", "scenario", "complete", "confidence", "against", "costs", "executions", "worth", "warnings"),
        *parts,
    }
    assert (document["schema"], document["complete"], document["against"]) == (1, True, "pre3427")
    for name, points in parts.items():
        assert document[name].keys() == {"sweep", "differences"}
        assert [cell["policy"] for cell in document[name]["sweep"]] == ["pre3427", "pr3427"] * points
    own, *others = document["executions"]
    assert [each["point"] for each in (own, *others)] == [
        {},
        {"items.execution": "10 ms"},
        {"items.execution": "1 s"},
    ]
    assert own.keys() == {
        *("point", "runs", "late", "read_us", "completed_us", "read_completed", "retries", "ends"),
        *("proved_alike", "borders", "sooner"),
    }
    assert own["late"] == sum(own["ends"].values()) <= own["runs"] == 20
    assert own["read_us"]["least"] <= own["read_us"]["median"] <= own["read_us"]["most"]
    assert own["proved_alike"] == ["pr3427"]
    assert own["sooner"] is None  # one item: no earlier child run
    assert own["borders"] == [{"policy": "pr3427", "least_delay_us": 700_000, "is_reached": True}]
    (worth,) = document["worth"]
    assert (worth["policies"], worth["effect"], worth["proved_alike"]) == (["pr3427"], "nothing", True)
    assert {each["check"] for each in worth["otherwise"]} == {"on_count_mismatch"}
    assert worth["otherwise"][0]["row"].startswith("COMPLETED, not sealed")


def test_the_report_goes_beside_the_others_which_link_to_it(batchsim: Any, made: Path) -> None:
    folder = made / "r"
    pictures = [f"late-count-worth-{what}.svg" for what in ("both", "delay", "execution")]
    assert sorted(path.name for path in folder.iterdir()) == [*pictures, "late-count-worth.md"]
    page = (folder / "late-count-worth.md").read_text()
    assert all(f"]({picture})" in page for picture in pictures)
    command = "batchsim worth scenarios/timed.yaml --delay '10 ms..1 s:2' --execution '10 ms..1 s:2' --runs 20"
    assert f"Made by `{command} --report {folder.name}`" in page
    assert batchsim("run", LATE, "--report", str(folder), "--quiet").code == 0
    link = "](late-count-worth.md)"
    assert link in (folder / "late-count.md").read_text()
    assert link in (folder / "README.md").read_text()


def test_without_that_page_nothing_links_to_it(batchsim: Any, tmp_path: Path) -> None:
    assert batchsim("run", LATE, "--report", str(tmp_path), "--quiet").code == 0
    assert "worth" not in (tmp_path / "late-count.md").read_text() + (tmp_path / "README.md").read_text()


def test_a_verdict_that_was_excluded_is_exit_code_1(batchsim: Any) -> None:
    ended = batchsim("worth", LATE, *FEW, "--quiet", "--set", "expect_explore.pr3427=[ok]")
    assert (ended.code, ended.out) == (1, "")
    assert "late-count, pr3427: expected ok, got false_failure, ok" in ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([LATE, "--runs", "0"], "0 is not in the range x>=1"),
        ([LATE, "--delay", "1 ms"], "--delay 1 ms: found no axis; allowed: A..B:STEPS, such as 1 ms"),
        ([LATE, "--delay", "1 ms..x:2"], "--delay 1 ms..x:2: found 'x'; allowed: a number with a unit"),
        ([LATE, "--execution", "1..2:2"], "--execution 1..2:2: found numbers; allowed: durations"),
        ([LATE, "--policy", "pr99"], "--policy: found 'pr99'"),
        ([LATE, "--report", "README.md"], "--report README.md: found a file"),
        (["scenarios/small-payloads.yaml"], "latency.operations.redis.enqueued_count: found one round trip"),
        (["none.yaml"], "none.yaml"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(batchsim: Any, arguments: list[str], message: str) -> None:
    ended = batchsim("worth", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_ctrl_c_shows_what_was_found_and_writes_no_page(
    batchsim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = SweepProgress.watch

    def pressed(progress: SweepProgress, known: int, total: int) -> bool:
        if known > total // 2 and not progress.was_interrupted:
            signal.raise_signal(signal.SIGINT)
        return watch(progress, known, total)

    monkeypatch.setattr(SweepProgress, "watch", pressed)
    ended = batchsim("worth", LATE, *FEW, "--report", str(tmp_path / "new"))
    assert ended.code == 130
    assert "incomplete: sampled, up to 20 runs" in ended.out
    assert "pairs of a delay and an execution" not in ended.out  # of pairs nothing was run
    assert "interrupted: what each fix is worth is incomplete, and no report was written" in ended.err
    assert not (tmp_path / "new").exists()


def test_help_names_every_option_and_its_default(batchsim: Any) -> None:
    told = batchsim("worth", "--help").out
    assert is_golden(told, "help_worth.txt")
    usual = Question()
    assert all(f"({value})" in " ".join(told.split()) for value in (usual.delay, usual.execution, usual.runs))
