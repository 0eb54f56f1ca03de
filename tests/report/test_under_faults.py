"""Reports of runs under faults: none of them fails, and what they say is true."""

from __future__ import annotations

import json
from io import StringIO
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from batchsim.analysis.deciding import explained
from batchsim.analysis.runs import ScenarioRun, run_policy, run_scenario
from batchsim.analysis.witnesses import steps_of
from batchsim.batch.faults import Crash, Cut, Disconnect, LostResponse, Redeliver, StoreError
from batchsim.batch.policies import POLICIES
from batchsim.batch.policy import Policy
from batchsim.engines.exhaustive import Bounds, explore
from batchsim.model.faults import Fault
from batchsim.report.contract import explore_document, run_document
from batchsim.report.exploration import show_explorations
from batchsim.report.folder import reports
from batchsim.report.terminal import show_matrix, show_scenario_run
from batchsim.scenario import Scenario, scenario_from_data, with_faults
from tests.strategies import any_policies, policies, scenarios, timed_faults
from tests.trying import examples


def shown(scenario_run: ScenarioRun) -> str:
    """All that any report says of a run."""
    console = Console(file=StringIO(), width=120)
    show_scenario_run(console, scenario_run, lambda run: run.name, timeline=True)
    show_matrix(console, [scenario_run], timeline=False)
    texts = reports([scenario_run])
    for name, text in texts.items():
        if name.endswith(".svg"):
            ElementTree.fromstring(text)
    assert isinstance(console.file, StringIO)
    return "\n".join((console.file.getvalue(), json.dumps(run_document(scenario_run)), *texts.values()))


@settings(deadline=None, max_examples=examples(24, searched=120))
@given(scenarios(), st.lists(timed_faults(), max_size=3), st.one_of(policies(), any_policies()))
def test_no_report_of_a_timed_run_fails(scenario: Scenario, faults: list[Fault], policy: Policy) -> None:
    shown(run_scenario(with_faults(scenario, faults), [(policy.name, policy)]))


BUDGETS = st.sampled_from(
    [each(at_most=1) for each in (LostResponse, Disconnect, Cut, Redeliver, Crash, StoreError)]
)


@settings(deadline=None, max_examples=examples(8, searched=12))
@given(BUDGETS, st.sampled_from(["pre_failed", "rejected"]), st.sampled_from(["pre3427", "pr3766", "pr4397"]))
def test_no_report_of_an_exploration_or_of_a_witness_fails(fault: Fault, kind: str, policy: str) -> None:
    data = {"name": "x", "batch": {"items": 1}, "items": {"kind": kind}, "consumers": 1}
    scenario = with_faults(scenario_from_data(data), [fault])
    exploration = explore(scenario, POLICIES[policy], bounds=Bounds(states_max=5_000))
    told = explained(exploration)
    console = Console(file=StringIO(), width=120)
    commands = [["replay it"] * len(exploration.outcomes)]
    show_explorations(console, scenario, [exploration], [told], commands)
    json.dumps(explore_document(scenario.name, [exploration]))
    for each in exploration.outcomes[:6]:
        run = run_policy(scenario, policy, POLICIES[policy], order=steps_of(each))
        assert run.verdicts == each.verdicts
        shown(ScenarioRun(scenario, (run,), witness="w.json"))
