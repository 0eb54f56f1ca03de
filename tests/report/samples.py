"""Runs to report on. Nothing in them is drawn at random: golden files of reports are about reports alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchsim.analysis.runs import PolicyRun, ScenarioRun, run_scenario
from batchsim.batch.policies import POLICIES
from batchsim.scenario import Scenario, scenario_from_data

LATE_COUNT = {"redis.enqueued_count": {"request": "80 ms", "response": "300 us"}}
STEADY = {
    "redis": "600 us",
    "postgres": "3 ms",
    "http": {"request": "50 ms", "response": "50 ms"},
}
OPERATIONS = {
    "queue.take": {"response": "2 ms"},
    "sdk.backoff": "5 s",
    # Sooner than the other read: effects at one instant would be in the order of a draw.
    "redis.read_failures": "400 us",
}


def steady(name: str, operations: Mapping[str, object] | None = None, **fields: object) -> Scenario:
    """A scenario of that name in which every latency is constant."""
    latency = {**STEADY, "operations": {**OPERATIONS, **(operations or {})}}
    return scenario_from_data({"name": name, "batch": {"items": 3}, "latency": latency, **fields})


def run_under(scenario: Scenario, policies: Sequence[str]) -> ScenarioRun:
    """The runs of a scenario under shipped policies."""
    return run_scenario(scenario, [(name, POLICIES[name]) for name in policies])


def run_one(scenario: Scenario, policy: str) -> PolicyRun:
    """The run of a scenario under one shipped policy."""
    (run,) = run_under(scenario, [policy]).runs
    return run


def incident() -> ScenarioRun:
    """Three large payloads, a late count: the bug, the fix that does not help, and the one that does."""
    scenario = steady(
        "incident",
        LATE_COUNT,
        summary="Three large payloads; the last item finishes before the handler counts.",
        items={"upload": "3 s", "execution": "20 s"},
        expect={"pre3427": "false_failure", "pr3427": "false_failure", "pr3766": "ok"},
    )
    return run_under(scenario, ["pre3427", "pr3427", "pr3766"])


def two_hours() -> ScenarioRun:
    """Child runs that outlast the reaper."""
    scenario = steady(
        "two hours",
        LATE_COUNT,
        batch={"items": 2, "call": "batchTriggerAndWait"},
        items={"upload": "3 s", "execution": "2 h", "overrides": [{"index": 0, "upload": "2 s"}]},
    )
    return run_under(scenario, ["pr4397"])


def thousand(policy: str = "pre3427") -> PolicyRun:
    """A thousand items on fifty consumers."""
    scenario = steady(
        "thousand",
        LATE_COUNT | {"run.finish": {"uniform": ["1 s", "20 s"]}, "queue.take": {"response": "40 ms"}},
        batch={"items": 1000},
        consumers=50,
    )
    return run_one(scenario, policy)
