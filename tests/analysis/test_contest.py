from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from batchsim.analysis.chains import steps_between
from batchsim.analysis.contest import contest_of, involved_in
from batchsim.analysis.runs import run_scenario
from batchsim.batch.policy import Policy
from batchsim.scenario import Scenario
from tests.report.samples import incident, run_one, steady
from tests.strategies import policies, scenarios


def test_the_race_that_was_lost_comes_first() -> None:
    lost_race = incident().runs[0]
    assert contest_of(lost_race) == lost_race.race
    slow_seal = steady("seal", {"postgres.seal": {"request": "2 s"}}, items={"execution": "1 ms"})
    lost_seal = run_one(slow_seal, "pre3427")
    assert lost_seal.race is not None
    assert lost_seal.race.is_won
    assert contest_of(lost_seal) == lost_seal.seal
    won = run_one(steady("won"), "pre3427")
    assert contest_of(won) == won.race
    assert contest_of(replace(won, race=None)) == won.seal
    assert contest_of(replace(won, race=None, seal=None)) is None


def test_involved_are_the_runners_and_the_decisive() -> None:
    assert involved_in(incident().runs[0]) == {
        "handler-1",
        "handler-2",
        "handler-3",
        "handler-4",
        "consumer-0",
        "job-0",
    }


@given(scenarios(), policies())
def test_steps_between_lead_from_the_cause_to_the_end(scenario: Scenario, policy: Policy) -> None:
    (run,) = run_scenario(scenario, [(policy.name, policy)]).runs
    for margin in (run.race, run.seal):
        if margin is None:
            continue
        since_us = 0 if margin.cause is None else margin.cause.at_us
        for end, legs in ((margin.endpoint, margin.endpoint_legs), (margin.rival, margin.rival_legs)):
            steps = steps_between(run.trace.steps, margin.cause, end)
            assert margin.cause not in steps
            assert steps == tuple(sorted(steps, key=lambda step: step.number))
            assert steps[-1:] == ((end,) if end != margin.cause else ())
            assert {(leg.actor, leg.operation) for leg in legs if leg.part == "wait"} <= {
                (step.actor, step.name) for step in steps
            }
            assert all(step.at_us >= since_us for step in steps)
