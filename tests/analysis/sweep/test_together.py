"""What is not simulated again is exactly what would have come out again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsim import POLICIES, Scenario, load_scenario, simulate
from batchsim.analysis.sweep import together
from batchsim.analysis.sweep.together import Ended, Together
from batchsim.batch.policy import Policy
from batchsim.batch.trace import Trace
from batchsim.engines.latencies import DrawnAhead
from batchsim.engines.timed import Simulation
from tests.strategies import scenarios
from tests.trying import examples

ALL = list(POLICIES.values())


def end_of(trace: Trace) -> Ended:
    return Ended(trace.outcome, tuple(number for number, times in enumerate(trace.faults) if times))


@settings(max_examples=examples(10, searched=60))
@given(scenarios(), st.permutations(ALL), st.integers(0, 3))
def test_every_policy_comes_to_what_it_comes_to_alone(
    scenario: Scenario, policies: list[Policy], seed: int
) -> None:
    alone = [end_of(simulate(replace(scenario, seed=seed), policy)) for policy in policies]
    assert list(Together(scenario, policies).ends([seed])) == [alone]


@pytest.mark.parametrize(
    "name", ["incident", "seal-lost", "all-rejected-after-seal", "and-wait-two-hours", "crash-and-redelivery"]
)
def test_shipped_scenarios_too(name: str) -> None:
    scenario = load_scenario(f"scenarios/{name}.yaml")
    group = Together(scenario, ALL)
    for seed, ends in enumerate(group.ends(range(12))):
        assert ends == [end_of(simulate(replace(scenario, seed=seed), policy)) for policy in ALL]


def test_policies_that_decide_alike_are_simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    class Counted(Simulation):
        def run(self, seed: int, *, keep: frozenset[str] | None = None, drawn: DrawnAhead | None = None) -> Trace:
            made.append(seed)
            return super().run(seed, keep=keep, drawn=drawn)

    monkeypatch.setattr(together, "Simulation", Counted)
    policies = [POLICIES[name] for name in ("pre3427", "pr3427_count_only", "pr3427", "pr3766", "pr4397")]
    list(Together(load_scenario("scenarios/incident.yaml"), policies).ends([1]))
    assert len(made) == 3
    del made[:]
    list(Together(load_scenario("scenarios/race-won.yaml"), policies).ends([1]))
    assert len(made) == 2
