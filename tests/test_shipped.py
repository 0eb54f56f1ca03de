"""The shipped scenarios are tests: each states what every policy gives, and its report is committed."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from batchsim import sweep
from batchsim.analysis.runs import run_scenario
from batchsim.analysis.sweep import Point
from batchsim.analysis.sweep.identity import seed_stream
from batchsim.analysis.sweep.varying import parse_axes
from batchsim.analysis.worth import DELAY, Question, WorthRow
from batchsim.analysis.worth.deciding import decided_otherwise
from batchsim.analysis.worth.timing import timing_of
from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.policies import LINEAGE, POLICIES
from batchsim.batch.verdicts import VERDICTS
from batchsim.engines.exhaustive import explore
from batchsim.engines.streams import draw
from batchsim.engines.timed import Simulation
from batchsim.engines.zones import explore_timed
from batchsim.model.faults import Fault
from batchsim.report import shares
from batchsim.report.files import write_folder
from batchsim.report.folder import reports
from batchsim.report.worth_completed import timing
from batchsim.report.worth_words import time
from batchsim.scenario import Scenario, find_policy, load_scenario, varied
from batchsim.scenario.shipped import shipped_files

ROOT = Path(__file__).parent.parent
PAGES = {
    "findings.md",
    "reality.md",
    "reality.svg",
    *(f"incident-worth{what}" for what in (".md", "-both.svg", "-delay.svg", "-execution.svg")),
}
"""Made by `batchsim findings`, `batchsim worth` and `make hammer`, which take minutes."""
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


class Untimed:
    """Scenarios that differ in their times only are explored once: times play no part."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._key = (scenario.setting, tuple(slow.operation for slow in scenario.injected_delays))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Untimed) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@cache
def explored(untimed: Untimed, policy: Any) -> frozenset[str]:
    return explore(untimed.scenario, policy).verdicts


@pytest.mark.parametrize(
    "file", [file for file in FILES if load_scenario(file).expect_explore], ids=lambda file: file.stem
)
def test_each_explores_to_its_expectations(file: Path) -> None:
    scenario = load_scenario(file)
    assert set(scenario.expect_explore) == set(scenario.policies)
    policies = {name: find_policy(name, scenario.directory) for name in scenario.policies}
    found = {name: explored(Untimed(scenario), policy) for name, policy in policies.items()}
    assert found == scenario.expect_explore
    assert all(scenario.expect[name] <= found[name] for name in found)


@pytest.mark.parametrize(
    "file", [file for file in FILES if load_scenario(file).expect_timed], ids=lambda file: file.stem
)
def test_each_explores_with_time_to_its_expectations(file: Path) -> None:
    scenario = load_scenario(file)
    assert set(scenario.expect_timed) == set(scenario.policies)
    policies = {name: find_policy(name, scenario.directory) for name in scenario.policies}
    found = {name: explore_timed(scenario, policy).verdicts for name, policy in policies.items()}
    assert found == scenario.expect_timed


def test_every_verdict_occurs_somewhere() -> None:
    occurring = {
        verdict
        for scenario in map(load_scenario, FILES)
        for each in (*scenario.expect.values(), *scenario.expect_explore.values())
        for verdict in each
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
    assert any(scenario.injected_delays for scenario in scenarios)


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
    for page in PAGES:
        shutil.copy(ROOT / "reports" / page, tmp_path)
    write_folder(tmp_path, reports(results, PAGES))
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    files = (path for path in (ROOT / "reports").iterdir() if path.is_file())
    committed = {path.name: path.read_bytes() for path in files}
    assert sorted(made) == sorted(committed)
    assert [name for name in made if made[name] != committed[name]] == []


# -- what each fix is worth in the incident: a page that takes minutes to make ------------------

INCIDENT = load_scenario(ROOT / "scenarios" / "incident.yaml")
PAGE = (ROOT / "reports" / "incident-worth.md").read_text()


def test_the_page_on_the_incident_has_the_shares_that_its_runs_have() -> None:
    question = Question(runs=1000)
    ends = question.over_delay.replace(":26:log", ":2")
    policies = ("pre3427", "pr3427", "pr3766")
    own = sweep(INCIDENT, policies, runs=question.runs, workers=1)
    at_ends = sweep(INCIDENT, policies, runs=question.runs, vary=[ends], workers=1)
    told = [shares.share(cell.verdicts["false_failure"]) for cell in own.cells]
    assert f"`pre3427` fails falsely in {told[0]} of the runs" in PAGE
    assert f"which leaves {told[2]}" in PAGE
    for point in at_ends.points:
        cells = [at_ends.cell(policy, point) for policy in policies]
        row = " | ".join(shares.share(cell.verdicts["false_failure"]) for cell in cells)
        assert f"| {point.values[0][1].text} | {row} |" in PAGE


def test_the_page_on_the_incident_has_the_times_that_its_runs_have() -> None:
    seeds = seed_stream(INCIDENT, Point().key)
    draws = (draw(seeds, index) for index in range(1000))
    row = WorthRow(Point(), timing_of(Simulation(INCIDENT, POLICIES["pre3427"]), draws))
    assert f"| 20 s (the scenario) | {' | '.join(timing(row))} | from 20.2 s on |" in PAGE
    others = {"pr3427": POLICIES["pr3427"]}
    for delay, decides_otherwise in (("20.199999 s", False), ("20.2 s", True)):
        there = varied(INCIDENT, [f"{DELAY}={delay}"])
        found = decided_otherwise(there, POLICIES["pre3427"], others)
        assert bool(found["pr3427"]) == decides_otherwise


def test_the_page_on_the_incident_is_over_the_usual_values() -> None:
    for axis in parse_axes((Question().over_delay, Question().over_execution)):
        for value in axis.values:
            assert f"\n| {time(value.number)} | " in PAGE
    assert "Made by `batchsim worth scenarios/incident.yaml --runs 1000 --report reports`" in PAGE


def test_a_message_comes_back_as_late_as_production_looks_for_it() -> None:
    """60 … 65 s after the claim: a timeout of 60 s, and a look every 5 s (protocol.md §5)."""
    scenario = load_scenario("scenarios/redelivered-before-complete.yaml")
    for name in scenario.policies:
        steps = Simulation(scenario, POLICIES[name]).run(scenario.seed).steps
        claim = next(step for step in steps if step.name == "queue.take")
        (redelivery,) = (step for step in steps if step.name == "queue.redeliver")
        assert 60_000_000 <= redelivery.at_us - claim.at_us <= 65_000_000
