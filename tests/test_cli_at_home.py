"""The command line as somebody meets it who has just installed it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batchsim import load_scenario
from batchsim.cli import main
from batchsim.scenario import text_file
from batchsim.scenario.latencies import Constant, Legs, Uniform

ROOT = Path(__file__).parent.parent
ONE = "name: one\nbatch: {items: 1}\npolicies: [pr3766]\nexpect: {pr3766: ok}\n"


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def batchsim(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return Ended(int(str(ended.value.code)), captured.out, captured.err)

    return run


def test_by_itself_it_shows_its_help(batchsim: Any) -> None:
    ended = batchsim()
    assert (ended.code, ended.out, ended.err) == (0, batchsim("--help").out, "")


def test_in_an_environment_at_hand_they_go_by_their_names_too(batchsim: Any, monkeypatch: Any) -> None:
    installed = Path("venv/lib/batchsim/_scenarios").absolute()
    installed.mkdir(parents=True)
    (installed / "late.yaml").write_text(ONE.replace("one", "late"))
    monkeypatch.setattr("batchsim.scenario.shipped.shipped_directory", lambda: installed)
    ended = batchsim("sweep", "late", "--runs", "1", "--workers", "1")
    assert "sampled, 1 run of each policy, " in ended.out
    assert "\nok   batchsim run late --run 0 --policy pr3766\n" in ended.out
    ended = batchsim("check", "late", "--no-cache", "--set", "expect.pr3766=stuck")
    assert (ended.code, "  see it: batchsim run late --set " in ended.out) == (1, True)


def test_shipped_scenarios_need_no_path(batchsim: Any) -> None:
    ended = batchsim("run", "small-payloads", "--policy", "bug", "--json", "-")
    assert (ended.code, json.loads(ended.out)["runs"][0]["policy"]) == (0, "pre3427")
    Path("incident").write_text(ONE)
    assert "one\n" in batchsim("run", "incident").out  # a file of that name comes first
    assert re.search(r"^small-payloads +\S", batchsim("scenarios").out, re.MULTILINE)
    ended = batchsim("run", "small-payload")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.endswith("did you mean 'small-payloads'?\n")
    said = "no scenario of this name that is shipped; batchsim scenarios lists them"
    for command in (["run"], ["hammer"], ["report", "-o", "x"], ["findings", "--scenario"]):
        ended = batchsim(*command, "nosuch")
        assert (ended.code, said in ended.err) == (2, True), command


def test_a_folder_is_the_scenarios_in_it(batchsim: Any) -> None:
    Path("races/deep").mkdir(parents=True)
    for name in ("races/a.yaml", "races/deep/b.yml"):
        Path(name).write_text(ONE.replace("one", Path(name).stem))
    Path("races/ci.yaml").write_text("name: tests\non: push\n")
    ended = batchsim("run", "races")
    assert (ended.code, ended.out.splitlines()[2:4]) == (0, ["a          ok", "b          ok"])


def test_a_scenario_comes_by_standard_input(batchsim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(ONE.encode())))
    text_file._standard_input.cache_clear()
    assert batchsim("run", "-", "--quiet").code == 0
    assert batchsim("check", "-").err == (
        "-: found standard input, which workers cannot read; allowed: files and folders\n"
    )
    text_file._standard_input.cache_clear()


def test_five_answers_make_a_scenario_that_runs(batchsim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = "\n0\n4\n\n80 ms\n5\n5 s\n"  # wrong ones are asked for again
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    ended = batchsim("init", "mine.yaml")
    assert (ended.code, ended.out) == (0, "mine.yaml\nrun it: batchsim run mine.yaml\n")
    assert "found '0'; allowed: a whole number from 1 to 100000" in ended.err
    scenario = load_scenario("mine.yaml")
    assert (scenario.name, scenario.setting.run_count) == ("mine", 4)
    assert batchsim("run", "mine.yaml", "--quiet").code == 0
    before = Path("mine.yaml").read_text()
    assert batchsim("init", "mine.yaml", "--defaults").code == 2
    assert Path("mine.yaml").read_text() == before


def test_what_is_expected_in_comments_can_be_uncommented(batchsim: Any) -> None:
    batchsim("init", "--defaults")
    text = Path("race.batchsim.yaml").read_text()
    fields = ("expect:", "expect_timed:", "expect_explore:", "consumers:", "redis:", "postgres:", "operations:")
    for field in fields:
        assert f"# {field}" in text
        text = text.replace(f"# {field}", field)
    Path("race.batchsim.yaml").write_text(text)
    assert batchsim("explain", "race.batchsim.yaml").code == 0


def test_it_explains_every_value_and_where_it_comes_from(batchsim: Any) -> None:
    Path("s.yaml").write_text(
        "name: s\nbatch: {items: 1}\nlatency:\n  stream_end: 30 ms\n  postgres: 2 ms\npolicies: [pr3427]\n"
        "limits: {stream: {requests: 3, per: 1 min, others: 1}}\n"
    )
    ended = batchsim("explain", "s.yaml", "--set", "consumers=1", "--json", "-")
    values = {each["name"]: (each["value"], each["source"]) for each in json.loads(ended.out)["values"]}
    assert values["items"] == ("1", "line 2")
    assert values["consumers"] == ("1", "--set consumers=1")
    assert values["policies"] == ("pr3427 (first fix)", "line 6")
    assert values["seed"] == ("1", "default")
    assert values["calls at most"] == ("1", "default")
    assert values["limit of phase-2 requests"] == ("2 of this batch in a window of 1 min", "line 7")
    assert values["queue.take"] == ("0 us … 50 ms response", "default: the dispatch loop looks every 50 ms")
    assert values["redis.enqueued_count"] == ("30 ms request, 100 us … 500 us response", "line 4")
    assert values["postgres.create_run"] == ("2 ms round trip", "line 5 (latency.postgres)")
    assert values["redis.get_meta"] == ("200 us … 1 ms round trip", "default of redis")
    assert "how long it takes" in batchsim("explain", str(ROOT / "examples" / "chord.yaml")).out


def test_the_end_of_the_stream_has_a_name(batchsim: Any) -> None:
    Path("s.yaml").write_text("name: s\nbatch: {items: 1}\nlatency: {stream_end: {uniform: [20 ms, 80 ms]}}\n")
    found = load_scenario("s.yaml").latency_of("redis.enqueued_count")
    assert found == Legs(Uniform(20_000, 80_000), Uniform(100, 500))
    # Of one leg, by whichever of its names: what is asked for takes the place of what the file has.
    shorter = load_scenario("s.yaml", ["latency.operations.redis.enqueued_count.request=1 ms"])
    assert shorter.latency_of("redis.enqueued_count") == Legs(Constant(1000), Uniform(100, 500))
    ended = batchsim("run", "s.yaml", "--set", "latency.operations={redis.enqueued_count: 1 ms}")
    assert ended.code == 2
    assert "found redis.enqueued_count and latency.stream_end, which are the same leg; allowed: one" in ended.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_files_policies_and_fields(batchsim: Any, shell: str) -> None:
    assert f"_BATCHSIM_COMPLETE={shell}_complete" in batchsim("completion", shell).out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ex"], ["plain,explain", "plain,explore"]),
        (["run", "inc"], ["plain,incident", "file,inc"]),
        (["run", "x", "--policy", "pr3427_"], ["plain,pr3427_count_only", "file,pr3427_"]),
        (["run", "x", "--fail-on", "stuck,lost"], ["plain,stuck,lost_item"]),
        (["run", "x", "--set", "latency.st"], ["plain,latency.stream_end="]),
        (["run", "x", "--set", "latency.operations.queue.ta"], ["plain,latency.operations.queue.take="]),
    ],
)
def test_completion(words: list[str], expected: list[str]) -> None:
    environment = {
        **os.environ,
        "_BATCHSIM_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("batchsim", *words)),
        "COMP_CWORD": str(len(words)),
    }
    command = [sys.executable, "-m", "batchsim"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == expected
