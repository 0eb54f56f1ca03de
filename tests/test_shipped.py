"""The shipped scenarios are tests: each states what every policy gives, and its report is committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchsim.analysis.runs import run_scenario
from batchsim.engines.exhaustive import explore
from batchsim.policies import LINEAGE
from batchsim.protocol.faults import Crash, Cut, Disconnect, Fault, LostResponse, Redeliver, StoreError
from batchsim.report.folder import write_reports
from batchsim.scenario import find_policy, load_scenario
from batchsim.scenario.shipped import shipped_files
from batchsim.verdicts import VERDICTS

ROOT = Path(__file__).parent.parent
FINDINGS = "findings.md"
"""Made by `batchsim findings`, which takes minutes."""
FILES = shipped_files()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_meets_its_expectations_and_says_what_it_shows(file: Path) -> None:
    scenario = load_scenario(file)
    assert file.read_text().startswith("# yaml-language-server: $schema=schema.json\n")
    assert scenario.name == file.stem
    assert scenario.summary
    assert set(scenario.expect) == set(scenario.policies)
    policies = [(name, find_policy(name, scenario.directory)) for name in scenario.policies]
    result = run_scenario(scenario, policies)
    assert {run.policy.name: set(run.verdicts) for run in result.runs} == scenario.expect


@pytest.mark.parametrize(
    "file", [file for file in FILES if load_scenario(file).expect_explore], ids=lambda file: file.stem
)
def test_each_explores_to_its_expectations(file: Path) -> None:
    scenario = load_scenario(file)
    assert set(scenario.expect_explore) == set(scenario.policies)
    found = {name: explore(scenario, find_policy(name, scenario.directory)).verdicts for name in scenario.policies}
    assert found == scenario.expect_explore
    assert all(scenario.expect[name] <= found[name] for name in found)


def test_every_verdict_occurs_somewhere() -> None:
    occurring = {
        verdict for file in FILES for each in load_scenario(file).expect_explore.values() for verdict in each
    }
    assert occurring == set(VERDICTS)


def test_every_policy_of_the_lineage_is_expected_somewhere_to_fail() -> None:
    failing = {
        policy for file in FILES for policy, verdicts in load_scenario(file).expect.items() if verdicts != {"ok"}
    }
    assert {policy.name for policy in LINEAGE} <= failing


def test_every_fault_is_shipped_pinned_so_that_run_and_explore_both_take_it() -> None:
    scenarios = [load_scenario(file) for file in FILES]
    faults = [fault for scenario in scenarios for fault in scenario.setting.faults]
    kinds: tuple[type[Fault], ...] = (LostResponse, Disconnect, Cut, Redeliver, Crash, StoreError)
    assert {type(fault) for fault in faults} == set(kinds)
    assert all(fault.is_pinned for fault in faults)
    assert any(scenario.slowings for scenario in scenarios)


def test_expected_verdicts_exist() -> None:
    named = {verdict for file in FILES for each in load_scenario(file).expect.values() for verdict in each}
    assert named <= set(VERDICTS)


def test_reports_are_those_that_are_committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    results = []
    for file in sorted(Path("scenarios").glob("*.yaml")):
        scenario = load_scenario(file)
        policies = [(name, find_policy(name, scenario.directory)) for name in scenario.policies]
        results.append(run_scenario(scenario, policies))
    write_reports(tmp_path, results)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files = (path for path in (ROOT / "reports").iterdir() if path.is_file() and path.name != FINDINGS)
    committed = {path.name: path.read_bytes() for path in files}
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []
