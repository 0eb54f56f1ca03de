"""`batchsim findings` as somebody runs it who judges a fix."""

from __future__ import annotations

import json
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from batchsim.analysis.findings import ONCE
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.batch.switches import SWITCHES
from batchsim.cli import main
from tests.test_cli import batchsim, is_golden
from tests.trying import examples

__all__ = ["batchsim"]

FIX = """
from dataclasses import replace
from batchsim import POLICIES, Decision, Property
LATEST = POLICIES["pr4397"]
MINE = replace(LATEST, name="mine", creates_runs_once=True, guards_completion_update=True)
WORSE = replace(LATEST, name="worse", on_seal_lost=lambda row: Decision.REJECT)
NEVER = replace(LATEST, name="never", on_entry=lambda row: Decision.REJECT)
NAMESAKE = replace(LATEST, creates_runs_once=True)
FAILING = replace(LATEST, name="failing", on_entry=lambda row: row.nonsense)
AGAIN = Property("again", "More than one attempt.", lambda outcome: outcome.call.attempts > 1)
"""
MY = """
name: my
batch: {items: 1}
items: {kind: pre_failed}
consumers: 2
policies: [pr3766, fix.py:MINE]
verdicts: [fix.py:AGAIN]
faults: [{redeliver: {item: 0, at: 61 s}}]
"""
ONE = ("--items", "1", "--consumers", "1", "--workers", "1")
QUICK = ("--set", "batch.call=batchTrigger", *ONE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "fix.py").write_text(FIX)
    (tmp_path / "my.yaml").write_text(MY)
    return tmp_path


@pytest.fixture
def findings(batchsim: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, in the folder of one's own files, on one process."""
    monkeypatch.chdir(folder)
    return lambda *words: batchsim("findings", "--workers", "1", *words)


MINE = ("--policy", "fix.py:MINE", "--scenario", "my.yaml")


def test_a_fix_is_held_against_the_latest_design(findings: Any, batchsim: Any) -> None:
    ended = findings(*MINE, "--fault", "redeliver", "--witness", "w")
    assert is_golden(ended.out, "findings_mine.txt")
    assert ended.code == 0
    left_out = "warning: my.yaml: its faults are left out: each budget takes their place"
    assert ended.err == f"{left_out}\nnothing was expected: exit code 0 says only that it came to its end\n"
    lines = [line for line in ended.out.splitlines() if ": batchsim replay w/" in line]
    assert [line.partition(":")[0] for line in lines] == [
        f"mine, {verdict} under redeliver" for verdict in ("leaked_keys", "lost_item", "stuck")
    ]
    for line in lines:
        assert batchsim(*line.partition(": batchsim ")[2].split(), "--quiet").code == 0


def test_every_witness_replays_whether_its_case_was_explored_or_sampled(findings: Any, batchsim: Any) -> None:
    ended = findings(*MINE, "--policy", "pr4397", "--fault", "crash,store_error", "--witness", "w", "--quiet")
    sampled = findings(*MINE, "--fault", "store_error", "--witness", "s", "--quiet", "--max-states", "9")
    without = findings("--policy", "fix.py:WORSE", *MINE[2:], "--fault", "cut", "--witness", "w", "--quiet")
    assert (ended.code, sampled.code, without.code) == (0, 0, 0)
    assert list(Path("w").glob("WORSE-*-false_failure.json"))
    witnesses = sorted(Path().glob("[ws]/*.json"))
    assert len(witnesses) > 8
    for witness in witnesses:
        assert batchsim("replay", str(witness), "--quiet").code == 0


def test_json_has_every_cell_with_its_witnesses_and_how_the_policies_stand(findings: Any) -> None:
    document = json.loads(findings(*MINE, "--fault", "redeliver,crash", "--quiet", "--json", "-").out)
    assert document.keys() == {
        *("schema", "policies", "against", "batches", "bounds", "warnings", "cases", "complete", "cells"),
        "standings",
    }
    assert document["policies"] == [
        {"policy": "pr4397", "asked_for": "pr4397"},
        {"policy": "mine", "asked_for": "fix.py:MINE"},
    ]
    assert document["batches"] == [{"scenario": "my", "call": "batchTrigger", "items": 1, "consumers": 2}]
    budgets: list[list[str]] = [[], ["redeliver"], ["crash"], ["redeliver", "crash"]]
    assert [each["faults"] for each in document["cells"]] == 2 * budgets
    for cell in document["cells"]:
        assert (cell["known"] == "sampled") == (cell["sampled_schedules"] > 0)
        for verdict in cell["verdicts"]:
            assert verdict["witness"]
            assert verdict["explore"].startswith("batchsim explore my.yaml --policy ")
            assert "faults=[" in verdict["explore"]  # the scenario has some of its own
    closed = [each for each in document["standings"] if each["standing"] == "closed"]
    assert {each["known"] for each in closed} == {"proved"}
    assert {(each["verdict"], *each["faults"]) for each in closed} >= {("duplicate_run", "redeliver")}


def test_the_result_is_the_same_with_any_number_of_processes(findings: Any, batchsim: Any) -> None:
    words = (*MINE, "--fault", "cut", "--json", "-")
    alone, together = findings(*words), batchsim("findings", *words, "--workers", "2")
    assert alone.out == together.out
    assert '"again"' in alone.out


def test_the_command_that_explores_a_verdict_finds_it(findings: Any, batchsim: Any) -> None:
    document = json.loads(findings(*MINE, "--fault", "redeliver", "--quiet", "--json", "-").out)
    found = [each for cell in document["cells"] if cell["policy"] == "mine" for each in cell["verdicts"]]
    assert len(found) == 3
    for verdict in found:
        words = shlex.split(verdict["explore"])[1:]
        assert batchsim(*words, "--quiet", "--fail-on", verdict["verdict"]).code == 1


# -- exit codes --------------------------------------------------------------------------------


def test_a_forbidden_verdict_of_the_policies_that_are_judged_is_exit_code_1(findings: Any) -> None:
    words = (*MINE, "--fault", "redeliver", "--quiet")
    ended = findings(*words, "--fail-on", "stuck")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "my, mine: got stuck, which --fail-on forbids\n"
    # The policy that it is held against gives it; that is not what is asked.
    assert findings(*words, "--fail-on", "duplicate_run").code == 0
    assert findings(*words, "--fail-on", "duplicate_run", "--policy", "pr4397").code == 1
    assert findings(*words, "--fail-on", "ok").code == 1
    again = findings("--scenario", "my.yaml", "--fault", "cut", "-q", "--fail-on", "again")
    assert again.err == "my, pr3766, mine: got again, which --fail-on forbids\n"
    assert findings(*words, "--fail-on", "nonsense").code == 2


def test_what_was_only_sampled_and_not_found_is_exit_code_3(findings: Any) -> None:
    few = ("--policy", "proposed", "--scenario", "my.yaml", "--fault", "redeliver", "--max-states", "9", "-q")
    ended = findings(*few, "--fail-on", "stuck")
    assert (ended.code, ended.err) == (3, "inconclusive: my, proposed: 2 of 2 cases were only sampled\n")
    assert findings(*few).code == 3
    assert findings(*few, "--fail-on", "ok").code == 1
    assert findings(*few[:-3], "-q", "--fail-on", "any").code == 0


# -- what is asked for -------------------------------------------------------------------------


def test_what_cannot_happen_is_said(findings: Any) -> None:
    ended = findings("--policy", "fix.py:NEVER", "--scenario", "my.yaml", "--fault", "redeliver,cut")
    rows = {line[:17].strip(): line for line in ended.out.splitlines()}
    assert rows["redeliver"].endswith("cannot happen")
    assert rows["cut + redeliver"].endswith("cannot happen")
    standings = ended.out.partition("held against")[2]
    assert standings.startswith(
        " pr4397 (latest): 0 closed, 1 open, 6 came back, 6 under faults that cannot happen\n"
    )
    (line,) = [line for line in standings.splitlines() if line.startswith("duplicate_run")]
    assert line.split(maxsplit=1)[1].split(maxsplit=1) == ["redeliver", "cannot happen"]
    words = ("--policy", "fix.py:NEVER", "--scenario", "my.yaml", "--fault", "redeliver", "--max-states", "1")
    drawn = json.loads(findings(*words, "--quiet", "--json", "-").out)
    (cell,) = [each for each in drawn["cells"] if (each["policy"], each["faults"]) == ("never", ["redeliver"])]
    assert (cell["known"], cell["sampled_schedules"], cell["sampled_with_the_faults"]) == ("sampled", 120, 0)


def test_what_came_back_says_what_is_known_of_the_other_policy(findings: Any) -> None:
    ended = findings("--policy", "fix.py:WORSE", "--scenario", "my.yaml", "--fault", "lost_response")
    (line,) = [line for line in ended.out.splitlines() if "came back (" in line and "false_failure" in line]
    assert line.endswith("no fault, lost_response   came back (pr4397 (latest): proved not to occur)")
    ended = findings(
        "--policy", "latest", "--against", "fix.py:WORSE", "--scenario", "my.yaml", "--fault", "lost_response"
    )
    assert "pr4397 (latest), held against worse: 2 closed, 1 open, 0 came back" in ended.out


def test_the_batch_is_that_of_the_scenario_in_the_sizes_asked_for(findings: Any) -> None:
    def batches(*words: str) -> list[tuple[str, int, int]]:
        document = json.loads(findings("--policy", "pr3766", *words, "--fault", "cut", "-q", "--json", "-").out)
        return [(each["call"], each["items"], each["consumers"]) for each in document["batches"]]

    assert batches("--scenario", "my.yaml") == [("batchTrigger", 1, 2)]
    sizes = ("--consumers", "1", "--items", "2", "--items", "1", "--set", "batch.call=batchTriggerAndWait")
    assert batches("--scenario", "my.yaml", *sizes) == [
        ("batchTriggerAndWait", 1, 1),
        ("batchTriggerAndWait", 2, 1),
    ]
    assert batches("--max-states", "9", "--walks", "1") == [
        (call, items, consumers)
        for call in ("batchTrigger", "batchTriggerAndWait")
        for items in (1, 2)
        for consumers in (1, 2)
    ]


def test_several_scenarios_have_a_table_each(findings: Any, folder: Path) -> None:
    (folder / "other.yaml").write_text(MY.replace("name: my", "name: other").replace("pre_failed", "rejected"))
    ended = findings(
        "--scenario", "my.yaml", "--scenario", "other.yaml", "--fault", "lost_response", "--out", "out"
    )
    assert "my, batchTrigger: faults" in ended.out
    assert "other, batchTrigger: faults" in ended.out
    assert "other: its faults are left out" not in ended.out
    text = (folder / "out" / "findings.md").read_text()
    assert "## `other, batchTrigger`: no fault, and each fault once" in text
    assert sorted(path.name for path in (folder / "out" / "findings").iterdir()) == [
        "mine.md",
        "pr3766.md",
        "pr4397.md",
    ]


def test_a_policy_of_ones_own_with_a_name_that_is_shipped_goes_by_its_reference(findings: Any) -> None:
    ended = findings("--policy", "fix.py:NAMESAKE", "--scenario", "my.yaml", "--fault", "redeliver")
    assert "fix.py:NAMESAKE, held against pr4397 (latest): " in ended.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--fault", "slow"), "--fault: found 'slow'; allowed: lost_response, disconnect, cut, redeliver, crash,"),
        (("--fault", "cut,cruhs"), "did you mean 'crash'?"),
        (("--fault", ""), "--fault: found no fault; allowed: "),
        (("--policy", "pr3428"), "--policy: found 'pr3428'; allowed: pre3427,"),
        (("--against", "newest"), "--against: found 'newest'; allowed: pre3427,"),
        (("--policy", "fix.py:NONE"), "--policy: fix.py has no NONE; of type Policy it has LATEST, MINE, "),
        (
            ("--policy", "fix.py:FAILING", *QUICK, "--fault", "cut"),
            "fix.py:FAILING: on_entry(PENDING, not sealed)",
        ),
        (("--scenario", "nowhere.yaml"), "nowhere.yaml: "),
        (("--scenario", "my.yaml", "--items", "0"), "0 is not in the range x>=1"),
        (("--items", "100001"), "--items 100001: batch.items"),
        (("--verdict", "fix.py:AGAIN", "--scenario", "my.yaml"), "found two properties of the name 'again'"),
        (("--json", ""), "--json: found nothing; allowed: a file, or -"),
        (("--witness", "fix.py"), "--witness fix.py: found a file; allowed: a directory"),
        (("--out", "fix.py"), "found a file; allowed: a directory"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_message(findings: Any, words: tuple[str, ...], message: str) -> None:
    ended = findings(*words)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err
    assert "Traceback" not in ended.err


def test_help_names_every_option(batchsim: Any) -> None:
    assert is_golden(batchsim("findings", "--help").out, "help_findings.txt")


# -- every policy, switch, verdict and fault ---------------------------------------------------

SHIPPED = st.sampled_from(list(POLICIES))
CHECKS_OF_A_BASE = [each.name for each in fields(Policy) if each.name.startswith("on_")]


@st.composite
def policies(draw: st.DrawFn) -> str:
    """The code of a policy with any switches, and the checks of any that are shipped."""
    given = [f"{name}={draw(st.booleans())}" for name in SWITCHES]
    given += [f"ingest_concurrency={draw(st.sampled_from([1, 1, 2]))}"]
    given += [f"{name}=POLICIES[{draw(SHIPPED)!r}].{name}" for name in CHECKS_OF_A_BASE]
    return f"ANY = replace(LATEST, name='any', {', '.join(given)})\n"


@settings(
    max_examples=examples(2, searched=6),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    policies(),
    SHIPPED,
    st.lists(st.sampled_from(list(ONCE)), min_size=1, max_size=2),
    st.sampled_from(["batchTrigger", "batchTriggerAndWait"]),
    st.sampled_from(["ok", "pre_failed", "rejected"]),
)
@example("ANY = replace(LATEST, name='any', enqueues_atomically=True)\n", "pr3427", ["cut"], "batchTrigger", "ok")
def test_no_policy_switch_verdict_or_fault_brings_a_traceback(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    policy: str,
    against: str,
    faults: list[str],
    call: str,
    kind: str,
) -> None:
    (folder / "any.py").write_text(FIX + policy)
    file = f"{folder}/any.py"
    words = (
        "--policy",
        f"{file}:ANY",
        "--policy",
        f"{file}:MINE",
        "--against",
        against,
        "--fault",
        ",".join(faults),
    )
    sets = ("--set", f"batch.call={call}", "--set", f"items.kind={kind}", "--verdict", f"{file}:AGAIN")
    out = ("--out", f"{folder}/out", "--witness", f"{folder}/w", "--json", f"{folder}/j.json")
    few = ("--max-states", "2000", "--walks", "4")
    with pytest.raises(SystemExit) as ended:
        main(["findings", *words, *sets, *ONE, *few, *out])
    captured = capsys.readouterr()
    assert ended.value.code in (0, 3), captured.err
    document = json.loads((folder / "j.json").read_text())
    for cell in document["cells"]:
        assert cell["known"] != "sampled" or cell["sampled_schedules"]
    for each in document["standings"]:
        assert each["standing"] != "closed" or each["known"] == "proved"


WITH_A_MEMORY = """\
from batchsim.model import Actor, System, over_history
from batchsim.stores import redis
async def act():
    await redis.incr("x")
def counted(memory, step):
    return min(2, memory + (step.name == "redis.incr"))
TWICE = over_history("twice", "Two count.", start=0, update=counted, holds=lambda memory, end: memory == 2)
SYSTEM = System("own", (Actor("w", 0, act), Actor("w", 1, act)), cells=("x",), properties=(TWICE,))
"""


@pytest.mark.parametrize("states_max", [3, 3_000])
def test_schedules_that_are_drawn_are_remembered_as_those_that_are_explored(
    states_max: int, batchsim: Any, folder: Path
) -> None:
    (folder / "own.py").write_text(WITH_A_MEMORY)
    (folder / "own.yaml").write_text("name: own\nsystem: own.py:SYSTEM\n")
    ended = batchsim(
        *("findings", "--scenario", str(folder / "own.yaml"), "--fault", "crash", "--workers", "1"),
        *("--max-states", str(states_max), "--json", "-", "-q"),
    )
    assert ended.code == 0, ended.err
    cells = json.loads(ended.out)["cells"]
    assert {cell["known"] for cell in cells} == {"proved" if states_max > 3 else "sampled"}
    assert all("twice" in str(cell) for cell in cells)
