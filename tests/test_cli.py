"""The program as a user runs it: arguments in, text, files and an exit code out."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batchsim.cli import main
from batchsim.cli.commands import NAMES
from tests.processes import wait_until_busy

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"
INCIDENT = "scenarios/incident.yaml"

OWN_CODE = """
from dataclasses import replace
from batchsim import POLICIES, Decision, Property
TRUSTING = replace(POLICIES["pre3427"], name="trusting", on_count_mismatch=lambda row: Decision.OK)
FAILING = replace(POLICIES["pre3427"], name="failing", on_count_mismatch=lambda row: row.nonsense)
LEAVING = replace(POLICIES["pre3427"], name="leaving", on_count_mismatch=lambda row: exit(0))
LIMITED = replace(POLICIES["pre3427"], name="limited", ingest_concurrency=0)
NAMELESS = replace(POLICIES["pre3427"], name="two\\nlines")
SAME = Property("false_failure", "As another.", lambda outcome: True)
SLOPPY = replace(POLICIES["pre3427"], name="sloppy", on_count_mismatch=lambda row: True)
PATIENT = Property("patient", "More than three attempts.", lambda outcome: outcome.call.attempts > 3)
"""


class Ended:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err


@pytest.fixture
def batchsim(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(ROOT)

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        captured = capsys.readouterr()
        return Ended(int(str(ended.value.code)), captured.out, captured.err)

    return run


@pytest.fixture
def own_code(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(OWN_CODE)
    return path


def is_golden(text: str, name: str) -> bool:
    path = GOLDEN / name
    if os.environ.get("BATCHSIM_REWRITE_GOLDEN"):
        path.write_text(text)
    return text == path.read_text()


def test_one_scenario_is_a_table_and_the_stories_of_what_failed(batchsim: Any) -> None:
    ended = batchsim("run", INCIDENT)
    assert ended.code == 0
    assert is_golden(ended.out, "run_incident.txt")


def test_timeline_shows_every_step_and_marks_the_decisive_ones(batchsim: Any) -> None:
    ended = batchsim("run", INCIDENT, "--policy", "pre3427", "--timeline")
    assert is_golden(ended.out, "run_incident_timeline.txt")
    marked = [line for line in ended.out.splitlines() if line.startswith("> ")]
    assert any("redis.enqueued_count" in line for line in marked)
    assert any("redis.cleanup" in line for line in marked)


def test_several_scenarios_are_a_matrix(batchsim: Any) -> None:
    ended = batchsim("run", INCIDENT, "scenarios/race-won.yaml", "scenarios/tombstone.yaml")
    assert ended.code == 0
    assert is_golden(ended.out, "run_matrix.txt")


def test_json_has_the_shape_of_the_contract(batchsim: Any) -> None:
    ended = batchsim("run", INCIDENT, "--policy", "pre3427", "--json", "-")
    document = json.loads(ended.out)
    assert document.keys() == {"schema", "scenario", "seed", "warnings", "runs"}
    assert (document["schema"], document["scenario"], document["seed"]) == (1, "incident", 1)
    (run,) = document["runs"]
    assert run["policy"] == "pre3427"
    assert run["verdicts"] == ["false_failure"]
    assert run["client"].keys() == {"result", "status", "attempts", "answers", "at_us"}
    assert (run["client"]["result"], run["client"]["status"], run["client"]["attempts"]) == ("ApiError", 422, 5)
    assert [(a["status"], a["sealed"]) for a in run["client"]["answers"]] == [
        (200, False),
        (500, None),
        (500, None),
        (500, None),
        (422, None),
    ]
    assert run["client"]["answers"][-1]["at_us"] == run["client"]["at_us"]
    assert run["batch"] == {"status": "COMPLETED", "sealed": False, "processing_completed": True}
    assert (run["runs_created"], run["runs_total"], run["leaked_keys"]) == (3, 3, [])
    at = {step["operation"]: step["at_us"] for step in reversed(run["steps"])}
    assert run["margin_us"] == at["redis.cleanup"] - at["redis.enqueued_count"] < 0
    assert all(step.keys() == {"at_us", "actor", "operation", "answer"} for step in run["steps"])


def test_json_of_several_scenarios_is_a_list(batchsim: Any, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    ended = batchsim("run", INCIDENT, "scenarios/race-won.yaml", "--json", str(file), "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert [document["scenario"] for document in json.loads(file.read_text())] == ["incident", "race-won"]


def test_a_verdict_that_was_not_expected_is_exit_code_1(batchsim: Any) -> None:
    ended = batchsim("run", INCIDENT, "--set", "expect.pr3427=ok")
    assert ended.code == 1
    assert "incident, pr3427: expected ok, got false_failure" in ended.out


def test_set_and_seed_override_the_file(batchsim: Any) -> None:
    ended = batchsim("run", INCIDENT, "--set", "batch.items=2", "--seed", "7", "--json", "-")
    document = json.loads(ended.out)
    assert document["seed"] == 7
    assert {run["runs_total"] for run in document["runs"]} == {2}


def test_policies_and_verdicts_of_your_own(batchsim: Any, own_code: Path) -> None:
    ended = batchsim("run", INCIDENT, "--policy", f"{own_code}:TRUSTING", "--policy", "pre3427", "--json", "-")
    assert [run["verdicts"] for run in json.loads(ended.out)["runs"]] == [["ok"], ["false_failure"]]
    ended = batchsim("run", INCIDENT, "--policy", "pr3427", "--verdict", f"{own_code}:PATIENT", "--json", "-")
    assert json.loads(ended.out)["runs"][0]["verdicts"] == ["false_failure", "patient"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "scenarios/none.yaml"], "scenarios/none.yaml: found no readable file"),
        (
            ["explore", "scenarios"],
            "scenarios: found a folder; allowed: a file (run, report and check take folders)",
        ),
        (
            ["report", "frontend/src", "-o", "nowhere"],
            "frontend/src: found no scenario in this folder; allowed: a",
        ),
        (
            ["run", INCIDENT, "--set", "batch.itms=3"],
            "--set batch.itms=3: batch.itms: found the unknown key 'itms'",
        ),
        (["run", INCIDENT, "--set", "batch.items=0"], "allowed: a whole number from 1 to 100000"),
        (["run", INCIDENT, "--seed", "-1"], "allowed: a whole number from 0 to 18446744073709551615"),
        (["run", INCIDENT, "--seed", "x"], "'x' is not a valid integer"),
        (["run", INCIDENT, "--policy", "pr376"], "--policy: found 'pr376'; allowed: pre3427"),
        (["run", INCIDENT, "--policy", "pr376"], "did you mean 'pr3766'?"),
        (["run", INCIDENT, "--policy", "{own}:NONE"], "it has TRUSTING, FAILING, LEAVING, LIMITED, NAMELESS"),
        (["run", INCIDENT, "--policy", "{own}:FAILING"], "raised AttributeError"),
        (["run", INCIDENT, "--policy", "{own}:LEAVING"], "raised SystemExit"),
        (["run", INCIDENT, "--policy", "{own}:LIMITED"], "ingest_concurrency: found 0; allowed: a whole number"),
        (["run", INCIDENT, "--policy", "{own}:NAMELESS"], "name: found 'two\\nlines'; allowed: one line of text"),
        (["run", INCIDENT, "--verdict", "{own}:SAME"], "name: found 'false_failure'; allowed: a name that is not"),
        (["run", INCIDENT, "--report", "."], "README.md: not written by batchsim; choose another"),
        (["explore", INCIDENT, "--witness", "README.md"], "--witness README.md: found a file"),
        (["run", INCIDENT, "--json", "."], "found a directory; allowed: a file"),
        (
            ["run", INCIDENT, "--policy", "{own}:SLOPPY"],
            "returned True; allowed: Decision.OK, Decision.NOT_SEALED",
        ),
        (["run", INCIDENT, "--verdict", "false_falure"], "did you mean 'false_failure'?"),
        (["run", INCIDENT, "--json", "{own}/x.json"], "found no directory"),
        (["run", INCIDENT, "--report", "{own}"], "--report"),
        (["run"], "Missing argument 'FILE...'"),
        (["rum"], "No such command 'rum'"),
        (["run", INCIDENT, "--time"], "No such option"),
        (
            ["window", INCIDENT, "--policy", "pre3427", "--policy", "pr3766"],
            "--policy: found pre3427, pr3766; allowed: o",
        ),
        (["window", INCIDENT, "--html"], "'--html'. It is an option of run, explore, sweep, findings.\n"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    batchsim: Any, own_code: Path, arguments: list[str], message: str
) -> None:
    ended = batchsim(*(argument.replace("{own}", str(own_code)) for argument in arguments))
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""
    assert [path.name for path in own_code.parent.iterdir()] == ["own.py"]


def test_faults_that_a_command_cannot_place_are_bad_input(batchsim: Any, tmp_path: Path) -> None:
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file in files:
        file.write_text("name: x\nbatch: {items: 1}\nfaults: [{redeliver: {at_most: 1}}]\n")
    report = tmp_path / "report"
    ran = batchsim("run", *map(str, files), "--report", str(report))
    assert (ran.code, ran.out, report.exists()) == (2, "", False)
    rest = "3:32: faults[0].redeliver.at_most: found 1; allowed: a pinned moment or a probability, in a timed run"
    assert [line.rpartition(";")[0] for line in ran.err.splitlines()] == [f"{file}:{rest}" for file in files]
    files[0].write_text("name: x\nbatch: {items: 1}\nfaults: [{redeliver: {probability: 1%}}]\n")
    explored = batchsim("explore", str(files[0]))
    assert (explored.code, explored.out) == (2, "")
    assert "a.yaml:3:36: faults[0].redeliver.probability: found 0.01; allowed: a pinned fault" in explored.err


def test_all_errors_of_all_files_come_at_once(batchsim: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nbatch: {items: 0}\nconsumer: 2\n")
    (tmp_path / "b.yaml").write_text("batch: {items: 1}\n")
    ended = batchsim("run", str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml"))
    assert ended.code == 2
    lines = ended.err.splitlines()
    assert [line.split("/")[-1].split(":")[0] for line in lines] == ["a.yaml", "a.yaml", "b.yaml"]
    assert "a.yaml:2:16: batch.items: found 0" in lines[0]
    assert "did you mean 'consumers'?" in lines[1]


def test_explore_claims_compares_and_explains(batchsim: Any) -> None:
    ended = batchsim("explore", "scenarios/seal-lost.yaml", "--policy", "pr3427_count_only", "--policy", "pr3766")
    assert ended.code == 0
    assert is_golden(ended.out, "explore_seal_lost.txt")


def test_a_reduced_exploration_counts_nothing(batchsim: Any) -> None:
    ended = batchsim("explore", "scenarios/seal-lost.yaml", "--reduce", "--json", "-")
    explorations = json.loads(ended.out)["explorations"]
    assert ended.code == 0
    assert {each["schedules"] for each in explorations} == {None}
    assert {outcome["share"] for each in explorations for outcome in each["outcomes"]} == {None}


def test_explore_json_has_the_shape_of_the_contract(batchsim: Any) -> None:
    ended = batchsim("explore", "scenarios/seal-lost.yaml", "--policy", "pr3427", "--json", "-")
    document = json.loads(ended.out)
    assert document.keys() == {"schema", "scenario", "explorations", "warnings"}
    (exploration,) = document["explorations"]
    assert exploration.keys() == {
        "policy",
        "expected",
        "as_expected",
        "complete",
        "inconclusive",
        "bounds",
        "states",
        "transitions",
        "schedules",
        "faults",
        "outcomes",
        "decisive",
    }
    assert (exploration["complete"], exploration["inconclusive"], exploration["faults"]) == (True, None, [])
    assert int(exploration["schedules"]) == sum(int(each["schedules"]) for each in exploration["outcomes"])
    for each in exploration["outcomes"]:
        assert each.keys() == {
            "client",
            "batch",
            "runs_created",
            "runs_total",
            "leaked_keys",
            "verdicts",
            "schedules",
            "share",
            "witness",
        }
        assert all(step.keys() == {"actor", "operation", "alternative"} for step in each["witness"])
    for each in exploration["decisive"]:
        assert each.keys() == {"operation", "actor", "places", "overtook", "verdict", "edges"}


def test_every_witness_of_an_exploration_replays_to_its_verdicts(batchsim: Any, tmp_path: Path) -> None:
    ended = batchsim("explore", "scenarios/seal-lost.yaml", "--set", "batch.items=1", "--witness", str(tmp_path))
    assert ended.code == 0
    witnesses = sorted(tmp_path.glob("*.json"))
    assert len(witnesses) > 10
    for witness in witnesses:
        ended = batchsim("replay", str(witness), "--json", "-")
        assert ended.code == 0
        (run,) = json.loads(ended.out)["runs"]
        recorded = json.loads(witness.read_text())
        assert run["verdicts"] == recorded["verdicts"]
        assert [(step["actor"], step["operation"]) for step in run["steps"]] == [
            (step["actor"], step["operation"]) for step in recorded["steps"]
        ]


def test_every_timed_witness_replays_at_its_times(batchsim: Any, tmp_path: Path) -> None:
    ended = batchsim("explore", "tests/golden/timed.yaml", "--timed", "--witness", str(tmp_path), "--json", "-")
    document = json.loads(ended.out)
    assert document["timed"] is True
    assert [each["complete"] for each in document["explorations"]] == [True, True]
    assert all(each["zones"] >= each["states"] > 0 for each in document["explorations"])
    outcomes = [outcome for each in document["explorations"] for outcome in each["outcomes"]]
    witnesses = sorted(tmp_path.glob("*.json"))
    assert len(witnesses) == len(outcomes) == 4
    for witness, outcome in zip(witnesses, outcomes, strict=True):
        replayed = batchsim("replay", str(witness), "--json", "-")
        assert replayed.code == 0
        steps = json.loads(replayed.out)["runs"][0]["steps"]
        assert [step["at_us"] for step in steps] == [step["at_us"] for step in outcome["witness"]]


def test_a_timed_witness_with_another_time_is_refused(batchsim: Any, tmp_path: Path) -> None:
    batchsim("explore", "tests/golden/timed.yaml", "--timed", "--policy", "pr3766", "--witness", str(tmp_path))
    witness = min(tmp_path.glob("*.json"))
    document = json.loads(witness.read_text())
    document["latencies"][0]["request_us"] += 1
    witness.write_text(json.dumps(document))
    ended = batchsim("replay", str(witness))
    assert (ended.code, ended.out) == (2, "")
    assert "takes effect at" in ended.err
    del document["latencies"][3]
    witness.write_text(json.dumps(document))
    assert "no latency is given for" in batchsim("replay", str(witness)).err


def test_a_scenario_is_no_witness_and_is_told_what_one_is(batchsim: Any) -> None:
    ended = batchsim("replay", INCIDENT)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"{INCIDENT}: found no JSON (")
    assert "allowed: a witness: a JSON file with one schedule of a scenario, as `batchsim explore" in ended.err
    assert ended.err.endswith("; a scenario is run by `batchsim run FILE`\n")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("run", ""), "FILE"),
        (("explore", ""), "FILE"),
        (("replay", ""), "WITNESS"),
        (("run", INCIDENT, "--report", ""), "--report"),
        (("sweep", INCIDENT, "--out", ""), "--out"),
        (("explore", INCIDENT, "--witness", ""), "--witness"),
        (("findings", "--scenario", ""), "--scenario"),
    ],
)
def test_no_name_is_no_path(batchsim: Any, arguments: tuple[str, ...], what: str) -> None:
    """Not that of the current directory, either."""
    ended = batchsim(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{what}: found ''; allowed: the name of a file or a directory\n"


def test_timed_exploration_is_inconclusive_at_a_bound_and_not_reduced(batchsim: Any) -> None:
    ended = batchsim("explore", INCIDENT, "--timed", "--policy", "pr3766", "--max-states", "10")
    assert ended.code == 3
    assert "inconclusive: stopped at 10 zones (--max-states), and no run so far fails" in ended.out
    assert "--reduce: found with --timed" in batchsim("explore", INCIDENT, "--timed", "--reduce").err


def test_a_witness_of_own_code_replays_from_anywhere(batchsim: Any, own_code: Path, tmp_path: Path) -> None:
    witnesses = tmp_path / "of my own"
    ended = batchsim(
        "explore", "scenarios/seal-lost.yaml", "--policy", f"{own_code}:TRUSTING", "--verdict",
        f"{own_code}:PATIENT", "--set", "batch.items=1", "--witness", str(witnesses),
    )  # fmt: skip
    assert f"batchsim replay '{witnesses}/" in ended.out
    again = ("--verdict", f"{own_code}:PATIENT", "--set", "batch.items=1")
    for more in ((), ("--timed",)):
        told = batchsim("explore", "scenarios/seal-lost.yaml", "--policy", "pre3427", *again, *more).out
        assert f"--verdict {own_code}:PATIENT --policy pre3427 --witness DIR, then" in told
    wrong = batchsim("explore", str(min(witnesses.glob("*.json"))))
    assert wrong.code == 2
    told = ":1:1: found a witness; allowed: a scenario; a witness is run by `batchsim replay FILE`\n"
    assert wrong.err.endswith(told)
    assert len(wrong.err.splitlines()) == 1
    for witness in witnesses.glob("*.json"):
        assert batchsim("replay", str(witness), "--quiet").code == 0


def test_the_report_of_a_replay_says_how_it_was_made(batchsim: Any, tmp_path: Path) -> None:
    batchsim("explore", "scenarios/seal-lost.yaml", "--policy", "pre3427", "--witness", str(tmp_path))
    witness = min(tmp_path.glob("*.json"))
    ended = batchsim("replay", str(witness), "--report", str(tmp_path / "reports"))
    assert ended.code == 0
    assert "the verdict is as the witness expects" in ended.out
    report = (tmp_path / "reports" / "seal-lost.md").read_text()
    assert f"Made by `batchsim replay {witness.name} --report reports`" in report
    # An order without times: what it shows is no draw of the latencies.
    waits = "made to fit the order of the witness: a step that would come too early waits for its turn"
    assert f"times: {waits}\n" in ended.out
    assert f"| times | {waits} |" in report


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda document: document.pop("steps"),
            "steps: missing; allowed: a witness: a JSON file with",
        ),
        (lambda document: document.update(policy="pr99"), ".json: policy: found 'pr99'"),
        (
            lambda document: document.update(scenario="none.yaml"),
            ".json: scenario: found no file {folder}/none.yaml",
        ),
        (lambda document: document["steps"].pop(0), "no schedule of"),
        (lambda document: document["steps"].pop(), "no schedule of"),
        (lambda document: document["steps"][4].update(alternative="zz"), "cannot turn out as 'zz'"),
        (lambda document: document.update(schema=True), "schema: found true; allowed: int"),
        (lambda document: document["steps"][3].update(actor=7), "steps[3].actor: found 7; allowed: str"),
    ],
)
def test_a_damaged_witness_is_one_message(batchsim: Any, tmp_path: Path, damage: Any, message: str) -> None:
    batchsim("explore", "scenarios/seal-lost.yaml", "--policy", "pr3766", "--witness", str(tmp_path))
    witness = min(tmp_path.glob("*.json"))
    document = json.loads(witness.read_text())
    damage(document)
    witness.write_text(json.dumps(document))
    ended = batchsim("replay", str(witness))
    assert (ended.code, ended.out) == (2, "")
    assert message.format(folder=tmp_path) in ended.err


def test_a_bound_is_exit_code_3(batchsim: Any) -> None:
    ended = batchsim("explore", INCIDENT, "--policy", "pr3766", "--max-states", "100")
    assert ended.code == 3
    assert "inconclusive: stopped at 100 states (--max-states), and" in ended.out


def test_what_is_told_of_a_part_is_told_as_of_a_part(batchsim: Any) -> None:
    command = ("explore", "tests/golden/one.yaml", "--set", "batch.call=batchTriggerAndWait")
    more = ("--max-states", "1840", "--policy", "pr4397", "--policy", "pr3766")
    counted, reduced = (batchsim(*command, *more, *how).out for how in ((), ("--reduce",)))
    assert re.search(r"true_failure +at least 12.5 % +never\n", counted)
    assert "schedules so far" in counted
    assert re.search(r"\nok +(not found|at least .* %) +100 %\n", counted)
    assert "fails: 1 of 1 outcomes found before it was stopped at 1,840 states" in reduced
    assert re.search(r"\nok +not found +always\n", reduced)


def test_an_exploration_that_was_not_expected_is_exit_code_1(batchsim: Any) -> None:
    ended = batchsim("explore", "scenarios/seal-lost.yaml", "--set", "expect_explore.pr3427=ok", "--quiet")
    assert ended.code == 1
    assert "seal-lost, pr3427: expected ok, got false_failure, ok" in ended.err


def test_an_interrupted_exploration_says_what_it_found() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "batchsim", "explore", INCIDENT, "--set", "batch.items=9", "--policy", "pr3766"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    wait_until_busy(process, cpu_s=2)  # well into a search of many seconds, however long the start took
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "inconclusive: interrupted" in out
    assert "interrupted: 1 of 1 policies were begun" in err
    assert "Traceback" not in err


def test_lists(batchsim: Any) -> None:
    assert is_golden(batchsim("policies").out, "policies.txt")
    scenarios = json.loads(batchsim("scenarios", "--json", "-").out)
    assert any(each["file"].endswith("incident.yaml") for each in scenarios)
    assert all(each["summary"] for each in scenarios)


def test_schema_is_the_committed_one(batchsim: Any) -> None:
    assert batchsim("schema").out == (ROOT / "scenarios/schema.json").read_text()


def test_help_names_every_command_and_option(batchsim: Any) -> None:
    assert is_golden(batchsim("--help").out, "help.txt")
    assert is_golden(batchsim("run", "--help").out, "help_run.txt")
    assert is_golden(batchsim("explore", "--help").out, "help_explore.txt")
    assert is_golden(batchsim("replay", "--help").out, "help_replay.txt")


def test_help_imports_nothing_heavy() -> None:
    heavy = ["simpy", "pydantic", "rich", "yaml", "rapidfuzz"]
    unneeded = [*heavy, "concurrent.futures", "difflib", "hashlib", "html", "logging", "shutil", "subprocess"]
    code = (
        "import sys; from batchsim.cli.commands import commands; "
        f"print([m for m in {unneeded} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("command", "unneeded"),
    [
        ("run", ["numpy", "batchsim.engines.exhaustive", "batchsim.report.timeline"]),
        (
            "explore",
            ["simpy", "numba", "batchsim.engines.zones", "batchsim.engines.timed", "batchsim.report.exploration"],
        ),
        ("explore --timed", ["simpy", "numba", "batchsim.engines.chain", "batchsim.report.timed_exploration"]),
    ],
)
def test_a_command_imports_nothing_that_it_does_not_need(command: str, unneeded: list[str]) -> None:
    name, *options = command.split()
    # Nothing is shown or written, no name is misspelt, there are no faults, and no other command is asked for.
    unneeded += ["rich", "batchsim.report.contract", "rapidfuzz", "batchsim.scenario.schema.faults"]
    unneeded += [f"batchsim.cli.{each}" for each in NAMES if each not in (name, "report")]
    code = (
        "import sys; from batchsim.cli.commands import commands; "
        f"commands({[name, 'tests/golden/one.yaml', '--quiet', *options]}, standalone_mode=False); "
        f"print([m for m in {unneeded} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout.strip() == "[]"


def test_no_garbage_is_looked_for_before_there_is_much() -> None:
    code = (
        "import gc; seen = []; gc.callbacks.append(lambda *told: seen.append(told)); usual = gc.get_threshold()\n"
        "from batchsim.cli.collecting import put_off; put_off(); del seen[:]\n"
        "from batchsim import load_scenario; load_scenario('incident'); import batchsim.report.terminal\n"
        "early = len(seen); kept = [[] for _ in range(150_000)]\n"
        "print(early, len(seen) > 0, gc.get_threshold() == usual, gc.callbacks[1:])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout.strip() == "0 True True []"


def test_output_bytes_depend_on_no_hash_seed() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-m", "batchsim", "run", "scenarios/concurrent-ingest.yaml", "--json", "-"],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1


def run_in_shell(command: str) -> subprocess.CompletedProcess[str]:
    shell = f'set -o pipefail; batchsim() {{ {sys.executable} -m batchsim "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"batchsim run {INCIDENT} --timeline | head -1", 0),
        (f"batchsim run {INCIDENT} | true", 0),
        (f"batchsim run {INCIDENT} 2>&1 >&- | true", 0),
        (f"batchsim run {INCIDENT} --fail-on false_failure | true", 1),
        (f"batchsim run {INCIDENT} --policy pr3766 --fail-on any --json - | true", 0),
        ("batchsim run scenarios/none.yaml 2>&1 | true", 2),
        (f"batchsim run {INCIDENT} > /dev/full", 2),
        ("batchsim schema > /dev/full", 2),
        (f"batchsim run {INCIDENT} >&-", 0),
        (f"PYTHONIOENCODING=ascii batchsim run {INCIDENT} --set name=caf\u00e9", 0),
        ("batchsim run scenarios/none.yaml 2>/dev/full", 2),
        # Of what is told beside the results too: nothing is expected here, or it is warned of something.
        (f"batchsim run {INCIDENT} --policy local_count 2>&1 | true", 0),
        (f"batchsim run {INCIDENT} --set latency.operations.redis.expire=1s 2>/dev/full", 0),
        (f"batchsim run {INCIDENT} --quiet --fail-on any 2>/dev/full", 1),
        (f"batchsim run {INCIDENT} --quiet --json /dev/null && test -c /dev/null", 0),
    ],
)
def test_trouble_with_output_is_no_traceback(command: str, code: int) -> None:
    ended = run_in_shell(command)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


def test_on_a_narrow_terminal_nothing_is_cut(batchsim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    out = batchsim("run", INCIDENT).out
    assert "pr3427_count_only" in out
    assert "false_failure" in out
    assert "\u2026" not in out


@pytest.mark.parametrize(
    "command",
    [
        ("run", INCIDENT),
        ("explore", "scenarios/seal-lost.yaml", "--policy", "pr3427_count_only", "--policy", "pr4397"),
        ("explore", "tests/golden/one.yaml", "--policy", "pr3427", "--reduce"),
        ("explore", "tests/golden/timed.yaml", "--timed", "--policy", "pr3427"),
        ("explore", "scenarios/memoryless.yaml", "--exact", "--set", "batch.items=1"),
        ("explore", "scenarios/crash-and-redelivery.yaml", "--policy", "pr4397"),
        ("window", INCIDENT, "--policy", "pre3427"),
        ("window", "scenarios/tombstone.yaml", "--policy", "tombstone", "--solve", "tombstone.grace"),
        ("sweep", INCIDENT, "--runs", "2", "--workers", "1"),
        ("findings", "--scenario", "tests/golden/one.yaml", "--fault", "cut", "--workers", "1"),
        ("worth", "tests/golden/timed.yaml", "--runs", "2", *("--delay", "1ms..9ms:2", "--execution", "1s..2s:2")),
    ],
)
@pytest.mark.usefixtures("few_runs_of_a_window")
@pytest.mark.parametrize("columns", [300, 60])
def test_a_terminal_is_not_left_to_break_lines(
    batchsim: Any, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], columns: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    for name, value in {"COLUMNS": str(columns), "FORCE_COLOR": "1", "NO_COLOR": "1", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    text = re.sub("\x1b\\[[0-9;]*m", "", batchsim(*command).out)
    # A command is one line, to be copied.
    lines = [line for line in text.splitlines() if "batchsim " not in line]
    assert [line for line in lines if len(line) > columns] == []
    assert [line for line in lines if line != line.rstrip()] == []
    assert "\u2026" not in re.sub(r"\s\u2026\s", " ", text)


def test_interrupt_is_exit_code_130() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "batchsim", "run", INCIDENT, "--set", "batch.items=100000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    wait_until_busy(process, cpu_s=1.0)  # well into a run of many seconds
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err


IGNORED = """\
name: visibility-ignored
batch: {items: 1}
policies: [pr4397]
latency: {operations: {postgres.create_run: 90 s, queue.redeliver: 60 s}}
"""


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["explore"],
        ["explore", "--timed"],
        ["window", "--policy", "pr4397"],
        ["window", "--policy", "pr4397", "--solve", "items.execution"],
        ["sweep", "--runs", "2", "--workers", "1"],
    ],
)
def test_every_command_warns_on_standard_error_and_in_json(
    batchsim: Any, tmp_path: Path, command: list[str]
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(IGNORED)
    ended = batchsim(*command, str(file), "--json", "-")
    (first,) = json.loads(ended.out)["warnings"]
    assert first.startswith(
        "a consumer can hold a message for 1.5 min, longer than its visibility timeout of 60 s"
    )
    told = [line for line in ended.err.splitlines() if line.startswith("warning")]
    assert told == [f"warning: {file}: {first}"]
    assert "warning" not in batchsim(*command, str(file), "-q").err


@pytest.mark.parametrize(("options", "is_warned"), [([], False), (["--timed"], True)])
def test_what_claims_something_of_all_latencies_warns_of_the_rarest_too(
    batchsim: Any, tmp_path: Path, options: list[str], is_warned: bool
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(IGNORED.replace("90 s", "{lognormal: {median: 1 ms, p99: 2 ms}}"))
    ended = batchsim("explore", *options, str(file))
    assert ("a consumer can hold a message for any time, longer" in ended.err) == is_warned


def test_a_report_and_a_replay_warn_too(batchsim: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(IGNORED)
    assert batchsim("run", str(file), "--report", str(tmp_path / "r"), "-q").code == 0
    report = (tmp_path / "r" / "visibility-ignored.md").read_text()
    assert "\n**Warning:** a consumer can hold a message for 1.5 min, longer than" in report
    batchsim("explore", str(file), "--witness", str(tmp_path / "w"), "-q")
    ended = batchsim("replay", str(min((tmp_path / "w").iterdir())))
    assert "warning: " in ended.err


def test_what_is_varied_without_effect_is_warned_of(batchsim: Any) -> None:
    arguments = ("--vary", "tombstone.grace=1 s..2 s:2", "--runs", "1", "--workers", "1", "--policy", "pr3427")
    ended = batchsim("sweep", INCIDENT, *arguments)
    assert ended.err == (
        f"warning: {INCIDENT}: latency.operations.redis.expire has no effect: "
        "nobody issues redis.expire under pr3427\n"
    )
